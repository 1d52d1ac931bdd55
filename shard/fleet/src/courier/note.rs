//! What hosts write to each other about players that move.

use crate::model::RunId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names a move in the whole fleet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct MoveId {
    /// The run of the host that the player leaves.
    pub source: u64,
    /// Counts the moves of that run.
    pub number: u64,
}

impl MoveId {
    /// The run of the host that the player leaves.
    pub fn source(self) -> RunId {
        RunId(self.source)
    }
}

/// What hosts write to each other about one move. The source is the host that the player leaves, the target the one that it
/// goes to. Each may arrive more than once, late, or never: its sender repeats it until the answer comes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Note {
    /// The source asks whether the player may come.
    Ask {
        /// The key of its session, as [`ResumeKey::to_bytes`](ringshard_protocol::crypto::noise::ResumeKey) gives it.
        key: Vec<u8>,
        /// The game's contract, which both servers must have alike.
        contract: String,
    },
    /// The target expects it.
    Welcome {
        /// The core that does.
        core: u8,
    },
    /// The target: the client is here.
    Here,
    /// The source: this is the player. It is in no world now.
    Player(
        /// What the source's core has taken.
        Vec<u8>,
    ),
    /// The target: the player is in its world.
    Took,
    /// The target: the player does not come. It answers `Ask` and `Player`.
    Refused(
        /// Why.
        Refusal,
    ),
    /// The source: it holds no copy of this player any more, because it stays there, or because the target has it. Answers `Took`.
    Over,
}

/// Why a host does not take a player.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Refusal {
    /// It drains, or an operator keeps newcomers away.
    Closed,
    /// Too many players come at this moment.
    Busy,
    /// Its game is another one.
    Contract,
    /// The client did not come in time.
    Late,
    /// The game or the core has refused the player.
    Game,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Refusal::Closed => "it takes no newcomers",
            Refusal::Busy => "too many players come at this moment",
            Refusal::Contract => "its game has another contract",
            Refusal::Late => "the client did not come in time",
            Refusal::Game => "its game refuses the player, or the core is full",
        })
    }
}
