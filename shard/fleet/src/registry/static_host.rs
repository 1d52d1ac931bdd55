//! A host as the file of the fleet has it.

use crate::model::{Host, HostState, Name};
use ringshard::ops::host::{HostStatus, Readiness};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A host: an entry `[[hosts]]` in the file of the fleet.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StaticHost {
    /// Its name.
    pub name: Name,
    /// The region that it stands in.
    pub region: Name,
    /// Where clients connect: `HOST:PORT`, UDP.
    pub address: String,
    /// The server's public key, as `ringshard keygen` printed it. A server with another key counts as dead.
    pub key: String,
    /// Where browsers connect: the URL of a gateway before this host.
    pub gateway: Option<String>,
    /// The admin port of its server, which is asked for state, players and load.
    pub admin: SocketAddr,
    /// File with the token of that port. Needed where the port has one.
    pub admin_token_file: Option<PathBuf>,
    /// How much of the newcomers it gets compared with others, by the strategy `weighted`.
    #[serde(default = "usual_weight")]
    pub weight: u32,
    /// Most players that it takes, where that is less than its server allows.
    pub capacity: Option<u32>,
    /// Whether newcomers stay away. Players who are there stay.
    #[serde(default)]
    pub maintenance: bool,
}

fn usual_weight() -> u32 {
    100
}

impl StaticHost {
    /// What is wrong, with what it must be.
    pub(super) fn faults(&self) -> Vec<String> {
        let StaticHost { name, address, key, capacity, .. } = self;
        let mut faults = Vec::new();
        let parts = address.rsplit_once(':');
        if !parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0)) {
            faults.push(format!("hosts: the address of {name} is {address:?}, but must be HOST:PORT"));
        }
        if key.len() != 64 || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            faults.push(format!(
                "hosts: the key of {name} must be 64 hexadecimal digits, as `ringshard keygen` prints it"
            ));
        }
        if *capacity == Some(0) {
            faults.push(format!("hosts: the capacity of {name} is 0, but must be at least 1"));
        }
        faults
    }

    /// The host, as its server describes itself.
    pub(super) fn with(&self, status: &HostStatus) -> Host {
        let state = match status.state {
            Readiness::Starting => HostState::Starting,
            Readiness::Ready if self.maintenance => HostState::Maintenance,
            Readiness::Overloaded if self.maintenance => HostState::Maintenance,
            Readiness::Ready => HostState::Ready,
            Readiness::Overloaded => HostState::Overloaded,
            Readiness::Draining => HostState::Draining,
        };
        Host {
            name: self.name.clone(),
            run: None,
            started_at_ms: 0,
            region: self.region.clone(),
            address: self.address.clone(),
            key: self.key.to_ascii_lowercase(),
            gateway: self.gateway.clone(),
            version: status.version.clone(),
            contract: status.contract.clone(),
            capacity: self.capacity.map_or(status.capacity, |capacity| capacity.min(status.capacity)),
            players: status.players,
            load: status.load,
            weight: self.weight,
            state,
            drain_ms: status.drain_ms,
        }
    }
}
