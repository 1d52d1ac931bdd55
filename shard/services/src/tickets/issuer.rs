//! Makes tickets.

use super::counters::Counters;
use super::server_key::{ServerKey, decode_hex};
use crate::AccountId;
use crate::counters::count;
use base64ct::{Base64UrlUnpadded, Encoding};
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair};
use ringshard::config::key_files::{self, KeyFileError};
use ringshard_requests::ticket::{TICKET_BYTES_MAX, TICKET_NAME_BYTES_MAX, TICKET_PREFIX, TicketFields};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// How long a ticket is valid.
pub const LIFETIME: Duration = Duration::from_secs(30);

/// A ticket for one client, one account and one server. Secret until it is used.
#[derive(Clone)]
pub struct Ticket {
    /// The bytes for the client's request to enter.
    pub bytes: Vec<u8>,
    /// When it expires, in milliseconds since 1970.
    pub expires: u64,
}

impl Ticket {
    /// The bytes in base64url, without padding.
    pub fn to_text(&self) -> String {
        Base64UrlUnpadded::encode_string(&self.bytes)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket {{ expires: {}, .. }}", self.expires)
    }
}

/// Public key of an issuer, Ed25519.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IssuerKey(pub [u8; 32]);

impl IssuerKey {
    /// Names the key in tickets.
    pub fn id(&self) -> [u8; 8] {
        let hash = digest(&SHA256, &self.0);
        *hash.as_ref().first_chunk().expect("a SHA-256 has 32 bytes")
    }
}

impl FromStr for IssuerKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        decode_hex(text).map(IssuerKey).ok_or(KeyError::NoKey)
    }
}

impl fmt::Display for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&ServerKey(self.0), f)
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The key of an issuer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// Its content.
    #[error("a key for tickets has 64 hexadecimal digits")]
    NoKey,
}

/// Signs tickets.
pub struct TicketIssuer {
    pair: Ed25519KeyPair,
    key: IssuerKey,
    counters: Arc<Counters>,
}

impl TicketIssuer {
    /// Reads the key from a private file; makes the file if it does not exist.
    ///
    /// # Errors
    /// [`KeyError`]: other users can read the file, it holds no key, or it cannot be read or made.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        if !path.exists() {
            match key_files::generate(path) {
                // Another process made it at the same time.
                Ok(_) | Err(KeyFileError::Exists(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let seed = decode_hex(key_files::read_private(path)?.trim_end()).ok_or(KeyError::NoKey)?;
        Ok(TicketIssuer::from_seed(&seed))
    }

    /// An issuer with the key of a seed: 32 secret random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed has 32 bytes");
        let key = IssuerKey(pair.public_key().as_ref().try_into().expect("a public key has 32 bytes"));
        TicketIssuer { pair, key, counters: Arc::default() }
    }

    /// The public half, which verifiers need.
    pub fn key(&self) -> IssuerKey {
        self.key
    }

    /// The counters.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Makes a ticket at `now`, in milliseconds since 1970.
    ///
    /// # Panics
    /// If the name is longer than [`TICKET_NAME_BYTES_MAX`], or the system has no source of randomness.
    pub fn issue(&self, now: u64, account: AccountId, name: &str, server: ServerKey) -> Ticket {
        assert!(name.len() <= TICKET_NAME_BYTES_MAX, "the name of an account is longer than a ticket holds");
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).expect("the system has a source of randomness");
        let expires = now + LIFETIME.as_millis() as u64;
        let key_id = self.key.id();
        let fields = TicketFields { key_id, server: server.0, account: account.0, name, issued: now, expires, secret };
        let mut signed = Vec::with_capacity(TICKET_PREFIX.len() + TICKET_BYTES_MAX);
        signed.extend_from_slice(TICKET_PREFIX);
        fields.write(&mut signed);
        let signature = self.pair.sign(&signed);
        let mut bytes = signed.split_off(TICKET_PREFIX.len());
        bytes.extend_from_slice(signature.as_ref());
        count(&self.counters.issued);
        Ticket { bytes, expires }
    }
}

impl fmt::Debug for TicketIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketIssuer({})", self.key)
    }
}
