//! Counters of the hub.

use super::refusal::HubRefusal;
use crate::counters::{count, counters};

counters! {
    /// Counters of the hub since its start.
    "services_hub_":
    /// Members that joined: WebSockets and clients in the world.
    members,
    /// Lines said.
    lines,
    /// Notices put into a member's queue.
    notices,
    /// Notices that found a member's queue full.
    notices_missed,
    /// Refusals because a request is malformed.
    refused_malformed,
    /// Refusals because an account is not in the room, or not connected.
    refused_absent,
    /// Refusals because a room, an account or the hub is full.
    refused_full,
    /// Refusals because an account says or changes too much.
    refused_fast,
    /// Refusals because an account is muted.
    refused_muted,
}

impl Counters {
    pub(super) fn refused(&self, refusal: &HubRefusal) {
        let counter = match refusal {
            HubRefusal::RoomName | HubRefusal::Text | HubRefusal::State => &self.refused_malformed,
            HubRefusal::NotInRoom | HubRefusal::NotConnected => &self.refused_absent,
            HubRefusal::TooManyRooms | HubRefusal::TooManyMembers => &self.refused_full,
            HubRefusal::RoomFull | HubRefusal::Full => &self.refused_full,
            HubRefusal::TooFast(_) => &self.refused_fast,
            HubRefusal::Muted(_) => &self.refused_muted,
        };
        count(counter);
    }
}
