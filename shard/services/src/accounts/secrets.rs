//! Texts that no log shows.

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::digest::{SHA256, digest};
use std::fmt;

/// A password, or another text that no log shows.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Secret(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Names a session, and proves the right to use it: 32 random bytes in base64url, 43 characters.
#[derive(Clone)]
pub struct SessionToken(String);

impl SessionToken {
    /// A new one.
    ///
    /// # Panics
    /// If the system has no source of randomness.
    pub(super) fn random() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the system has a source of randomness");
        SessionToken(Base64UrlUnpadded::encode_string(&bytes))
    }

    /// The token, for the client.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        token_hash(&self.0).expect("a token has 32 bytes")
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(secret)")
    }
}

/// What the database keeps of a token; None if the text is no token.
///
/// The database looks up the hash, whose bytes a guesser cannot choose. So the time of the look-up tells nothing about tokens.
pub(super) fn token_hash(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    // A longer text does not fit, and a shorter one leaves bytes out.
    let decoded = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
    let is_whole = decoded.len() == 32;
    is_whole.then(|| digest(&SHA256, &bytes).as_ref().try_into().expect("a SHA-256 has 32 bytes"))
}
