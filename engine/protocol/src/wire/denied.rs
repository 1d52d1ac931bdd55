//! ConnectionDenied: the server refuses a client, with a reason (PROTOCOL.md#connectiondenied).
//!
//! ```text
//! body: reason u8 | server's version u16 | wait u16, in ms
//! ```
//! It is not authenticated: an attacker who reads the Connect can forge it. So it ends nothing: the client remembers it and
//! continues until its attempt times out.

use super::envelope::{BODY, CHECKSUM_BYTES, TYPE_DENIED, encode_envelope};
use super::{ConnectionId, Header, Malformed};
use crate::limits::CONNECT_BYTES;

/// Why the server denies a connection. The texts tell people what to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DeniedReason {
    /// The client speaks another protocol version.
    #[error("the server speaks another protocol version: update the older of the two")]
    WrongVersion = 1,
    /// All slots of the core are taken.
    #[error("the server is full: try again later, or raise its --max-connections")]
    ServerFull = 2,
    /// Noise message 1 does not open: the client pins another server key.
    #[error("the server has another key than the pinned one: check the server's public key")]
    WrongKey = 3,
    /// No AEAD in common.
    #[error("client and server have no cipher in common")]
    NoCommonSuite = 4,
    /// The server is going down.
    #[error("the server is shutting down: connect again when it is back")]
    ShuttingDown = 5,
    /// Only one endpoint uses a pre-shared key.
    #[error("only one of client and server uses a pre-shared key: give the same one to both, or to neither")]
    PreSharedKeyMismatch = 6,
    /// More clients connect than the server accepts at a time.
    #[error("the server is busy: try again later, or raise its handshakes-per-second limits")]
    Busy = 7,
}

impl DeniedReason {
    fn from_code(code: u8) -> Result<Self, Malformed> {
        use DeniedReason::*;
        [WrongVersion, ServerFull, WrongKey, NoCommonSuite, ShuttingDown, PreSharedKeyMismatch, Busy]
            .into_iter()
            .find(|&reason| reason as u8 == code)
            .ok_or(Malformed::UnknownValue)
    }
}

/// ConnectionDenied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Denied {
    /// Handshake tag of the Connect that this answers.
    pub tag: u64,
    /// Why.
    pub reason: DeniedReason,
    /// Protocol version of the server.
    pub server_version: u16,
    /// How long the client should wait before its next Connect, in ms. 0: no advice.
    pub wait_ms: u16,
}

impl Denied {
    /// Size of the datagram.
    pub const BYTES: usize = BODY + 5 + CHECKSUM_BYTES;

    pub(super) fn decode(header: &Header, body: &[u8]) -> Result<Self, Malformed> {
        if header.connection != ConnectionId::NONE {
            return Err(Malformed::UnknownValue);
        }
        match *body {
            [reason, v0, v1, w0, w1] => Ok(Denied {
                tag: header.sequence,
                reason: DeniedReason::from_code(reason)?,
                server_version: u16::from_le_bytes([v0, v1]),
                wait_ms: u16::from_le_bytes([w0, w1]),
            }),
            _ if body.len() < 5 => Err(Malformed::TooShort),
            _ => Err(Malformed::TooLong),
        }
    }

    /// The datagram.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        encode_envelope(ConnectionId::NONE, TYPE_DENIED, self.tag, |body| {
            body[0] = self.reason as u8;
            body[1..3].copy_from_slice(&self.server_version.to_le_bytes());
            body[3..].copy_from_slice(&self.wait_ms.to_le_bytes());
        })
    }
}

const _: () = assert!(Denied::BYTES < CONNECT_BYTES, "no amplification: the answer is smaller than the Connect");
