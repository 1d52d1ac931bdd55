//! Which nodes and hosts there are, with their addresses: those in the file of the fleet, and those of the registry.

use super::links::Target;
use crate::model::{Directory, Name};
use crate::registry::{DirectoryReader, FleetSettings, RegistrySettings, open_directory};
use std::collections::BTreeMap;
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
        Ok(Roster { read_at: modified(&settings.path), settings, directory, known: None, found: BTreeMap::new() })
    }

    /// All nodes and hosts, if they have changed or were not looked up for a while.
    pub(super) async fn poll(&mut self) -> Option<Places> {
        self.reload();
        let texts = self.texts();
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

/// When the file was last written.
fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stays_while_the_dns_has_it() {
        let [one, other, third] = [1, 2, 3].map(|last| SocketAddr::from(([192, 0, 2, last], 9)));
        assert_eq!(choose(None, &[one, other]), Some(one));
        assert_eq!(choose(Some(other), &[one, other]), Some(other));
        assert_eq!(choose(Some(third), &[one, other]), Some(one));
        assert_eq!(choose(Some(one), &[]), None);
    }
}
