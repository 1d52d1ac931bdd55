//! What an application learns about its downloads.

use crate::limits::DOWNLOADS_OPEN_MAX;
use crate::message::download::{BadName, Hash};

/// Names a download of one [`Downloads`](super::Downloads), never another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DownloadId(pub u32);

/// What an application learns about its downloads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The server has it, and its signature is right. Comes once.
    Opened {
        /// Which download.
        id: DownloadId,
        /// SHA-256 of the content.
        hash: Hash,
        /// Bytes of the content.
        size: u64,
    },
    /// The next bytes. They are not verified before [`Event::Done`].
    Bytes {
        /// Which download.
        id: DownloadId,
        /// Their offset in the content: the end of the bytes before.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// All bytes are there, and they have the right hash. The download has ended.
    Done {
        /// Which download.
        id: DownloadId,
        /// SHA-256 of the content.
        hash: Hash,
        /// Bytes of the content.
        size: u64,
    },
    /// The download has ended without success.
    Failed {
        /// Which download.
        id: DownloadId,
        /// Why.
        why: Failure,
    },
}

impl Event {
    /// Which download it is about.
    pub fn id(&self) -> DownloadId {
        match self {
            Event::Opened { id, .. } | Event::Bytes { id, .. } | Event::Done { id, .. } | Event::Failed { id, .. } => {
                *id
            }
        }
    }
}

/// Why a download has ended without success.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// The server refuses it: 404 if it has no such resource.
    #[error("the server refuses the download with status {0}")]
    Refused(u16),
    /// The server does not answer, though it is connected.
    #[error("the server does not answer: try again later")]
    NoAnswer,
    /// The signature is missing, or is not of the trusted key.
    #[error("the resource is not signed with the key that this program trusts: do not use it, and tell its operator")]
    NotSigned,
    /// The server offers another content than the hash that was asked for.
    #[error("the server offers another content than the one asked for")]
    OtherContent,
    /// The content is not the one that the download began with.
    #[error("the resource has changed since the download began: remove what there is of it, and begin again")]
    Changed,
    /// The content has more bytes than the application accepts.
    #[error("the resource has {size} bytes, but at most {size_max} are accepted")]
    TooLarge {
        /// Bytes of the content.
        size: u64,
        /// What the application accepts.
        size_max: u64,
    },
    /// All bytes arrived, but they have another hash.
    #[error("the downloaded bytes are damaged: remove them, and begin again")]
    Damaged,
    /// The server sends too much that was not requested.
    #[error("the server sent {0} bytes that nobody asked for: tell its operator")]
    NotAskedFor(u64),
}

/// Why a download cannot begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CannotOpen {
    /// The name is not the name of a resource.
    #[error("this cannot be the name of a resource: {0}")]
    Name(#[from] BadName),
    /// Too many downloads are open.
    #[error("{DOWNLOADS_OPEN_MAX} downloads are open, which is the most: wait until one has ended")]
    TooMany,
    /// The application has not taken the events of earlier downloads.
    #[error("events of earlier downloads wait: take them first")]
    EventsWait,
    /// It wants a signature, but no key is known.
    #[error("the resource is to be signed, but no key was given to verify signatures with")]
    NoKey,
}

/// Counts since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DownloadStats {
    /// Bytes that arrived and were missing.
    pub bytes: u64,
    /// Bytes that arrived twice, or that were not requested.
    pub bytes_unasked: u64,
    /// Messages about downloads that have ended.
    pub strays: u64,
    /// Messages that cannot be read.
    pub malformed: u64,
    /// Opens and Fetches that were sent again.
    pub repeats: u64,
}
