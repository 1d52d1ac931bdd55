//! Why a connection or a stream ends, as its client sees it.

use quinn::VarInt;

/// The client has left.
pub(super) const LEFT: VarInt = VarInt::from_u32(0);
/// The gateway wants the client gone, for example because it shuts down. The client should connect again.
pub(super) const GOING: VarInt = VarInt::from_u32(1);
/// The client sent what no correct client sends.
pub(super) const MISBEHAVED: VarInt = VarInt::from_u32(2);
/// The client's QUIC does not take datagrams.
pub(super) const NO_DATAGRAMS: VarInt = VarInt::from_u32(3);
/// A refusal of the gateway: this plus the status that HTTP has for it, such as 404 or 429.
pub(super) const REFUSED: u32 = 1_000;

/// A stream that the gateway does not take: the server has no login door, too many streams are open, or it is
/// unidirectional.
pub(super) const BULK_REFUSED: VarInt = VarInt::from_u32(16);
/// A bulk stream: the server's login door cannot be reached, or its connection broke.
pub(super) const BULK_FAILED: VarInt = VarInt::from_u32(17);

/// HTTP/3 (RFC 9114, section 8.1): nothing is wrong.
pub(super) const H3_NO_ERROR: VarInt = VarInt::from_u32(0x100);
/// HTTP/3: the client broke the protocol.
pub(super) const H3_GENERAL_PROTOCOL_ERROR: VarInt = VarInt::from_u32(0x101);
/// HTTP/3: the client sends too much of what nobody needs.
pub(super) const H3_EXCESSIVE_LOAD: VarInt = VarInt::from_u32(0x107);
/// HTTP/3: a stream that the gateway does not take.
pub(super) const H3_REQUEST_REJECTED: VarInt = VarInt::from_u32(0x10b);
