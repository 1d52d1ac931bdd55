//! Cookie: the server's answer to a Connect without one. The client repeats its Connect with it (PROTOCOL.md#cookie).
//!
//! ```text
//! body: cookie 48
//! ```

use super::envelope::{BODY, CHECKSUM_BYTES, TYPE_COOKIE, encode_envelope};
use super::{ConnectionId, Header, Malformed};
use crate::limits::{CONNECT_BYTES, COOKIE_BYTES};

/// A cookie on its way to the client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cookie {
    /// Handshake tag of the Connect that this answers.
    pub tag: u64,
    /// Opaque to the client.
    pub cookie: [u8; COOKIE_BYTES],
}

impl Cookie {
    /// Size of the datagram.
    pub const BYTES: usize = BODY + COOKIE_BYTES + CHECKSUM_BYTES;

    pub(super) fn decode(header: &Header, body: &[u8]) -> Result<Self, Malformed> {
        if header.connection != ConnectionId::NONE {
            return Err(Malformed::UnknownValue);
        }
        let cookie = body.try_into().map_err(|_| match body.len() < COOKIE_BYTES {
            true => Malformed::TooShort,
            false => Malformed::TooLong,
        })?;
        Ok(Cookie { tag: header.sequence, cookie })
    }

    /// The datagram.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        encode_envelope(ConnectionId::NONE, TYPE_COOKIE, self.tag, |body| body.copy_from_slice(&self.cookie))
    }
}

const _: () = assert!(Cookie::BYTES < CONNECT_BYTES, "no amplification: the answer is smaller than the Connect");
