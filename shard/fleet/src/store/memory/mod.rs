//! A store in this process, for tests and simulations.
//!
//! | file | has |
//! |---|---|
//! | `state` | [`MemoryState`]: the store without a clock |
//! | `shared` | what clients and watches share; [`Fault`] |
//! | `client` | [`MemoryStore`]: a client on tokio's clock, with faults |
//! | `watch` | [`MemoryWatch`] |

mod client;
mod shared;
mod state;
mod watch;

pub use client::MemoryStore;
pub use shared::Fault;
pub use state::MemoryState;
pub use watch::MemoryWatch;
