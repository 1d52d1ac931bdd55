//! The envelope of every unencrypted packet: header, type, body, CRC32C (PROTOCOL.md#unencrypted-packets).
//!
//! ```text
//! 0        14   15         n-4      n
//! | header |type| body ... | crc32c |
//! ```
//! The header's flags and channel are 0. Its sequence is the handshake tag, the first 8 bytes of the client's ephemeral
//! key: a client finds the answer to its own Connect by it.

use super::{ConnectionId, Header, Malformed};
use crate::limits::HEADER_BYTES;

pub(super) const TYPE_CONNECT: u8 = 0;
pub(super) const TYPE_COOKIE: u8 = 1;
pub(super) const TYPE_ACCEPTED: u8 = 2;
pub(super) const TYPE_DENIED: u8 = 3;

/// Where the body begins.
pub(super) const BODY: usize = HEADER_BYTES + 1;
pub(super) const CHECKSUM_BYTES: usize = 4;

/// An unencrypted packet whose checksum is correct.
pub(super) struct Envelope<'a> {
    pub(super) header: Header,
    pub(super) packet_type: u8,
    pub(super) body: &'a [u8],
}

/// Checks length, checksum, flags and channel.
#[inline]
pub(super) fn decode_envelope(datagram: &[u8]) -> Result<Envelope<'_>, Malformed> {
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
    Ok(Envelope { header, packet_type: covered[HEADER_BYTES], body: &covered[BODY..] })
}

/// A packet of `N` bytes. `write_body` gets the body, filled with zeros.
pub(super) fn encode_envelope<const N: usize>(
    connection: ConnectionId,
    packet_type: u8,
    tag: u64,
    write_body: impl FnOnce(&mut [u8]),
) -> [u8; N] {
    const { assert!(N >= BODY + CHECKSUM_BYTES, "a packet holds at least its envelope") };
    let mut bytes = [0; N];
    let header = Header { connection, channel: 0, flags: 0, sequence: tag };
    bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
    bytes[HEADER_BYTES] = packet_type;
    write_body(&mut bytes[BODY..N - CHECKSUM_BYTES]);
    let checksum = crc32c::crc32c(&bytes[..N - CHECKSUM_BYTES]);
    bytes[N - CHECKSUM_BYTES..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}
