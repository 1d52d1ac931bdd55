//! The clients of an edge. The first datagram of an address makes it a client; one that the host does not answer is soon
//! forgotten. The tables are bounded, and so is how many of them one address fills, and how fast.

use super::counters::Counters;
use crate::topology::{NODES_MAX, PlaceId};
use ringshard_protocol::crypto::ReplayWindow;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A client whose host has sent nothing of a session is forgotten after this time, even if it goes on sending: its address may be
/// invented.
const UNANSWERED_LIFETIME: Duration = Duration::from_secs(10);
/// A client in a session is forgotten after this time of silence. Sessions are over by then.
const LIFETIME: Duration = Duration::from_secs(60);
/// Clients of one address: a street may be behind it.
const PER_ADDRESS_MAX: u32 = 256;
/// New clients per second, and at once.
const NEW_PER_SECOND: f64 = 2_000.0;
const NEW_AT_ONCE: f64 = 2_000.0;
/// After the last node of a client has started again, or its host has moved, edges repeat the client's address for at least this time.
/// What the host sent before it knew the address has arrived by then, and all nodes know the host's new address.
const ANNOUNCED_AGAIN: Duration = Duration::from_secs(2);
/// Last nodes of which a flow remembers what came.
const WINDOWS_MAX: usize = 3;
/// Others of which it remembers the highest number that came: all of a fleet.
const LEFT_MAX: usize = NODES_MAX;

/// Where a client sent its datagram: the number of the door, and its own address.
pub(super) type Origin = (u16, SocketAddr);

/// The clients.
#[derive(Debug)]
pub(super) struct Flows {
    flows: HashMap<u64, Flow>,
    ids: HashMap<Origin, u64>,
    of_address: HashMap<IpAddr, u32>,
    /// Those that had no answer of a session when they were looked at last, the oldest first.
    unanswered: VecDeque<u64>,
    most: usize,
    next: u64,
    /// Clients that may come at once now.
    allowance: f64,
    allowed_at: Duration,
}

/// A client.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) origin: Origin,
    pub(super) host: PlaceId,
    /// Datagrams that it has sent.
    pub(super) sent: u64,
    /// The last node of its route. None: it has sent nothing yet.
    pub(super) last: Option<PlaceId>,
    /// The host has yet to learn its address over that node. An answer that comes from this time on shows that it has. None: it has.
    announces_from: Option<Duration>,
    /// The host has sent something of a session.
    is_answered: bool,
    opened_at: Duration,
    heard_at: Duration,
    /// What came from last nodes.
    windows: Vec<FromLast>,
    /// Of other last nodes, in their runs, the highest number that came.
    left: Vec<(PlaceId, u64, u64)>,
}

/// What came from a last node.
#[derive(Debug)]
struct FromLast {
    node: PlaceId,
    run: u64,
    window: ReplayWindow,
    /// What is not above it came before the window began, or too late to tell.
    floor: u64,
}

impl Flows {
    /// At most so many clients. `first` must be random: it makes the ids of this run differ from those of others.
    pub(super) fn new(most: usize, first: u64) -> Self {
        Flows {
            flows: HashMap::new(),
            ids: HashMap::new(),
            of_address: HashMap::new(),
            unanswered: VecDeque::new(),
            most,
            next: first,
            allowance: NEW_AT_ONCE,
            allowed_at: Duration::ZERO,
        }
    }

    /// Clients now.
    pub(super) fn len(&self) -> usize {
        self.flows.len()
    }

    pub(super) fn get(&mut self, id: u64) -> Option<&mut Flow> {
        self.flows.get_mut(&id)
    }

    /// The client of this origin, which has sent something to this host. A new one is taken in; None if there are too many.
    pub(super) fn heard(
        &mut self,
        origin: Origin,
        host: PlaceId,
        now: Duration,
        counters: &mut Counters,
    ) -> Option<(u64, &mut Flow, bool)> {
        let known = self.ids.get(&origin).copied();
        let id = match known {
            Some(id) => id,
            None => self.admit(origin, host, now, counters)?,
        };
        let flow = self.flows.get_mut(&id).expect("every id has a flow");
        flow.heard_at = now;
        Some((id, flow, known.is_none()))
    }

    fn admit(&mut self, origin: Origin, host: PlaceId, now: Duration, counters: &mut Counters) -> Option<u64> {
        let passed = now.saturating_sub(self.allowed_at).as_secs_f64();
        (self.allowance, self.allowed_at) = ((self.allowance + passed * NEW_PER_SECOND).min(NEW_AT_ONCE), now);
        let network = network(origin.1.ip());
        let has_its_share = self.of_address.get(&network).is_some_and(|count| *count >= PER_ADDRESS_MAX);
        if has_its_share || self.allowance < 1.0 {
            return None;
        }
        counters.flows_displaced += u64::from(self.make_room());
        if self.flows.len() >= self.most {
            return None;
        }
        self.allowance -= 1.0;
        self.next = self.next.wrapping_add(1);
        let flow = Flow {
            origin,
            host,
            sent: 0,
            last: None,
            announces_from: Some(now),
            is_answered: false,
            opened_at: now,
            heard_at: now,
            windows: Vec::new(),
            left: Vec::new(),
        };
        self.flows.insert(self.next, flow);
        self.ids.insert(origin, self.next);
        self.unanswered.push_back(self.next);
        *self.of_address.entry(network).or_default() += 1;
        Some(self.next)
    }

    /// Forgets the oldest client without a session if there are as many clients as there may be: its address may be invented.
    fn make_room(&mut self) -> bool {
        while self.flows.len() >= self.most {
            let Some(id) = self.unanswered.pop_front() else { return false };
            if self.flows.get(&id).is_some_and(|flow| !flow.is_answered) {
                self.remove(id);
                return true;
            }
        }
        false
    }

    fn remove(&mut self, id: u64) {
        let Some(flow) = self.flows.remove(&id) else { return };
        self.ids.remove(&flow.origin);
        let network = network(flow.origin.1.ip());
        let count = self.of_address.get_mut(&network).expect("the address of a client is counted");
        *count -= 1;
        if *count == 0 {
            self.of_address.remove(&network);
        }
    }

    /// The hosts of these clients do not know their addresses any more.
    pub(super) fn announce(&mut self, now: Duration, is_one: impl Fn(&Flow) -> bool) {
        for flow in self.flows.values_mut().filter(|flow| is_one(flow)) {
            flow.announces_from = Some(now + ANNOUNCED_AGAIN);
        }
    }

    /// Forgets clients that have been silent for too long. Gives how many.
    pub(super) fn expire(&mut self, now: Duration) -> u64 {
        let ends = |flow: &Flow| match flow.is_answered {
            true => flow.heard_at + LIFETIME <= now,
            false => flow.opened_at + UNANSWERED_LIFETIME <= now,
        };
        let gone: Vec<_> = self.flows.iter().filter(|(_, flow)| ends(flow)).map(|(id, _)| *id).collect();
        gone.iter().for_each(|id| self.remove(*id));
        let flows = &self.flows;
        self.unanswered.retain(|id| flows.get(id).is_some_and(|flow| !flow.is_answered));
        gone.len() as u64
    }
}

impl Flow {
    /// Notes that the client's datagrams leave by this last node now.
    pub(super) fn leaves_by(&mut self, last: PlaceId, now: Duration) {
        if self.last != Some(last) {
            self.last = Some(last);
            self.announces_from = Some(self.announces_from.map_or(now, |from| from.max(now)));
        }
    }

    /// Whether its datagrams tell its address.
    pub(super) fn announces(&self) -> bool {
        self.announces_from.is_some()
    }

    /// The host has sent something of a session over this last node.
    pub(super) fn answered_by(&mut self, last: PlaceId, now: Duration) {
        self.is_answered = true;
        // The host sends over the last node of the route, so it has taken a datagram that told the address.
        if self.last == Some(last) {
            self.announces_from = self.announces_from.filter(|from| now < *from);
        }
    }

    /// Whether this datagram of a last node is the first of its number.
    pub(super) fn is_fresh(&mut self, last: PlaceId, run: u64, number: u64) -> bool {
        let at = self.windows.iter().position(|from| (from.node, from.run) == (last, run));
        let at = at.unwrap_or_else(|| self.begin(last, run));
        let FromLast { window, floor, .. } = &mut self.windows[at];
        let is_fresh = number > *floor && window.is_fresh(number);
        if is_fresh {
            window.commit(number);
        }
        is_fresh
    }

    /// Begins to note what comes from a last node, and gives where. Of the one that came first, only the highest number stays.
    fn begin(&mut self, node: PlaceId, run: u64) -> usize {
        self.windows.retain(|from| from.node != node || from.run > run);
        let floor = self.left.iter().find(|left| (left.0, left.1) == (node, run)).map_or(0, |left| left.2);
        self.left.retain(|left| left.0 != node);
        if self.windows.len() == WINDOWS_MAX {
            let from = self.windows.remove(0);
            if self.left.len() == LEFT_MAX {
                self.left.remove(0);
            }
            self.left.push((from.node, from.run, from.window.highest().max(from.floor)));
        }
        self.windows.push(FromLast { node, run, window: ReplayWindow::default(), floor });
        self.windows.len() - 1
    }
}

/// Who counts as one: an IPv4 address, or a /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[8..].fill(0);
            IpAddr::from(octets)
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: PlaceId = PlaceId(9);

    fn origin(text: &str) -> Origin {
        (0, text.parse().unwrap())
    }

    /// A client sends something.
    fn heard(flows: &mut Flows, origin: Origin, now: Duration) -> Option<u64> {
        flows.heard(origin, HOST, now, &mut Counters::default()).map(|(id, _, _)| id)
    }

    #[test]
    fn an_address_fills_only_its_share_and_the_table_has_an_end() {
        let mut flows = Flows::new(PER_ADDRESS_MAX as usize + 2, 9);
        let tries = (1..=PER_ADDRESS_MAX as u16 + 10)
            .map(|port| heard(&mut flows, (0, ([192, 0, 2, 1], port).into()), Duration::ZERO).is_some());
        assert_eq!(tries.filter(|taken| *taken).count(), PER_ADDRESS_MAX as usize);
        assert!(heard(&mut flows, origin("[2001:db8::1]:1"), Duration::ZERO).is_some());
        assert!(heard(&mut flows, origin("[2001:db8::2]:1"), Duration::ZERO).is_some());
        assert_eq!(flows.expire(UNANSWERED_LIFETIME), PER_ADDRESS_MAX as u64 + 2);
        assert_eq!((flows.len(), flows.ids.len(), flows.of_address.len(), flows.unanswered.len()), (0, 0, 0, 0));
    }

    #[test]
    fn in_a_full_table_a_newcomer_displaces_the_oldest_without_a_session_and_nobody_in_one() {
        let (mut flows, mut counters) = (Flows::new(3, 9), Counters::default());
        let mut come = |flows: &mut Flows, last: u8| {
            let origin = (0, ([192, 0, 2, last], 5000).into());
            flows.heard(origin, HOST, Duration::ZERO, &mut counters).map(|(id, _, _)| id)
        };
        let [player, oldest, other] = [1, 2, 3].map(|last| come(&mut flows, last).unwrap());
        flows.get(player).unwrap().answered_by(PlaceId(1), Duration::ZERO);
        let newcomer = come(&mut flows, 4).unwrap();
        let stays = [player, oldest, other, newcomer].map(|id| flows.get(id).is_some());
        assert_eq!(stays, [true, false, true, true]);
        for id in [other, newcomer] {
            flows.get(id).unwrap().answered_by(PlaceId(1), Duration::ZERO);
        }
        assert_eq!(come(&mut flows, 5), None, "all play");
        assert_eq!(come(&mut flows, 1), Some(player), "a known client stays");
        assert_eq!((flows.of_address.len(), counters.flows_displaced), (3, 1));
    }

    #[test]
    fn after_a_restart_of_its_last_node_a_client_tells_its_address_until_a_late_answer() {
        let mut flows = Flows::new(10, 9);
        let id = heard(&mut flows, origin("192.0.2.1:1"), Duration::ZERO).unwrap();
        let (one, other) = (PlaceId(1), PlaceId(2));
        flows.get(id).unwrap().leaves_by(one, Duration::ZERO);
        flows.get(id).unwrap().answered_by(other, Duration::ZERO);
        assert!(flows.get(id).unwrap().announces(), "the host has answered over another node");
        flows.get(id).unwrap().answered_by(one, Duration::ZERO);
        assert!(!flows.get(id).unwrap().announces());
        flows.announce(Duration::ZERO, |flow| flow.last == Some(other));
        assert!(!flows.get(id).unwrap().announces(), "it is the restart of another node");
        flows.announce(Duration::ZERO, |flow| flow.last == Some(one));
        flows.get(id).unwrap().answered_by(one, ANNOUNCED_AGAIN - Duration::from_millis(1));
        assert!(flows.get(id).unwrap().announces(), "the host may have sent this before it knew the address");
        flows.get(id).unwrap().answered_by(one, ANNOUNCED_AGAIN);
        assert!(!flows.get(id).unwrap().announces());
    }

    #[test]
    fn newcomers_have_a_rate() {
        let mut flows = Flows::new(1 << 20, 9);
        let mut come = |at: Duration, from: u32, count: u32| {
            let address = |number: u32| SocketAddr::from((std::net::Ipv4Addr::from(number), 9));
            (from..from + count).filter(|number| heard(&mut flows, (0, address(*number)), at).is_some()).count()
        };
        assert_eq!(come(Duration::ZERO, 0, 5_000), 2_000);
        assert_eq!(come(Duration::from_millis(500), 10_000, 5_000), 1_000);
    }

    #[test]
    fn a_client_in_a_session_is_remembered_for_longer() {
        let mut flows = Flows::new(10, 9);
        let id = heard(&mut flows, origin("192.0.2.1:1"), Duration::ZERO).unwrap();
        flows.get(id).unwrap().is_answered = true;
        assert_eq!(flows.expire(LIFETIME - Duration::from_millis(1)), 0);
        assert!(flows.get(id).is_some());
        assert_eq!(flows.expire(LIFETIME), 1);
    }

    #[test]
    fn a_client_that_nobody_answers_is_forgotten_even_if_it_goes_on_sending() {
        let mut flows = Flows::new(10, 9);
        for second in 0..UNANSWERED_LIFETIME.as_secs() {
            assert!(heard(&mut flows, origin("192.0.2.1:1"), Duration::from_secs(second)).is_some());
        }
        assert_eq!(flows.expire(UNANSWERED_LIFETIME), 1);
    }

    #[test]
    fn what_a_last_node_sent_is_taken_once_and_its_next_run_begins_anew() {
        let mut flows = Flows::new(10, 9);
        let id = heard(&mut flows, origin("192.0.2.1:1"), Duration::ZERO).unwrap();
        let flow = flows.get(id).unwrap();
        let (one, other) = (PlaceId(1), PlaceId(2));
        assert!(flow.is_fresh(one, 5, 70) && !flow.is_fresh(one, 5, 70));
        assert!(flow.is_fresh(other, 5, 70), "numbers are of one node");
        assert!(flow.is_fresh(one, 6, 70), "and of one run");
        for node in 3..200 {
            assert!(flow.is_fresh(PlaceId(node), 5, 1));
        }
        assert_eq!((flow.windows.len(), flow.left.len()), (WINDOWS_MAX, LEFT_MAX));
    }

    #[test]
    fn what_a_last_node_sent_is_not_taken_again_after_others_took_its_place() {
        let mut flows = Flows::new(10, 9);
        let id = heard(&mut flows, origin("192.0.2.1:1"), Duration::ZERO).unwrap();
        let flow = flows.get(id).unwrap();
        for number in 60..=70 {
            for node in 1..=7 {
                assert!(flow.is_fresh(PlaceId(node), 5, number), "{node} {number}");
                assert!(!flow.is_fresh(PlaceId(node), 5, number), "{node} {number}");
            }
        }
        for node in 1..=7 {
            assert!((60..=70).all(|number| !flow.is_fresh(PlaceId(node), 5, number)), "{node}");
            assert!(flow.is_fresh(PlaceId(node), 6, 60), "its next run");
        }
    }
}
