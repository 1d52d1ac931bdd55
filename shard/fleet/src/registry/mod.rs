//! Which hosts there are: registering one, and knowing all.
//!
//! | file | has |
//! |---|---|
//! | `settings` | [`FleetSettings`]: the file of the fleet, which hosts, balancers and operators share |
//! | `static_host` | [`StaticHost`]: a host as that file has it |
//! | `keys` | where each record is in the store |
//! | `roster` | [`Roster`]: the records below a prefix, as a [`Directory`](crate::model::Directory) |
//! | `follower` | [`Follower`]: when to list, watch and start again, without I/O |
//! | `reader` | [`DirectoryReader`]: the directory for everyone who reads it, and how current it is |
//! | `watch` | the task that follows a store |
//! | [`membership`] | the registration of one host, without I/O |
//! | `operator` | [`Operator`]: orders to hosts, and the audit |
//! | `zone_record` | [`ZoneRecord`]: the record of the zones, and how it changes |
//! | `zone_orders` | orders of operators about zones |
//! | `backoff` | how long to wait after a failure |
//! | `open` | the registry that the file of the fleet names |
//! | `file` | hosts in a file, which are probed |
//!
//! It uses [`model`](crate::model) and [`store`](crate::store). Decisions are made without clock and I/O: the time comes in,
//! as the time since some fixed moment. Tasks on tokio carry them out.

mod backoff;
mod file;
mod follower;
mod keys;
pub mod membership;
mod open;
mod operator;
mod reader;
mod roster;
mod settings;
mod static_host;
mod watch;
mod zone_orders;
mod zone_record;

pub use backoff::Backoff;
pub use file::{Probe, ProbeAnswer, StaticRoster, follow_file};
pub use follower::{Follower, Step};
pub use keys::Keys;
pub use open::{OpenError, open_directory, open_store};
pub use operator::{Occasion, Operator, OrderError};
pub use reader::{DirectoryReader, Freshness};
pub use roster::Roster;
pub use settings::{FleetSettings, FleetSettingsError, RegistrySettings};
pub use static_host::StaticHost;
pub use watch::{follow, follow_host, follow_nodes, follow_zones};
pub use zone_record::{ZoneChangeError, ZoneRecord};
