//! An NPC that walks along paths. It makes the step that players make. Worker threads find its paths.
//!
//! It patrols between a few points around its home. If it sees an enemy player near, it runs after it, until it is far away.

use super::PATROL_RADIUS;
use crate::Demo;
use ringshard::game::character::Factions;
use ringshard::game::{Rng, Shard};
use ringshard_demo_rules::Character;
use ringshard_paths::{Follower, Going, Navigator, PathFound, PathJob, Patrol, Turn};
use ringshard_terrain::movement::{Gait, Tuning, Walker, step};
use ringshard_world::EntityId;
use ringshard_world::character::{EntityKind, states};
use std::sync::Arc;

/// Points of a patrol.
const PATROL_POINTS: usize = 4;
/// How far the nearest place to such a point may be, in units.
const SNAP_RADIUS: f32 = 300.0;
/// How near an enemy must be to be chased, in units.
const SIGHT_RADIUS: f32 = 2_000.0;
/// How far away it must be to be left alone, in units.
const GIVE_UP_RADIUS: f32 = 4_000.0;
/// Near enough, in units: it stands beside its enemy.
const BESIDE_RADIUS: f32 = 150.0;
/// How far an enemy must move before there is a new path to it, in units.
const MOVED: f32 = 200.0;
/// Ticks between two looks at an enemy that is chased.
const CHASE_TICKS: usize = 20;
/// How many entities around it are considered as enemies.
const NEIGHBOURS: usize = 32;
/// Its eyes, in units above the feet.
const EYES: f32 = 160.0;

/// The state of such an NPC.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    walker: Walker,
    follower: Follower,
    /// None until it decides for the first time.
    patrol: Option<Patrol>,
    /// Whom it chases.
    enemy: Option<EntityId>,
    /// Paths that it has asked for. A path with an earlier number comes too late.
    asked: u32,
    /// Whether the last one has not come yet.
    waits: bool,
}

/// What a path is for: the number of the NPC, and how many paths it has asked for.
pub fn parts(ticket: u64) -> (usize, u32) {
    ((ticket & 0xFFFF_FFFF) as usize, (ticket >> 32) as u32)
}

fn distance(a: [f32; 3], b: [f32; 3]) -> f32 {
    let [x, y, z] = [0, 1, 2].map(|axis| a[axis] - b[axis]);
    (x * x + y * y + z * z).sqrt()
}

impl Guard {
    /// It stands at its home.
    pub fn at(home: [f32; 3]) -> Guard {
        Guard { walker: Walker::at(home), ..Guard::default() }
    }

    /// Chases the nearest enemy that it sees, unless it chases one already.
    pub fn look_around(
        &mut self,
        shard: &mut Shard<Demo>,
        factions: &Factions,
        id: EntityId,
        around: &mut Vec<EntityId>,
    ) {
        let Some(&Character { faction, .. }) = shard.entities.shown(id) else { return };
        if self.enemy.is_some() {
            return;
        }
        around.clear();
        shard.nearest(self.walker.point, SIGHT_RADIUS, NEIGHBOURS, around);
        let point = self.walker.point;
        let sees = |&other: &EntityId| {
            let state = shard.state(other)?;
            let away = distance(shard.pose(other)?.point, point);
            let is_enemy = is_prey(&state.shown) && factions.is_enemy(faction, state.shown.faction);
            (is_enemy && shard.terrain().sees(eyes(point), eyes(shard.pose(other)?.point))).then_some((away, other))
        };
        self.enemy = around.iter().filter_map(sees).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, other)| other);
        if self.enemy.is_some() {
            self.stop();
        }
    }

    /// Goes on with its patrol, if it has nothing to do: sometimes it rests.
    pub fn go_on(&mut self, shard: &mut Shard<Demo>, navigator: &Arc<Navigator>, number: usize, home: [f32; 3]) {
        if self.enemy.is_some() || self.waits || self.follower.is_going() {
            return;
        }
        let goal = match &mut self.patrol {
            Some(_) if shard.random.next_u32().is_multiple_of(3) => return,
            Some(patrol) => patrol.advance(),
            None => self.patrol.insert(route(shard, navigator, home)).goal(),
        };
        self.ask(shard, navigator, number, goal);
    }

    /// Follows the enemy that it chases, or lets it go.
    pub fn chase(&mut self, shard: &mut Shard<Demo>, navigator: &Arc<Navigator>, number: usize, tick: usize) {
        let Some(enemy) = self.enemy.filter(|_| tick % CHASE_TICKS == number % CHASE_TICKS) else { return };
        let is_prey = shard.state(enemy).is_some_and(|state| is_prey(&state.shown));
        let place = shard.pose(enemy).map(|pose| pose.point).filter(|_| is_prey);
        let Some(place) = place.filter(|&place| distance(place, self.walker.point) < GIVE_UP_RADIUS) else {
            self.enemy = None;
            return self.stop();
        };
        if distance(place, self.walker.point) < BESIDE_RADIUS {
            return self.stop();
        }
        let has_moved = self.follower.goal().is_none_or(|goal| distance(goal, place) > MOVED);
        if !self.waits && (has_moved || !self.follower.is_going()) {
            self.ask(shard, navigator, number, place);
        }
    }

    /// A path that it has asked for.
    pub fn found(&mut self, found: PathFound) {
        let (_, asked) = parts(found.ticket);
        if !self.waits || asked != self.asked {
            return;
        }
        self.waits = false;
        match found.path {
            Ok(path) => self.follower.start(path),
            // The enemy is out of reach. A patrol goes on to its next point.
            Err(_) => self.enemy = None,
        }
    }

    /// Makes the step of this tick, if it moves.
    pub fn walk(&mut self, shard: &mut Shard<Demo>, id: EntityId) {
        let Some(&pose) = shard.entities.pose(id) else { return };
        if pose.leap != self.walker.leap {
            // It was beaten, and began again elsewhere.
            self.walker = Walker { leap: pose.leap, ..Walker::at(pose.point) };
            self.enemy = None;
            self.stop();
        }
        let is_still = self.walker.velocity == [0.0; 3] && self.walker.gait() == Gait::Ground;
        if is_still && !self.follower.is_going() {
            return;
        }
        let (steering, going) = self.follower.steer(&self.walker, self.enemy.is_some());
        if going == Going::Stuck {
            self.enemy = None;
        }
        step(shard.terrain(), &Tuning::default(), &mut self.walker, &steering);
        if let Some(pose) = shard.entities.pose_mut(id) {
            *pose = self.walker.pose();
        }
        if let Some(shown) = shard.entities.shown_mut(id) {
            shown.set(states::MOVING, self.walker.velocity != [0.0; 3]);
        }
    }

    /// Asks for a path. If too many jobs are waiting, it asks again with its next decision.
    fn ask(&mut self, shard: &mut Shard<Demo>, navigator: &Arc<Navigator>, number: usize, to: [f32; 3]) {
        let asked = self.asked.wrapping_add(1);
        let ticket = u64::from(asked) << 32 | number as u64;
        let job = PathJob { navigator: navigator.clone(), ticket, from: self.walker.point, to };
        if shard.give(job).is_ok() {
            (self.asked, self.waits) = (asked, true);
        }
    }

    /// Stops, and takes no path that it has asked for.
    fn stop(&mut self) {
        self.follower.stop();
        self.waits = false;
    }
}

/// A route around a home. All its points can be reached from there, or it is the home alone.
fn route(shard: &mut Shard<Demo>, navigator: &Navigator, home: [f32; 3]) -> Patrol {
    let region = navigator.region(home);
    let mut points = Vec::with_capacity(PATROL_POINTS + 1);
    points.push(home);
    for _ in 0..PATROL_POINTS {
        let mut aside = || (shard.random.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0) * PATROL_RADIUS;
        let point = [home[0] + aside(), home[1] + aside(), home[2]];
        let near = navigator.nearest(point, SNAP_RADIUS);
        points.extend(near.filter(|&point| navigator.region(point) == region));
    }
    let turn = if shard.random.next_u32().is_multiple_of(2) { Turn::Around } else { Turn::Back };
    Patrol::new(points, turn)
}

fn eyes([x, y, z]: [f32; 3]) -> [f32; 3] {
    [x, y, z + EYES]
}

/// Whether an NPC chases such an entity, if it is an enemy.
fn is_prey(shown: &Character) -> bool {
    shown.entity_kind() == Some(EntityKind::Player) && shown.is(states::ALIVE) && !shown.is_invisible()
}
