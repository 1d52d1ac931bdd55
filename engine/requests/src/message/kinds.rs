//! Kinds of services messages, which are the first byte of each (PROTOCOL.md#services-messages).

/// Client to server: names the client program.
pub const HELLO: u8 = 16;
/// Server to client: names the server's memory of the client's calls.
pub const GREETING: u8 = 17;
/// Client to server: calls an action.
pub const CALL: u8 = 18;
/// Server to client: the outcome of a call.
pub const OUTCOME: u8 = 19;
/// Client to server: cancels a call.
pub const CANCEL: u8 = 20;
/// Client to server: opens a download.
pub const OPEN: u8 = 21;
/// Server to client: the download is open, or refused.
pub const OPENED: u8 = 22;
/// Client to server: asks for a range of a download.
pub const FETCH: u8 = 23;
/// Server to client: a piece of a download.
pub const PIECE: u8 = 24;
/// Client to server: ends a download.
pub const STOP: u8 = 25;
/// Server to client: chat, presence, notifications.
pub const NOTICE: u8 = 26;

/// Whether a world message belongs to services.
pub fn is_services(kind: u8) -> bool {
    (16..32).contains(&kind)
}
