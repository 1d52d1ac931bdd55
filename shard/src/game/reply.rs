//! Answers that are owed to clients.

use super::player::PlayerId;

/// The right to answer one ask, once: pass it to [`Shard::reply`](super::Shard::reply), now or in a later tick. It may be kept
/// beside the data of a job. A client whose ask is never answered waits until its session ends.
#[must_use = "the client that asked waits for the answer"]
#[derive(PartialEq, Eq, Debug)]
pub struct Reply {
    pub(crate) player: PlayerId,
    pub(crate) number: u16,
}

impl Reply {
    /// Who asked.
    pub fn player(&self) -> PlayerId {
        self.player
    }

    /// Its number among the asks of the player, for [`Shard::owe`](super::Shard::owe) of another server.
    pub fn number(&self) -> u16 {
        self.number
    }
}
