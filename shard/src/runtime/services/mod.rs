//! The connection between the cores and the services beside them: login, actions, resources. Services run on threads of their
//! own; clients reach them through the connection that they have to their core.
//!
//! | module | for |
//! |---|---|
//! | `records` | records of bytes in a ring |
//! | `letters` | what cores and services say to each other |
//! | `port` | [`ServicesPort`]: the end of a core |
//! | `end` | [`ServicesEnd`]: the end of the services |
//!
//! ```text
//! core 0 --ring--> +----------+ --ring--> core 0
//! core 1 --ring--> | services | --ring--> core 1
//! ```
//!
//! Each core has two SPSC rings of bytes. A core never waits and never allocates here: where a ring is full, it refuses what a
//! client sends, and counts it. Clients repeat what is not answered. Who enters and leaves is never refused: it waits at the
//! core until there is room.
//!
//! A core wakes the services. Services do not wake a core: it looks at its ring in every turn.

mod end;
mod letters;
mod port;
mod records;

pub use end::ServicesEnd;
pub use letters::{FromCore, ToCore};
pub use port::{Busy, ServicesPort, ServicesStats};

use atomic_waker::AtomicWaker;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Names an account, for ever: ids are not used again. There is no account 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AccountId(pub u64);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Bytes of the name that an account has in a game.
pub const ACCOUNT_NAME_BYTES_MAX: usize = 32;
/// Bytes of each ring.
const RING_BYTES: usize = 1 << 20;

/// How each side learns that the other has done something.
#[derive(Debug, Default)]
struct Wake {
    /// The task of the services that reads the core's ring, and that waits for room in the other one.
    services: AtomicWaker,
    /// Whether that task waits for room.
    waits_for_room: AtomicBool,
}

/// The two ends of the connection of each of `cores` cores, in order.
pub fn between(cores: usize) -> (Vec<ServicesPort>, Vec<ServicesEnd>) {
    let pair = |_| {
        let (to_services, from_core) = records::ring(RING_BYTES);
        let (to_core, from_services) = records::ring(RING_BYTES);
        let wake = Arc::new(Wake::default());
        (ServicesPort::new(to_services, from_services, wake.clone()), ServicesEnd::new(from_core, to_core, wake))
    };
    (0..cores).map(pair).unzip()
}

#[cfg(test)]
mod tests;
