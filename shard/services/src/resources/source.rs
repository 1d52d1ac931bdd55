//! Where resources come from: a source opens a name.

use super::blob::Blob;
use ring::digest::{SHA256, digest};
use ringshard_requests::message::download::{Hash, Signature};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A name that is being opened.
pub type Opening<'a> = Pin<Box<dyn Future<Output = Result<Content, Refusal>> + Send + 'a>>;

/// Opens the names that begin with a prefix of its own, such as `tile/`.
///
/// [`super::Resources::add_source`] names the prefix.
pub trait Source: Send + Sync + 'static {
    /// Opens what `name` stands for. The name is whole: it includes the prefix, and `check_name` has accepted it.
    ///
    /// If the client stops the download or leaves, the future is dropped.
    ///
    /// # Errors
    /// [`Refusal`]: the client gets its status and its wait.
    fn open<'a>(&'a self, name: &'a str) -> Opening<'a>;
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub struct Content {
    /// SHA-256 of all bytes.
    pub hash: Hash,
    /// Bytes in all.
    pub size: u64,
    /// Over `signed_bytes`, if the resource is signed.
    pub signature: Option<Signature>,
    /// The bytes.
    pub body: Body,
}

/// Where the bytes of a content are.
#[derive(Clone, Debug)]
pub enum Body {
    /// In memory, such as a tile.
    Memory(Arc<[u8]>),
    /// In a file of the store.
    Blob(Arc<Blob>),
}

impl Content {
    /// An unsigned content whose bytes are in memory.
    pub fn from_bytes(bytes: Arc<[u8]>) -> Content {
        let hash = digest(&SHA256, &bytes).as_ref().try_into().expect("a SHA-256 has 32 bytes");
        Content { hash, size: bytes.len() as u64, signature: None, body: Body::Memory(bytes) }
    }
}

/// Why a name cannot be opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// An HTTP status, 400 or more: 404 there is no such thing, 429 too many requests, 503 not now.
    pub status: u16,
    /// When to try again. Only with 429 and 503.
    pub wait: Option<Duration>,
    /// A sentence for the operator's log.
    pub message: String,
}

impl Refusal {
    /// There is no resource with this name.
    pub fn not_found(name: &str) -> Refusal {
        Refusal { status: 404, wait: None, message: format!("there is no resource {name}") }
    }

    /// It is not available now, but perhaps after `wait`.
    pub fn not_now(wait: Duration, message: impl Into<String>) -> Refusal {
        Refusal { status: 503, wait: Some(wait), message: message.into() }
    }
}
