//! Checkpoints of players and zones, in a key-value bucket of NATS: when a host is killed, others go on with them.
//!
//! | file | has |
//! |---|---|
//! | `record` | [`PlayerRecord`] and [`ZoneRecord`]: what is kept |
//! | `vault` | [`Vault`]: records as bytes that only hosts with the fleet's key can read or make |
//! | `bucket` | [`Bucket`]: where they are kept |
//! | `nats`, `memory` | the bucket of NATS (feature `nats`), and one for tests |
//! | `answer` | what a bucket answers |
//! | `tasks`, `zone_tasks` | what is asked of the bucket about accounts, and about zones |
//! | `held` | an account at this host |
//! | `players` | what a host does about the accounts at its cores |
//! | `zones` | what it does about its zones |
//! | `keeper` | [`Keeper`]: both |
//! | `output` | [`Output`]: what the driver of a keeper does |
//!
//! The record of an account belongs to one [`Stay`](ringshard::runtime::fleet::Stay) of its account. A host writes it only if nobody has changed
//! it since the host read it, and only over a record of the same stay or an earlier one. An account that enters gets a later
//! stay in the record before its client is in the world. So whatever is late, two hosts never both go on with an account: the one
//! with the earlier stay learns it at its next checkpoint after that at the latest, and puts the player out. Two kinds
//! of clients enter without a record: an account that has just left this host while NATS is away, and newcomers where NATS has no
//! JetStream. Each login that is in the record wins over their stays.
//!
//! The record of a zone belongs to one epoch of the zone, which the registry raises whenever the zone changes hands.

mod answer;
mod bucket;
mod held;
mod keeper;
mod memory;
#[cfg(feature = "nats")]
mod nats;
#[cfg(all(test, feature = "nats"))]
mod nats_tests;
mod output;
mod players;
mod record;
mod tasks;
#[cfg(test)]
mod tests;
mod vault;
mod zone_tasks;
#[cfg(test)]
mod zone_tests;
mod zones;

pub use answer::{BucketError, Found};
pub use bucket::Bucket;
pub use keeper::Keeper;
pub use memory::{BucketFault, MemoryBucket};
#[cfg(feature = "nats")]
pub use nats::NatsBucket;
pub use output::Output;
pub use players::PlayerCounters;
pub use record::{PlayerRecord, ZoneRecord};
pub use vault::{NotARecord, Vault};
pub use zones::ZoneCounters;

use std::time::Duration;

/// A checkpoint that is older is not restored, and NATS removes it.
pub const AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);
