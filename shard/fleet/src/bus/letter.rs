//! What hosts say to each other.

use crate::courier::{MoveId, Note};
use crate::model::{Name, RunId};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// One letter.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Letter {
    /// A host is alive. It says so to all, twice per second.
    Beat(Beat),
    /// About a player that moves between two hosts.
    Move {
        /// Which move.
        id: MoveId,
        /// What about it.
        note: Note,
    },
    /// A message of the sender's border ([`ringshard::world::border`]) to that of a neighbour.
    Border(Vec<u8>),
    /// An account enters at the sender, and its last checkpoint is the reader's: the reader lets it go if it has it.
    Release {
        /// The account.
        account: u64,
    },
    /// The answer: the sender does not have it any more, and has written its last state.
    Released {
        /// The account.
        account: u64,
    },
    /// The sender has not heard this run of a host, and is about to take its zones over, or players back that it has sent there. Each
    /// host that has heard the run answers. So does the run itself.
    Suspect {
        /// The run.
        run: RunId,
        /// For how long the sender has not heard it, in milliseconds.
        silent_ms: u32,
    },
    /// The answer: the sender has heard that run.
    Heard {
        /// The run.
        run: RunId,
        /// How long ago, in milliseconds.
        silent_ms: u32,
    },
    /// The sender has ended in order: it has no players any more, what it had of its zones is saved, and it asks for nothing. So nobody
    /// waits until it has been silent for long enough.
    Left,
}

/// What a host says about itself.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Beat {
    /// Its name.
    pub name: Name,
    /// When, in milliseconds since 1970, on its clock.
    pub at_ms: u64,
    /// Where clients connect.
    pub address: SocketAddr,
    /// Its static public key.
    pub key: [u8; 32],
    /// The game's contract.
    pub contract: String,
    /// Whether it takes players and zones.
    pub is_open: bool,
}
