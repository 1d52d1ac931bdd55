//! Chat: what a player says reaches the players around it.

use crate::Demo;
use ringshard::game::{Channel, PlayerId, Shard, To};
use ringshard_demo_rules::{Event, TEXT_BYTES_MAX};
use ringshard_world::EntityId;
use ringshard_world::character::EntityKind;
use ringshard_world::contract::Text;
use std::collections::HashMap;

/// How far a voice carries, in units.
const EARSHOT_RADIUS: f32 = 5_000.0;
/// How many of the entities around a speaker hear it.
const EARSHOT: usize = 32;
/// Ticks between two messages of a player, so that no player floods the others.
const CHAT_COOLDOWN: u64 = 30;

/// The chat of one core.
#[derive(Debug, Default)]
pub struct Chat {
    /// The tick from which each player may speak again.
    speaks_at: HashMap<PlayerId, u64>,
    /// Buffer for listeners.
    around: Vec<EntityId>,
}

impl Chat {
    /// A player says something to the players around it, on whatever core they are. Empty texts are ignored, and those that
    /// come too early.
    pub fn say(&mut self, shard: &mut Shard<Demo>, player: PlayerId, text: Text<TEXT_BYTES_MAX>) {
        let (tick, Some(speaker)) = (shard.tick(), shard.body(player)) else { return };
        let Some(pose) = shard.entities.pose(speaker).filter(|_| !text.as_str().is_empty()) else { return };
        let point = pose.point;
        if self.speaks_at.get(&player).is_some_and(|&again_at| tick < again_at) {
            return;
        }
        self.speaks_at.insert(player, tick + CHAT_COOLDOWN);
        let said = Event::Said { by: speaker, text };
        // A player that has come in this tick is nowhere near yet, not even to itself.
        let _ = shard.tell(To::Player(player), Channel::RELIABLE_ORDERED, &said);
        self.around.clear();
        shard.nearest(point, EARSHOT_RADIUS, EARSHOT, &mut self.around);
        for &listener in self.around.iter().filter(|listener| **listener != speaker) {
            let kind = shard.state(listener).and_then(|it| it.shown.entity_kind());
            if kind == Some(EntityKind::Player) {
                // If another core cannot be reached, its player misses the text. The server counts that.
                let _ = shard.tell(To::Entity(listener), Channel::RELIABLE_ORDERED, &said);
            }
        }
    }

    /// A player is gone.
    pub fn forget(&mut self, player: PlayerId) {
        self.speaks_at.remove(&player);
    }
}
