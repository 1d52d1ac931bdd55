//! The time of day of a host. By it hosts tell what was said now from what was recorded, and order the stays of an account.

use std::time::{SystemTime, UNIX_EPOCH};

/// The clock of a host.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// One that begins with `ms` when the simulation does.
    #[cfg(test)]
    Simulated {
        /// When the simulation began.
        began: tokio::time::Instant,
        /// Milliseconds since 1970 then.
        ms: u64,
    },
}

impl Clock {
    /// Milliseconds since 1970.
    pub fn now_ms(self) -> u64 {
        match self {
            Clock::System => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64,
            #[cfg(test)]
            Clock::Simulated { began, ms } => ms + began.elapsed().as_millis() as u64,
        }
    }
}
