//! A client of the gateway, whatever carries its datagrams.
//!
//! | file | has |
//! |---|---|
//! | `state` | what the thread knows of a client |
//! | `queue` | datagrams that wait for the client |
//! | `memory` | what the queues of a thread hold together |
//! | `budget` | what a client may send per second |
//! | `waiter` | wakes the carrier's task |

mod budget;
mod memory;
mod queue;
mod state;
mod waiter;

pub(crate) use memory::QueueMemory;
pub use state::Going;
pub(crate) use state::{Client, add};
