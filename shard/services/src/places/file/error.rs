//! Why a query got no answer.

use crate::places::schema;
use crate::places::words::InvalidQuery;
use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};

/// A query that got no answer.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// There is no file.
    #[error("no places are here: {0} is missing; import some with `ringshard places import`")]
    Missing(PathBuf),
    /// The file is not what an import made.
    #[error("{path} is damaged or no file of places: {reason}; import the places again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Another version made the file.
    #[error("{path} has version {found}, and this program reads version {}: import the places again", schema::VERSION)]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i32,
    },
    /// The system refused.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The text is not a query.
    #[error(transparent)]
    Query(#[from] InvalidQuery),
    /// No such kind.
    #[error("no kind of places is called `{kind}`; there are: {known}")]
    Kind {
        /// What was asked for.
        kind: String,
        /// The kinds of the file.
        known: String,
    },
    /// The limit is out of range.
    #[error("a limit lies between 1 and {most}")]
    Limit {
        /// The greatest limit.
        most: usize,
    },
    /// All connections are in use.
    #[error("too many queries for places at once: try again")]
    Busy,
}

impl PlacesError {
    /// The status of HTTP.
    pub fn status(&self) -> u16 {
        match self {
            PlacesError::Query(_) | PlacesError::Kind { .. } | PlacesError::Limit { .. } => 400,
            _ => 503,
        }
    }
}

/// What an error of SQLite means for a file of places.
pub(super) fn failure(path: &Path, error: &rusqlite::Error) -> PlacesError {
    let (path, reason) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure) => {
            PlacesError::Unreadable { path, reason }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => PlacesError::Busy,
        _ => PlacesError::Damaged { path, reason },
    }
}
