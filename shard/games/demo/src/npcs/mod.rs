//! NPCs. On a map with a navigation mesh they walk along paths, and chase enemies. On other maps they walk straight.
//!
//! | module | for |
//! |---|---|
//! | `guard` | an NPC that walks along paths: patrols and chases |
//! | here | the NPCs of a core, and those that walk straight |

mod guard;

use crate::Demo;
use crate::layout::{Layout, spawn_point};
use crate::motion::walk;
use guard::Guard;
use ringshard::game::character::Factions;
use ringshard::game::{Rng, Shard};
use ringshard_demo_rules::Character;
use ringshard_paths::{Navigator, PathFound};
use ringshard_world::character::EntityKind;
use ringshard_world::limits::TICKS_PER_SECOND;
use ringshard_world::{EntityId, Pose};
use std::f32::consts::TAU;
use std::sync::Arc;

/// How far an NPC walks from its home, in units.
const PATROL_RADIUS: f32 = 1_000.0;
/// How fast it walks where there is no mesh, in units per second.
const PATROL_SPEED: f32 = 150.0;
/// Ticks between two decisions of an NPC.
const DECISION_TICKS: usize = 2 * TICKS_PER_SECOND as usize;

#[derive(Clone, Debug)]
struct Npc {
    id: EntityId,
    home: [f32; 3],
    guard: Guard,
}

/// The NPCs of one core.
#[derive(Debug)]
pub struct Npcs {
    wanted: usize,
    npcs: Vec<Npc>,
    /// None if the map has no mesh.
    navigator: Option<Arc<Navigator>>,
    /// Buffer for what is around an NPC.
    around: Vec<EntityId>,
}

impl Npcs {
    /// None yet; [`Npcs::populate`] spawns `wanted`.
    pub fn new(wanted: usize) -> Npcs {
        Npcs { wanted, npcs: Vec::with_capacity(wanted), navigator: None, around: Vec::new() }
    }

    /// From now on they walk along paths.
    pub fn use_paths(&mut self, navigator: Arc<Navigator>) {
        self.navigator = Some(navigator);
    }

    /// Whether they walk along paths.
    pub fn walk_paths(&self) -> bool {
        self.navigator.is_some()
    }

    /// Spawns missing NPCs, as far as the core has room. Those that walk along paths are of the factions of players.
    pub fn populate(&mut self, shard: &mut Shard<Demo>, layout: Layout) {
        while self.npcs.len() < self.wanted {
            let terrain = shard.terrain().clone();
            let home = spawn_point(layout, &terrain, &mut shard.random);
            let faction = if self.walk_paths() { 1 + (shard.random.next_u32() % 2) as u8 } else { 0 };
            let shown = Character::new(EntityKind::Npc, faction);
            let Ok(id) = shard.entities.spawn(Pose::at(home), shown) else { return };
            self.npcs.push(Npc { id, home, guard: Guard::at(home) });
        }
    }

    /// Lets NPCs decide and walk.
    pub fn tick(&mut self, shard: &mut Shard<Demo>, factions: &Factions) {
        let tick = shard.tick() as usize;
        let Npcs { npcs, navigator, around, .. } = self;
        let Some(navigator) = navigator else { return stroll(npcs, shard, tick) };
        for (number, npc) in npcs.iter_mut().enumerate() {
            let Npc { id, home, guard } = npc;
            if tick % DECISION_TICKS == number % DECISION_TICKS {
                guard.look_around(shard, factions, *id, around);
                guard.go_on(shard, navigator, number, *home);
            }
            guard.chase(shard, navigator, number, tick);
            guard.walk(shard, *id);
        }
    }

    /// A path that an NPC has asked for.
    pub fn found(&mut self, found: PathFound) {
        let (number, _) = guard::parts(found.ticket);
        if let Some(npc) = self.npcs.get_mut(number) {
            npc.guard.found(found);
        }
    }
}

/// Lets some NPCs decide where to walk straight.
fn stroll(npcs: &[Npc], shard: &mut Shard<Demo>, tick: usize) {
    for npc in npcs.iter().skip(tick % DECISION_TICKS).step_by(DECISION_TICKS) {
        let Some(&Pose { point, .. }) = shard.entities.pose(npc.id) else { continue };
        let [away_x, away_y] = [npc.home[0] - point[0], npc.home[1] - point[1]];
        let returns = away_x.hypot(away_y) > PATROL_RADIUS;
        let turn = shard.random.next_u32() as u16;
        let rests = !returns && turn.is_multiple_of(3);
        let turn = if returns { (away_y.atan2(away_x) / TAU * 65_536.0) as i32 as u16 } else { turn };
        walk(shard, npc.id, turn, if rests { 0.0 } else { PATROL_SPEED });
    }
}
