//! Feedback of players on places: liked, disliked, visited. Kept per account in an SQLite file.

use crate::AccountId;
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most places of an account. The oldest remark gives way.
pub const PLACES_MAX: usize = 200;
/// The most remarks of all accounts. The oldest one gives way.
const REMARKS_MAX: i64 = 2_000_000;
const COUNTED_EVERY: u64 = 4_096;
const VERSION: i32 = 1;

/// A player's feedback on a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Takes back a dislike.
    Liked,
    /// Takes back a like.
    Disliked,
    /// Visited now. Does not change whether it is liked.
    Visited,
    /// Takes everything back.
    Nothing,
}

/// An account's feedback on a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remark {
    /// The key of the place.
    pub place: u64,
    /// Its cuisine then.
    pub cuisine: String,
    /// Liked or disliked.
    pub verdict: Option<Verdict>,
    /// The last visit, in ms since 1970.
    pub visited_ms: Option<u64>,
}

/// The file of remarks cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the feedback about places: {0}")]
pub struct FeedbackError(String);

impl From<rusqlite::Error> for FeedbackError {
    fn from(error: rusqlite::Error) -> Self {
        FeedbackError(error.to_string())
    }
}

/// The remarks of all accounts. Its methods block.
pub struct Feedback {
    connection: Mutex<Connection>,
    said: AtomicU64,
}

impl Feedback {
    /// Opens the file, which is made if it is missing.
    ///
    /// # Errors
    /// [`FeedbackError`].
    pub fn open(path: &Path) -> Result<Feedback, FeedbackError> {
        let open = || {
            let connection = Connection::open(path)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
            let version: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            if version == 0 {
                connection.execute_batch(&format!(
                    "BEGIN;
                     CREATE TABLE remark (account INTEGER NOT NULL, place INTEGER NOT NULL, cuisine TEXT NOT NULL, verdict INTEGER,
                         visited INTEGER, at INTEGER NOT NULL, PRIMARY KEY (account, place)) WITHOUT ROWID;
                     CREATE INDEX remark_at ON remark (at);
                     PRAGMA user_version = {VERSION};
                     COMMIT;"
                ))?;
            }
            Ok::<_, rusqlite::Error>((connection, version))
        };
        let (connection, version) = open().map_err(|error| FeedbackError(format!("{}: {error}", path.display())))?;
        if version > VERSION {
            let reason = format!("{} has version {version}, and this program knows {VERSION}", path.display());
            return Err(FeedbackError(reason));
        }
        Ok(Feedback { connection: Mutex::new(connection), said: AtomicU64::new(0) })
    }

    /// Stores an account's feedback.
    ///
    /// # Errors
    /// [`FeedbackError`].
    pub fn say(
        &self,
        account: AccountId,
        (place, cuisine): (u64, &str),
        verdict: Verdict,
        now_ms: u64,
    ) -> Result<(), FeedbackError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let (who, key, now) = (account.0 as i64, place as i64, now_ms as i64);
        if verdict == Verdict::Nothing {
            transaction.execute("DELETE FROM remark WHERE account = ?1 AND place = ?2", params![who, key])?;
            return Ok(transaction.commit()?);
        }
        let (liking, visited) = match verdict {
            Verdict::Liked => (Some(1), None),
            Verdict::Disliked => (Some(-1), None),
            _ => (None, Some(now)),
        };
        transaction.execute(
            "INSERT INTO remark VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET cuisine = ?3,
                 verdict = coalesce(?4, verdict), visited = coalesce(?5, visited), at = ?6",
            params![who, key, cuisine, liking, visited, now],
        )?;
        transaction.execute(
            "DELETE FROM remark WHERE account = ?1 AND place IN
                 (SELECT place FROM remark WHERE account = ?1 ORDER BY at DESC, place LIMIT -1 OFFSET ?2)",
            params![who, PLACES_MAX as i64],
        )?;
        // Counting all of them takes a while.
        let is_counted = self.said.fetch_add(1, Relaxed).is_multiple_of(COUNTED_EVERY);
        let count = |connection: &Connection| connection.query_row("SELECT count(*) FROM remark", [], |row| row.get(0));
        let all: i64 = if is_counted { count(&transaction)? } else { 0 };
        if all > REMARKS_MAX {
            transaction.execute(
                "DELETE FROM remark WHERE (account, place) IN (SELECT account, place FROM remark ORDER BY at LIMIT ?1)",
                [all - REMARKS_MAX],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// The feedback of an account, in the order of places.
    ///
    /// # Errors
    /// [`FeedbackError`].
    pub fn of(&self, account: AccountId) -> Result<Vec<Remark>, FeedbackError> {
        let connection = self.connection();
        let sql = "SELECT place, cuisine, verdict, visited FROM remark WHERE account = ?1 ORDER BY place";
        let mut statement = connection.prepare_cached(sql)?;
        let remarks = statement.query_map([account.0 as i64], |row| {
            Ok(Remark {
                place: row.get::<_, i64>(0)? as u64,
                cuisine: row.get(1)?,
                verdict: match row.get::<_, Option<i64>>(2)? {
                    Some(1) => Some(Verdict::Liked),
                    Some(-1) => Some(Verdict::Disliked),
                    _ => None,
                },
                visited_ms: row.get::<_, Option<i64>>(3)?.map(|it| it as u64),
            })
        })?;
        Ok(remarks.collect::<Result<_, _>>()?)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
