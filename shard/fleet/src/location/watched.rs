//! A location database that is read again when its file changes.

use super::{Database, LocationError};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::watch;

/// The database for readers, which take no lock for longer than a copy of the `Arc`. None: there is none.
pub type Locator = watch::Receiver<Option<Arc<Database>>>;

/// Reads a database again when its file changes. A file that cannot be used leaves the former one in use.
///
/// It looks when it is asked to, and starts no thread. Replace the file by a rename: a file that is being written is read half,
/// is refused, and is read again once it has changed.
#[derive(Debug)]
pub struct Watched {
    path: PathBuf,
    /// What the file was at the last look. None: there was no look yet.
    seen: Option<Stamp>,
    current: watch::Sender<Option<Arc<Database>>>,
}

/// What a file is: its time, its bytes, its inode. None: there is no file.
type Stamp = Option<(SystemTime, u64, u64)>;

/// What a look at the file found.
#[derive(Debug)]
pub enum Look {
    /// The file is as it was.
    Same,
    /// The file was read.
    Loaded(Arc<Database>),
    /// The file cannot be used; the former database stays. It is reported once for each change of the file.
    Kept(LocationError),
}

impl Watched {
    /// Watches a file, which [`Watched::look`] reads.
    pub fn new(path: &Path) -> (Watched, Locator) {
        let (current, locator) = watch::channel(None);
        (Watched { path: path.to_owned(), seen: None, current }, locator)
    }

    /// Reads the file if it has changed since the last look. This blocks for as long as the disk takes.
    pub fn look(&mut self) -> Look {
        let stamp = stamp(&self.path);
        if self.seen.replace(stamp) == Some(stamp) {
            return Look::Same;
        }
        match Database::open(&self.path) {
            Ok(database) => {
                let database = Arc::new(database);
                self.current.send_replace(Some(Arc::clone(&database)));
                Look::Loaded(database)
            }
            Err(error) => Look::Kept(error),
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let status = fs::metadata(path).ok()?;
    Some((status.modified().ok()?, status.len(), status.ino()))
}
