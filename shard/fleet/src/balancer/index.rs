//! The directory, prepared for decisions. It is made when the directory or the policy changes, never for a request.

use super::hash;
use super::policy::Policy;
use crate::location::Position;
use crate::model::{Directory, Host, HostState, Name};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// Number of a contract that no host has.
pub(super) const NO_CONTRACT: u32 = u32::MAX;
/// Number of a host's contract if any client will do.
pub(super) const ANY_CONTRACT: u32 = u32::MAX - 1;

/// The directory and the policy, prepared for decisions.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Index {
    pub(super) directory: Arc<Directory>,
    /// By name: those of the policy, and those that hosts name.
    pub(super) regions: Vec<IndexedRegion>,
    /// By region, then by name.
    pub(super) hosts: Vec<IndexedHost>,
    region_numbers: HashMap<Name, u32>,
    contracts: HashMap<String, u32>,
}

/// A region.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct IndexedRegion {
    pub(super) name: Name,
    pub(super) position: Option<Position>,
    pub(super) is_closed: bool,
    /// Where its clients go when it is full.
    pub(super) overflow: Vec<u32>,
    /// Its hosts, as numbers.
    pub(super) hosts: Range<u32>,
}

/// What decisions need of a host, side by side in memory.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct IndexedHost {
    pub(super) name: Name,
    pub(super) region: u32,
    pub(super) hash: u64,
    pub(super) contract: u32,
    /// Places that newcomers may take, taken ones included.
    pub(super) places: u32,
    pub(super) capacity: u32,
    pub(super) players: u32,
    pub(super) weight: u32,
    pub(super) load: f32,
    pub(super) state: HostState,
}

impl Index {
    /// Prepares a directory. The work grows with the number of hosts.
    pub fn new(directory: &Arc<Directory>, policy: &Policy) -> Index {
        let mut by_region: BTreeMap<&Name, Vec<&Host>> = policy.regions.keys().map(|name| (name, Vec::new())).collect();
        for host in directory.hosts.values() {
            by_region.entry(&host.region).or_default().push(host);
        }
        let contracts: BTreeSet<&str> = directory.hosts.values().map(|host| host.contract.as_str()).collect();
        let contracts = contracts.into_iter().filter(|contract| !contract.is_empty()).map(str::to_owned).zip(0..);
        let mut index = Index {
            directory: Arc::clone(directory),
            regions: Vec::with_capacity(by_region.len()),
            hosts: Vec::with_capacity(directory.hosts.len()),
            region_numbers: by_region.keys().map(|name| (*name).clone()).zip(0..).collect(),
            contracts: contracts.collect(),
        };
        for (name, hosts) in by_region {
            index.add_region(name, &hosts, policy);
        }
        index
    }

    fn add_region(&mut self, name: &Name, hosts: &[&Host], policy: &Policy) {
        let number = self.regions.len() as u32;
        let first = self.hosts.len() as u32;
        for host in hosts {
            let contract = if host.contract.is_empty() { ANY_CONTRACT } else { self.contracts[&host.contract] };
            let reserve = (u64::from(host.capacity) * u64::from(policy.reserve_percent) / 100) as u32;
            self.hosts.push(IndexedHost {
                name: host.name.clone(),
                region: number,
                hash: hash::of_name(host.name.as_str()),
                contract,
                places: host.capacity - reserve,
                capacity: host.capacity,
                players: host.players,
                weight: host.weight,
                load: host.load,
                state: host.state,
            });
        }
        let region = policy.regions.get(name);
        let overflow = region.map_or(&[][..], |region| &region.overflow);
        self.regions.push(IndexedRegion {
            name: name.clone(),
            position: region.and_then(|region| region.position),
            is_closed: region.is_some_and(|region| region.closed),
            overflow: overflow.iter().filter_map(|other| self.region_numbers.get(other).copied()).collect(),
            hosts: first..self.hosts.len() as u32,
        });
    }

    /// The number of a host. None: the directory does not have it.
    pub(super) fn host_number(&self, name: &Name) -> Option<u32> {
        let region = self.region_number(&self.directory.hosts.get(name)?.region)?;
        let Range { start, end } = self.hosts_of(region);
        let hosts = &self.hosts[start as usize..end as usize];
        Some(start + hosts.binary_search_by(|host| host.name.cmp(name)).ok()? as u32)
    }

    /// The number of a region. None: neither the policy nor a host names it.
    pub(super) fn region_number(&self, name: &Name) -> Option<u32> {
        self.region_numbers.get(name).copied()
    }

    /// The number of a client's contract; [`NO_CONTRACT`] if no host has it.
    pub(super) fn contract_number(&self, contract: &str) -> u32 {
        self.contracts.get(contract).copied().unwrap_or(NO_CONTRACT)
    }

    pub(super) fn host(&self, number: u32) -> &IndexedHost {
        &self.hosts[number as usize]
    }

    /// All that the directory has of a host.
    pub(super) fn record(&self, number: u32) -> &Host {
        &self.directory.hosts[&self.host(number).name]
    }

    pub(super) fn region(&self, number: u32) -> &IndexedRegion {
        &self.regions[number as usize]
    }

    /// The hosts of a region, as numbers.
    pub(super) fn hosts_of(&self, region: u32) -> Range<u32> {
        self.region(region).hosts.clone()
    }

    /// For each host, its number in an older index. None: it is new, or stood in another region.
    pub(super) fn numbers_in<'a>(&'a self, old: &'a Index) -> impl Iterator<Item = Option<u32>> + 'a {
        // Both are in the same order, so one walk finds all.
        let mut at = 0;
        self.hosts.iter().map(move |host| {
            let key = (&self.region(host.region).name, &host.name);
            let key_at = |at: usize| old.hosts.get(at).map(|other| (&old.region(other.region).name, &other.name));
            while key_at(at).is_some_and(|other| other < key) {
                at += 1;
            }
            (key_at(at) == Some(key)).then_some(at as u32)
        })
    }
}
