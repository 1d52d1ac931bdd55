//! When memory for messages is low, suspended sessions that hold some end first, then the connection that holds the most
//! (PROTOCOL.md#memory-pressure).

use super::Endpoint;
use super::entry::Entry;
use crate::time::{Duration, Instant};
use crate::wire::DisconnectReason;

/// Least time between two searches through all connections, and what each slot adds, so that searches cost a few percent of
/// a core.
const SEARCH_PERIOD: Duration = Duration::from_millis(10);
const SEARCH_PERIOD_PER_SLOT: Duration = Duration::from_micros(2);
/// Bytes that a connection must hold before it can be evicted. An ordinary tick of messages is less.
const EVICTED_BYTES_MIN: usize = 4096;

impl Endpoint {
    /// When memory is low, ends suspended sessions that hold some. If that does not suffice, ends the connection whose received
    /// and unacknowledged messages hold the most.
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
                let id = self.table.id_in_slot(slot)?;
                let entry = self.table.get(id).filter(|it| !Entry::is_closing(it))?;
                Some((entry.connection.held_bytes(), id))
            })
            .max_by_key(|&(held, _)| held);
        if let Some((held, id)) = largest
            && held >= EVICTED_BYTES_MIN
        {
            self.stats.memory_evicted += 1;
            self.disconnect(id, DisconnectReason::ShortOfMemory);
        }
    }

    /// Least time between two searches through all connections.
    pub(super) fn search_period(&self) -> Duration {
        SEARCH_PERIOD.max(SEARCH_PERIOD_PER_SLOT * self.table.slots() as u32)
    }
}
