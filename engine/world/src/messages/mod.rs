//! World messages (PROTOCOL.md#world-messages): a file per message.
//!
//! | module | for | sender |
//! |---|---|---|
//! | [`kinds`] | the first byte of each message | |
//! | [`EnterRequest`] | a request to enter the world | client |
//! | [`EnterAnswer`] | the answer, and the end of a presence in the world | server |
//! | [`SnapshotHeader`] | the start of a snapshot: header and owner block | server |
//! | `entry` | one entity in a snapshot: a difference, a full state, or that it is gone | server |
//! | [`InputHeader`] | inputs, and which snapshots the client has | client |
//! | `ask` | asks, answers and events of the game | both |
//! | [`Introduction`] | bytes for another player | both |
//! | [`ChangeServer`] | the server that the session moves to | server |

mod ask;
mod change_server;
mod enter;
mod entry;
mod input;
mod introduction;
pub mod kinds;
mod snapshot;

pub use ask::{
    ASK_MESSAGE_BYTES_MAX, Answered, EVENT_MESSAGE_BYTES_MAX, read_answer, read_ask_number, read_event, read_whole,
    write_answer, write_ask, write_event,
};
pub use change_server::ChangeServer;
pub use enter::{EnterAnswer, EnterRequest, Welcome, reason};
pub(crate) use entry::Head;
pub use entry::{ENTRY_BYTES_MAX, FULL_ENTRY_BYTES_USUAL, Versioned, write_difference, write_full, write_gone};
pub use input::{InputHeader, Inputs, TimedInput};
pub use introduction::{INTRODUCTION_MESSAGE_BYTES_MAX, Introduction};
pub use snapshot::{NO_LEAD, Owner, SnapshotHeader};
