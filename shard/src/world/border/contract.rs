//! What two hosts of a world have in common: the game, and the map.

use crate::world::rewind::NO_HITBOX;
use ringshard_world::{Fields, Map};

/// What all hosts of a world have in common. It follows from the game and its settings.
#[derive(Clone, Debug)]
pub struct Contract<S> {
    /// Stands for the game's types and tables: messages of a host with another number are not understood.
    pub number: u32,
    /// The state that full states are a difference from.
    pub blank: S,
    /// The map.
    pub map: Map,
    /// By kind: the distance from which entities are seen, in units.
    pub sight: Vec<f32>,
    /// The length of the game's table of hitboxes.
    pub hitboxes: usize,
    /// Whether bytes are a command of the game.
    pub is_command: fn(&[u8]) -> bool,
    /// Whether bytes are an event of the game.
    pub is_event: fn(&[u8]) -> bool,
}

impl<S: Fields> Contract<S> {
    /// Whether the game has a kind of that number.
    pub(super) fn has_kind(&self, kind: u8) -> bool {
        usize::from(kind) < self.sight.len()
    }

    /// Whether the game has a hitbox of that number, or it stands for none.
    pub(super) fn has_hitbox(&self, hitbox: u8) -> bool {
        hitbox == NO_HITBOX || usize::from(hitbox) < self.hitboxes
    }
}
