//! A server that registers itself in a fleet.
//!
//! | file | has |
//! |---|---|
//! | `settings` | [`HostSettings`]: what the server's settings say about the fleet |
//! | `member` | the task that keeps the registration current |
//! | `log` | what the log says about it, once per change |
//! | `traffic` | the task that owns zones and moves players to other hosts and from there |
//! | `hearing` | which hosts the bus brings beats of |
//! | `suspects` | hosts that may be gone, about which the others are asked |
//! | `duty` | what a host does about a zone, in the registry |
//! | `kept` | between that task and the checkpoints |
//! | `neighbours` | what players see of the zones of other hosts |
//! | `join` | [`membership`]: how a server joins its fleet when it starts |
//! | `simulation` | many hosts under one virtual clock, with faults and an auditor (in tests) |
//! | `fleet` | [`FleetHost`]: the server's side of it, for metrics, the dashboard and `/ready` |
//!
//! The tasks run on a thread of their own with a small runtime: no core waits for the registry, and a registry that is away
//! changes nothing for the players of this host.

#[cfg(any(test, feature = "nats"))]
#[cfg(any(test, feature = "nats"))]
mod duty;
mod fleet;
#[cfg(any(test, feature = "nats"))]
mod hearing;
mod join;
#[cfg(any(test, feature = "nats"))]
mod kept;
mod log;
mod member;
#[cfg(any(test, feature = "nats"))]
mod neighbours;
mod settings;
#[cfg(test)]
mod simulation;
#[cfg(any(test, feature = "nats"))]
mod suspects;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "nats"))]
mod traffic;

pub use fleet::{FleetHost, JoinError};
pub use join::membership;
pub use settings::{HostSettings, HostSettingsError};
