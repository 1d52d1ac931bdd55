//! What hosts of one fleet say to each other while they serve: over NATS, sealed, so that only hosts with the fleet's key can
//! speak or listen.
//!
//! | file | has |
//! |---|---|
//! | `settings` | [`BusSettings`]: how to reach NATS, and the key |
//! | `letter` | [`Letter`]: what hosts say |
//! | `seal` | [`Seal`]: letters as bytes that nobody else can read, write or repeat |
//! | `nats` | [`NatsBus`](nats::NatsBus): the connection (feature `nats`) |
//!
//! The bus may lose, repeat and reorder letters, and be away: everyone who uses it must live with that.

mod letter;
#[cfg(feature = "nats")]
pub mod nats;
mod seal;
mod settings;

pub use letter::{Beat, Letter};
pub use seal::{NotALetter, Seal, To};
pub use settings::{BusKey, BusSettings};
