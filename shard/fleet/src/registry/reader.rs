//! The directory for everyone who reads it.

use crate::model::Directory;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

/// The directory, kept current by a task. A clone reads the same one.
#[derive(Clone, Debug)]
pub struct DirectoryReader {
    /// The latest directory. It is empty until the registry has answered for the first time; its revision is 0 then.
    pub directory: watch::Receiver<Arc<Directory>>,
    /// How current it is.
    pub freshness: watch::Receiver<Freshness>,
}

/// How current a directory is.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Freshness {
    /// When the directory was last known to be the latest. None: it never was. It is confirmed about once per second.
    pub current_at: Option<Instant>,
    /// Since when the registry does not answer. The directory stays as it was.
    pub away_since: Option<Instant>,
    /// Why it does not.
    pub trouble: Option<String>,
    /// How often the watch was broken, so that everything was listed again.
    pub resyncs: u64,
    /// Records that this version could not read.
    pub unreadable: u64,
}

impl Freshness {
    /// The age of the directory: what is newer may be missing in it. None: there is none yet.
    pub fn age(&self) -> Option<Duration> {
        self.current_at.map(|at| at.elapsed())
    }
}

impl DirectoryReader {
    /// A reader, and what feeds it.
    pub(super) fn channel() -> (Feed, DirectoryReader) {
        let (directory, freshness) = (watch::Sender::default(), watch::Sender::default());
        let reader = DirectoryReader { directory: directory.subscribe(), freshness: freshness.subscribe() };
        (Feed { directory, freshness }, reader)
    }

    /// A reader of a directory that never changes: for tests, and to explain decisions about it.
    pub fn fixed(directory: Directory) -> DirectoryReader {
        let directory = watch::Sender::new(Arc::new(directory));
        let freshness = watch::Sender::new(Freshness { current_at: Some(Instant::now()), ..Freshness::default() });
        DirectoryReader { directory: directory.subscribe(), freshness: freshness.subscribe() }
    }

    /// The latest directory.
    pub fn latest(&self) -> Arc<Directory> {
        self.directory.borrow().clone()
    }

    /// Waits until the registry has answered for the first time. Returns at once afterwards.
    pub async fn loaded(&mut self) -> Arc<Directory> {
        // If the task has ended, nothing newer will come.
        let _ = self.freshness.wait_for(|freshness| freshness.current_at.is_some()).await;
        self.latest()
    }
}

/// What feeds the readers.
#[derive(Debug)]
pub(super) struct Feed {
    directory: watch::Sender<Arc<Directory>>,
    freshness: watch::Sender<Freshness>,
}

impl Feed {
    /// Publishes the directory, unless it differs only in its revision.
    pub(super) fn publish(&self, directory: Directory) {
        let revision = directory.revision;
        self.directory.send_if_modified(|latest| {
            let without_revision = Directory { revision: latest.revision, ..directory };
            let differs = **latest != without_revision;
            if differs || latest.revision == 0 {
                *latest = Arc::new(Directory { revision, ..without_revision });
            }
            differs
        });
    }

    pub(super) fn set_freshness(&self, change: impl FnOnce(&mut Freshness)) {
        self.freshness.send_modify(change);
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.directory.is_closed() && self.freshness.is_closed()
    }
}
