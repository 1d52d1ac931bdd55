//! Memory for messages is shared out: when it is low, the connection that holds the most of it goes first.

use super::Endpoint;
use super::table::Connection;
use crate::limits::MESSAGE_BYTES_MAX;
use crate::time::{Duration, Instant};
use crate::wire::DisconnectReason;

/// Least time between two looks at all connections, so that they cost at most a few percent of a core.
const RELIEF_PERIOD: Duration = Duration::from_millis(10);
/// What a connection must hold before it may have to go, in bytes: two of the largest messages are no hoard.
const HOARD_BYTES_MIN: usize = 2 * MESSAGE_BYTES_MAX;

impl Endpoint {
    /// When memory is low, ends the connection whose messages hold the most of it, those that came and those that wait to
    /// be acknowledged. Suspended sessions have gone before.
    pub(super) fn relieve_memory(&mut self, now: Instant) {
        if !self.resources.pool.is_low() || now < self.relief_at {
            return;
        }
        self.relief_at = now + RELIEF_PERIOD;
        let largest = (0..self.table.slots())
            .filter_map(|slot| {
                let id = self.table.occupant(slot)?;
                let connection = self.table.get(id).filter(|it| !Connection::is_closing(it))?;
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
}
