//! What a balancer knows of the hosts beyond the directory: the places that it gave away a moment ago, and the hosts that
//! clients cannot reach.
//!
//! The directory is up to a second old. Without this, all clients of that second would go to the host that was the emptiest.

use super::hash;
use super::index::Index;
use std::collections::{BTreeMap, HashMap};

/// Time after which a client that was sent to a host is there, or does not come.
pub(super) const HOLD_SECONDS: u64 = 10;
/// Time after which a member of a party is at the party's host, or does not come.
pub(super) const PARTY_HOLD_SECONDS: u64 = 30;
/// Seconds that are counted apart: more than any place is held for.
const SECONDS: u64 = 32;
const _: () = assert!(HOLD_SECONDS < SECONDS && PARTY_HOLD_SECONDS < SECONDS);
/// Places that are held for the clients of one network. More clients are sent to hosts, too, but no place is held for them: so
/// nobody fills the fleet by asking alone.
pub const HELD_PER_NETWORK_MAX: u32 = 32;
/// Reports older than this do not count.
const REPORT_MS: u64 = 30_000;
/// For which a host is avoided after the report that made it suspect.
const SUSPECT_MS: u64 = 30_000;
/// Reports that are kept per host.
const REPORTS_MAX: usize = 16;

/// What a balancer knows of the hosts of its index.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Live {
    /// By number of the host.
    hosts: Vec<LiveHost>,
    /// Places held, by the second in which they are given back, and by network.
    given: BTreeMap<(u64, u64), u32>,
    /// The same, summed by network.
    of_network: HashMap<u64, u32>,
    /// The second up to which held places were given back.
    second: u64,
}

#[derive(Clone, PartialEq, Debug, Default)]
struct LiveHost {
    /// Places that were given away, and whose clients are not in the directory yet.
    held: u32,
    /// The same, by the second in which they are given back.
    held_until: [u32; SECONDS as usize],
    /// Networks that could not reach it, and when they said so.
    reports: Vec<(u64, u64)>,
    suspect_until_ms: u64,
}

/// Places that are held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hold {
    network: u64,
    pub(super) places: u32,
    /// The second in which they are given back.
    until_s: u64,
}

impl Hold {
    fn slot(self) -> usize {
        (self.until_s % SECONDS) as usize
    }
}

impl Live {
    /// Nothing is known yet of the hosts of `index`.
    pub(super) fn new(index: &Index) -> Live {
        Live { hosts: vec![LiveHost::default(); index.hosts.len()], ..Live::default() }
    }

    /// A copy for a decision that is not carried out. Whose places are held does not change it, so that is left out.
    pub(super) fn copy(&self) -> Live {
        Live { hosts: self.hosts.clone(), second: self.second, ..Live::default() }
    }

    /// Goes on with a new index. Players that have arrived since the old one are in the directory now, so their places are no
    /// longer held. Of `n` that arrived, this balancer sent about `n / balancers`.
    pub(super) fn carry_over(&mut self, old: &Index, new: &Index, balancers: u32) {
        let hosts = new.hosts.iter().zip(new.numbers_in(old)).map(|(host, before)| {
            let Some(before) = before else { return LiveHost::default() };
            let mut live = std::mem::take(&mut self.hosts[before as usize]);
            let arrived = host.players.saturating_sub(old.host(before).players);
            live.release(arrived.div_ceil(balancers.max(1)), self.second);
            live
        });
        let hosts = hosts.collect();
        self.hosts = hosts;
    }

    /// Gives back what was held for too long. Call it before a decision.
    pub(super) fn advance(&mut self, now_ms: u64) {
        let second = now_ms / 1_000;
        if second <= self.second {
            return;
        }
        let passed = (second - self.second).min(SECONDS);
        for live in &mut self.hosts {
            for at in 0..passed {
                let slot = ((second - at) % SECONDS) as usize;
                live.held -= std::mem::take(&mut live.held_until[slot]);
            }
        }
        self.second = second;
        while let Some(entry) = self.given.first_entry().filter(|entry| entry.key().0 <= second) {
            let ((_, network), places) = entry.remove_entry();
            self.forget(network, places);
        }
    }

    fn forget(&mut self, network: u64, places: u32) {
        let sum = self.of_network.get_mut(&network).expect("a network with held places has a sum");
        *sum -= places;
        if *sum == 0 {
            self.of_network.remove(&network);
        }
    }

    /// Holds places for a client of a network that was sent to a host, for so many seconds, and at most `most` per network. Gives
    /// what is held.
    pub(super) fn hold(&mut self, host: u32, network: u64, places: u32, most: u32, seconds: u64) -> Hold {
        let sum = self.of_network.get(&network).copied().unwrap_or(0);
        let hold = Hold { network, places: places.min(most.saturating_sub(sum)), until_s: self.second + seconds };
        if hold.places > 0 {
            self.of_network.insert(network, sum + hold.places);
            *self.given.entry((hold.until_s, network)).or_default() += hold.places;
            let live = &mut self.hosts[host as usize];
            live.held += hold.places;
            live.held_until[hold.slot()] += hold.places;
        }
        hold
    }

    /// Gives held places back before their time. `host` is None if it is not in the index any more.
    pub(super) fn give_back(&mut self, host: Option<u32>, hold: Hold) {
        if hold.places == 0 || hold.until_s <= self.second {
            return;
        }
        let key = (hold.until_s, hold.network);
        let given = self.given.get_mut(&key).expect("what is held is noted");
        *given -= hold.places;
        if *given == 0 {
            self.given.remove(&key);
        }
        self.forget(hold.network, hold.places);
        if let Some(host) = host {
            let live = &mut self.hosts[host as usize];
            // Some of them are free already, if players have arrived.
            let places = hold.places.min(live.held_until[hold.slot()]);
            live.held -= places;
            live.held_until[hold.slot()] -= places;
        }
    }

    pub(super) fn held(&self, host: u32) -> u32 {
        self.hosts[host as usize].held
    }

    pub(super) fn is_suspect(&self, host: u32, now_ms: u64) -> bool {
        self.hosts[host as usize].suspect_until_ms > now_ms
    }

    /// A client of a network could not reach a host. Says whether the host is avoided from now on.
    ///
    /// At most half of the hosts of a region are avoided, so that false reports cannot close one.
    pub(super) fn report(&mut self, index: &Index, host: u32, network: u64, needed: u32, now_ms: u64) -> bool {
        let live = &mut self.hosts[host as usize];
        live.reports.retain(|(other, at_ms)| *other != network && at_ms + REPORT_MS > now_ms);
        if live.reports.len() == REPORTS_MAX {
            live.reports.remove(0);
        }
        live.reports.push((network, now_ms));
        if needed == 0 || (live.reports.len() as u32) < needed || live.suspect_until_ms > now_ms {
            return false;
        }
        let others = index.hosts_of(index.host(host).region);
        let suspects = others.clone().filter(|other| self.is_suspect(*other, now_ms)).count();
        if (suspects + 1) * 2 > others.len() {
            return false;
        }
        self.hosts[host as usize].suspect_until_ms = now_ms + SUSPECT_MS;
        true
    }

    /// Hosts that are avoided now.
    pub(super) fn suspects(&self, now_ms: u64) -> usize {
        self.hosts.iter().filter(|live| live.suspect_until_ms > now_ms).count()
    }
}

impl LiveHost {
    /// Gives back up to `places`, those first that end first.
    fn release(&mut self, places: u32, second: u64) {
        let mut left = places.min(self.held);
        self.held -= left;
        for ahead in 1..=SECONDS {
            let slot = ((second + ahead) % SECONDS) as usize;
            let given = left.min(self.held_until[slot]);
            self.held_until[slot] -= given;
            left -= given;
        }
        assert_eq!(left, 0, "the seconds have what is held");
    }
}

/// The hash of a client's network, as reports name it.
pub(super) fn network_hash(network: std::net::IpAddr) -> u64 {
    let bits = match network {
        std::net::IpAddr::V4(address) => u128::from(address.to_bits()) | 1 << 64,
        std::net::IpAddr::V6(address) => address.to_bits(),
    };
    hash::mix(hash::mix((bits >> 64) as u64) ^ bits as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balancer::fixtures::{directory, host};
    use crate::balancer::policy::Policy;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn index(players: &[u32]) -> Index {
        let hosts = players.iter().enumerate().map(|(number, players)| {
            let mut host = host(&format!("h{number}"), "r");
            host.players = *players;
            host
        });
        Index::new(&Arc::new(directory(hosts)), &Policy::default())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// The model keeps every place with the time at which it was given away.
        #[test]
        fn held_places_are_those_of_the_last_seconds(steps in prop::collection::vec((0_u64..4_000, 0_u32..3, 1_u32..5), 1..60)) {
            let index = index(&[0, 0, 0]);
            let mut live = Live::new(&index);
            let (mut now_ms, mut model) = (1_000_000, Vec::new());
            for (passes_ms, host, places) in steps {
                now_ms += passes_ms;
                live.advance(now_ms);
                live.hold(host, model.len() as u64, places, HELD_PER_NETWORK_MAX, HOLD_SECONDS);
                model.push((host, now_ms / 1_000, places));
                for host in 0..3 {
                    let held = model.iter().filter(|(other, second, _)| *other == host && second + HOLD_SECONDS > now_ms / 1_000);
                    prop_assert_eq!(live.held(host), held.map(|(_, _, places)| places).sum::<u32>());
                }
            }
        }
    }

    #[test]
    fn players_that_arrived_are_not_held_any_more() {
        let (before, after) = (index(&[10, 10]), index(&[13, 9]));
        let mut live = Live::new(&before);
        live.advance(5_000);
        live.hold(0, 1, 4, HELD_PER_NETWORK_MAX, HOLD_SECONDS);
        live.advance(7_000);
        live.hold(0, 1, 1, HELD_PER_NETWORK_MAX, HOLD_SECONDS);
        live.hold(1, 1, 2, HELD_PER_NETWORK_MAX, HOLD_SECONDS);
        live.carry_over(&before, &after, 1);
        assert_eq!((live.held(0), live.held(1)), (2, 2));
        // The oldest are given back first: one of second 5 and one of second 7 are left.
        live.advance(15_000);
        assert_eq!((live.held(0), live.held(1)), (1, 2));
        live.advance(17_000);
        assert_eq!((live.held(0), live.held(1)), (0, 0));
    }

    #[test]
    fn with_more_balancers_fewer_of_the_arrived_are_this_ones() {
        let (before, after) = (index(&[10]), index(&[14]));
        let mut live = Live::new(&before);
        live.advance(1_000);
        live.hold(0, 1, 4, HELD_PER_NETWORK_MAX, HOLD_SECONDS);
        live.carry_over(&before, &after, 4);
        assert_eq!(live.held(0), 3);
    }

    #[test]
    fn one_network_does_not_fill_the_fleet() {
        let index = index(&[0, 0]);
        let mut live = Live::new(&index);
        for second in 0..HOLD_SECONDS {
            live.advance(100_000 + second * 1_000);
            live.hold(0, 1, 20, HELD_PER_NETWORK_MAX, HOLD_SECONDS);
            live.hold(1, 2, 1, HELD_PER_NETWORK_MAX, HOLD_SECONDS);
        }
        assert_eq!((live.held(0), live.held(1)), (HELD_PER_NETWORK_MAX, HOLD_SECONDS as u32));
        live.advance(110_000);
        live.hold(0, 1, 1_000, HELD_PER_NETWORK_MAX, HOLD_SECONDS);
        assert_eq!(live.held(0), HELD_PER_NETWORK_MAX, "20 of the first second are free again");
        live.advance(200_000);
        assert!(live.given.is_empty() && live.of_network.is_empty());
    }

    #[test]
    fn places_that_are_given_back_are_free_at_once_and_once() {
        let before = index(&[10, 10]);
        let mut live = Live::new(&before);
        live.advance(5_000);
        let of_client = live.hold(0, 1, 3, HELD_PER_NETWORK_MAX, HOLD_SECONDS);
        let of_party = live.hold(0, 1, 4, HELD_PER_NETWORK_MAX, PARTY_HOLD_SECONDS);
        live.give_back(Some(0), of_client);
        assert_eq!((live.held(0), live.of_network[&1]), (4, 4));
        live.carry_over(&before, &index(&[13, 10]), 1);
        live.give_back(Some(0), of_party);
        assert_eq!((live.held(0), live.of_network.len()), (0, 0), "three had arrived");
        let late = live.hold(0, 1, 3, HELD_PER_NETWORK_MAX, HOLD_SECONDS);
        live.advance(15_000);
        live.give_back(Some(0), late);
        assert_eq!((live.held(0), live.given.len()), (0, 0));
    }

    #[test]
    fn a_host_is_avoided_once_enough_networks_cannot_reach_it_and_never_half_of_a_region() {
        let index = index(&[0, 0, 0, 0]);
        let mut live = Live::new(&index);
        assert!(!live.report(&index, 0, 1, 3, 0));
        assert!(!live.report(&index, 0, 1, 3, 1), "one network is one report");
        assert!(!live.report(&index, 0, 2, 3, 2));
        assert!(live.report(&index, 0, 3, 3, 3));
        assert!(live.is_suspect(0, 30_002) && !live.is_suspect(0, 30_003));
        for host in 1..4 {
            for network in 0..3 {
                live.report(&index, host, network, 3, 4);
            }
        }
        assert_eq!(live.suspects(4), 2);
        assert!(!live.report(&index, 3, 9, 0, 5), "0 turns it off");
    }

    #[test]
    fn old_reports_do_not_count() {
        let index = index(&[0, 0]);
        let mut live = Live::new(&index);
        assert!(!live.report(&index, 0, 1, 2, 0));
        assert!(!live.report(&index, 0, 2, 2, REPORT_MS));
        assert!(live.report(&index, 0, 3, 2, REPORT_MS + 1));
    }
}
