//! All hosts of a fleet, at one moment.

use super::{Host, Name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All hosts of a fleet, at one moment. It is immutable: a change makes a new one, so readers need no lock.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Directory {
    /// The revision of the registry that it shows. A later one is higher.
    pub revision: u64,
    /// The hosts, by name.
    pub hosts: BTreeMap<Name, Host>,
}
