//! What can go wrong with the database.

use rusqlite::ErrorCode;

/// The database failed. Its text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No space.
    #[error("the disk is full, or the file has its largest size: nothing was written; make room, and try again")]
    Full,
    /// The file or its folder cannot be written.
    #[error("the file or its folder is read-only: SQLite must be able to write both")]
    ReadOnly,
    /// The file is damaged.
    #[error("the file is damaged ({0}): restore a backup, or recover it with `sqlite3 FILE .recover`")]
    Corrupt(String),
    /// Another process holds it for too long.
    #[error("another process kept the file locked for {} s: end it, and try again", super::LOCK_WAIT.as_secs())]
    Locked,
    /// It is a database of something else.
    #[error("the file is no database of accounts; name the folder with accounts.db, or move the file away")]
    Foreign,
    /// A newer version made it.
    #[error("the file has schema {found}, but this program knows {newest}: use the newer program that made it")]
    Newer {
        /// Its schema.
        found: i64,
        /// The newest schema that is known here.
        newest: i64,
    },
    /// An older version made it, and this connection only reads.
    #[error("the file has schema {found}, but this program needs {newest}: start the server once, which changes it")]
    Older {
        /// Its schema.
        found: i64,
        /// The schema that is known here.
        newest: i64,
    },
    /// There is no file.
    #[error("there is no accounts.db; a server with services makes one when it starts")]
    Missing,
    /// Anything else.
    #[error("SQLite: {0}")]
    Other(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => StoreError::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked,
            _ => StoreError::Other(error),
        }
    }
}
