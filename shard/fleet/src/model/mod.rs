//! What is known of a host and of the fleet. It is stored as JSON: in the registry, in files, and in answers.
//!
//! | file | has |
//! |---|---|
//! | `name` | [`Name`]: of a host or a region |
//! | `host` | [`Host`]: what a host says about itself |
//! | `run` | [`RunId`]: one run of a host's server |
//! | `orders` | [`Orders`]: what operators want of a host |
//! | `audit` | [`AuditEntry`]: who changed what |
//! | `directory` | [`Directory`]: all hosts, at one moment |
//! | `node` | [`Node`]: what an edge or a relay says about itself |
//! | `area` | [`Area`]: rectangles of the map |
//! | `zones` | [`Zones`]: the parts of the map, and which host owns each |

mod area;
mod audit;
mod directory;
mod host;
mod name;
mod node;
mod orders;
mod run;
mod zones;

pub use area::{Area, AreaError, Cut, SIDE_MIN};
pub use audit::{AuditEntry, Changed};
pub use directory::Directory;
pub use host::{Host, HostState};
pub use name::{Name, NotAName};
pub use node::{Links, Node, Quality, gateway_name};
pub use orders::{DrainOrder, Order, Orders};
pub use run::RunId;
pub use zones::{Moving, Owner, ZONES_MAX, Zone, ZoneError, Zones};
