//! The database: an SQLite file with a write-ahead log. One connection writes; others read, even those of other processes.
//!
//! Every write is one transaction, which is on the disk when it is answered (`synchronous = FULL`). So a crash leaves each
//! account as it was before or after, never between. SQL takes values as parameters only.

mod accounts;
mod devices;
mod error;
mod schema;
mod sessions;

pub(super) use accounts::{NewAccount, Stored, Taken, identify, insert};
pub(super) use devices::{DEVICES_MAX, NotAdded, insert_device};
pub use error::StoreError;
use rusqlite::{Connection, OpenFlags};
pub(super) use sessions::{Began, Guard, NewSession};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the file.
pub(super) const FILE_NAME: &str = "accounts.db";
/// How long a writer waits for another process.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Pages that are kept in memory by each connection, in KiB.
const CACHE_KIB: i64 = 8 * 1024;

/// A connection to the database.
pub(super) struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the file in a folder for writing; makes folder and file if `create` is set and they do not exist.
    ///
    /// Only their owner can read them. Takes the schema to the newest version.
    pub(super) fn open(dir: &Path, create: bool) -> Result<Store, StoreError> {
        let path = dir.join(FILE_NAME);
        match path.exists() {
            true => {}
            false if create => make_private(dir, &path)?,
            false => return Err(StoreError::Missing),
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags)?;
        set_up(&connection)?;
        let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        if mode != "wal" {
            return Err(StoreError::ReadOnly);
        }
        connection.pragma_update(None, "synchronous", "full")?;
        schema::migrate(&mut connection, schema::MIGRATIONS)?;
        Ok(Store { connection, path })
    }

    /// Opens the file in a folder for reading only.
    pub(super) fn open_reader(dir: &Path) -> Result<Store, StoreError> {
        let path = dir.join(FILE_NAME);
        if !path.exists() {
            return Err(StoreError::Missing);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)?;
        set_up(&connection)?;
        schema::check_current(&connection)?;
        Ok(Store { connection, path })
    }

    /// Bounds the size of the file, in bytes. It does not shrink if it is larger already.
    pub(super) fn bound(&self, bytes: u64) -> Result<(), StoreError> {
        let page: i64 = self.connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = signed(bytes / page.max(1) as u64).clamp(1, i64::from(u32::MAX - 1));
        Ok(self.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?)
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Does all of `work` in one transaction, or nothing of it if it fails.
    pub(super) fn atomically<T>(
        &mut self,
        work: impl FnOnce(&Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let done =
            work(self).and_then(|done| self.connection.execute_batch("COMMIT").map(|()| done).map_err(Into::into));
        if done.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        done
    }

    /// From now on, reads see the database as it is at the first of them.
    pub(super) fn begin_reading(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("BEGIN")?)
    }

    /// Reads see the present again.
    pub(super) fn end_reading(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    /// The connection, for what has no method here.
    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// Makes the folder, and an empty file that only its owner can read: SQLite gives the log beside it the same mode.
fn make_private(dir: &Path, path: &Path) -> Result<(), StoreError> {
    let made = std::fs::create_dir_all(dir).and_then(|()| {
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        match file {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other.map(drop),
        }
    });
    made.map_err(|error| match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::ReadOnly,
    })
}

fn set_up(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // A hash that was replaced does not stay in free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Looks for damage in the structure of the file.
pub(super) fn check_pages(connection: &Connection) -> Result<(), StoreError> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(StoreError::Corrupt(found)) }
}

/// A number as SQLite keeps it. Times and ids stay far below the bound.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that SQLite kept.
fn unsigned(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.max(0) as u64)
}
