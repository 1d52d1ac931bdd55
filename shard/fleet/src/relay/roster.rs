//! Which nodes and hosts there are, with their addresses: those in the file of the fleet, and those of the registry.

use super::links::Target;
use crate::model::{Directory, Name};
use crate::registry::{DirectoryReader, FleetSettings, RegistrySettings, open_directory};
use crate::topology::{NODES_MAX, PlaceId};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tokio::net::lookup_host;
use tokio::time::Instant;

/// Names are looked up again after this time.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(60);

/// All nodes and hosts.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Places {
    pub(super) nodes: Vec<Target>,
    pub(super) hosts: Vec<Target>,
}

/// The addresses as texts, by name.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Texts {
    nodes: BTreeMap<Name, String>,
    hosts: BTreeMap<Name, String>,
}

/// Follows the file and the registry.
pub(super) struct Roster {
    settings: FleetSettings,
    read_at: Option<SystemTime>,
    directory: Option<DirectoryReader>,
    /// What was looked up last, and when.
    known: Option<(Texts, Instant)>,
    /// Nodes and hosts without a place. The log has said so.
    left_out: BTreeSet<Name>,
    /// The last answer to each address: it stays when the DNS does not answer.
    found: BTreeMap<String, SocketAddr>,
}

impl Roster {
    /// Begins to follow, on the current tokio runtime.
    pub(super) fn open(settings: FleetSettings, seed: u64) -> Result<Roster, Box<dyn Error>> {
        let directory = match &settings.registry {
            RegistrySettings::Etcd(_) => Some(open_directory(&settings, seed)?),
            RegistrySettings::Hosts(_) => None,
        };
        let (left_out, found) = Default::default();
        Ok(Roster { read_at: modified(&settings.path), settings, directory, known: None, left_out, found })
    }

    /// All nodes and hosts, if they have changed or were not looked up for a while.
    pub(super) async fn poll(&mut self) -> Option<Places> {
        self.reload();
        let mut texts = self.texts();
        let left_out = texts.leave_out();
        for (name, why) in left_out.iter().filter(|(name, _)| !self.left_out.contains(name)) {
            tracing::error!(%name, "{why}");
        }
        self.left_out = left_out.into_iter().map(|(name, _)| name).collect();
        if self.known.as_ref().is_some_and(|(known, at)| *known == texts && at.elapsed() < LOOKUP_INTERVAL) {
            return None;
        }
        let mut places = Places::default();
        for (name, text) in &texts.nodes {
            let node = self.lookup(name, text).await;
            places.nodes.extend(node.map(|address| Target { name: name.clone(), address }));
        }
        for (name, text) in &texts.hosts {
            let host = self.lookup(name, text).await;
            places.hosts.extend(host.map(|address| Target { name: name.clone(), address }));
        }
        self.found.retain(|text, _| texts.nodes.values().chain(texts.hosts.values()).any(|known| known == text));
        self.known = Some((texts, Instant::now()));
        Some(places)
    }

    /// Reads the file again if it has changed.
    fn reload(&mut self) {
        let now = modified(&self.settings.path);
        if now.is_none() || now == self.read_at {
            return;
        }
        self.read_at = now;
        match FleetSettings::load(&self.settings.path) {
            Ok(settings) => {
                tracing::info!(file = %settings.path.display(), nodes = settings.nodes.len(), "the file of the fleet was read again");
                self.settings = settings;
            }
            Err(error) => tracing::error!(%error, "the former nodes and hosts stay"),
        }
    }

    fn texts(&self) -> Texts {
        let mut texts = match &self.directory {
            Some(directory) => texts_of(&directory.latest()),
            None => Texts::default(),
        };
        if let RegistrySettings::Hosts(hosts) = &self.settings.registry {
            texts.hosts.extend(hosts.iter().map(|host| (host.name.clone(), host.address.clone())));
        }
        texts.nodes.extend(self.settings.nodes.iter().map(|node| (node.name.clone(), node.address.clone())));
        texts
    }

    /// The address now, or, if the DNS does not say, the former one.
    async fn lookup(&mut self, name: &Name, text: &str) -> Option<SocketAddr> {
        let former = self.found.get(text).copied();
        let found = lookup_host(text).await.map(|addresses| choose(former, &addresses.collect::<Vec<_>>()));
        match found {
            Ok(Some(address)) => drop(self.found.insert(text.to_owned(), address)),
            Ok(None) => tracing::warn!(%name, address = text, "the address has no entry in the DNS"),
            Err(error) => tracing::warn!(%name, address = text, %error, "the address cannot be looked up"),
        }
        self.found.get(text).copied()
    }
}

/// The former address while the DNS still has it, else the first one: DNS servers give several in turns, and a new address ends the
/// sockets of clients.
fn choose(former: Option<SocketAddr>, found: &[SocketAddr]) -> Option<SocketAddr> {
    former.filter(|former| found.contains(former)).or(found.first().copied())
}

fn texts_of(directory: &Directory) -> Texts {
    Texts {
        nodes: directory.nodes.values().map(|node| (node.name.clone(), node.address.clone())).collect(),
        hosts: directory.hosts.values().map(|host| (host.name.clone(), host.address.clone())).collect(),
    }
}

impl Texts {
    /// Leaves out what has no place: nodes above the limit, and of two with the same short id the second. They are in the order of
    /// their names, so all nodes leave out the same ones.
    fn leave_out(&mut self) -> Vec<(Name, String)> {
        let mut left_out = Vec::new();
        let mut taken: BTreeMap<PlaceId, Name> = BTreeMap::new();
        let mut is_in = |name: &Name, place: PlaceId| match taken.get(&place) {
            Some(other) => {
                left_out.push((
                    name.clone(),
                    format!("it has the same short id as {other}, so no route uses it: rename it"),
                ));
                false
            }
            None => taken.insert(place, name.clone()).is_none(),
        };
        self.nodes.retain(|name, _| is_in(name, PlaceId::of_node(name)));
        self.hosts.retain(|name, _| is_in(name, PlaceId::of_host(name)));
        while self.nodes.len() > NODES_MAX {
            let (name, _) = self.nodes.pop_last().expect("there are some");
            left_out
                .push((name, format!("no route uses this node, because a fleet has at most {NODES_MAX}: end some")));
        }
        left_out
    }
}

/// When the file was last written.
fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_place_is_left_out_by_name() {
        // Found by a search: the SHA-256 of each pair begins with the same four bytes.
        let names = |names: &[&str]| names.iter().map(|name| (name.parse().unwrap(), String::new())).collect();
        let mut texts = Texts {
            nodes: names(&["place-20785", "place-41992", "place-9660"]),
            hosts: names(&["place-5139", "place-5140"]),
        };
        let left_out = texts.leave_out();
        let whys: Vec<_> = left_out.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        assert!(whys[0].starts_with("place-41992: it has the same short id as place-20785"), "{whys:?}");
        assert!(whys[1].starts_with("place-5139: it has the same short id as place-9660"), "{whys:?}");
        assert_eq!((whys.len(), texts.nodes.len(), texts.hosts.len()), (2, 2, 1));
        let many: Vec<String> = (100..100 + NODES_MAX + 2).map(|number| format!("node-{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        texts.nodes = names(&many);
        let left_out: Vec<_> = texts.leave_out().into_iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!((left_out, texts.nodes.len()), (vec!["node-165".to_owned(), "node-164".into()], NODES_MAX));
    }

    #[test]
    fn an_address_stays_while_the_dns_has_it() {
        let [one, other, third] = [1, 2, 3].map(|last| SocketAddr::from(([192, 0, 2, last], 9)));
        assert_eq!(choose(None, &[one, other]), Some(one));
        assert_eq!(choose(Some(other), &[one, other]), Some(other));
        assert_eq!(choose(Some(third), &[one, other]), Some(one));
        assert_eq!(choose(Some(one), &[]), None);
    }
}
