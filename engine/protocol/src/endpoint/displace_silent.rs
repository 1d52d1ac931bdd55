//! When all slots are taken, a new client gets the slot of a silent connection from its own address
//! (PROTOCOL.md#silent-connections).

use super::Endpoint;
use super::entry::Phase;
use super::life::Departure;
use crate::limits::SILENT_AFTER;
use crate::time::Instant;
use crate::wire::ConnectionId;
use core::net::IpAddr;

impl Endpoint {
    /// Answers the clients that found no free slot. Each that knows the server's key gets the slot of the connection
    /// from its address that has been silent longest; that session can still be resumed. The others are told that the
    /// server is full.
    pub(super) fn displace_silent(&mut self, now: Instant) {
        while let Some((sender, connect)) = self.admission.next_without_slot() {
            let silent = if now >= self.silent_search_at { self.longest_silent(now, sender.ip()) } else { None };
            let (admission, mut context) = self.admission();
            let Some(silent) = silent else {
                admission.deny_full(sender, &connect, &mut context);
                continue;
            };
            if let Some(opened) = admission.open_without_slot(sender, &connect, &mut context) {
                self.stats.silent_displaced += 1;
                self.leave(now, silent, Departure::Silent { spare: Some(opened.token) });
                let (admission, mut context) = self.admission();
                admission.admit(now, sender, &connect, opened, &mut context);
            }
        }
    }

    /// The connection from `address` that has been silent longest, if for long enough.
    fn longest_silent(&mut self, now: Instant, address: IpAddr) -> Option<ConnectionId> {
        self.silent_search_at = now + self.search_period();
        let silent = (0..self.table.slots()).filter_map(|slot| {
            let id = self.table.id_in_slot(slot)?;
            let entry = self.table.get(id)?;
            let heard_at = entry.connection.heard_at();
            let silence = entry.connection.heartbeat_config().interval + SILENT_AFTER;
            let is_silent = matches!(entry.phase, Phase::Established) && now.since(heard_at) >= silence;
            (is_silent && entry.address().ip() == address).then_some((heard_at, id))
        });
        silent.min_by_key(|&(heard_at, _)| heard_at).map(|(_, id)| id)
    }
}
