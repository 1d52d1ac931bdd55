//! Connect: a client asks for a connection (PROTOCOL.md#connect).
//!
//! ```text
//! body: version u16 | suites u8 | options u8 | cookie 48 | Noise message 1, 64 | zeros 9
//! ```
//! The first Connect has a cookie of zeros, the second the cookie from the server. Nothing else differs.

use super::envelope::{BODY, CHECKSUM_BYTES, TYPE_CONNECT, encode_envelope};
use super::{ConnectionId, Header, Malformed};
use crate::limits::{CONNECT_BYTES, COOKIE_BYTES, PROTOCOL_VERSION, RESUME_TOKEN_BYTES};

/// Noise NK message 1: the client's ephemeral key, the sealed token of the session to resume, and the tag.
pub const NOISE_MESSAGE_1_BYTES: usize = 32 + RESUME_TOKEN_BYTES + 16;

const COOKIE: usize = 4;
const NOISE: usize = COOKIE + COOKIE_BYTES;
const END: usize = NOISE + NOISE_MESSAGE_1_BYTES;
const _: () = assert!(BODY + END + CHECKSUM_BYTES <= CONNECT_BYTES);

/// Bits of the options byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// The handshake mixes in a pre-shared key (`NKpsk2`).
    pub pre_shared_key: bool,
}

impl Options {
    const PRE_SHARED_KEY: u8 = 0x01;

    /// The options byte.
    pub fn bits(self) -> u8 {
        if self.pre_shared_key { Self::PRE_SHARED_KEY } else { 0 }
    }

    fn from_bits(bits: u8) -> Result<Self, Malformed> {
        match bits {
            0 => Ok(Options { pre_shared_key: false }),
            Self::PRE_SHARED_KEY => Ok(Options { pre_shared_key: true }),
            _ => Err(Malformed::UnknownValue),
        }
    }
}

/// A Connect as read: its layout is known in this protocol version alone.
pub(super) enum DecodedConnect {
    ThisVersion(Connect),
    OtherVersion { tag: u64, version: u16 },
}

/// A request to connect, in this version of the protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connect {
    /// The core that holds the session to resume. None: any core may accept the client.
    pub core: Option<u8>,
    /// Handshake tag: the first 8 bytes of the ephemeral key.
    pub tag: u64,
    /// AEADs that the client supports, a bit each; see [`crate::crypto::Suites`].
    pub suites: u8,
    /// What the handshake mixes in.
    pub options: Options,
    /// Zeros, or the cookie from the server.
    pub cookie: [u8; COOKIE_BYTES],
    /// Noise NK message 1.
    pub noise: [u8; NOISE_MESSAGE_1_BYTES],
}

impl Connect {
    /// The client's ephemeral public key, which begins Noise message 1.
    pub fn client_key(&self) -> &[u8; 32] {
        self.noise.first_chunk().expect("the message is longer than a key")
    }

    /// The handshake tag of a client with this ephemeral key.
    pub fn tag_of(client_key: &[u8; 32]) -> u64 {
        u64::from_le_bytes(*client_key.first_chunk().expect("a key has 8 bytes"))
    }

    #[inline]
    pub(super) fn decode(header: &Header, body: &[u8]) -> Result<DecodedConnect, Malformed> {
        let version = u16::from_le_bytes(*body.first_chunk().ok_or(Malformed::TooShort)?);
        let core = header.connection.requested_core();
        if header.connection != core.map_or(ConnectionId::NONE, ConnectionId::any_on_core) {
            return Err(Malformed::UnknownValue);
        }
        if BODY + body.len() + CHECKSUM_BYTES < CONNECT_BYTES {
            return Err(Malformed::TooShort);
        }
        if version != PROTOCOL_VERSION {
            return Ok(DecodedConnect::OtherVersion { tag: header.sequence, version });
        }
        if BODY + body.len() + CHECKSUM_BYTES > CONNECT_BYTES {
            return Err(Malformed::TooLong);
        }
        if body[END..].iter().any(|&byte| byte != 0) {
            return Err(Malformed::UnknownValue);
        }
        let connect = Connect {
            core,
            tag: header.sequence,
            suites: body[2],
            options: Options::from_bits(body[3])?,
            cookie: *body[COOKIE..].first_chunk().ok_or(Malformed::TooShort)?,
            noise: *body[NOISE..].first_chunk().ok_or(Malformed::TooShort)?,
        };
        if connect.tag != Self::tag_of(connect.client_key()) {
            return Err(Malformed::UnknownValue);
        }
        Ok(DecodedConnect::ThisVersion(connect))
    }

    /// The datagram.
    pub fn encode(&self) -> [u8; CONNECT_BYTES] {
        let connection = self.core.map_or(ConnectionId::NONE, ConnectionId::any_on_core);
        encode_envelope(connection, TYPE_CONNECT, self.tag, |body| {
            body[..2].copy_from_slice(&PROTOCOL_VERSION.to_le_bytes());
            body[2] = self.suites;
            body[3] = self.options.bits();
            body[COOKIE..NOISE].copy_from_slice(&self.cookie);
            body[NOISE..END].copy_from_slice(&self.noise);
        })
    }
}
