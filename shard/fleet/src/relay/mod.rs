//! `ringshard relay`: a node that carries datagrams of clients along routes to hosts. Clients connect to a door of an edge as if
//! it were the host; the last node of the route speaks to the host. Sessions stay sealed from end to end.
//!
//! | folder or file | has |
//! |---|---|
//! | `key` | [`RelayKey`]: the key that all nodes share |
//! | `wire` | the datagrams between nodes |
//! | `own` | [`Own`]: what does not change of this node |
//! | `links` | [`Target`]; the measured links to nodes and hosts |
//! | `peers` | the other nodes: probes, answers, runs |
//! | `hosts` | the hosts: probes, answers |
//! | `router` | which route leads to a host now |
//! | `datagram` | what a node sees of datagrams of clients and hosts |
//! | `flows` | the clients of an edge |
//! | `exits` | the clients at the last node of their route |
//! | `ended` | those of them that were forgotten |
//! | `node` | [`Relay`]: the state machine of a node, without I/O |
//! | `shown` | [`Shown`]: a node, as operators see it |
//! | `outbox` | [`Outbox`]: what the state machine wants sent |
//! | `counters` | [`Counters`] |
//! | `driver` | sockets and clock |
//! | `roster` | which nodes and hosts there are, with their addresses |
//! | `registration` | keeps the record of the node in the registry |
//! | `record` | that record, not longer than what others read |
//! | `admin` | metrics, and the node as JSON |
//! | `options`, `run` | the command, from its options to its end |
//!
//! All but `driver`, `roster`, `registration`, `admin` and `run` do no I/O.

mod admin;
mod counters;
mod datagram;
mod driver;
mod ended;
mod exits;
mod flows;
mod hosts;
mod key;
mod links;
mod node;
mod options;
mod outbox;
mod own;
mod peers;
mod record;
mod registration;
mod roster;
mod router;
mod run;
mod shown;
pub mod wire;

pub use counters::Counters;
pub use key::RelayKey;
pub use links::Target;
pub use node::Relay;
pub use options::{Door, Options};
pub use outbox::{Act, ExitId, Outbox, To};
pub use own::Own;
pub use run::{check, run};
pub use shown::{MeasuredLink, Shown, ShownRoute};

#[cfg(test)]
mod tests;
