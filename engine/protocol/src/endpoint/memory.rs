//! Memory for messages is shared out: when it is low, suspended sessions that hold some of it go first, then the connection
//! that holds the most.

use super::Endpoint;
use super::table::Entry;
use crate::time::{Duration, Instant};
use crate::wire::DisconnectReason;

/// Least time between two looks at all connections, and what each of them adds: so they cost a few percent of a core.
const SEARCH_PERIOD: Duration = Duration::from_millis(10);
const SEARCH_PERIOD_PER_SLOT: Duration = Duration::from_micros(2);
/// What a connection must hold before it may have to go, in bytes: the messages of a tick are no hoard.
const HOARD_BYTES_MIN: usize = 4096;

impl Endpoint {
    /// When memory is low, ends suspended sessions that hold some, and then the connection whose messages hold the most of
    /// it: those that came, and those that wait to be acknowledged.
    pub(super) fn relieve_memory(&mut self, now: Instant) {
        if !self.resources.pool.is_low() || now < self.relief_at {
            return;
        }
        self.relief_at = now + self.search_period();
        self.relieve_suspended();
        if !self.resources.pool.is_low() {
            return;
        }
        let largest = (0..self.table.slots())
            .filter_map(|slot| {
                let id = self.table.occupant(slot)?;
                let connection = self.table.get(id).filter(|it| !Entry::is_closing(it))?;
                Some((connection.session.held_bytes(), id))
            })
            .max_by_key(|&(held, _)| held);
        if let Some((held, id)) = largest
            && held >= HOARD_BYTES_MIN
        {
            self.stats.hoards_ended += 1;
            self.disconnect(id, DisconnectReason::ShortOfMemory);
        }
    }

    /// Least time between two looks at all connections.
    pub(super) fn search_period(&self) -> Duration {
        SEARCH_PERIOD.max(SEARCH_PERIOD_PER_SLOT * self.table.slots() as u32)
    }
}
