//! The other nodes: probes, answers, runs.

use super::RelayKey;
use super::counters::Counters;
use super::links::{MeasuredLinks, Target};
use super::outbox::{Outbox, To};
use super::own::Own;
use super::wire::{Answer, LINKS_MAX, LinkReport, Probe};
use crate::topology::PlaceId;
use ringshard_protocol::crypto::ReplayWindow;
use std::collections::BTreeMap;
use std::time::Duration;

/// The other nodes.
#[derive(Debug, Default)]
pub(super) struct Peers {
    pub(super) links: MeasuredLinks,
    /// What was heard of each of them.
    heard: BTreeMap<PlaceId, Heard>,
    /// Nodes that have started again since somebody asked.
    restarted: Vec<PlaceId>,
}

/// What was heard of a node.
#[derive(Debug, Default)]
struct Heard {
    /// Its newest run. None: nothing was heard of it.
    run: Option<u64>,
    /// Probes of that run that came.
    asked: ReplayWindow,
    /// Where the next answer to it begins to tell links, if not all fit.
    told: usize,
}

impl Peers {
    /// Takes over the other nodes. Gives those that are gone or have another address.
    pub(super) fn set(&mut self, now: Duration, targets: Vec<Target>) -> Vec<PlaceId> {
        let targets = targets.into_iter().map(|target| (PlaceId::of_node(&target.name), target)).collect();
        let moved = self.links.set(now, targets);
        self.heard.retain(|id, _| self.links.contains(*id));
        moved
    }

    /// Nodes that have started again since this was last asked.
    pub(super) fn take_restarted(&mut self) -> Vec<PlaceId> {
        std::mem::take(&mut self.restarted)
    }

    /// Whether an authentic datagram of this run of a node counts; the counter says why not.
    pub(super) fn accepts(&mut self, node: PlaceId, run: u64, counters: &mut Counters) -> bool {
        if !self.links.contains(node) {
            counters.unknown_node += 1;
            return false;
        }
        if self.heard.get(&node).and_then(|heard| heard.run).is_some_and(|known| run < known) {
            counters.stale_run += 1;
            return false;
        }
        self.set_run(node, run);
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
        self.links.advance(now, own.id, counters, |to, address, number| {
            let probe = Probe { run: own.run, number, from: own.id, to };
            outbox.send(To::Node(address), |bytes| probe.write(key, bytes));
            number
        })
    }

    /// Answers a probe. The answer tells the links `of_this` node, and as many `of_others` as fit. It goes to where the asking node
    /// is known to be, so a repeated probe reaches nobody else.
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
        let address = self.links.address(probe.from).expect("it was accepted");
        let heard = self.heard.entry(probe.from).or_default();
        if !heard.asked.is_fresh(probe.number) {
            counters.replayed += 1;
            return;
        }
        heard.asked.commit(probe.number);
        let mut links = in_turn(of_this, LINKS_MAX, &mut heard.told);
        let room = LINKS_MAX - links.len();
        links.extend(in_turn(of_others, room, &mut heard.told));
        let answer =
            Answer { run: own.run, number: probe.number, from: own.id, to: probe.from, asked_run: probe.run, links };
        outbox.send(To::Node(address), |bytes| answer.write(key, bytes));
        counters.probes_answered += 1;
    }

    /// Takes an answer. False: it answers nothing that was asked.
    pub(super) fn answered(&mut self, now: Duration, answer: &Answer, own: &Own, counters: &mut Counters) -> bool {
        if !self.links.contains(answer.from) {
            counters.unknown_node += 1;
            return false;
        }
        let is_mine = answer.to == own.id && answer.asked_run == own.run;
        if !is_mine || !self.links.answered(answer.from, answer.number, now) {
            counters.answers_unclaimed += 1;
            return false;
        }
        // It is fresh, so this is the node's run, even if its clock was set back before it started.
        self.set_run(answer.from, answer.run);
        true
    }

    fn set_run(&mut self, node: PlaceId, run: u64) {
        let heard = self.heard.entry(node).or_default();
        if heard.run != Some(run) {
            self.restarted.extend(heard.run.map(|_| node));
            (heard.run, heard.asked) = (Some(run), ReplayWindow::default());
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
    use crate::model::Quality;

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
