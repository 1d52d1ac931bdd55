//! Which nodes there are between clients and hosts, how good the links between them are, and the best routes. It does no I/O.
//!
//! | file | has |
//! |---|---|
//! | `settings` | [`RelaySettings`], [`StaticNode`]: what the file of the fleet says about nodes |
//! | `place` | [`PlaceId`]: a node or a host, in four bytes |
//! | `meter` | [`Meter`]: what probes show of a link |
//! | `published` | when a measured change is worth telling others |
//! | `routes` | [`Graph`], [`routes`]: the best routes from an edge to a host |
//! | `overview` | [`overview`]: all routes of a fleet |

mod meter;
mod overview;
mod place;
mod published;
mod routes;
mod settings;

pub use meter::Meter;
pub use overview::{NamedRoute, overview};
pub use place::PlaceId;
pub use published::publish;
pub use routes::{Graph, NODES_OF_ROUTE_MAX, ROUTES_MAX, Route, routes};
pub use settings::{NODES_MAX, RelaySettings, StaticNode, faults_of_nodes, is_reachable};
