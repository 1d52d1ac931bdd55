//! Names a server by its static public key.

use std::fmt;
use std::str::FromStr;

/// Static public key of a server: its clients pin it, and a ticket names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerKey(pub [u8; 32]);

/// A text is not a server key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a server key has 64 hexadecimal digits; `ringshard keygen --public FILE` prints it")]
pub struct NoServerKey;

impl FromStr for ServerKey {
    type Err = NoServerKey;

    fn from_str(text: &str) -> Result<Self, NoServerKey> {
        decode_hex(text).map(ServerKey).ok_or(NoServerKey)
    }
}

impl fmt::Display for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// 32 bytes from 64 hexadecimal digits.
pub(super) fn decode_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = (high * 16 + low) as u8;
    }
    Some(bytes)
}
