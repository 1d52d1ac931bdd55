//! The players of a core, as its service lists them for the operator. The runtime itself knows no players.

use ringshard_protocol::wire::ConnectionId;
use ringshard_world::Refusal;

/// Number of reasons for which a player can be refused something.
pub const REASONS: usize = Refusal::ALL.len();

/// A player, and what it was refused.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PlayerRow {
    /// Its name on its core: slot and generation.
    pub player: (u16, u32),
    /// The connection of its client; None while that is silent.
    pub connection: Option<ConnectionId>,
    /// Its score.
    pub score: f32,
    /// How often it was refused something, in the order of [`Refusal::ALL`].
    pub refusals: [u32; REASONS],
}

/// The players of a core.
#[derive(Debug, Default)]
pub struct PlayerList {
    /// The players found so far. The sender of the request reserves the capacity; a core lists no more than fit.
    pub players: Vec<PlayerRow>,
    /// The slot to continue at.
    pub next_slot: usize,
}

impl PlayerList {
    /// Adds a player. False, and it is left out, if there is no room.
    pub fn push(&mut self, row: PlayerRow) -> bool {
        let has_room = self.players.len() < self.players.capacity();
        if has_room {
            self.players.push(row);
        }
        has_room
    }
}
