//! The slow, obvious balancer. It works on the directory as it is, with names and lists, and shares no code with the fast one
//! but the hashes and the distances.

use crate::balancer::hash::{mix, of_name};
use crate::balancer::{Overflow, Party, Policy, Refused, Request, Strategy, Way, Whereabouts};
use crate::model::{Directory, Host, HostState, Name};
use std::collections::{BTreeMap, BTreeSet};

/// Where a client is sent.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Sent {
    To(Name),
    Nowhere(Refused),
}

pub(super) struct Reference {
    directory: Directory,
    policy: Policy,
    held: BTreeMap<Name, u32>,
    avoided: BTreeSet<Name>,
}

impl Reference {
    pub(super) fn new(directory: Directory, policy: Policy) -> Reference {
        Reference { directory, policy, held: BTreeMap::new(), avoided: BTreeSet::new() }
    }

    pub(super) fn avoid(&mut self, host: Name) {
        self.avoided.insert(host);
    }

    pub(super) fn route(&mut self, request: &Request, random: u64) -> Sent {
        if let Some(Party::Member(pass)) = &request.party
            && let Some(host) = self.directory.hosts.get(&pass.host)
            && self.taken(host) < host.capacity.into()
            && self.is_open(host, request)
        {
            let host = host.name.clone();
            *self.held.entry(host.clone()).or_default() += 1;
            return Sent::To(host);
        }
        let sent = self.choose(request, random);
        if let Sent::To(host) = &sent {
            *self.held.entry(host.clone()).or_default() += needs(request);
        }
        sent
    }

    fn choose(&self, request: &Request, random: u64) -> Sent {
        let regions = self.regions();
        let mut open: Vec<Name> = regions.iter().filter(|name| !self.is_closed(name)).cloned().collect();
        if open.is_empty() && !regions.is_empty() {
            return Sent::Nowhere(Refused::Closed);
        }
        open.sort_by(|one, other| {
            let (one_way, one_value) = self.rank(request, one);
            let (other_way, other_value) = self.rank(request, other);
            one_way.cmp(&other_way).then(one_value.total_cmp(&other_value)).then(one.cmp(other))
        });
        let reach = self.reach(open);
        for region in &reach {
            let fitting: Vec<&Host> = self.hosts_of(region).filter(|host| self.fits(host, request)).collect();
            if !fitting.is_empty() {
                return Sent::To(self.pick(request, fitting, random));
            }
        }
        Sent::Nowhere(self.refusal(request, &reach))
    }

    fn regions(&self) -> BTreeSet<Name> {
        let of_hosts = self.directory.hosts.values().map(|host| host.region.clone());
        of_hosts.chain(self.policy.regions.keys().cloned()).collect()
    }

    fn is_closed(&self, region: &Name) -> bool {
        self.policy.regions.get(region).is_some_and(|region| region.closed)
    }

    fn hosts_of(&self, region: &Name) -> impl Iterator<Item = &Host> {
        self.directory.hosts.values().filter(move |host| host.region == *region)
    }

    /// The first way that says something of a region, and what it says.
    fn rank(&self, request: &Request, region: &Name) -> (usize, f64) {
        for (number, way) in self.policy.regions_by.iter().enumerate() {
            let value = match way {
                Way::Wish => (request.region.as_ref() == Some(region)).then_some(0.0),
                Way::RoundTrip => {
                    let of_region = request.round_trips.iter().filter(|(name, _)| name == region);
                    of_region.map(|(_, ms)| f64::from(*ms)).min_by(f64::total_cmp)
                }
                Way::Location => match request.place {
                    Whereabouts::At(place) => {
                        let position = self.policy.regions.get(region).and_then(|region| region.position);
                        position.map(|position| position.distance_km(place.position))
                    }
                    Whereabouts::NoDatabase | Whereabouts::Unknown => None,
                },
            };
            if let Some(value) = value {
                return (number, value);
            }
        }
        (usize::MAX, 0.0)
    }

    fn reach(&self, order: Vec<Name>) -> Vec<Name> {
        let Some(first) = order.first().cloned() else { return order };
        match self.policy.overflow {
            Overflow::Next => order,
            Overflow::None => vec![first],
            Overflow::Listed => {
                let mut reach = vec![first.clone()];
                let listed = self.policy.regions.get(&first).map(|region| region.overflow.clone()).unwrap_or_default();
                for region in listed {
                    if order.contains(&region) && !reach.contains(&region) {
                        reach.push(region);
                    }
                }
                reach
            }
        }
    }

    /// Whether a host takes the client, if it has places.
    fn is_open(&self, host: &Host, request: &Request) -> bool {
        let same_contract = match &request.contract {
            Some(contract) => host.contract.is_empty() || host.contract == *contract,
            None => true,
        };
        host.state == HostState::Ready
            && same_contract
            && !request.failed.contains(&host.name)
            && !self.avoided.contains(&host.name)
            && (self.policy.strategy != Strategy::Weighted || host.weight > 0)
    }

    /// Places for newcomers, if the host were empty.
    fn places(&self, host: &Host) -> i64 {
        i64::from(host.capacity) - i64::from(host.capacity) * i64::from(self.policy.reserve_percent) / 100
    }

    fn taken(&self, host: &Host) -> i64 {
        let held = self.held.get(&host.name).copied().unwrap_or(0);
        i64::from(host.players) + i64::from(held) * i64::from(self.policy.balancers)
    }

    fn fits(&self, host: &Host, request: &Request) -> bool {
        self.is_open(host, request) && self.places(host) - self.taken(host) >= i64::from(needs(request))
    }

    fn refusal(&self, request: &Request, reach: &[Name]) -> Refused {
        let hosts: Vec<&Host> = reach.iter().flat_map(|region| self.hosts_of(region)).collect();
        if hosts.is_empty() {
            return Refused::NoHosts;
        }
        let needs = i64::from(needs(request));
        let mut reasons = BTreeSet::new();
        for host in hosts {
            let other_contract = request
                .contract
                .as_ref()
                .is_some_and(|contract| !host.contract.is_empty() && *contract != host.contract);
            reasons.insert(if host.state == HostState::Overloaded {
                Refused::Full
            } else if host.state != HostState::Ready {
                Refused::Unavailable
            } else if other_contract {
                Refused::OtherContract
            } else if request.failed.contains(&host.name) {
                Refused::Unavailable
            } else if self.avoided.contains(&host.name) {
                Refused::Full
            } else if !self.is_open(host, request) {
                Refused::Unavailable
            } else if self.places(host) < needs {
                Refused::PartyTooLarge
            } else {
                Refused::Full
            });
        }
        let order = [Refused::Full, Refused::PartyTooLarge, Refused::OtherContract, Refused::Unavailable];
        order.into_iter().find(|refused| reasons.contains(refused)).expect("every host has a reason")
    }

    fn pick(&self, request: &Request, fitting: Vec<&Host>, random: u64) -> Name {
        let own = |key: u64| {
            let score = |host: &&&Host| mix(mix(key) ^ of_name(host.name.as_str()));
            fitting.iter().max_by_key(score).expect("one fits").name.clone()
        };
        if let Some(Party::Founder { id, .. }) = request.party {
            return own(id);
        }
        match (self.policy.strategy, request.key) {
            (Strategy::Sticky, Some(key)) => own(key),
            (Strategy::Weighted, _) => {
                // Each host has as many lots as its weight, and one of all lots is drawn.
                let lots: Vec<&Host> =
                    fitting.iter().flat_map(|host| std::iter::repeat_n(*host, host.weight as usize)).collect();
                let drawn = (u128::from(random) * lots.len() as u128) >> 64;
                lots[drawn as usize].name.clone()
            }
            (Strategy::LeastLoaded | Strategy::Sticky, _) => {
                let lowest = fitting.iter().map(|host| self.load(host)).min_by(f64::total_cmp).expect("one fits");
                let equal = fitting.iter().filter(|host| self.load(host) == lowest);
                let drawn = equal.max_by_key(|host| mix(mix(random) ^ of_name(host.name.as_str())));
                drawn.expect("one is the lowest").name.clone()
            }
        }
    }

    fn load(&self, host: &Host) -> f64 {
        let share = self.taken(host) as f64 / f64::from(host.capacity.max(1));
        let cores = if host.load.is_nan() { 1.0 } else { f64::from(host.load) };
        share.max(cores)
    }
}

fn needs(request: &Request) -> u32 {
    match request.party {
        Some(Party::Founder { size, .. }) => size,
        _ => 1,
    }
}
