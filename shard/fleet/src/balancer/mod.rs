//! Decides where a client plays.
//!
//! A decision takes these steps:
//! 1. Regions are ordered for the client: by its wish, by the round trips that it measured, by the location of its address.
//! 2. Hosts that cannot take it are left out: those that are not ready, have another version of the game, could not be reached,
//!    or have too few places.
//! 3. The first region that has hosts left is taken, as far down the order as the policy's overflow allows.
//! 4. One of its hosts is chosen: the least loaded, one by weight, the account's own, or the party's own.
//! 5. If all are full, the client waits in a queue.
//!
//! A directory is prepared once, when it changes. A decision takes a few microseconds with 1,000 hosts.
//!
//! Nothing here reads a clock, a file or a socket: `now_ms` and `random` are arguments. So one seed replays a failure.
//!
//! | file | has |
//! |---|---|
//! | `policy` | [`Policy`]: what the operator decides |
//! | `request` | [`Request`]: what the client asks for |
//! | `index` | the directory, prepared |
//! | `live` | what this balancer knows of hosts beyond the directory: held places, reports of clients |
//! | `order` | the order of regions |
//! | `fit` | whether a host takes a client |
//! | `pick` | the strategies |
//! | `queue` | who waits, and whose turn it is |
//! | `passes` | the passes of parties, and the places that are held for them |
//! | `instance` | [`Balancer`]: all of it together |
//! | `decision`, `step` | the answer, and why |
//! | `explain` | the answer in full, by a copy that decides |
//! | `seal` | signs what clients carry from one balancer to another |
//! | `hash` | hashes that all balancers compute alike |

mod decision;
mod explain;
mod fit;
mod hash;
mod index;
mod instance;
mod live;
mod order;
mod passes;
mod pick;
mod policy;
mod queue;
mod request;
mod seal;
mod step;

pub use decision::{Decision, Outcome, Refused, Taken};
pub use explain::{Answer, ExplainedHost, ExplainedRegion, Explanation};
pub use fit::{Fit, Tally};
pub use index::Index;
pub use instance::{Ask, Balancer, network_hash};
pub use live::HELD_PER_NETWORK_MAX;
pub use policy::{Overflow, Policy, Region, Strategy, Waiting, Way};
pub use queue::{Ticket, Waits};
pub use request::{FAILED_MAX, PARTY_SIZE_MAX, Party, ROUND_TRIPS_MAX, Request, Whereabouts};
pub use seal::{Forged, KEY_BYTES, Pass, Receipt, Seal};
pub use step::Step;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
