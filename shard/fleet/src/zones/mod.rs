//! What a host does about zones: which it takes, and which it gives away. It has no clock and does no I/O.
//!
//! A zone is taken by a host that is ready. If its owner falls silent on the bus and its lease in the registry ends, another
//! host takes it over: the registry refuses that while the owner's lease is alive. If the owner is there again with a new run
//! of its server, it takes its own zones back, which have no players any more.

use crate::courier::Peer;
use crate::model::{Name, Owner, RunId, Zone, Zones};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// How long the bus must be there before a host takes a zone: then it has heard of all others.
pub const ALL_HEARD: Duration = Duration::from_secs(3);
/// How long a new zone waits for others that an operator makes with it, so that all are spread alike.
const TOGETHER: Duration = Duration::from_secs(1);
/// How long hosts that are not the first choice for a zone leave it to the one before them.
const TURN: Duration = Duration::from_secs(2);

/// What is known of another host by its beats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard {
    /// The run of its server.
    pub run: RunId,
    /// Whether it takes players and zones.
    pub is_open: bool,
    /// Whether its game has the contract of this host's: only then can the players of a zone go there, too.
    pub has_contract: bool,
    /// How long it has been silent. It says something twice per second.
    pub silent_for: Duration,
    /// How long no other run of its name has said anything.
    pub known_for: Duration,
}

/// What this host sees.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// This host.
    pub me: &'a Peer,
    /// Whether this host takes players and zones, and is registered.
    pub is_open: bool,
    /// Whether this host is ending, so that its zones go to others.
    pub is_leaving: bool,
    /// The zones.
    pub zones: &'a Zones,
    /// The other hosts.
    pub heard: &'a BTreeMap<Name, Heard>,
    /// For how long runs have been silent of which others have said that they heard them.
    pub told: &'a BTreeMap<RunId, Duration>,
    /// Runs that have said that they have ended.
    pub left: &'a BTreeSet<RunId>,
    /// How long the bus has been there. Only then does silence say something.
    pub bus_for: Duration,
    /// A host that is silent for longer is gone.
    pub patience: Duration,
}

/// What this host is to do with a zone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Duty {
    /// Take it: it belongs to nobody, or to an earlier run of this host, which has been silent.
    Take {
        /// The zone.
        zone: Name,
        /// Its owner.
        from: Option<Owner>,
    },
    /// Take it over from a host that is gone, if the registry says so, too.
    TakeOver {
        /// The zone.
        zone: Name,
        /// The host, and the run of it that is gone.
        from: Owner,
    },
    /// Give it to the host that it moves to, or, if this host is ending, to the one that fits best.
    Give {
        /// The zone.
        zone: Name,
        /// That host.
        to: Peer,
    },
}

impl Duty {
    /// The zone.
    pub fn zone(&self) -> &Name {
        match self {
            Duty::Take { zone, .. } | Duty::TakeOver { zone, .. } | Duty::Give { zone, .. } => zone,
        }
    }

    /// The run of a host that is taken for gone.
    pub fn taken_from(&self) -> Option<RunId> {
        match self {
            Duty::TakeOver { from, .. } | Duty::Take { from: Some(from), .. } => from.run,
            Duty::Take { from: None, .. } | Duty::Give { .. } => None,
        }
    }

    /// The other host that owns one zone more after it.
    fn receiver(&self) -> Option<&Name> {
        match self {
            Duty::Give { to, .. } => Some(&to.name),
            Duty::Take { .. } | Duty::TakeOver { .. } => None,
        }
    }
}

/// Decides what this host does about zones.
#[derive(Clone, Default, Debug)]
pub struct Steward {
    /// Since when a zone has had no living owner.
    orphaned_since: BTreeMap<Name, Duration>,
}

impl Steward {
    /// What to do now.
    pub fn duties(&mut self, now: Duration, view: View<'_>) -> Vec<Duty> {
        let mut duties = Vec::new();
        let mut orphans = BTreeMap::new();
        // What each host would own if all that is orphaned were taken by its first choice.
        let mut owned: BTreeMap<&Name, usize> = BTreeMap::new();
        for owner in view.zones.zones.values().filter_map(|zone| zone.owner.as_ref()) {
            *owned.entry(owner).or_default() += 1;
        }
        for (name, zone) in &view.zones.zones {
            match standing(zone, view) {
                Standing::Me => {
                    let duty = give(name, zone, view, &owned);
                    if let Some(to) = duty.as_ref().and_then(Duty::receiver).and_then(|to| view.heard.get_key_value(to))
                    {
                        *owned.entry(to.0).or_default() += 1;
                    }
                    duties.extend(duty);
                }
                Standing::Alive => {}
                Standing::MyPast if view.is_open && view.bus_for >= view.patience => {
                    duties.push(Duty::Take { zone: name.clone(), from: view.zones.owner(zone) })
                }
                Standing::MyPast => {}
                Standing::Nobody | Standing::Gone => {
                    // Before that, no turn passes.
                    let has_heard_all = view.bus_for >= ALL_HEARD;
                    let since = *self.orphaned_since.get(name).filter(|_| has_heard_all).unwrap_or(&now);
                    orphans.insert(name.clone(), since);
                    let order = candidates(name, view, &owned);
                    if let Some(first) = order.first() {
                        *owned.entry(first).or_default() += 1;
                    }
                    let place = order.iter().position(|host| *host == &view.me.name);
                    let from = if zone.owner.is_none() { since + TOGETHER } else { since };
                    let is_turn = place.is_some_and(|place| now >= from + TURN * place as u32);
                    if is_turn && has_heard_all {
                        duties.push(match view.zones.owner(zone) {
                            None => Duty::Take { zone: name.clone(), from: None },
                            Some(from) => Duty::TakeOver { zone: name.clone(), from },
                        });
                    }
                }
            }
        }
        self.orphaned_since = orphans;
        duties
    }
}

/// Whether another host could take zones of this one.
pub fn can_give(view: View<'_>) -> bool {
    view.heard.values().any(|heard| takes(heard, view))
}

/// Whether the owner of a zone is gone, as far as its beats say.
pub fn is_orphaned(zone: &Name, view: View<'_>) -> bool {
    view.zones.zones.get(zone).is_some_and(|zone| matches!(standing(zone, view), Standing::Gone))
}

/// Zones that no living host has, as far as this one knows.
pub fn without_host(view: View<'_>) -> usize {
    let is_without = |zone: &&Zone| matches!(standing(zone, view), Standing::Nobody | Standing::Gone);
    view.zones.zones.values().filter(is_without).count()
}

enum Standing {
    Me,
    MyPast,
    Alive,
    Nobody,
    Gone,
}

fn standing(zone: &Zone, view: View<'_>) -> Standing {
    let Some(host) = &zone.owner else { return Standing::Nobody };
    let run = view.zones.owners.get(host).copied();
    let has_left = run.is_some_and(|run| view.left.contains(&run));
    let is_told = run.and_then(|run| view.told.get(&run)).is_some_and(|silent_for| *silent_for < view.patience);
    if *host == view.me.name {
        return match run {
            Some(run) if run == view.me.run => Standing::Me,
            _ if is_told => Standing::Alive,
            _ => Standing::MyPast,
        };
    }
    // A new run of the owner takes its zones back itself, if it takes any. The former one is gone when it has been silent.
    let is_former = |heard: &Heard| Some(heard.run) != run && heard.known_for >= view.patience;
    let is_silent = |heard: &Heard| heard.silent_for >= view.patience || (is_former(heard) && !heard.is_open);
    let is_gone = has_left || (!is_told && view.heard.get(host).is_none_or(is_silent));
    if is_gone && view.bus_for >= view.patience { Standing::Gone } else { Standing::Alive }
}

fn give(name: &Name, zone: &Zone, view: View<'_>, owned: &BTreeMap<&Name, usize>) -> Option<Duty> {
    let is_there = |host: &Name| view.heard.get(host).is_some_and(|heard| takes(heard, view));
    let to = match &zone.moving {
        Some(moving) if is_there(&moving.to) => &moving.to,
        _ if view.is_leaving => candidates(name, view, owned).into_iter().find(|host| **host != view.me.name)?,
        _ => return None,
    };
    let run = view.heard.get(to)?.run;
    Some(Duty::Give { zone: name.clone(), to: Peer { name: to.clone(), run } })
}

/// Whether another host takes zones of this one.
fn takes(heard: &Heard, view: View<'_>) -> bool {
    heard.is_open && heard.has_contract && heard.silent_for < view.patience
}

/// The hosts that could take a zone, the best first: those that own the fewest; among equals each zone has its own order.
fn candidates<'a>(zone: &Name, view: View<'a>, owned: &BTreeMap<&Name, usize>) -> Vec<&'a Name> {
    let others = view.heard.iter().filter(|(_, heard)| takes(heard, view));
    let me = view.is_open.then_some(&view.me.name);
    let mut all: Vec<&Name> = others.map(|(name, _)| name).chain(me).collect();
    all.sort_by_cached_key(|host| (owned.get(*host).copied().unwrap_or(0), mixed(zone, host)));
    all
}

fn mixed(zone: &Name, host: &Name) -> u64 {
    // Hosts of one version agree on it; those of another only take turns.
    let mut hasher = DefaultHasher::new();
    (zone, host).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Order;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn owner(host: &str, run: u64) -> Owner {
        Owner { host: name(host), run: Some(RunId(run)) }
    }

    struct Fleet {
        zones: Zones,
        heard: BTreeMap<Name, Heard>,
        told: BTreeMap<RunId, Duration>,
        left: BTreeSet<RunId>,
    }

    impl Fleet {
        fn new(zones: &[&str], hosts: &[&str]) -> Self {
            let mut all = Zones::default();
            for (at, zone) in zones.iter().enumerate() {
                let x = at as f32 * 100.0;
                all.create(&name(zone), crate::model::Area { min: [x, 0.0], max: [x + 100.0, 100.0] }).unwrap();
            }
            let heard = hosts.iter().enumerate().map(|(at, host)| {
                (
                    name(host),
                    Heard {
                        run: RunId(at as u64),
                        is_open: true,
                        has_contract: true,
                        silent_for: Duration::ZERO,
                        known_for: S(60),
                    },
                )
            });
            Fleet { zones: all, heard: heard.collect(), told: BTreeMap::new(), left: BTreeSet::new() }
        }

        fn duties(&self, steward: &mut Steward, now: Duration, me: &str) -> Vec<Duty> {
            let run = self.heard[&name(me)].run;
            let mut heard = self.heard.clone();
            heard.remove(&name(me));
            let view = View {
                me: &Peer { name: name(me), run },
                is_open: self.heard[&name(me)].is_open,
                is_leaving: !self.heard[&name(me)].is_open,
                zones: &self.zones,
                heard: &heard,
                told: &self.told,
                left: &self.left,
                bus_for: S(60),
                patience: S(5),
            };
            steward.duties(now, view)
        }

        fn take(&mut self, zone: &str, host: &str) {
            let from = self.zones.owner(&self.zones.zones[&name(zone)]);
            let run = self.heard[&name(host)].run;
            self.zones.take(&name(zone), from.as_ref(), &name(host), run).unwrap();
        }
    }

    #[test]
    fn zones_without_an_owner_are_spread_and_each_is_taken_by_one_host() {
        let fleet = Fleet::new(&["a", "b", "c", "d", "e", "f"], &["h1", "h2", "h3"]);
        let mut taken = BTreeMap::new();
        for host in ["h1", "h2", "h3"] {
            let mut steward = Steward::default();
            assert!(fleet.duties(&mut steward, S(0), host).is_empty(), "others may come");
            let duties = fleet.duties(&mut steward, S(1), host);
            assert_eq!(duties.len(), 2, "{duties:?}");
            for duty in duties {
                let Duty::Take { zone, from: None } = duty else { panic!("{duty:?}") };
                assert_eq!(taken.insert(zone, host), None);
            }
        }
        assert_eq!(taken.len(), 6);
    }

    #[test]
    fn a_host_takes_no_zone_before_it_has_heard_the_others() {
        let fleet = Fleet::new(&["a"], &["h1"]);
        let heard = BTreeMap::new();
        let me = Peer { name: name("h1"), run: RunId(0) };
        let view = |bus_for| View {
            me: &me,
            is_open: true,
            is_leaving: false,
            zones: &fleet.zones,
            heard: &heard,
            told: &fleet.told,
            left: &fleet.left,
            bus_for,
            patience: S(5),
        };
        let mut steward = Steward::default();
        assert!(steward.duties(S(1), view(S(1))).is_empty());
        assert!(steward.duties(S(2), view(S(2))).is_empty());
        assert_eq!(steward.duties(S(3), view(S(3))).len(), 1);
    }

    #[test]
    fn others_take_a_zone_that_the_first_choice_leaves() {
        let fleet = Fleet::new(&["a"], &["h1", "h2", "h3"]);
        let mut when = Vec::new();
        for host in ["h1", "h2", "h3"] {
            let mut steward = Steward::default();
            when.push((0..10).find(|&second| !fleet.duties(&mut steward, S(second), host).is_empty()).unwrap());
        }
        when.sort_unstable();
        assert_eq!(when, [1, 3, 5]);
    }

    #[test]
    fn a_silent_owner_is_replaced_only_if_the_bus_is_there() {
        let mut fleet = Fleet::new(&["a"], &["h1", "h2"]);
        fleet.take("a", "h1");
        assert!(fleet.duties(&mut Steward::default(), S(1), "h2").is_empty());
        fleet.heard.get_mut(&name("h1")).unwrap().silent_for = S(6);
        let take_over = [Duty::TakeOver { zone: name("a"), from: owner("h1", 0) }];
        assert_eq!(fleet.duties(&mut Steward::default(), S(1), "h2"), take_over);
        let mut heard = fleet.heard.clone();
        heard.remove(&name("h2"));
        let me = Peer { name: name("h2"), run: RunId(1) };
        let view = View {
            me: &me,
            is_open: true,
            is_leaving: false,
            zones: &fleet.zones,
            heard: &heard,
            told: &fleet.told,
            left: &fleet.left,
            bus_for: S(4),
            patience: S(5),
        };
        assert!(Steward::default().duties(S(1), view).is_empty(), "it may be the bus that was away");
    }

    #[test]
    fn an_owner_that_only_others_hear_keeps_its_zone() {
        let mut fleet = Fleet::new(&["a"], &["h1", "h2"]);
        fleet.take("a", "h1");
        fleet.told.insert(RunId(0), S(4));
        for run in [0, 77] {
            // It is silent, was never heard here, or has lost its name to another run.
            fleet.heard.get_mut(&name("h1")).unwrap().silent_for = S(6);
            fleet.heard.get_mut(&name("h1")).unwrap().run = RunId(run);
            for host in ["h1", "h2"] {
                assert_eq!(fleet.duties(&mut Steward::default(), S(1), host), [], "{host}, heard as run {run}");
            }
        }
        fleet.told.insert(RunId(0), S(5));
        assert_eq!(fleet.duties(&mut Steward::default(), S(1), "h2").len(), 1);
        let back = fleet.duties(&mut Steward::default(), S(1), "h1");
        assert_eq!(back[0].taken_from(), Some(RunId(0)), "others are asked about it first: {back:?}");
    }

    #[test]
    fn an_owner_that_has_left_is_gone_whatever_else_is_heard() {
        let mut fleet = Fleet::new(&["a"], &["h1", "h2"]);
        fleet.take("a", "h1");
        fleet.left.insert(RunId(0));
        fleet.told.insert(RunId(0), S(0));
        let take_over = [Duty::TakeOver { zone: name("a"), from: owner("h1", 0) }];
        assert_eq!(fleet.duties(&mut Steward::default(), S(1), "h2"), take_over);
        let h1 = fleet.heard.get_mut(&name("h1")).unwrap();
        (h1.run, h1.known_for) = (RunId(77), S(0));
        assert_eq!(fleet.duties(&mut Steward::default(), S(1), "h2"), take_over, "a new run of it has just begun");
    }

    #[test]
    fn a_new_run_takes_the_zones_of_its_host_back() {
        let mut fleet = Fleet::new(&["a", "b"], &["h1", "h2"]);
        fleet.take("a", "h1");
        fleet.take("b", "h2");
        fleet.heard.get_mut(&name("h1")).unwrap().run = RunId(77);
        let back = [Duty::Take { zone: name("a"), from: Some(owner("h1", 0)) }];
        assert_eq!(fleet.duties(&mut Steward::default(), S(1), "h1"), back);
        assert!(fleet.duties(&mut Steward::default(), S(1), "h2").is_empty());
    }

    #[test]
    fn zones_of_a_host_that_came_back_and_takes_none_go_to_others() {
        let mut fleet = Fleet::new(&["a"], &["h1", "h2"]);
        fleet.take("a", "h1");
        let h1 = fleet.heard.get_mut(&name("h1")).unwrap();
        (h1.run, h1.is_open) = (RunId(77), false);
        let take_over = [Duty::TakeOver { zone: name("a"), from: owner("h1", 0) }];
        assert_eq!(fleet.duties(&mut Steward::default(), S(1), "h2"), take_over);
        assert!(fleet.duties(&mut Steward::default(), S(1), "h1").is_empty());
        fleet.heard.get_mut(&name("h1")).unwrap().known_for = S(2);
        assert!(fleet.duties(&mut Steward::default(), S(1), "h2").is_empty(), "the former run spoke 2 s ago");
    }

    #[test]
    fn a_host_that_ends_spreads_its_zones_over_the_others() {
        let mut fleet = Fleet::new(&["a", "b", "c", "d"], &["h1", "h2", "h3"]);
        ["a", "b", "c", "d"].into_iter().for_each(|zone| fleet.take(zone, "h1"));
        assert!(fleet.duties(&mut Steward::default(), S(1), "h1").is_empty());
        fleet.heard.get_mut(&name("h1")).unwrap().is_open = false;
        let mut got = BTreeMap::<Name, usize>::new();
        for duty in fleet.duties(&mut Steward::default(), S(1), "h1") {
            let Duty::Give { to, .. } = duty else { panic!("{duty:?}") };
            *got.entry(to.name).or_default() += 1;
        }
        assert_eq!(got.into_iter().collect::<Vec<_>>(), [(name("h2"), 2), (name("h3"), 2)]);
    }

    #[test]
    fn a_zone_is_given_to_the_host_that_it_moves_to_when_that_is_open() {
        let mut fleet = Fleet::new(&["a"], &["h1", "h2"]);
        fleet.take("a", "h1");
        let order = Order { by: "test".into(), at_ms: 1, reason: String::new() };
        fleet.zones.order_move(&name("a"), &name("h2"), order).unwrap();
        let to = Peer { name: name("h2"), run: RunId(1) };
        assert_eq!(fleet.duties(&mut Steward::default(), S(1), "h1"), [Duty::Give { zone: name("a"), to }]);
        fleet.heard.get_mut(&name("h2")).unwrap().is_open = false;
        assert!(fleet.duties(&mut Steward::default(), S(1), "h1").is_empty());
        assert!(fleet.duties(&mut Steward::default(), S(1), "h2").is_empty());
        // A host that ends gives it to any.
        fleet.heard.insert(name("h3"), Heard { run: RunId(2), ..fleet.heard[&name("h2")] });
        fleet.heard.get_mut(&name("h3")).unwrap().is_open = true;
        fleet.heard.get_mut(&name("h1")).unwrap().is_open = false;
        let to = Peer { name: name("h3"), run: RunId(2) };
        assert_eq!(fleet.duties(&mut Steward::default(), S(1), "h1"), [Duty::Give { zone: name("a"), to }]);
    }

    #[test]
    fn a_zone_goes_to_no_host_whose_game_has_another_contract() {
        let mut fleet = Fleet::new(&["a", "b"], &["h1", "h2", "h3"]);
        ["a", "b"].into_iter().for_each(|zone| fleet.take(zone, "h1"));
        let order = Order { by: "test".into(), at_ms: 1, reason: String::new() };
        fleet.zones.order_move(&name("a"), &name("h2"), order).unwrap();
        fleet.heard.get_mut(&name("h2")).unwrap().has_contract = false;
        assert_eq!(fleet.duties(&mut Steward::default(), S(1), "h1"), [], "its players could not follow");
        fleet.heard.get_mut(&name("h1")).unwrap().is_open = false;
        for duty in fleet.duties(&mut Steward::default(), S(1), "h1") {
            assert!(matches!(&duty, Duty::Give { to, .. } if to.name == name("h3")), "{duty:?}");
        }
    }
}
