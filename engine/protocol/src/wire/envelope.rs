//! What all packets outside encryption share: header, type, body, CRC32C (W4, W8).
//!
//! ```text
//! 0        14   15         n-4      n
//! | header |type| body ... | crc32c |
//! ```
//! The header's flags and channel are 0; its sequence is the handshake tag, the first 8 bytes of the client's
//! ephemeral key, by which a client finds the answer to its own Connect.

use super::{Accepted, Connect, ConnectionId, Cookie, Denied, Header, Malformed};
use crate::limits::HEADER_BYTES;

pub(super) const TYPE_CONNECT: u8 = 0;
pub(super) const TYPE_COOKIE: u8 = 1;
pub(super) const TYPE_ACCEPTED: u8 = 2;
pub(super) const TYPE_DENIED: u8 = 3;

pub(super) const BODY: usize = HEADER_BYTES + 1;
pub(super) const CHECKSUM_BYTES: usize = 4;

/// A packet outside encryption.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cleartext {
    /// Client to server: let me in.
    Connect(Connect),
    /// A Connect of another protocol version: only where the version stands is the same in all of them.
    ForeignConnect {
        /// Handshake tag.
        tag: u64,
        /// Version of the sender.
        version: u16,
    },
    /// Server to client: come again with this.
    Cookie(Cookie),
    /// Server to client: you are in.
    Accepted(Accepted),
    /// Server to client: no, because.
    Denied(Denied),
}

/// Reads a packet outside encryption.
///
/// # Errors
/// [`Malformed`], saying what is wrong. Bytes that pass are unharmed, not authentic.
pub fn decode_cleartext(datagram: &[u8]) -> Result<Cleartext, Malformed> {
    let header = Header::decode(datagram)?;
    if datagram.len() < BODY + CHECKSUM_BYTES {
        return Err(Malformed::TooShort);
    }
    let (covered, checksum) = datagram.split_at(datagram.len() - CHECKSUM_BYTES);
    if crc32c::crc32c(covered).to_le_bytes() != checksum {
        return Err(Malformed::Checksum);
    }
    if header.flags != 0 || header.channel != 0 {
        return Err(Malformed::UnknownValue);
    }
    let body = &covered[BODY..];
    match covered[HEADER_BYTES] {
        TYPE_CONNECT => Connect::decode(&header, body),
        TYPE_COOKIE => Cookie::decode(&header, body).map(Cleartext::Cookie),
        TYPE_ACCEPTED => Accepted::decode(&header, body).map(Cleartext::Accepted),
        TYPE_DENIED => Denied::decode(&header, body).map(Cleartext::Denied),
        _ => Err(Malformed::UnknownType),
    }
}

/// Writes header and type in front and the checksum behind a body that `body` fills in.
pub(super) fn seal_envelope<const N: usize>(
    connection: ConnectionId,
    packet_type: u8,
    tag: u64,
    body: impl FnOnce(&mut [u8]),
) -> [u8; N] {
    let mut bytes = [0; N];
    let header = Header { connection, channel: 0, flags: 0, sequence: tag };
    bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
    bytes[HEADER_BYTES] = packet_type;
    body(&mut bytes[BODY..N - CHECKSUM_BYTES]);
    let checksum = crc32c::crc32c(&bytes[..N - CHECKSUM_BYTES]);
    bytes[N - CHECKSUM_BYTES..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}
