//! The records of hosts, as a directory.

use super::Keys;
use super::keys::StateKey;
use crate::model::{Directory, Host, Name, Node, Orders, Zones};
use crate::store::{Change, Listing};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Longest record of a host that is read, in bytes.
const RECORD_BYTES_MAX: usize = 16 * 1024;
/// Longest record of zones.
const ZONES_BYTES_MAX: usize = 1536 * 1024;

/// The records of hosts, kept current by changes. Records that cannot be read are left out and counted.
#[derive(Clone, Debug)]
pub struct Roster {
    keys: Keys,
    revision: u64,
    hosts: BTreeMap<Name, Host>,
    orders: BTreeMap<Name, Orders>,
    nodes: BTreeMap<Name, Node>,
    zones: Zones,
    unreadable: u64,
}

impl Roster {
    /// No records yet.
    pub fn new(keys: Keys) -> Self {
        Roster {
            keys,
            revision: 0,
            hosts: BTreeMap::new(),
            orders: BTreeMap::new(),
            nodes: BTreeMap::new(),
            zones: Zones::default(),
            unreadable: 0,
        }
    }

    /// The revision of the store that it shows. 0: none yet.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Records so far that could not be read.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Takes over all records, and forgets the former ones.
    pub fn load(&mut self, listing: &Listing) {
        self.hosts.clear();
        self.orders.clear();
        self.nodes.clear();
        for (key, record) in &listing.records {
            self.set(key, Some(&record.value));
        }
        self.revision = listing.revision;
    }

    /// Takes over changes, in their order. Those that it shows already change nothing.
    pub fn apply(&mut self, changes: &[Change]) {
        let before = self.revision;
        for change in changes.iter().filter(|change| change.revision > before) {
            self.set(&change.key, change.record.as_ref().map(|record| &*record.value));
            self.revision = self.revision.max(change.revision);
        }
    }

    fn set(&mut self, key: &str, value: Option<&[u8]>) {
        let Some(parsed) = self.keys.parse(key) else { return };
        match parsed {
            StateKey::Record(name) => {
                let host: Option<Host> = value.and_then(|value| self.read(key, value, RECORD_BYTES_MAX));
                // A record under another host's name would give that host two records.
                match host.filter(|host| host.name == name) {
                    Some(host) => self.hosts.insert(name, host),
                    None => self.hosts.remove(&name),
                };
            }
            StateKey::Orders(name) => {
                let orders: Option<Orders> = value.and_then(|value| self.read(key, value, RECORD_BYTES_MAX));
                match orders.filter(|orders| !orders.is_empty()) {
                    Some(orders) => self.orders.insert(name, orders),
                    None => self.orders.remove(&name),
                };
            }
            StateKey::Node(name) => {
                let node: Option<Node> = value.and_then(|value| self.read(key, value, Node::RECORD_BYTES_MAX));
                match node.filter(|node| node.name == name) {
                    Some(node) => self.nodes.insert(name, node),
                    None => self.nodes.remove(&name),
                };
            }
            // Zones that cannot be read stay as they were: without zones, hosts would think that they own everything.
            StateKey::Zones => match value.map(|value| self.read(key, value, ZONES_BYTES_MAX)) {
                Some(Some(zones)) => self.zones = zones,
                Some(None) => {}
                None => self.zones = Zones::default(),
            },
        }
    }

    fn read<T: DeserializeOwned>(&mut self, key: &str, value: &[u8], most: usize) -> Option<T> {
        let parsed = match value.len() {
            bytes if bytes <= most => serde_json::from_slice(value).map_err(|error| error.to_string()),
            bytes => Err(format!("it has {bytes} bytes, but {most} are the most")),
        };
        if let Err(error) = &parsed {
            self.unreadable += 1;
            tracing::warn!(key, %error, "a record of the registry is ignored, because this version cannot read it");
        }
        parsed.ok()
    }

    /// All hosts, as the balancers see them.
    pub fn directory(&self) -> Directory {
        let obeying = |(name, host): (&Name, &Host)| {
            let orders = self.orders.get(name);
            let state = orders.map_or(host.state, |orders| orders.state_of(host));
            (name.clone(), Host { state, ..host.clone() })
        };
        Directory {
            revision: self.revision,
            hosts: self.hosts.iter().map(obeying).collect(),
            orders: self.orders.clone(),
            nodes: self.nodes.clone(),
            zones: self.zones.clone(),
        }
    }
}
