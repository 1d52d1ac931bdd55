//! The other nodes: probes, answers, runs.

use super::RelayKey;
use super::counters::Counters;
use super::outbox::{Outbox, To};
use super::own::Own;
use super::wire::{Answer, LINKS_MAX, LinkReport, Probe};
use crate::model::{Name, Quality};
use crate::topology::{Meter, PlaceId, publish};
use ringshard_protocol::crypto::ReplayWindow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Time between two probes of a node.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// Another node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerTarget {
    /// Its name.
    pub name: Name,
    /// Where it is.
    pub address: SocketAddr,
}

/// The other nodes.
#[derive(Debug, Default)]
pub(super) struct Peers {
    peers: BTreeMap<PlaceId, Peer>,
    /// Number of the last probe.
    number: u64,
}

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) target: PeerTarget,
    pub(super) meter: Meter,
    pub(super) quality: Quality,
    /// Its newest run. None: nothing was heard of it.
    run: Option<u64>,
    /// Probes of that run that came.
    asked: ReplayWindow,
    probe_at: Duration,
    /// Where the next answer to it begins to tell links, if not all fit.
    told: usize,
}

impl Peers {
    /// Takes over the other nodes. Those that are where they were stay as they are. Gives those that are gone.
    pub(super) fn set(&mut self, now: Duration, targets: Vec<PeerTarget>) -> Vec<PlaceId> {
        let mut before = std::mem::take(&mut self.peers);
        for target in targets {
            let id = PlaceId::of_node(&target.name);
            let known = before.remove(&id).filter(|peer| peer.target == target);
            let peer = known.unwrap_or_else(|| Peer {
                // Spread, so that not all probes leave at once.
                probe_at: now + Duration::from_millis(u64::from(id.0) % PROBE_INTERVAL.as_millis() as u64),
                target,
                meter: Meter::default(),
                quality: Quality::DOWN,
                run: None,
                asked: ReplayWindow::default(),
                told: 0,
            });
            self.peers.insert(id, peer);
        }
        before.into_keys().filter(|id| !self.peers.contains_key(id)).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PlaceId, &Peer)> {
        self.peers.iter().map(|(id, peer)| (*id, peer))
    }

    /// Where a node is.
    pub(super) fn address(&self, node: PlaceId) -> Option<SocketAddr> {
        self.peers.get(&node).map(|peer| peer.target.address)
    }

    /// Whether an authentic datagram of this run of a node counts; the counter says why not.
    pub(super) fn accepts(&mut self, node: PlaceId, run: u64, counters: &mut Counters) -> bool {
        let Some(peer) = self.peers.get_mut(&node) else {
            counters.unknown_node += 1;
            return false;
        };
        if peer.run.is_some_and(|known| run < known) {
            counters.stale_run += 1;
            return false;
        }
        peer.set_run(run);
        true
    }

    /// Sends the probes that are due, and notes which are lost. Gives the links that others must hear of.
    pub(super) fn advance(
        &mut self,
        now: Duration,
        own: &Own,
        key: &RelayKey,
        counters: &mut Counters,
        outbox: &mut Outbox,
    ) -> Vec<LinkReport> {
        let mut changed = Vec::new();
        for (id, peer) in &mut self.peers {
            peer.meter.advance(now);
            if peer.probe_at <= now {
                self.number += 1;
                let probe = Probe { run: own.run, number: self.number, from: own.id, to: *id };
                outbox.send(To::Node(peer.target.address), |bytes| probe.write(key, bytes));
                peer.meter.asked(self.number, now);
                // After a pause of the process, one probe is enough.
                peer.probe_at = (peer.probe_at + PROBE_INTERVAL).max(now);
                counters.probes_sent += 1;
            }
            let quality = publish(Some(peer.quality), &peer.meter);
            if quality != peer.quality {
                if quality.up != peer.quality.up {
                    counters.links_lost += u64::from(!quality.up);
                    let (node, up) = (&peer.target.name, quality.up);
                    tracing::info!(%node, up, round_trip_ms = quality.round_trip_ms, "a link to a node has changed");
                }
                peer.quality = quality;
                changed.push(LinkReport { from: own.id, to: *id, quality });
            }
        }
        changed
    }

    /// The links of this node to them.
    pub(super) fn reports(&self, own: &Own) -> impl Iterator<Item = LinkReport> {
        self.peers.iter().map(|(id, peer)| LinkReport { from: own.id, to: *id, quality: peer.quality })
    }

    /// Answers a probe. It tells the links `of_this` node, and as many `of_others` as fit. It goes to where the asking node is known to be, so a repeated probe reaches nobody else.
    pub(super) fn probed(
        &mut self,
        probe: &Probe,
        own: &Own,
        [of_this, of_others]: [&[LinkReport]; 2],
        key: &RelayKey,
        counters: &mut Counters,
        outbox: &mut Outbox,
    ) {
        if probe.to != own.id || !self.accepts(probe.from, probe.run, counters) {
            return;
        }
        let peer = self.peers.get_mut(&probe.from).expect("it was accepted");
        if !peer.asked.is_fresh(probe.number) {
            counters.replayed += 1;
            return;
        }
        peer.asked.commit(probe.number);
        let address = peer.target.address;
        let mut links = in_turn(of_this, LINKS_MAX, &mut peer.told);
        let room = LINKS_MAX - links.len();
        links.extend(in_turn(of_others, room, &mut peer.told));
        let answer =
            Answer { run: own.run, number: probe.number, from: own.id, to: probe.from, asked_run: probe.run, links };
        outbox.send(To::Node(address), |bytes| answer.write(key, bytes));
        counters.probes_answered += 1;
    }

    /// Takes an answer. False: it answers nothing that was asked.
    pub(super) fn answered(&mut self, now: Duration, answer: &Answer, own: &Own, counters: &mut Counters) -> bool {
        let Some(peer) = self.peers.get_mut(&answer.from) else {
            counters.unknown_node += 1;
            return false;
        };
        let is_mine = answer.to == own.id && answer.asked_run == own.run;
        if !is_mine || !peer.meter.answered(answer.number, now) {
            counters.answers_unclaimed += 1;
            return false;
        }
        // It is fresh, so this is the node's run, even if its clock was set back before it started.
        peer.set_run(answer.run);
        true
    }
}

impl Peer {
    fn set_run(&mut self, run: u64) {
        if self.run != Some(run) {
            (self.run, self.asked) = (Some(run), ReplayWindow::default());
        }
    }
}

/// As many of these as there is room for: all, or those whose turn it is.
fn in_turn(links: &[LinkReport], room: usize, told: &mut usize) -> Vec<LinkReport> {
    if links.len() <= room {
        return links.to_vec();
    }
    let from = *told % links.len();
    *told = from + room;
    links[from..].iter().chain(&links[..from]).take(room).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_do_not_fit_are_told_in_turns() {
        let links: Vec<_> =
            (0..7).map(|to| LinkReport { from: PlaceId(0), to: PlaceId(to), quality: Quality::DOWN }).collect();
        let mut told = 0;
        let turns: Vec<Vec<u32>> =
            (0..3).map(|_| in_turn(&links, 3, &mut told).iter().map(|link| link.to.0).collect()).collect();
        assert_eq!(turns, [[0, 1, 2], [3, 4, 5], [6, 0, 1]]);
        assert_eq!(in_turn(&links, 7, &mut told).len(), 7);
        assert!(in_turn(&links, 0, &mut told).is_empty());
    }
}
