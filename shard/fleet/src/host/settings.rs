//! What the server's settings say about the fleet.

use crate::model::{Host, HostState, Name, NotAName, RunId};
use crate::registry::{FleetSettings, FleetSettingsError};
use ringshard::config::Settings;
use ringshard::ops::host::{HostStatus, Readiness};
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the server's settings say about the fleet, checked.
#[derive(Clone, PartialEq, Debug)]
pub struct HostSettings {
    /// The file of the fleet.
    pub fleet: FleetSettings,
    /// Name of this host.
    pub name: Name,
    /// Its region.
    pub region: Name,
    /// Where balancers send clients, if that is not the address that the server listens on.
    pub address: Option<String>,
    /// Where they send browsers.
    pub gateway: Option<String>,
    /// How many of the newcomers it gets, compared with others.
    pub weight: u32,
}

/// Settings of a fleet that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HostSettingsError {
    /// The file of the fleet.
    #[error(transparent)]
    Fleet(#[from] FleetSettingsError),
    /// The machine's name makes no name of a host.
    #[error("fleet-name is not set, and the name of this machine does not do: {0}. Set fleet-name")]
    Machine(NotAName),
    /// A setting that is no name.
    #[error("{0}: {1}")]
    Name(&'static str, NotAName),
}

impl HostSettings {
    /// Reads the file of the fleet that the server's settings name. None: the server belongs to no fleet.
    ///
    /// # Errors
    /// [`HostSettingsError`].
    pub fn load(settings: &Settings) -> Result<Option<Self>, HostSettingsError> {
        let Some(path) = &settings.fleet else { return Ok(None) };
        let or_none = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let name = match settings.fleet_name.as_str() {
            "" => machine_name().parse().map_err(HostSettingsError::Machine)?,
            name => name.parse().map_err(|error| HostSettingsError::Name("fleet-name", error))?,
        };
        Ok(Some(HostSettings {
            fleet: FleetSettings::load(path)?,
            name,
            region: settings.fleet_region.parse().map_err(|error| HostSettingsError::Name("fleet-region", error))?,
            address: or_none(&settings.fleet_address).or_else(|| or_none(&settings.public_address)),
            gateway: or_none(&settings.fleet_gateway),
            weight: settings.fleet_weight as u32,
        }))
    }

    /// The host, before its server has said anything. `listen` is the address of the server.
    pub(super) fn host(&self, run: RunId, listen: SocketAddr) -> Host {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Host {
            name: self.name.clone(),
            run: Some(run),
            started_at_ms: started.as_millis() as u64,
            region: self.region.clone(),
            address: self.address.clone().unwrap_or_else(|| listen.to_string()),
            key: String::new(),
            gateway: self.gateway.clone(),
            version: String::new(),
            contract: String::new(),
            capacity: 0,
            players: 0,
            load: 0.0,
            weight: self.weight,
            state: HostState::Starting,
            drain_ms: None,
        }
    }
}

/// The first part of the machine's name, in lower case.
fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().split('.').next().unwrap_or_default().to_ascii_lowercase()
}

/// The host, as its server describes itself now.
pub(super) fn described(host: &Host, status: HostStatus) -> Host {
    Host {
        key: status.key,
        version: status.version,
        contract: status.contract,
        capacity: status.capacity,
        players: status.players,
        load: (status.load * 1_000.0).round() / 1_000.0,
        state: match status.state {
            Readiness::Starting => HostState::Starting,
            Readiness::Ready => HostState::Ready,
            Readiness::Overloaded => HostState::Overloaded,
            Readiness::Draining => HostState::Draining,
        },
        drain_ms: status.drain_ms,
        ..host.clone()
    }
}
