//! ConnectionAccepted: Noise message 2, which authenticates the server and carries the connection's parameters
//! (PROTOCOL.md#connectionaccepted).
//!
//! ```text
//! body: Noise message 2 = server's ephemeral key 32 | sealed parameters 16 | tag 16
//! parameters: connection id u32 | suite u8 | resumed u8 | largest datagram u16 | heartbeat ms u32 | timeout ms u32
//! ```

use super::envelope::{BODY, CHECKSUM_BYTES, TYPE_ACCEPTED, encode_envelope};
use super::{ConnectionId, Header, Malformed};
use crate::limits::{CONNECT_BYTES, DATAGRAM_BYTES_MAX};
use core::time::Duration;

/// What the server decided for the connection, sealed inside Noise message 2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionParameters {
    /// The connection's id.
    pub connection: ConnectionId,
    /// The AEAD, as one bit of the client's offer.
    pub suite: u8,
    /// The session that the client named is resumed. Otherwise a new session begins.
    pub resumed: bool,
    /// Largest datagram that the server accepts, in bytes: [`DATAGRAM_BYTES_MAX`] in this version.
    pub datagram_bytes_max: u16,
    /// Interval between pings.
    pub heartbeat: Duration,
    /// Silence after which either endpoint gives the connection up.
    pub timeout: Duration,
}

impl ConnectionParameters {
    /// Encoded size.
    pub const BYTES: usize = 16;

    /// Reads the opened payload of Noise message 2.
    ///
    /// # Errors
    /// [`Malformed::UnknownValue`] for a connection id of generation 0, intervals of zero or another datagram limit.
    pub fn decode(bytes: &[u8; Self::BYTES]) -> Result<Self, Malformed> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let parameters = ConnectionParameters {
            connection: ConnectionId::from_bits(word(0)),
            suite: bytes[4],
            resumed: bytes[5] == 1,
            datagram_bytes_max: u16::from_le_bytes([bytes[6], bytes[7]]),
            heartbeat: Duration::from_millis(word(8).into()),
            timeout: Duration::from_millis(word(12).into()),
        };
        let sound = parameters.connection.generation() != 0
            && bytes[5] <= 1
            && usize::from(parameters.datagram_bytes_max) == DATAGRAM_BYTES_MAX
            && !parameters.heartbeat.is_zero()
            && parameters.timeout > parameters.heartbeat;
        if sound { Ok(parameters) } else { Err(Malformed::UnknownValue) }
    }

    /// The payload of Noise message 2.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[0..4].copy_from_slice(&self.connection.bits().to_le_bytes());
        bytes[4] = self.suite;
        bytes[5] = self.resumed.into();
        bytes[6..8].copy_from_slice(&self.datagram_bytes_max.to_le_bytes());
        bytes[8..12].copy_from_slice(&(self.heartbeat.as_millis() as u32).to_le_bytes());
        bytes[12..16].copy_from_slice(&(self.timeout.as_millis() as u32).to_le_bytes());
        bytes
    }
}

/// ConnectionAccepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// Handshake tag of the Connect that this answers.
    pub tag: u64,
    /// The connection's id in the clear. Only the one inside Noise message 2 is authentic.
    pub connection: ConnectionId,
    /// Noise NK message 2.
    pub noise: [u8; Self::NOISE_BYTES],
}

impl Accepted {
    /// Noise message 2: ephemeral key, parameters, tag.
    pub const NOISE_BYTES: usize = 32 + ConnectionParameters::BYTES + 16;
    /// Size of the datagram.
    pub const BYTES: usize = BODY + Self::NOISE_BYTES + CHECKSUM_BYTES;

    pub(super) fn decode(header: &Header, body: &[u8]) -> Result<Self, Malformed> {
        let noise = body.try_into().map_err(|_| match body.len() < Self::NOISE_BYTES {
            true => Malformed::TooShort,
            false => Malformed::TooLong,
        })?;
        Ok(Accepted { tag: header.sequence, connection: header.connection, noise })
    }

    /// The datagram.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        encode_envelope(self.connection, TYPE_ACCEPTED, self.tag, |body| body.copy_from_slice(&self.noise))
    }
}

const _: () = assert!(Accepted::BYTES < CONNECT_BYTES, "no amplification: the answer is smaller than the Connect");
