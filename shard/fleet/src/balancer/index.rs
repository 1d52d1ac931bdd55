//! The directory, prepared for decisions. It is made when the directory or the policy changes, never for a request.

use super::hash;
use super::policy::Policy;
use crate::location::Position;
use crate::model::{Directory, Host, Name};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

/// Number of a contract that no host and no client has.
pub(super) const NO_CONTRACT: u32 = u32::MAX;
/// Number of a host's contract if any client will do.
pub(super) const ANY_CONTRACT: u32 = u32::MAX - 1;

/// The directory and the policy, prepared for decisions.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Index {
    /// The revision of the directory.
    pub(super) revision: u64,
    /// By name: those of the policy, and those that hosts name.
    pub(super) regions: Vec<IndexedRegion>,
    /// By region, then by name.
    pub(super) hosts: Vec<IndexedHost>,
    host_numbers: HashMap<Name, u32>,
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

/// A host.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct IndexedHost {
    pub(super) host: Host,
    pub(super) region: u32,
    pub(super) hash: u64,
    pub(super) contract: u32,
    /// Places that newcomers may take, taken ones included.
    pub(super) places: u32,
}

impl Index {
    /// Prepares a directory. The work grows with the number of hosts.
    pub fn new(directory: &Directory, policy: &Policy) -> Index {
        let mut by_region: BTreeMap<&Name, Vec<&Host>> = policy.regions.keys().map(|name| (name, Vec::new())).collect();
        for host in directory.hosts.values() {
            by_region.entry(&host.region).or_default().push(host);
        }
        let region_numbers: HashMap<Name, u32> = by_region.keys().map(|name| (*name).clone()).zip(0..).collect();
        let contracts: BTreeSet<&str> = directory.hosts.values().map(|host| host.contract.as_str()).collect();
        let contracts =
            contracts.into_iter().filter(|contract| !contract.is_empty()).map(str::to_owned).zip(0..).collect();
        let mut index = Index { revision: directory.revision, region_numbers, contracts, ..Index::default() };
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
            self.host_numbers.insert(host.name.clone(), self.hosts.len() as u32);
            self.hosts.push(IndexedHost {
                host: (*host).clone(),
                region: number,
                hash: hash::of_name(host.name.as_str()),
                contract,
                places: host.capacity - reserve,
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
        self.host_numbers.get(name).copied()
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

    pub(super) fn region(&self, number: u32) -> &IndexedRegion {
        &self.regions[number as usize]
    }

    /// The hosts of a region, as numbers.
    pub(super) fn hosts_of(&self, region: u32) -> Range<u32> {
        self.region(region).hosts.clone()
    }

    /// The revision of the directory.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}
