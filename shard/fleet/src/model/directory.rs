//! All hosts of a fleet, at one moment.

use super::{Host, Name, Node, Orders, Zones};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All hosts of a fleet, at one moment. It is immutable: a change makes a new one, so readers need no lock.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Directory {
    /// The revision of the registry that it shows. A later one is higher.
    pub revision: u64,
    /// The hosts that are alive, by name. The state of each includes its orders: a host in maintenance shows
    /// [`Maintenance`](super::HostState::Maintenance) even before it has obeyed.
    pub hosts: BTreeMap<Name, Host>,
    /// What operators have ordered, by the name of the host. The host need not be alive.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub orders: BTreeMap<Name, Orders>,
    /// The edges and relays that are alive, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<Name, Node>,
    /// The zones. Without any, no host hands players over.
    #[serde(default, skip_serializing_if = "Zones::is_empty")]
    pub zones: Zones,
}
