//! The game of a small world: players stand in a row.

use ringshard::game::shard::Shard;
use ringshard::game::{Game, LeaveReason};
use ringshard_protocol::wire::Channel;
use ringshard_world::messages::{Input, kinds};
use ringshard_world::{EntityId, EntityKind};

/// Action of an input: the player leaps to the other end of the map.
pub const TELEPORT: u8 = 1;
/// Action of an input: the game despawns the body of its player.
pub const DIE: u8 = 2;
/// Where the row begins.
pub const HERE: [f32; 3] = [10_000.0, 10_000.0, 100.0];
/// Where a leap ends.
pub const THERE: [f32; 3] = [90_000.0, 90_000.0, 100.0];

/// A change in the life of a player, as the game learns of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LifeEvent {
    Joined,
    Suspended,
    Resumed,
    Gone(LeaveReason),
}

/// Players stand in a row. Their inputs make them walk along it, leap away, or lose their bodies.
#[derive(Default)]
pub struct Row {
    pub joined: u32,
    /// The lives of its players, in order.
    pub events: Vec<(EntityId, LifeEvent)>,
    /// Sends every entity its own id, in every tick.
    pub sends_ids: bool,
    /// From this tick on, every free slot gets an NPC.
    pub npcs_from: Option<u64>,
}

impl Game for Row {
    fn join(&mut self, shard: &mut Shard) -> Option<EntityId> {
        let [x, y, z] = HERE;
        self.joined += 1;
        let body = shard.entities.spawn(EntityKind::Player, 1, [x + 100.0 * self.joined as f32, y, z]).ok()?;
        self.events.push((body, LifeEvent::Joined));
        Some(body)
    }

    fn suspended(&mut self, _shard: &mut Shard, player: EntityId) {
        self.events.push((player, LifeEvent::Suspended));
    }

    fn resumed(&mut self, _shard: &mut Shard, player: EntityId) {
        self.events.push((player, LifeEvent::Resumed));
    }

    fn leave(&mut self, _shard: &mut Shard, player: EntityId, why: LeaveReason) {
        self.events.push((player, LifeEvent::Gone(why)));
    }

    fn input(&mut self, shard: &mut Shard, player: EntityId, input: &Input) {
        let [x, y, z] = shard.entities.point(player).expect("a player is there");
        if input.actions == DIE {
            shard.entities.despawn(player);
            return;
        }
        let to = match input.actions {
            TELEPORT => THERE,
            _ => [x, y + f32::from(input.pace) / 100.0, z],
        };
        assert!(shard.entities.set_point(player, to));
    }

    fn tick(&mut self, shard: &mut Shard) {
        if self.npcs_from.is_some_and(|tick| shard.tick() >= tick) {
            while shard.entities.spawn(EntityKind::Npc, 2, HERE).is_ok() {}
        }
        if self.sends_ids {
            let bodies: Vec<_> = shard.entities.ids().collect();
            for EntityId { index, generation } in bodies {
                let message = [kinds::GAME, index as u8, generation];
                shard.send(EntityId { index, generation }, Channel::UNRELIABLE, &message);
            }
        }
    }
}
