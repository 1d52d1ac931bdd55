//! When no slot is free: a silent connection gives way to a client that connects from the same address (PROTOCOL.md,
//! section 11, Silent connections).

use super::Endpoint;
use super::life::Departure;
use super::table::Phase;
use crate::limits::SILENT_AFTER;
use crate::time::Instant;
use crate::wire::ConnectionId;
use core::net::IpAddr;

impl Endpoint {
    /// Sees to the clients for which no slot was free: each that knows the server's key gets the slot of the longest silent
    /// connection from its own address, whose session can be resumed; the others are told that the server is full.
    pub(super) fn seat_unseated(&mut self, now: Instant) {
        while let Some((path, connect)) = self.strangers.next_unseated() {
            let silent = if now >= self.vacate_at { self.longest_silent(now, path.peer.ip()) } else { None };
            let (strangers, mut around) = self.strangers();
            let Some(silent) = silent else {
                strangers.refuse_unseated(path, &connect, &mut around);
                continue;
            };
            if let Some(opened) = strangers.open_unseated(path, &connect, &mut around) {
                self.stats.vacated += 1;
                self.leave(now, silent, Departure::Silent { spare: Some(opened.token) });
                let (strangers, mut around) = self.strangers();
                strangers.seat(now, path, &connect, opened, &mut around);
            }
        }
    }

    /// The connection from `address` that has been silent longest, if one has been for long enough.
    fn longest_silent(&mut self, now: Instant, address: IpAddr) -> Option<ConnectionId> {
        self.vacate_at = now + self.search_period();
        let silent = (0..self.table.slots()).filter_map(|slot| {
            let id = self.table.occupant(slot)?;
            let connection = self.table.get(id)?;
            let heard_at = connection.session.heard_at();
            let silence = connection.session.heartbeat_config().interval + SILENT_AFTER;
            let is_silent = matches!(connection.phase, Phase::Established) && now.since(heard_at) >= silence;
            (is_silent && connection.path.peer.ip() == address).then_some((heard_at, id))
        });
        silent.min_by_key(|&(heard_at, _)| heard_at).map(|(_, id)| id)
    }
}
