//! World messages (PROTOCOL.md#world-messages): a file per message.
//!
//! | module | for | sender |
//! |---|---|---|
//! | [`kinds`] | the first byte of each message | |
//! | [`Welcome`] | the answer to a client that asks to enter the world | server |
//! | [`SnapshotHeader`] | the start of a snapshot, which entries follow | server |
//! | `entry` | one entity in a snapshot: a difference, a full state, or that it is gone | server |
//! | [`Input`] | what a player does, and which snapshots the client has | client |

mod entry;
mod input;
pub mod kinds;
mod snapshot;
mod welcome;

pub use entry::{ENTRY_BYTES_MAX, PLAIN_ENTRY_BYTES_MAX, Versioned, write_difference, write_full, write_gone};
pub(crate) use entry::{Head, read_identity};
pub use input::Input;
pub use snapshot::SnapshotHeader;
pub use welcome::Welcome;
