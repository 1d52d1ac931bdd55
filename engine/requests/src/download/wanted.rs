//! What an application wants to download, and what it has of it already.

use crate::message::download::{Hash, hash_of_name};
use sha2::{Digest, Sha256};
use std::fmt;

/// Bytes of a resource, unless the application says otherwise.
const SIZE_MAX: u64 = 1 << 30;

/// What an application wants to download.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// A resource's name, `sha256/HEX`, or `tile/SET/Z/X/Y`.
    pub name: String,
    /// Why the content can be trusted.
    pub trust: Trust,
    /// Of several downloads, the one with the highest number goes first. 0 unless set.
    pub priority: i32,
    /// A larger content is refused, in bytes. 1 GiB unless set.
    pub size_max: u64,
    /// What the application has already.
    pub held: Held,
    /// The hash of the content that `held` is the beginning of, if it is known.
    pub begun: Option<Hash>,
}

/// Why a content can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trust {
    /// It is signed with the key that the application knows.
    Signature,
    /// The application knows its SHA-256.
    Hash(Hash),
    /// The application trusts the server. The connection is authenticated.
    Server,
}

impl Wanted {
    /// Wants a resource that is signed, or whose name is its hash.
    pub fn new(name: impl Into<String>) -> Wanted {
        let name = name.into();
        let trust = hash_of_name(&name).map_or(Trust::Signature, Trust::Hash);
        Wanted { name, trust, priority: 0, size_max: SIZE_MAX, held: Held::default(), begun: None }
    }

    /// Wants what the server has under a name, such as a tile, without a signature.
    pub fn unsigned(name: impl Into<String>) -> Wanted {
        Wanted { trust: Trust::Server, ..Wanted::new(name) }
    }

    /// Continues where `held` ends. `begun` is the hash from the earlier [`Event::Opened`](super::Event::Opened), if the
    /// application has stored it. With it, a changed content is noticed at once; without it, only at the end.
    pub fn after(self, held: Held, begun: Option<Hash>) -> Wanted {
        Wanted { held, begun, ..self }
    }
}

/// The beginning of a content, as far as the application has it. Only its SHA-256 is kept.
#[derive(Clone, Default)]
pub struct Held {
    hasher: Sha256,
    size: u64,
}

impl Held {
    /// Adds the bytes that come next.
    pub fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// SHA-256 of the bytes so far.
    pub fn hash(&self) -> Hash {
        self.hasher.clone().finalize().into()
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({} bytes)", self.size)
    }
}
