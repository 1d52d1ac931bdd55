//! The links of this node that it measures itself: which nodes or hosts are at their other ends, when each is probed, and what
//! other nodes must hear.

use super::counters::Counters;
use super::wire::LinkReport;
use crate::model::{Name, Quality};
use crate::topology::{Meter, PlaceId, publish};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Time between two probes of a link.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// A node or a host that this node reaches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// Its name.
    pub name: Name,
    /// Where it is.
    pub address: SocketAddr,
}

/// A link to a node or a host.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) target: Target,
    pub(super) meter: Meter,
    /// What other nodes hear of it.
    pub(super) quality: Quality,
    probe_at: Duration,
}

/// The links to all other nodes, or to all hosts.
#[derive(Debug, Default)]
pub(super) struct MeasuredLinks {
    links: BTreeMap<PlaceId, Link>,
    /// Number of the last probe.
    number: u64,
}

impl MeasuredLinks {
    /// Takes over which places there are. Links to places that are where they were stay as they are. Gives the places that are
    /// gone or have another address: what was said of them does not count any more.
    pub(super) fn set(&mut self, now: Duration, targets: Vec<(PlaceId, Target)>) -> Vec<PlaceId> {
        let mut before = std::mem::take(&mut self.links);
        let mut moved = Vec::new();
        for (id, target) in targets {
            let known = before.remove(&id);
            let has_moved = known.as_ref().is_some_and(|link| link.target != target);
            moved.extend(has_moved.then_some(id));
            let link = known.filter(|_| !has_moved).unwrap_or_else(|| Link {
                // Spread, so that not all probes leave at once.
                probe_at: now + Duration::from_millis(u64::from(id.0) % PROBE_INTERVAL.as_millis() as u64),
                target,
                meter: Meter::default(),
                quality: Quality::DOWN,
            });
            self.links.insert(id, link);
        }
        moved.extend(before.into_keys().filter(|id| !self.links.contains_key(id)));
        moved
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PlaceId, &Link)> {
        self.links.iter().map(|(id, link)| (*id, link))
    }

    pub(super) fn contains(&self, place: PlaceId) -> bool {
        self.links.contains_key(&place)
    }

    /// Where a place is.
    pub(super) fn address(&self, place: PlaceId) -> Option<SocketAddr> {
        self.links.get(&place).map(|link| link.target.address)
    }

    /// Calls `ask` for each probe that is due, with the place, its address and the number of the probe. `ask` sends the probe, and
    /// gives the number that its answer has. Notes which probes are lost. Gives the links that others must hear of.
    pub(super) fn advance(
        &mut self,
        now: Duration,
        own: PlaceId,
        counters: &mut Counters,
        mut ask: impl FnMut(PlaceId, SocketAddr, u64) -> u64,
    ) -> Vec<LinkReport> {
        let mut changed = Vec::new();
        for (id, link) in &mut self.links {
            link.meter.advance(now);
            if link.probe_at <= now {
                self.number += 1;
                let answer = ask(*id, link.target.address, self.number);
                link.meter.asked(answer, now);
                // After a pause of the process, one probe is enough.
                link.probe_at = (link.probe_at + PROBE_INTERVAL).max(now);
                counters.probes_sent += 1;
            }
            let quality = publish(Some(link.quality), &link.meter);
            if quality != link.quality {
                if quality.up != link.quality.up {
                    counters.links_lost += u64::from(!quality.up);
                    let (to, up) = (&link.target.name, quality.up);
                    tracing::info!(%to, up, round_trip_ms = quality.round_trip_ms, "a link has changed");
                }
                link.quality = quality;
                changed.push(LinkReport { from: own, to: *id, quality });
            }
        }
        changed
    }

    /// An answer with this number came from a place. False: no probe waits for it.
    pub(super) fn answered(&mut self, place: PlaceId, number: u64, now: Duration) -> bool {
        self.links.get_mut(&place).is_some_and(|link| link.meter.answered(number, now))
    }

    /// What other nodes hear of these links.
    pub(super) fn reports(&self, own: PlaceId) -> impl Iterator<Item = LinkReport> {
        self.links.iter().map(move |(id, link)| LinkReport { from: own, to: *id, quality: link.quality })
    }
}
