//! The file of the fleet. Hosts, balancers and operators share it.

use super::StaticHost;
use crate::bus::BusSettings;
use crate::store::EtcdSettings;
use crate::topology::{RelaySettings, StaticNode, faults_of_nodes};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Most hosts of a file.
const HOSTS_MAX: usize = 64;

/// The settings of a fleet, checked.
#[derive(Clone, PartialEq, Debug)]
pub struct FleetSettings {
    /// The file that has them.
    pub path: PathBuf,
    /// How hosts become known.
    pub registry: RegistrySettings,
    /// How hosts talk to each other. None: they do not, so there are no zones.
    pub bus: Option<BusSettings>,
    /// How nodes carry datagrams. None: there are none, and clients speak to hosts.
    pub relays: Option<RelaySettings>,
    /// Nodes that are in the file. With etcd, others may register.
    pub nodes: Vec<StaticNode>,
}

/// How hosts become known.
#[derive(Clone, PartialEq, Debug)]
pub enum RegistrySettings {
    /// They register in etcd.
    Etcd(EtcdSettings),
    /// They are in the file, and are probed.
    Hosts(Vec<StaticHost>),
}

/// A file of a fleet that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FleetSettingsError {
    /// The file cannot be read.
    #[error("cannot read the file of the fleet {0}: {1}")]
    File(PathBuf, std::io::Error),
    /// The file is not TOML with these settings.
    #[error("{0} is no file of a fleet: {1}")]
    Syntax(PathBuf, Box<toml::de::Error>),
    /// Settings that are wrong, each with what it must be.
    #[error("{file} has settings that are wrong:\n  {faults}", file = .0.display(), faults = .1.join("\n  "))]
    Faults(PathBuf, Vec<String>),
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    etcd: Option<EtcdSettings>,
    #[serde(default)]
    hosts: Vec<StaticHost>,
    bus: Option<BusSettings>,
    relays: Option<RelaySettings>,
    #[serde(default)]
    nodes: Vec<StaticNode>,
}

impl FleetSettings {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`FleetSettingsError`] tells all faults.
    pub fn load(path: &Path) -> Result<Self, FleetSettingsError> {
        let text = std::fs::read_to_string(path).map_err(|error| FleetSettingsError::File(path.to_owned(), error))?;
        FleetSettings::parse(path, &text)
    }

    /// Checks the text of the file at `path`.
    ///
    /// # Errors
    /// [`FleetSettingsError`] tells all faults.
    pub fn parse(path: &Path, text: &str) -> Result<Self, FleetSettingsError> {
        let raw: Raw =
            toml::from_str(text).map_err(|error| FleetSettingsError::Syntax(path.to_owned(), Box::new(error)))?;
        let (bus, relays, nodes) = (raw.bus.clone(), raw.relays.clone(), raw.nodes.clone());
        let (registry, mut faults) = match raw {
            Raw { etcd: Some(etcd), hosts, .. } if hosts.is_empty() => {
                let faults = etcd.faults();
                (RegistrySettings::Etcd(etcd), faults)
            }
            Raw { etcd: None, hosts, .. } if !hosts.is_empty() => {
                let faults = faults_of(&hosts);
                (RegistrySettings::Hosts(hosts), faults)
            }
            Raw { hosts, .. } => {
                let fault = "the file must have either a table [etcd] or at least one [[hosts]], not both".to_owned();
                (RegistrySettings::Hosts(hosts), vec![fault])
            }
        };
        faults.extend(bus.iter().flat_map(BusSettings::faults));
        if bus.is_some() && matches!(registry, RegistrySettings::Hosts(_)) {
            faults.push("bus needs etcd, which says who owns each zone: replace [[hosts]] by a table [etcd]".into());
        }
        faults.extend(faults_of_nodes(&nodes));
        if relays.is_none() && !nodes.is_empty() {
            faults.push("nodes need a table [relays], which names their key".into());
        }
        match faults.is_empty() {
            true => Ok(FleetSettings { path: path.to_owned(), registry, bus, relays, nodes }),
            false => Err(FleetSettingsError::Faults(path.to_owned(), faults)),
        }
    }
}

fn faults_of(hosts: &[StaticHost]) -> Vec<String> {
    let mut names = BTreeSet::new();
    let twice = hosts.iter().filter(|host| !names.insert(&host.name));
    let mut faults: Vec<_> =
        twice.map(|host| format!("hosts: two have the name {}: each needs its own", host.name)).collect();
    let mut keys = BTreeSet::new();
    let twice = hosts.iter().filter(|host| !keys.insert(host.key.to_ascii_lowercase()));
    faults.extend(twice.map(|host| {
        format!("hosts: {} has the key of another: each needs its own, or both would take one ticket", host.name)
    }));
    if hosts.len() > HOSTS_MAX {
        faults.push(format!("hosts: there are {}, but a file has at most {HOSTS_MAX}: use etcd", hosts.len()));
    }
    faults.extend(hosts.iter().flat_map(StaticHost::faults));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<FleetSettings, String> {
        FleetSettings::parse(Path::new("fleet.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_with_etcd_needs_only_the_addresses() {
        let settings = parse("[etcd]\nendpoints = ['http://10.0.0.1:2379']").unwrap();
        let RegistrySettings::Etcd(etcd) = settings.registry else { panic!("it has etcd") };
        assert_eq!(etcd, EtcdSettings::at(vec!["http://10.0.0.1:2379".into()]));
    }

    #[test]
    fn each_wrong_setting_is_named_with_the_file_and_what_it_must_be() {
        let key = "0".repeat(64);
        let host = |more: &str| {
            format!(
                "[[hosts]]\nname='a'\nregion='eu'\naddress='a.example:1'\nkey='{key}'\nadmin='10.0.0.1:3566'\n{more}"
            )
        };
        let etcd = |more: &str| format!("[etcd]\nendpoints = ['http://10.0.0.1:2379']\n{more}");
        let relays = |more: &str| etcd("") + "\n[relays]\nkey-file = 'k'\n" + more;
        let node =
            |name: &str, address: &str| format!("\n[[nodes]]\nname='{name}'\nregion='eu'\naddress='{address}'\n");
        assert!(parse(&host("")).is_ok() && parse(&(relays("direct = false") + &node("n", "a:1"))).is_ok());
        for (text, named) in [
            (String::new(), "either a table [etcd] or at least one [[hosts]]"),
            (etcd("") + &host(""), "either a table [etcd] or at least one [[hosts]]"),
            ("[etcd]\nendpoints = []".into(), "etcd.endpoints must have 1 to"),
            ("[etcd]\nendpoints = ['10.0.0.1:2379']".into(), "must be http://HOST:PORT or https://HOST:PORT"),
            (etcd("lease-secs = 1"), "etcd.lease-secs is 1, but must be 2 to 60"),
            (etcd("user = 'a'"), "etcd.user and etcd.password-file belong together"),
            (etcd("certificate = 'a'"), "etcd.certificate and etcd.certificate-key belong together"),
            (etcd("ca-certificate = 'a'"), "use https://"),
            ("[etcd]\nendpoints = ['https://a:1']".into(), "etcd.ca-certificate must name the PEM file"),
            (etcd("endpoint = 'a'"), "unknown field `endpoint`"),
            (host("") + &host(""), "two have the name a"),
            (host("") + &host("").replace("name='a'", "name='b'"), "b has the key of another"),
            (host("weight = -1"), "weight"),
            (host("capacity = 0"), "capacity of a is 0"),
            (host("").replace(&key, "00"), "key of a must be 64 hexadecimal digits"),
            (host("").replace("a.example:1", "a.example"), "address of a is \"a.example\", but must be HOST:PORT"),
            (host("").replace("name='a'", "name='A'"), "no name"),
            (etcd("") + &node("n", "a:1"), "nodes need a table [relays]"),
            (relays("") + &node("n", "a:1") + &node("n", "a:2"), "two have the name n"),
            (relays("") + &node("n", "a"), "address of n is \"a\", but must be HOST:PORT"),
            (relays("keyfile = 'a'"), "unknown field `keyfile`"),
        ] {
            let error = parse(&text).expect_err(named);
            assert!(error.contains(named) && error.contains("fleet.toml"), "{named}: {error}");
        }
    }
}
