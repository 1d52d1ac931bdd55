//! What a server says about itself to a fleet: its state, its players and its load.

use crate::runtime::control::Lifecycle;
use crate::runtime::control::liveness::Liveness;
use crate::runtime::server::Server;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, PoisonError};

/// Whether a server takes newcomers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    /// A core has not begun to turn.
    Starting,
    /// It does.
    Ready,
    /// A core refuses them because it is overloaded, or a core is stuck.
    Overloaded,
    /// It refuses them because it is ending.
    Draining,
}

/// A server, as a fleet sees it: the answer to `GET /host` of the admin port.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HostStatus {
    /// Whether it takes newcomers.
    pub state: Readiness,
    /// Version of the program.
    pub version: String,
    /// What clients must have alike ([`Service::contract`](crate::runtime::service::Service::contract)).
    #[serde(default)]
    pub contract: String,
    /// The server's public key: 64 hexadecimal digits.
    pub key: String,
    /// Most connections that it takes.
    pub capacity: u32,
    /// Connections.
    pub players: u32,
    /// How busy its busiest core is: 0 to 1.
    pub load: f32,
    /// How long its clients may stay once it drains, in milliseconds: the setting `drain-ms`. None: the version does not say.
    #[serde(default)]
    pub drain_ms: Option<u64>,
}

/// Sees what a running server says about itself. It asks no core and waits for none.
#[derive(Clone, Debug)]
pub struct HostProbe {
    lifecycle: Arc<Lifecycle>,
    livenesses: Vec<Arc<Liveness>>,
    key: String,
    contract: String,
    capacity: u32,
}

impl HostProbe {
    /// Of this server.
    pub fn new(server: &Server) -> Self {
        let control = server.control().lock().unwrap_or_else(PoisonError::into_inner);
        let livenesses = control.livenesses();
        let capacity = control.identity().connections_per_core_max * livenesses.len();
        HostProbe {
            lifecycle: server.lifecycle().clone(),
            livenesses,
            key: server.public_key().to_string(),
            contract: server.contract().to_owned(),
            capacity: u32::try_from(capacity).unwrap_or(u32::MAX),
        }
    }

    /// What the server says about itself now.
    pub fn status(&self) -> HostStatus {
        let cores = self.livenesses.iter();
        HostStatus {
            state: self.readiness(),
            version: env!("CARGO_PKG_VERSION").into(),
            contract: self.contract.clone(),
            key: self.key.clone(),
            capacity: self.capacity,
            players: cores.clone().map(|core| core.connections()).sum(),
            load: cores.map(|core| core.busy()).fold(0.0, f32::max),
            drain_ms: Some(self.lifecycle.drain_time().as_millis() as u64),
        }
    }

    /// Whether the server takes newcomers.
    pub fn readiness(&self) -> Readiness {
        let refuses = |core: &Arc<Liveness>| core.overload().refuses || core.stuck().is_some();
        match () {
            () if self.lifecycle.is_draining() => Readiness::Draining,
            () if self.livenesses.iter().any(|core| !core.has_begun()) => Readiness::Starting,
            () if self.livenesses.iter().any(refuses) => Readiness::Overloaded,
            () => Readiness::Ready,
        }
    }

    /// Ends the server: it disconnects its players, who may come back.
    pub fn stop(&self) {
        self.lifecycle.stop();
    }

    /// Drains the server: it admits no newcomers, and ends when all have left or their time is over.
    pub fn drain(&self) {
        self.lifecycle.drain();
    }
}
