//! Error codes, and what they say.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};

/// Why a call failed. A call that fails changes nothing, unless its description says otherwise.
#[allow(non_camel_case_types, reason = "the names are those of the header")]
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum rs_error {
    /// A pointer is null that must not be.
    Null = -1,
    /// The `size` of a struct is wrong.
    Size = -2,
    /// A layout is impossible.
    Layout = -3,
    /// Text is not UTF-8, or longer than its field.
    Text = -4,
    /// A number is none of those that are allowed.
    Value = -5,
    /// A ticket, an ask or an event has too many bytes.
    TooLong = -6,
    /// The server's public key is not valid.
    Key = -7,
    /// The client is not in the world.
    NotInWorld = -8,
    /// Too much waits to be sent.
    Full = -9,
    /// The client is in the world, on its way, or closed.
    NotOutside = -10,
    /// The buffer is too small.
    Room = -11,
    /// A call with this client runs already.
    Busy = -12,
    /// An earlier call failed inside the library. The client can only be freed.
    Poisoned = -13,
    /// The client has no socket of its own.
    NoSocket = -14,
    /// The server's address cannot be resolved.
    Address = -15,
    /// No socket can reach the server.
    Socket = -16,
    /// The operating system gives no random bytes.
    Random = -17,
    /// No input is due.
    NotDue = -18,
    /// The library has failed.
    Internal = -19,
    /// The client has a socket of its own, and a clock.
    HasSocket = -20,
    /// The map file cannot be read.
    Map = -21,
}

impl rs_error {
    const ALL: [rs_error; 21] = {
        use rs_error::*;
        [
            Null, Size, Layout, Text, Value, TooLong, Key, NotInWorld, Full, NotOutside, Room, Busy, Poisoned,
            NoSocket, Address, Socket, Random, NotDue, Internal, HasSocket, Map,
        ]
    };

    /// What happened, and what to do.
    fn text(self) -> &'static CStr {
        match self {
            rs_error::Null => c"a pointer is null: only pointers whose description allows it may be null",
            rs_error::Size => {
                c"the size of a struct is wrong: set it to sizeof(the struct), and use a library that is not older than the header"
            }
            rs_error::Layout => c"a layout is impossible: rs_last_error says which field, and why",
            rs_error::Text => c"text is not UTF-8, or longer than its field: shorten or convert it",
            rs_error::Value => c"a number is none of those that are allowed: use the constants of the header",
            rs_error::TooLong => c"too many bytes: a ticket and an ask have at most 1024, an event has at most 232",
            rs_error::Key => c"the server's public key is not valid: copy it again from where the server prints it",
            rs_error::NotInWorld => c"the client is not in the world: wait for RS_NEWS_KIND_ENTERED",
            rs_error::Full => c"too much waits to be sent, or 64 asks wait for an answer: try again in a later frame",
            rs_error::NotOutside => {
                c"the client is in the world, on its way, or closed: enter only after RS_NEWS_KIND_REFUSED or RS_NEWS_KIND_PUT_OUT"
            }
            rs_error::Room => c"the buffer is too small: give at least RS_DATAGRAM_BYTES_MAX bytes",
            rs_error::Busy => {
                c"a call with this client runs already: use it from one thread at a time, and not from its own callbacks"
            }
            rs_error::Poisoned => c"an earlier call failed inside the library: free this client, and make another",
            rs_error::NoSocket => c"the client has no socket: rs_udp functions need a client of rs_udp_connect",
            rs_error::Address => c"the server's address cannot be resolved: give HOST:PORT, and check the name and the DNS",
            rs_error::Socket => c"no UDP socket can reach the server: check that this host is online and has a route there",
            rs_error::Random => c"the operating system gives no random bytes: on Linux, check that getrandom(2) is allowed",
            rs_error::NotDue => c"no input is due: give as many inputs as rs_client_update or rs_udp_poll has returned",
            rs_error::HasSocket => c"the client has a socket: use rs_udp_poll, rs_udp_flush, rs_udp_wait and rs_udp_rebind",
            rs_error::Map => c"the map file cannot be read, or is no valid map: rs_last_error says why",
            rs_error::Internal => c"the library has failed: report what standard error says; this client can only be freed",
        }
    }
}

/// A code, and details for [`last`].
#[derive(Debug)]
pub struct Failure {
    pub code: rs_error,
    detail: Option<String>,
}

/// What a call gives: a number of its own, 0 or more, or why it failed.
pub type Outcome = Result<i32, Failure>;

impl Failure {
    /// A failure with details, in place of the code's text.
    pub fn new(code: rs_error, detail: impl Into<String>) -> Failure {
        Failure { code, detail: Some(detail.into()) }
    }

    /// Keeps the text for [`last`], and gives the number of the code.
    pub fn report(self) -> i32 {
        let detail = self.detail.and_then(|detail| CString::new(detail).ok());
        // On a thread that ends, the text is lost; the code is not.
        let _ = LAST.try_with(|last| last.replace(detail.unwrap_or_else(|| self.code.text().to_owned())));
        self.code as i32
    }
}

impl From<rs_error> for Failure {
    fn from(code: rs_error) -> Failure {
        Failure { code, detail: None }
    }
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// The text of the last failure on this thread. It lives until the next failure.
pub fn last() -> *const c_char {
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// The text of a result.
pub fn text(result: i32) -> &'static CStr {
    let code = rs_error::ALL.into_iter().find(|code| *code as i32 == result);
    match code {
        Some(code) => code.text(),
        None if result >= 0 => c"no error",
        None => c"an error that this library does not have: the header is newer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_text_of_its_own() {
        let texts: std::collections::HashSet<_> = (-20..0).map(text).collect();
        assert_eq!(texts.len(), 20);
        assert!(!texts.contains(text(0)) && !texts.contains(text(-21)));
    }
}
