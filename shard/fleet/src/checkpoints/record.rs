//! What is kept of an account, and of a zone.

use crate::model::{Name, RunId};
use ringshard::game::AccountId;
use ringshard::runtime::fleet::Stay;
use serde::{Deserialize, Serialize};

/// The record of an account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlayerRecord {
    /// The number of its stay.
    number: u64,
    /// How often its player had moved.
    moves: u32,
    /// The run of the host that has written it.
    owner: u64,
    /// The player. None: it has just entered as a newcomer, or has left for good.
    pub state: Option<Vec<u8>>,
}

impl PlayerRecord {
    /// The record of a player in this stay.
    pub fn new(stay: Stay, owner: RunId, state: Option<Vec<u8>>) -> Self {
        PlayerRecord { number: stay.number, moves: stay.moves, owner: owner.0, state }
    }

    /// Its stay.
    pub fn stay(&self) -> Stay {
        Stay { number: self.number, moves: self.moves }
    }

    /// The run of the host that has written it.
    pub fn owner(&self) -> RunId {
        RunId(self.owner)
    }
}

/// The record of a zone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ZoneRecord {
    /// The run of the host that has written it.
    pub owner: u64,
    /// The epoch in which that host has the zone ([`Zone::epoch`](crate::model::Zone::epoch)).
    pub epoch: u64,
    /// Whether that host has lost the zone since: what it has saved is complete.
    pub is_last: bool,
    /// What each core of that host has saved.
    pub shares: Vec<Vec<u8>>,
}

/// The key of a zone's record.
pub(super) fn key_of_zone(zone: &Name) -> String {
    format!("zone.{zone}")
}

/// The key of an account's record.
pub(super) fn key_of(account: AccountId) -> String {
    format!("account.{account}")
}
