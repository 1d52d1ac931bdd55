//! What does not change of this node while it runs.

use crate::model::Name;
use crate::topology::PlaceId;

/// This node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Own {
    /// Its place.
    pub id: PlaceId,
    /// This run of its process: when it started, in milliseconds since 1970.
    pub run: u64,
    /// The hosts behind its doors, by the number of the door.
    pub doors: Vec<Name>,
    /// Whether it may speak to hosts.
    pub exits: bool,
    /// Most clients that it takes: at its doors, and as the last node.
    pub clients_max: usize,
}
