//! The demonstration game: players walk and shoot at each other, NPCs patrol, projectiles set their targets on fire, and
//! players can chat.
//!
//! | module | for |
//! |---|---|
//! | `layout` | where players and NPCs enter the world |
//! | `movement` | how entities move |
//! | `npcs` | NPCs and their patrols |
//! | `shooting` | projectiles, hits and scores |
//! | `chat` | messages between players |
//! | `cooldown` | actions that may be repeated only after some time |

mod chat;
mod cooldown;
mod layout;
mod movement;
mod npcs;
mod shooting;

pub use chat::CHAT;
pub use layout::{Layout, spawn_point};
pub use shooting::HITS;

use chat::{COMMAND_CHAT, Chat};
use movement::{move_all, walk};
use npcs::Npcs;
use rand_chacha::rand_core::Rng;
use ringshard::game::Game;
use ringshard::game::shard::Shard;
use ringshard::world::exchange::Command;
use ringshard::world::store::Relation;
use ringshard_protocol::wire::Message;
use ringshard_world::entity::{buffs, states};
use ringshard_world::messages::Input;
use ringshard_world::{EntityId, EntityKind};
use shooting::{COMMAND_HIT, COMMAND_SCORED, Shooting};
use std::f32::consts::TAU;

/// Fastest walk, in units per second: 6 m/s.
pub const WALK_MAX: f32 = 600.0;
/// The bit of an input's actions that shoots.
pub const SHOOT: u8 = 0x01;

/// The demonstration, on one core.
pub struct Demo {
    /// Whether the relations of the factions were set.
    began: bool,
    layout: Layout,
    npcs: Npcs,
    shooting: Shooting,
    chat: Chat,
}

impl Demo {
    /// The demonstration with this layout, and `npcs` NPCs on this core.
    pub fn new(layout: Layout, npcs: usize) -> Self {
        Demo { began: false, layout, npcs: Npcs::new(npcs), shooting: Shooting::default(), chat: Chat::default() }
    }
}

impl Game for Demo {
    fn join(&mut self, shard: &mut Shard) -> Option<EntityId> {
        let map = *shard.map();
        let point = spawn_point(self.layout, &map, &mut shard.random);
        let faction = 1 + (shard.random.next_u32() % 2) as u8;
        shard.entities.spawn(EntityKind::Player, faction, point).ok()
    }

    fn suspended(&mut self, shard: &mut Shard, player: EntityId) {
        // Without input it must not keep walking.
        walk(shard, player, 0.0, 0.0);
    }

    fn input(&mut self, shard: &mut Shard, player: EntityId, input: &Input) {
        let angle = f32::from(input.direction) / 65_536.0 * TAU;
        let active = shard.entities.buffs(player).unwrap_or(0);
        let held = shard.entities.states(player).is_none_or(|it| it & states::STUNNED != 0 || it & states::ALIVE == 0);
        let fastest = match active {
            _ if held || active & buffs::FROZEN != 0 => 0.0,
            _ if active & buffs::SLOWED != 0 => WALK_MAX / 2.0,
            _ => WALK_MAX,
        };
        walk(shard, player, angle, fastest * f32::from(input.pace) / 255.0);
        if input.actions & SHOOT != 0 && !held {
            self.shooting.shoot(shard, player);
        }
    }

    fn message(&mut self, shard: &mut Shard, player: EntityId, message: Message<'_>) {
        self.chat.message(shard, player, message.bytes);
    }

    fn command(&mut self, shard: &mut Shard, command: &Command) {
        match (command.kind, command.content()) {
            (COMMAND_HIT, &[damage]) => shooting::hit(shard, self.layout, command.to, command.from, damage),
            (COMMAND_SCORED, _) => shooting::score(shard, command.to),
            (COMMAND_CHAT, _) => chat::hear(shard, command),
            _ => {}
        }
    }

    fn tick(&mut self, shard: &mut Shard) {
        if !std::mem::replace(&mut self.began, true) {
            shard.factions.relate(1, 2, Relation::Enemy);
        }
        self.npcs.populate(shard, self.layout);
        self.npcs.patrol(shard);
        move_all(shard);
        self.shooting.fly(shard);
    }
}
