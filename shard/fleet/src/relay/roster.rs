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
    /// The name of this node.
    own: Name,
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
    pub(super) fn open(settings: FleetSettings, own: Name, seed: u64) -> Result<Roster, Box<dyn Error>> {
        let directory = match &settings.registry {
            RegistrySettings::Etcd(_) => Some(open_directory(&settings, seed)?),
            RegistrySettings::Hosts(_) => None,
        };
        let (left_out, found) = Default::default();
        Ok(Roster { own, read_at: modified(&settings.path), settings, directory, known: None, left_out, found })
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

    /// Reads the file again if it has changed. Only its nodes and hosts count at once.
    fn reload(&mut self) {
        let now = modified(&self.settings.path);
        if now.is_none() || now == self.read_at {
            return;
        }
        self.read_at = now;
        match FleetSettings::load(&self.settings.path) {
            Ok(settings) => {
                let late = needs_restart(&self.settings, &settings, &self.own);
                let file = settings.path.display();
                tracing::info!(%file, nodes = settings.nodes.len(), "the nodes and hosts in the file of the fleet were read again");
                if !late.is_empty() {
                    let changed = late.join(", ");
                    tracing::warn!(%file, changed, "this part of the file counts only after a restart of this node: restart it");
                }
                self.take(settings);
            }
            Err(error) => tracing::error!(%error, "the former nodes and hosts stay"),
        }
    }

    /// Takes over the nodes and the hosts. The rest stays as it was at the start, as in the whole node.
    fn take(&mut self, settings: FleetSettings) {
        let FleetSettings { nodes, registry, .. } = settings;
        self.settings.nodes = nodes;
        if let (RegistrySettings::Hosts(hosts), RegistrySettings::Hosts(new)) = (&mut self.settings.registry, registry)
        {
            *hosts = new;
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

/// What of the file has changed and is read only at the start of a node.
fn needs_restart(before: &FleetSettings, after: &FleetSettings, own: &Name) -> Vec<String> {
    let entry = |settings: &FleetSettings| {
        let entry = settings.nodes.iter().find(|node| node.name == *own);
        entry.map(|entry| (entry.region.clone(), entry.address.clone()))
    };
    let has_other_registry = match (&before.registry, &after.registry) {
        (RegistrySettings::Hosts(_), RegistrySettings::Hosts(_)) => false,
        (before, after) => before != after,
    };
    let parts = [
        (before.relays != after.relays, "[relays]".to_owned()),
        (has_other_registry, "[etcd]".to_owned()),
        (entry(before) != entry(after), format!("the entry [[nodes]] of {own}")),
    ];
    parts.into_iter().filter(|(has_changed, _)| *has_changed).map(|(_, part)| part).collect()
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

    const HOST: &str = "[[hosts]]\nname='h'\nregion='eu'\naddress='a.example:1'\nadmin='10.0.0.1:3566'\n\
        key='0000000000000000000000000000000000000000000000000000000000000000'\n";

    fn file(registry: &str, relays: &str, nodes: &[(&str, &str)]) -> String {
        let nodes =
            nodes.iter().map(|(name, address)| format!("[[nodes]]\nname='{name}'\nregion='eu'\naddress='{address}'\n"));
        format!("{registry}\n[relays]\nkey-file='k'\n{relays}\n{}", nodes.collect::<String>())
    }

    #[test]
    fn what_is_read_only_at_the_start_of_a_node_is_named_when_it_changes() {
        let parse = |text: &str| FleetSettings::parse(Path::new("fleet.toml"), text).unwrap();
        let (etcd, own) = ("[etcd]\nendpoints=['http://10.0.0.1:2379']\n", "n".parse().unwrap());
        let usual = file(etcd, "", &[("n", "a:1"), ("other", "b:1")]);
        for (text, named) in [
            (usual.clone(), &[][..]),
            (file(etcd, "", &[("n", "a:1"), ("new", "b:2")]), &[]),
            (file(etcd, "direct=false", &[("n", "a:1")]), &["[relays]"]),
            (usual.replace("'k'", "'l'"), &["[relays]"]),
            (etcd.to_owned(), &["[relays]", "the entry [[nodes]] of n"]),
            (usual.replace("10.0.0.1", "10.0.0.2"), &["[etcd]"]),
            (usual.replace(etcd, HOST), &["[etcd]"]),
            (usual.replace("a:1", "a:2"), &["the entry [[nodes]] of n"]),
        ] {
            assert_eq!(needs_restart(&parse(&usual), &parse(&text), &own), named, "{text}");
        }
        let hosts = file(HOST, "", &[]);
        let moved = hosts.replace("a.example", "b.example");
        assert!(needs_restart(&parse(&hosts), &parse(&moved), &own).is_empty(), "hosts count at once");
    }

    #[test]
    fn of_a_file_that_is_read_again_nodes_and_hosts_count_and_nothing_vanishes_with_another_registry() {
        let path = std::env::temp_dir().join(format!("ringshard-relay-roster-{}.toml", std::process::id()));
        std::fs::write(&path, file(HOST, "", &[("other", "b:1")])).unwrap();
        let own: Name = "n".parse().unwrap();
        let mut roster = Roster::open(FleetSettings::load(&path).unwrap(), own, 1).unwrap();
        let mut reread = |text: String| {
            std::fs::write(&path, text).unwrap();
            // Two writes may have one time.
            roster.read_at = None;
            roster.reload();
            let Texts { nodes, hosts } = roster.texts();
            [nodes, hosts].map(|texts| texts.into_values().collect::<Vec<_>>().join(" "))
        };
        let moved = HOST.replace("a.example", "b.example");
        assert_eq!(reread(file(&moved, "", &[("other", "c:1"), ("new", "d:1")])), ["d:1 c:1", "b.example:1"]);
        let etcd = "[etcd]\nendpoints=['http://10.0.0.1:2379']\n";
        assert_eq!(reread(file(etcd, "direct=false", &[("other", "c:1")])), ["c:1", "b.example:1"]);
        assert_eq!(reread("nonsense".to_owned()), ["c:1", "b.example:1"]);
        let _ = std::fs::remove_file(&path);
    }
}
