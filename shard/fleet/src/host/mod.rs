//! A server that registers itself in a fleet.
//!
//! | file | has |
//! |---|---|
//! | `settings` | [`HostSettings`]: what the server's settings say about the fleet |
//! | `member` | the task that keeps the registration current |
//! | `log` | what the log says about it, once per change |
//! | `traffic` | the task that owns zones and moves players to other hosts and from there |
//! | `kept` | between that task and the checkpoints |
//! | `neighbours` | what players see of the zones of other hosts |
//! | `fleet` | [`FleetHost`]: the server's side of it, for metrics, the dashboard and `/ready` |
//!
//! The tasks run on a thread of their own with a small runtime: no core waits for the registry, and a registry that is away
//! changes nothing for the players of this host.

mod fleet;
#[cfg(feature = "nats")]
mod kept;
mod log;
mod member;
#[cfg(feature = "nats")]
mod neighbours;
mod settings;
#[cfg(test)]
mod tests;
#[cfg(feature = "nats")]
mod traffic;

pub use fleet::{FleetHost, JoinError};
pub use settings::{HostSettings, HostSettingsError};
