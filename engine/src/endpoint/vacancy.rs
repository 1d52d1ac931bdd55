//! When no slot is free: silent connections give way to clients that connect from the same address (PROTOCOL.md, section
//! 11, Silent connections).

use super::Endpoint;
use super::life::Departure;
use super::table::Phase;
use crate::limits::{HANDSHAKES_PER_FLUSH, SILENT_AFTER};
use crate::time::{Duration, Instant};
use crate::wire::ConnectionId;
use core::net::IpAddr;

/// Least time between two looks at all connections, so that they cost at most a few percent of a core.
const SEARCH_PERIOD: Duration = Duration::from_millis(10);

/// A client that wants in, and the connection from its address that has been silent longest.
struct Wanted {
    address: IpAddr,
    silent: Option<(Instant, ConnectionId)>,
}

impl Endpoint {
    /// Frees slots for clients that wait for one: each gets that of the longest silent connection from its own address, if
    /// there is one. The session of that connection can be resumed.
    pub(super) fn vacate_silent(&mut self, now: Instant) {
        if !self.table.is_full() || now < self.vacate_at {
            return;
        }
        let mut wanted: [Option<Wanted>; HANDSHAKES_PER_FLUSH] = [const { None }; HANDSHAKES_PER_FLUSH];
        let waiting = self.strangers.waiting_for_connections();
        wanted.iter_mut().zip(waiting).for_each(|(wanted, address)| *wanted = Some(Wanted { address, silent: None }));
        if wanted[0].is_none() {
            return;
        }
        self.vacate_at = now + SEARCH_PERIOD;
        for slot in 0..self.table.slots() {
            let Some(id) = self.table.occupant(slot) else { continue };
            let Some(connection) = self.table.get(id) else { continue };
            let heard_at = connection.session.heard_at();
            let silence = connection.session.heartbeat_config().interval + SILENT_AFTER;
            if !matches!(connection.phase, Phase::Established) || now.since(heard_at) < silence {
                continue;
            }
            let address = connection.path.peer.ip();
            // One connection gives way to one client, the longest silent first.
            let mut candidate = Some((heard_at, id));
            for wanted in wanted.iter_mut().flatten().filter(|it| it.address == address) {
                if wanted.silent.is_none_or(|kept| candidate.is_some_and(|it| it.0 < kept.0)) {
                    core::mem::swap(&mut wanted.silent, &mut candidate);
                }
            }
        }
        for (_, id) in wanted.into_iter().flatten().filter_map(|it| it.silent) {
            self.stats.vacated += 1;
            self.leave(now, id, Departure::Silent);
        }
    }
}
