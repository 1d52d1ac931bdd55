//! Backups of a database that may be in use.

use super::super::store::{FILE_NAME, Store, StoreError, check_pages};
use super::AdminError;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a backup tries again to read while another process holds the database, and how long it waits each time.
const TRIES: u32 = 100;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// Copies `accounts.db` in a folder to a new file. Returns its size in bytes.
///
/// The copy is one moment of the database, without a log beside it. It is complete or does not exist: it is written under
/// another name, checked, and linked into place.
pub(in super::super) fn backup(dir: &Path, to: &Path) -> Result<u64, AdminError> {
    let partial = beside(to);
    let io = |step: &'static str| {
        let to = to.to_owned();
        move |error| AdminError::Io(to, step, error)
    };
    if to.exists() {
        return Err(AdminError::Exists(to.to_owned()));
    }
    let source = Store::open_reader(dir).map_err(|error| AdminError::Store(dir.join(FILE_NAME), error))?;
    // SQLite would make a file that others can read.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial);
    let file = file.map_err(io("create a file beside"))?;
    let copied = copy(source, &partial).map_err(|error| AdminError::Store(to.to_owned(), error));
    let linked = copied.and_then(|()| {
        file.sync_all().map_err(io("write"))?;
        std::fs::hard_link(&partial, to).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => AdminError::Exists(to.to_owned()),
            _ => io("write")(error),
        })
    });
    let _ = std::fs::remove_file(&partial);
    linked?;
    // Otherwise a power cut could take the name of a file that is there.
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io("write"))?;
    }
    Ok(file.metadata().map_err(io("read"))?.len())
}

fn copy(mut source: Store, partial: &Path) -> Result<(), StoreError> {
    let mut copy = Connection::open(partial)?;
    // In one step: between steps, a writer would make it begin again.
    let backup = Backup::new(source.connection(), &mut copy)?;
    let mut tries = 0;
    while backup.step(-1)? != StepResult::Done {
        tries += 1;
        if tries == TRIES {
            return Err(StoreError::Locked);
        }
        std::thread::sleep(BETWEEN_TRIES);
    }
    drop(backup);
    copy.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
    check_pages(&copy)?;
    copy.close().map_err(|(_, error)| error.into())
}

/// A name beside a file, for its contents while they are not complete.
fn beside(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".partial-{}", std::process::id()));
    to.with_file_name(name)
}
