//! What operators want of a host.

use super::{Host, HostState, RunId};
use serde::{Deserialize, Serialize};

/// What operators want of a host. The host and the balancers obey. The registry keeps orders when the host ends.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Orders {
    /// Newcomers stay away until this order is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Order>,
    /// The host drains, and its server ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<DrainOrder>,
}

/// An order to drain. It is for one run of the host: the server that is started afterwards serves.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DrainOrder {
    /// The run that is to end.
    pub run: RunId,
    /// Who ordered it.
    pub order: Order,
}

/// Who ordered something, when, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Order {
    /// The operator, as the program names them that wrote the order.
    pub by: String,
    /// When, in milliseconds since 1970, on the operator's clock.
    pub at_ms: u64,
    /// Why. Empty: nobody said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Orders {
    /// Whether nothing is ordered.
    pub fn is_empty(&self) -> bool {
        self.maintenance.is_none() && self.drain.is_none()
    }

    /// Whether the host has to drain.
    pub fn drains(&self, host: &Host) -> bool {
        self.drain.as_ref().is_some_and(|drain| Some(drain.run) == host.run)
    }

    /// The state of a host that obeys: what it says itself, or what is ordered.
    pub fn state_of(&self, host: &Host) -> HostState {
        match host.state {
            HostState::Draining => HostState::Draining,
            _ if self.drains(host) => HostState::Draining,
            _ if self.maintenance.is_some() => HostState::Maintenance,
            own => own,
        }
    }
}
