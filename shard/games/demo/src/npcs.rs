//! NPCs, which walk around their homes.

use crate::Demo;
use crate::layout::{Layout, spawn_point};
use crate::motion::walk;
use ringshard::game::{Rng, Shard};
use ringshard_demo_rules::Character;
use ringshard_world::character::EntityKind;
use ringshard_world::limits::TICKS_PER_SECOND;
use ringshard_world::{EntityId, Pose};
use std::f32::consts::TAU;

/// How far an NPC walks from its home, in units.
const PATROL_RADIUS: f32 = 1_000.0;
/// How fast it walks, in units per second.
const PATROL_SPEED: f32 = 150.0;
/// Ticks between two decisions of an NPC.
const DECISION_TICKS: usize = 2 * TICKS_PER_SECOND as usize;

#[derive(Clone, Copy, Debug)]
struct Npc {
    id: EntityId,
    home: [f32; 3],
}

/// The NPCs of one core.
#[derive(Debug)]
pub struct Npcs {
    wanted: usize,
    npcs: Vec<Npc>,
}

impl Npcs {
    /// None yet; [`Npcs::populate`] spawns `wanted`.
    pub fn new(wanted: usize) -> Npcs {
        Npcs { wanted, npcs: Vec::with_capacity(wanted) }
    }

    /// Spawns missing NPCs, as far as the core has room.
    pub fn populate(&mut self, shard: &mut Shard<Demo>, layout: Layout) {
        while self.npcs.len() < self.wanted {
            let terrain = shard.terrain().clone();
            let home = spawn_point(layout, &terrain, &mut shard.random);
            let shown = Character::new(EntityKind::Npc, 0);
            let Ok(id) = shard.entities.spawn(Pose::at(home), shown) else { return };
            self.npcs.push(Npc { id, home });
        }
    }

    /// Lets some NPCs decide where to walk.
    pub fn patrol(&mut self, shard: &mut Shard<Demo>) {
        let tick = shard.tick() as usize;
        for npc in self.npcs.iter().skip(tick % DECISION_TICKS).step_by(DECISION_TICKS) {
            let Some(&Pose { point, .. }) = shard.entities.pose(npc.id) else { continue };
            let [away_x, away_y] = [npc.home[0] - point[0], npc.home[1] - point[1]];
            let returns = away_x.hypot(away_y) > PATROL_RADIUS;
            let turn = shard.random.next_u32() as u16;
            let rests = !returns && turn.is_multiple_of(3);
            let turn = if returns { (away_y.atan2(away_x) / TAU * 65_536.0) as i32 as u16 } else { turn };
            walk(shard, npc.id, turn, if rests { 0.0 } else { PATROL_SPEED });
        }
    }
}
