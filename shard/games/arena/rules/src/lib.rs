//! What the server and the clients of the arena agree on: the types of its contract, the level, and the step of a player.

pub mod aim;
pub mod level;

use ringshard_terrain::Terrain;
use ringshard_terrain::movement::{self, Steering, Tuning, Walker};
use ringshard_world::contract::{Cooldown, Text};
use ringshard_world::{EntityId, Pose, Rules};
use std::sync::Arc;

/// Health of a player that has just spawned.
pub const HEALTH: u8 = 100;
/// Health that a hit takes.
pub const DAMAGE: u8 = 20;
/// Health that an item gives.
pub const HEAL: u8 = 40;
/// Ticks between two shots.
pub const COOLDOWN_TICKS: u16 = 12;

ringshard_world::wire! {
    /// What a player does in one tick.
    pub struct Input {
        pub steering: Steering,
        /// How far it looks up, in 65,536ths of a turn.
        pub pitch: i16,
        pub fire: bool,
    }

    /// What the step of a player changes.
    pub struct Body {
        /// Its leap counts respawns.
        pub walker: Walker,
        pub weapon: Cooldown,
        pub alive: bool,
        /// Until the server lets a dead player respawn.
        pub respawn: Cooldown,
    }

    /// What everybody sees of a player.
    pub struct Shown {
        /// 0 when it is dead.
        pub health: u8,
        pub kills: u16,
        pub deaths: u16,
    }

    pub enum Ask {
        /// Uses the item in this slot of the inventory.
        Use { slot: u8 },
        /// Looks into the inventory.
        Look,
    }

    pub enum Answer {
        Used { left: u8, health: u8 },
        Inventory { items: [u8; 4] },
        Empty,
        Dead,
    }

    pub enum Event {
        Shot { by: EntityId, distance: u16, hit: Option<EntityId> },
        Killed { by: EntityId, whom: EntityId },
        /// A client says something.
        Say { text: Text<100> },
        /// The server tells everybody.
        Said { by: EntityId, text: Text<100> },
    }
}

impl Body {
    /// A player that has just spawned.
    pub fn at(point: [f32; 3], leap: u8) -> Body {
        Body { walker: Walker { leap, ..Walker::at(point) }, alive: true, ..Body::default() }
    }

    /// Whether its last step fired a shot.
    pub fn has_fired(&self) -> bool {
        self.weapon.ticks() == COOLDOWN_TICKS
    }
}

/// The rules of the arena.
#[derive(Clone)]
pub struct ArenaRules {
    /// The level.
    pub terrain: Arc<Terrain>,
    tuning: Tuning,
}

impl Default for ArenaRules {
    fn default() -> Self {
        // Everybody runs.
        let tuning = Tuning { walk_speed: 600.0, ..Tuning::default() };
        ArenaRules { terrain: level::terrain(), tuning }
    }
}

impl Rules for ArenaRules {
    type Input = Input;
    type Own = Body;
    type Shown = Shown;
    type Ask = Ask;
    type Answer = Answer;
    type Event = Event;

    fn step(&self, own: &mut Body, input: &Input) {
        own.weapon.count_down();
        own.respawn.count_down();
        if !own.alive {
            own.walker.velocity = [0.0; 3];
            return;
        }
        movement::step(&self.terrain, &self.tuning, &mut own.walker, &input.steering);
        if input.fire {
            own.weapon.start(COOLDOWN_TICKS);
        }
    }

    fn pose(&self, own: &Body) -> Pose {
        own.walker.pose()
    }

    fn level(&self) -> u32 {
        self.terrain.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{CORNER, SIDE};
    use ringshard_terrain::movement::keys;

    const NORTH: u16 = 1 << 14;

    fn at([x, y]: [f32; 2]) -> Body {
        Body::at([CORNER + x, CORNER + y, 0.0], 0)
    }

    fn go(body: &mut Body, ticks: u32, steering: Steering) {
        let rules = ArenaRules::default();
        (0..ticks).for_each(|_| rules.step(body, &Input { steering, ..Input::default() }));
    }

    #[test]
    fn a_player_stops_at_a_wall_and_slides_along_it() {
        // The wall above begins at y = 1,200.
        let mut body = at([1_300.0, 1_000.0]);
        go(&mut body, 60, Steering { forward: 127, left: -64, yaw: NORTH, keys: 0 });
        let [x, y, _] = body.walker.point;
        assert!((CORNER + 1_160.0..CORNER + 1_200.0).contains(&y), "{y}");
        assert!(x > CORNER + 1_400.0, "it slides, {x}");
    }

    #[test]
    fn a_player_climbs_the_platform_and_jumps_there() {
        let mut body = at([SIDE / 2.0, SIDE / 2.0 - 500.0]);
        go(&mut body, 50, Steering { forward: 127, left: 0, yaw: NORTH, keys: 0 });
        go(&mut body, 20, Steering { yaw: NORTH, ..Steering::default() });
        assert!((body.walker.point[2] - 160.0).abs() < 1.0, "{:?}", body.walker);
        go(&mut body, 20, Steering { yaw: NORTH, keys: keys::JUMP, ..Steering::default() });
        assert!(body.walker.point[2] > 200.0, "{:?}", body.walker);
    }

    #[test]
    fn whoever_runs_and_jumps_at_random_stays_in_the_arena() {
        let rules = ArenaRules::default();
        let mut chance = 1_u32;
        let mut body = at([500.0; 2]);
        for _ in 0..20_000 {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let yaw = if chance >> 27 == 0 { chance as u16 } else { body.walker.yaw };
            let keys = if chance >> 26 == 0 { keys::JUMP } else { 0 };
            let steering = Steering { forward: 127, left: (chance >> 16) as i8, yaw, keys };
            rules.step(&mut body, &Input { steering, ..Input::default() });
            let [x, y, z] = body.walker.point;
            let inside = CORNER..CORNER + SIDE;
            assert!(inside.contains(&x) && inside.contains(&y) && z >= 0.0, "{:?}", body.walker);
        }
    }

    #[test]
    fn a_held_trigger_shoots_once_per_cooldown_and_the_dead_do_nothing() {
        let rules = ArenaRules::default();
        let mut body = at([500.0; 2]);
        let held = Input { steering: Steering { forward: 127, ..Steering::default() }, fire: true, pitch: 0 };
        let mut shots = 0;
        for _ in 0..60 {
            rules.step(&mut body, &held);
            shots += u16::from(body.has_fired());
        }
        assert_eq!(shots, 60 / COOLDOWN_TICKS);
        body.alive = false;
        let point = body.walker.point;
        for _ in 0..60 {
            rules.step(&mut body, &held);
            assert!(!body.has_fired());
        }
        assert_eq!((body.walker.point, body.walker.velocity), (point, [0.0; 3]));
    }
}
