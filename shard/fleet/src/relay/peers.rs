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

/// Links of other nodes that an answer has room for, however many this node has itself.
const LINKS_OF_OTHERS_MIN: usize = LINKS_MAX / 3;

/// The two ends of a link: the node that measured it, and the other one.
type Ends = (PlaceId, PlaceId);

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
    /// The link that it was told last, if not all fit: of this node, and of others. The next answer goes on behind it.
    told: [Option<Ends>; 2],
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

    /// Answers a probe. The answer tells the links `of_this` node and those `of_others`, each sorted by their ends; if not all
    /// fit, those whose turn it is. It goes to where the asking node is known to be, so a repeated probe reaches nobody else.
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
        let [told_of_this, told_of_others] = &mut heard.told;
        let mut links = in_turn(of_this, LINKS_MAX - LINKS_OF_OTHERS_MIN.min(of_others.len()), told_of_this);
        let room = LINKS_MAX - links.len();
        links.extend(in_turn(of_others, room, told_of_others));
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

/// As many of these as there is room for: all, or those that follow the one that was told last. The list may change between two
/// answers, so a position in it would miss some.
fn in_turn(links: &[LinkReport], room: usize, told: &mut Option<Ends>) -> Vec<LinkReport> {
    if links.len() <= room {
        return links.to_vec();
    }
    let ends = |link: &LinkReport| (link.from, link.to);
    let from = told.map_or(0, |told| links.partition_point(|link| ends(link) <= told));
    let turn: Vec<_> = links[from..].iter().chain(&links[..from]).take(room).copied().collect();
    *told = turn.last().map(ends).or(*told);
    turn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Name, Quality};
    use crate::relay::wire::{self, Message};
    use std::collections::BTreeSet;

    fn links(from: u32, to: std::ops::Range<u32>) -> Vec<LinkReport> {
        to.map(|to| LinkReport { from: PlaceId(from), to: PlaceId(to), quality: Quality::DOWN }).collect()
    }

    #[test]
    fn links_that_do_not_fit_are_told_in_turns_also_while_the_list_changes() {
        let mut told = None;
        let mut turn = |links: &[LinkReport], room| -> Vec<u32> {
            in_turn(links, room, &mut told).iter().map(|link| link.to.0).collect()
        };
        assert_eq!([turn(&links(0, 0..7), 3), turn(&links(0, 0..7), 3)], [[0, 1, 2], [3, 4, 5]]);
        assert_eq!(turn(&links(0, 2..9), 3), [6, 7, 8], "two have gone and two have come");
        assert_eq!(turn(&links(0, 2..9), 3), [2, 3, 4]);
        assert_eq!(turn(&links(0, 2..9), 7).len(), 7);
        assert!(turn(&links(0, 2..9), 0).is_empty());
        assert_eq!(turn(&links(0, 2..9), 3), [5, 6, 7], "those turns told all or nothing");
    }

    /// The links that a node tells another one in so many answers.
    fn told(of_this: &[LinkReport], of_others: &[LinkReport], answers: u64) -> BTreeSet<Ends> {
        let (key, mut counters) = (RelayKey::from_bytes([1; 32]), Counters::default());
        let [asking, asked]: [Name; 2] = ["a", "b"].map(|name| name.parse().unwrap());
        let own = Own { id: PlaceId::of_node(&asked), run: 1, doors: Vec::new(), exits: true, clients_max: 1 };
        let mut peers = Peers::default();
        let target = Target { name: asking.clone(), address: ([10, 0, 0, 1], 3600).into() };
        peers.set(Duration::ZERO, vec![target]);
        let mut told = BTreeSet::new();
        for number in 1..=answers {
            let probe = Probe { run: 1, number, from: PlaceId::of_node(&asking), to: own.id };
            let mut outbox = Outbox::default();
            peers.probed(&probe, &own, [of_this, of_others], &key, &mut counters, &mut outbox);
            let Ok(Message::Answer(answer)) = wire::read(&key, &outbox.bytes) else { panic!("it answers") };
            told.extend(answer.links.iter().map(|link| (link.from, link.to)));
        }
        told
    }

    #[test]
    fn every_link_of_this_node_and_of_others_is_told_within_a_few_answers() {
        // A fleet of 64 nodes and 334 hosts has 397 links of this node.
        let sizes = [(0, 0, 1), (60, 50, 1), (110, 1, 2), (150, 2, 2), (201, 1, 2), (201, 50, 3), (50, 400, 7)];
        for (of_this, of_others, answers) in sizes.into_iter().chain([(397, 0, 4), (400, 400, 12)]) {
            let all = [links(1, 0..of_this), links(2, 0..of_others)];
            let told = told(&all[0], &all[1], answers);
            assert_eq!(told.len() as u32, of_this + of_others, "{of_this} and {of_others} in {answers} answers");
        }
    }
}
