//! Hosts for tests.

use crate::model::{Directory, Host, HostState, Name};

pub(crate) fn name(text: &str) -> Name {
    text.parse().expect("it is a name")
}

/// A ready host with 100 places and no players.
pub(crate) fn host(host: &str, region: &str) -> Host {
    Host {
        name: name(host),
        run: None,
        started_at_ms: 0,
        region: name(region),
        address: format!("{host}.example:3565"),
        key: "ab".repeat(32),
        gateway: None,
        version: "0.1.0".to_owned(),
        contract: String::new(),
        capacity: 100,
        players: 0,
        load: 0.0,
        weight: 100,
        state: HostState::Ready,
        drain_ms: None,
    }
}

pub(crate) fn directory(hosts: impl IntoIterator<Item = Host>) -> Directory {
    let hosts = hosts.into_iter().map(|host| (host.name.clone(), host)).collect();
    Directory { revision: 1, hosts, ..Directory::default() }
}
