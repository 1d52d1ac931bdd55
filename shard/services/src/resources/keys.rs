//! Ed25519 keys that sign resources.

use super::hexadecimal::{from_hex, to_hex};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use ringshard::config::key_files::{self, KeyFileError};
use ringshard_requests::message::download::{Hash, Signature, UNSIGNED, signed_bytes};
use std::fmt;
use std::path::{Path, PathBuf};

/// The public half of a key that signs resources. Clients pin it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey(pub [u8; 32]);

/// A key that signs resources: 64 hexadecimal digits in a file that only its owner can read.
pub struct SigningKey(Ed25519KeyPair);

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// There is no such file.
    #[error("the key file {0} does not exist: make one with `ringshard resources keygen --out {0}`")]
    Missing(PathBuf),
    /// The file has something else.
    #[error("{0} does not hold a key that signs resources: it must have 64 hexadecimal digits")]
    NoKey(PathBuf),
}

impl SigningKey {
    /// Makes a key, and writes it to a file that must not exist yet.
    ///
    /// # Errors
    /// [`KeyError::File`].
    pub fn generate(path: &Path) -> Result<SigningKey, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the system has a source of randomness");
        key_files::write_new_private(path, &to_hex(&seed))?;
        Ok(SigningKey::from_seed(&seed))
    }

    /// Reads a key from a file.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load(path: &Path) -> Result<SigningKey, KeyError> {
        let text = key_files::read_private(path).map_err(|error| match error {
            KeyFileError::NoSecret(path) => KeyError::Missing(path),
            other => KeyError::File(other),
        })?;
        let seed = from_hex(text.trim_end()).ok_or_else(|| KeyError::NoKey(path.to_owned()))?;
        Ok(SigningKey::from_seed(&seed))
    }

    /// The key that 32 secret bytes stand for.
    pub fn from_seed(seed: &[u8; 32]) -> SigningKey {
        SigningKey(Ed25519KeyPair::from_seed_unchecked(seed).expect("32 bytes are a seed"))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().try_into().expect("a public key has 32 bytes"))
    }

    /// Signs that `name` stands for the content with `size` bytes and this hash.
    pub fn sign(&self, name: &str, size: u64, hash: &Hash) -> Signature {
        let signature = self.0.sign(&signed_bytes(name, size, hash));
        signature.as_ref().try_into().expect("a signature has 64 bytes")
    }
}

impl PublicKey {
    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<PublicKey> {
        from_hex(text).map(PublicKey)
    }

    /// Whether the holder of the key has signed these bytes. `message` is from `signed_bytes`.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        *signature != UNSIGNED && UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}
