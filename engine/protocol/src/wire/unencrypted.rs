//! Unencrypted packets: the four that make a handshake (PROTOCOL.md#unencrypted-packets).

use super::connect::DecodedConnect;
use super::envelope::{TYPE_ACCEPTED, TYPE_CONNECT, TYPE_COOKIE, TYPE_DENIED, decode_envelope};
use super::{Accepted, Connect, Cookie, Denied, Malformed};

/// An unencrypted packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UnencryptedPacket {
    /// Client to server: asks for a connection.
    Connect(Connect),
    /// A Connect of another protocol version. Only the place of the version is the same in all versions.
    ForeignConnect {
        /// Handshake tag.
        tag: u64,
        /// Version of the sender.
        version: u16,
    },
    /// Server to client: repeat the Connect with this cookie.
    Cookie(Cookie),
    /// Server to client: the connection is accepted.
    Accepted(Accepted),
    /// Server to client: the connection is denied.
    Denied(Denied),
}

/// Reads an unencrypted packet.
///
/// # Errors
/// [`Malformed`]. A packet that passes has a correct checksum; it is not authentic.
pub fn decode_unencrypted(datagram: &[u8]) -> Result<UnencryptedPacket, Malformed> {
    let envelope = decode_envelope(datagram)?;
    let (header, body) = (&envelope.header, envelope.body);
    Ok(match envelope.packet_type {
        TYPE_CONNECT => match Connect::decode(header, body)? {
            DecodedConnect::ThisVersion(connect) => UnencryptedPacket::Connect(connect),
            DecodedConnect::OtherVersion { tag, version } => UnencryptedPacket::ForeignConnect { tag, version },
        },
        TYPE_COOKIE => UnencryptedPacket::Cookie(Cookie::decode(header, body)?),
        TYPE_ACCEPTED => UnencryptedPacket::Accepted(Accepted::decode(header, body)?),
        TYPE_DENIED => UnencryptedPacket::Denied(Denied::decode(header, body)?),
        _ => return Err(Malformed::UnknownType),
    })
}
