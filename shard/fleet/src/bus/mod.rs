//! What hosts of one fleet say to each other while they serve: over NATS, sealed, so that only hosts with the fleet's key can
//! speak or listen.
//!
//! | file | has |
//! |---|---|
//! | `settings` | [`BusSettings`]: how to reach NATS, and the key |
//! | `letter` | [`Letter`]: what hosts say |
//! | `seal` | [`Seal`]: letters as bytes that nobody else can read, write or repeat |
//! | `nats` | [`NatsBus`](nats::NatsBus): the connection (feature `nats`) |
//! | `memory` | a bus in this process, for simulations |
//!
//! The bus may lose, repeat and reorder letters, and be away: everyone who uses it must live with that.

mod letter;
#[cfg(test)]
pub(crate) mod memory;
#[cfg(feature = "nats")]
pub mod nats;
mod seal;
mod settings;

pub use letter::{Beat, Letter};
pub use seal::{NotALetter, Seal, To};
pub use settings::{BusKey, BusSettings};

#[cfg(any(test, feature = "nats"))]
use crate::model::RunId;

/// One host's end of the bus.
#[cfg(any(test, feature = "nats"))]
pub(crate) enum Bus {
    /// Over NATS.
    #[cfg(feature = "nats")]
    Nats(Box<nats::NatsBus>),
    /// In this process.
    #[cfg(test)]
    Memory(memory::MemoryBus),
}

#[cfg(any(test, feature = "nats"))]
impl Bus {
    /// Says something to all hosts, or to one run. It is lost if the bus is away.
    pub(crate) async fn say(&mut self, to: Option<RunId>, bytes: Vec<u8>) {
        match self {
            #[cfg(feature = "nats")]
            Bus::Nats(bus) => bus.say(to, bytes).await,
            #[cfg(test)]
            Bus::Memory(bus) => bus.say(to, &bytes),
        }
    }

    /// The next thing that somebody says to all or to this host.
    pub(crate) async fn hear(&mut self) -> Vec<u8> {
        match self {
            #[cfg(feature = "nats")]
            Bus::Nats(bus) => bus.hear().await,
            #[cfg(test)]
            Bus::Memory(bus) => bus.hear().await,
        }
    }
}
