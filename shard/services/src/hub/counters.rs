//! Counters of the hub.

use super::refusal::HubRefusal;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$about:meta])* $name:ident => $public:literal,)*) => {
        /// Counters of the hub since its start.
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[$about])* pub $name: AtomicU64,)* }

        impl Counters {
            /// Calls `visit` with the name and value of every counter.
            pub fn each(&self, visit: &mut dyn FnMut(&'static str, u64)) {
                $(visit($public, self.$name.load(Ordering::Relaxed));)*
            }
        }
    };
}

counters! {
    /// Members that joined: WebSockets and clients in the world.
    members => "services_hub_members",
    /// Lines said.
    lines => "services_hub_lines",
    /// Notices put into a member's queue.
    notices => "services_hub_notices",
    /// Notices that found a member's queue full.
    notices_missed => "services_hub_notices_missed",
    /// Refusals because a request is malformed.
    refused_malformed => "services_hub_refused_malformed",
    /// Refusals because an account is not in the room, or not connected.
    refused_absent => "services_hub_refused_absent",
    /// Refusals because a room, an account or the hub is full.
    refused_full => "services_hub_refused_full",
    /// Refusals because an account says or changes too much.
    refused_fast => "services_hub_refused_fast",
    /// Refusals because an account is muted.
    refused_muted => "services_hub_refused_muted",
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
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
