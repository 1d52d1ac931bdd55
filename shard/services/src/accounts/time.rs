//! The time that the database keeps.

use std::time::{Duration, SystemTime};

/// Milliseconds since 1970.
pub(super) fn unix_millis() -> u64 {
    millis(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default())
}

/// A time in milliseconds.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
