//! A client of the gateway, whatever carries its datagrams.
//!
//! | file | has |
//! |---|---|
//! | `state` | what the thread knows of a client |
//! | `queue` | datagrams that wait for the client |
//! | `budget` | what a client may send per second |
//! | `waiter` | wakes the carrier's task |

mod budget;
mod queue;
mod state;
mod waiter;

pub use state::Going;
pub(crate) use state::{Client, add};
