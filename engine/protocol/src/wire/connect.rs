//! Connect: a stranger asks to be let in.
//!
//! ```text
//! body: version u16 | suites u8 | options u8 | cookie 48 | Noise message 1, 64 | zeros 9
//! ```
//! The first Connect carries a cookie of zeros; the second, the cookie it was given. Nothing else differs.

use super::envelope::{BODY, CHECKSUM_BYTES, Cleartext, TYPE_CONNECT, seal_envelope};
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

/// A request to connect, in this version of the protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connect {
    /// The core that is to take it, where the client wants a session of that core to go on; else whichever gets it.
    pub core: Option<u8>,
    /// Handshake tag: the first 8 bytes of the ephemeral key.
    pub tag: u64,
    /// AEADs that the client can do, a bit each; see [`crate::crypto::Suites`].
    pub suites: u8,
    /// What the handshake mixes in.
    pub options: Options,
    /// Zeros, or the cookie that the server gave.
    pub cookie: [u8; COOKIE_BYTES],
    /// Noise NK message 1.
    pub noise: [u8; NOISE_MESSAGE_1_BYTES],
}

impl Connect {
    /// The client's ephemeral public key: the front of Noise message 1.
    pub fn client_key(&self) -> &[u8; 32] {
        self.noise.first_chunk().expect("the message is longer than a key")
    }

    /// The tag of the handshake that a client begins with this ephemeral key.
    pub fn tag_of(client_key: &[u8; 32]) -> u64 {
        u64::from_le_bytes(*client_key.first_chunk().expect("a key has 8 bytes"))
    }

    pub(super) fn decode(header: &Header, body: &[u8]) -> Result<Cleartext, Malformed> {
        let version = u16::from_le_bytes(*body.first_chunk().ok_or(Malformed::TooShort)?);
        let core = header.connection.wanted_core();
        if header.connection != core.map_or(ConnectionId::NONE, ConnectionId::of_any_on) {
            return Err(Malformed::UnknownValue);
        }
        if BODY + body.len() + CHECKSUM_BYTES < CONNECT_BYTES {
            return Err(Malformed::TooShort);
        }
        if version != PROTOCOL_VERSION {
            return Ok(Cleartext::ForeignConnect { tag: header.sequence, version });
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
        Ok(Cleartext::Connect(connect))
    }

    /// The datagram.
    pub fn encode(&self) -> [u8; CONNECT_BYTES] {
        let connection = self.core.map_or(ConnectionId::NONE, ConnectionId::of_any_on);
        seal_envelope(connection, TYPE_CONNECT, self.tag, |body| {
            body[..2].copy_from_slice(&PROTOCOL_VERSION.to_le_bytes());
            body[2] = self.suites;
            body[3] = self.options.bits();
            body[COOKIE..NOISE].copy_from_slice(&self.cookie);
            body[NOISE..END].copy_from_slice(&self.noise);
        })
    }
}
