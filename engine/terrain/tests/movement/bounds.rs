//! Random players on random playgrounds: what must hold after every tick.

use crate::dice::Dice;
use crate::oracle::Oracle;
use crate::playground::{EDGE, playground};
use ringshard_terrain::Terrain;
use ringshard_terrain::movement::{Gait, Steering, Tuning, Walker, keys, step};

/// Steps of one player.
const STEPS: u32 = 250;
/// A body that is smaller by this much on each side is never in a triangle. Characters keep a quarter of a unit away.
const LESS: f32 = 0.05;
const SECONDS: f32 = 1.0 / 60.0;

/// How many steps the random walks take. The variable `MOVES` sets it: `MOVES=1000000 cargo test --release`.
fn moves() -> u32 {
    std::env::var("MOVES").ok().and_then(|moves| moves.parse().ok()).unwrap_or(10_000)
}

/// A player that changes its mind now and then.
pub struct Player {
    pub walker: Walker,
    steering: Steering,
}

impl Player {
    /// At a random place with room for it, in the air or on the ground.
    pub fn anywhere(dice: &mut Dice, terrain: &Terrain, oracle: &Oracle) -> Player {
        loop {
            let [x, y, z] = dice.point([40.0, 40.0, 0.0], [EDGE - 40.0, EDGE - 40.0, 800.0]);
            let ground = terrain.height(x, y);
            let point = [x, y, if dice.below(2) == 0 { ground } else { ground + z }];
            if oracle.inside(&Tuning::default(), point, -0.3).is_none() {
                return Player { walker: Walker::at(point), steering: Steering::default() };
            }
        }
    }

    fn think(&mut self, dice: &mut Dice) {
        if dice.below(12) != 0 {
            return;
        }
        let way = |dice: &mut Dice| [127, 127, -128, 0, dice.next() as i8][dice.below(5) as usize];
        self.steering.forward = way(dice);
        self.steering.left = if dice.below(2) == 0 { 0 } else { way(dice) };
        self.steering.yaw = if dice.below(4) == 0 { (dice.below(8) << 13) as u16 } else { dice.next() as u16 };
        self.steering.keys = dice.below(8) as u8 | if dice.below(2) == 0 { keys::RUN } else { 0 };
    }

    pub fn step(&mut self, dice: &mut Dice, terrain: &Terrain) {
        self.think(dice);
        step(terrain, &Tuning::default(), &mut self.walker, &self.steering);
    }
}

/// What nobody can do, however its velocity came about.
fn check_place(terrain: &Terrain, oracle: &Oracle, before: &Walker, after: &Walker) {
    let numbers = || after.point.into_iter().chain(after.velocity);
    assert!(numbers().all(f32::is_finite), "{before:?} {after:?}");
    let [x, y, z] = after.point;
    let size = terrain.map().size();
    let is_on_map = (0..2).all(|axis| (35.0..=size[axis] - 35.0).contains(&after.point[axis])) && z <= size[2];
    assert!(is_on_map, "it left the map: {before:?} {after:?}");
    assert!(z >= terrain.height(x, y) - 0.05, "it is {} under ground: {before:?} {after:?}", terrain.height(x, y) - z);
    let inside = oracle.inside(&Tuning::default(), after.point, LESS);
    assert!(inside.is_none(), "it is in {inside:?}: {before:?} {after:?}");
}

/// What nobody can do on its own feet.
fn check_pace(before: &Walker, after: &Walker, support: &mut f32) {
    let tuning = Tuning::default();
    let [x, y, z] = std::array::from_fn(|axis| after.point[axis] - before.point[axis]);
    let went = (x * x + y * y).sqrt();
    let speed = |walker: &Walker| (walker.velocity[0].powi(2) + walker.velocity[1].powi(2)).sqrt();
    // A slope turns a fall into speed: at most all of it.
    let fall = (before.velocity[2] - tuning.gravity * SECONDS).min(0.0);
    let is_on_feet = before.gait() == Gait::Ground && after.gait() == Gait::Ground;
    let own = speed(before).max(tuning.run_speed) + 1.0;
    let fastest = if is_on_feet { own } else { own.hypot(fall) };
    assert!(speed(after) <= fastest, "it gained speed: {before:?} {after:?}");
    assert!(went <= fastest * SECONDS + 0.6, "it went {went}: {before:?} {after:?}");
    // As steep as it can stand on.
    let rise = went * (1.0 / tuning.slope_limit.powi(2) - 1.0).sqrt();
    match after.gait() {
        Gait::Air => {
            let top = *support + tuning.jump_height() + 1.0;
            assert!(z <= 0.0 || after.point[2] <= top, "{} over {support}: {before:?} {after:?}", after.point[2]);
        }
        Gait::Ground if before.gait() == Gait::Ground => {
            assert!(z <= tuning.step_height + rise + 1.0, "it rose by {z}: {before:?} {after:?}");
            *support = after.point[2];
        }
        Gait::Ground => {
            let top = support.max(before.point[2]) + tuning.jump_height().max(tuning.step_height) + rise + 1.0;
            assert!(after.point[2] <= top, "it landed at {}: {before:?} {after:?}", after.point[2]);
            *support = after.point[2];
        }
        Gait::Slide => {
            let top = before.point[2].max(*support + tuning.jump_height()) + rise + 1.0;
            assert!(after.point[2] <= top, "it slid up: {before:?} {after:?}");
        }
        Gait::Swim => *support = after.point[2],
    }
}

#[test]
fn nobody_gets_into_geometry_or_through_it_or_under_ground_or_too_high_or_too_fast() {
    let mut gaits = [0_u32; 4];
    for seed in 0..u64::from(moves() / (STEPS * 8)) {
        let mut dice = Dice(seed);
        let terrain = Terrain::of(&playground(&mut dice)).unwrap();
        let oracle = Oracle::new(&terrain);
        for _ in 0..8 {
            let mut player = Player::anywhere(&mut dice, &terrain, &oracle);
            let mut support = player.walker.point[2];
            for number in 0..STEPS {
                let before = player.walker;
                player.step(&mut dice, &terrain);
                let after = player.walker;
                check_place(&terrain, &oracle, &before, &after);
                if number > 0 {
                    check_pace(&before, &after, &mut support);
                }
                let crossed = oracle.crossed(&Tuning::default(), &before, &after);
                assert!(crossed.is_none(), "seed {seed}: it went through {crossed:?}: {before:?} {after:?}");
                gaits[after.gait() as usize] += 1;
            }
        }
    }
    assert!(gaits.iter().all(|&steps| steps > moves() / 500), "everything happens: {gaits:?}");
}

#[test]
fn no_velocity_takes_anybody_into_geometry_or_under_ground() {
    for seed in 0..u64::from(moves() / (STEPS * 8)) {
        let mut dice = Dice(1_000 + seed);
        let terrain = Terrain::of(&playground(&mut dice)).unwrap();
        let oracle = Oracle::new(&terrain);
        for _ in 0..8 {
            let mut player = Player::anywhere(&mut dice, &terrain, &oracle);
            for _ in 0..STEPS {
                if dice.below(6) == 0 {
                    let fast = [800.0, 3_000.0, 20_000.0, 1e9][dice.below(4) as usize];
                    player.walker.velocity = dice.point([-fast; 3], [fast; 3]);
                    player.walker.gait = dice.below(4) as u8;
                }
                let before = player.walker;
                player.step(&mut dice, &terrain);
                check_place(&terrain, &oracle, &before, &player.walker);
            }
        }
    }
}

#[test]
fn whoever_has_room_can_move() {
    for seed in 0..u64::from(moves() / (STEPS * 8)) {
        let mut dice = Dice(2_000 + seed);
        let terrain = Terrain::of(&playground(&mut dice)).unwrap();
        let oracle = Oracle::new(&terrain);
        for _ in 0..4 {
            let mut player = Player::anywhere(&mut dice, &terrain, &oracle);
            for _ in 0..STEPS {
                player.step(&mut dice, &terrain);
            }
            let here = player.walker.point;
            // Even a character in a narrow place has room where it came from.
            let gets_away = |number: u16, jumps: u8| {
                let mut walker = player.walker;
                let (yaw, keys) = (number << 11, keys::RUN | jumps);
                for _ in 0..60 {
                    let steering = Steering { forward: 127, yaw, keys, ..Steering::default() };
                    step(&terrain, &Tuning::default(), &mut walker, &steering);
                }
                (0..3).any(|axis| (walker.point[axis] - here[axis]).abs() > 10.0)
            };
            let is_free = (0..32).any(|number| gets_away(number, 0) || gets_away(number, keys::JUMP));
            assert!(is_free, "seed {seed}: it is stuck: {:?}", player.walker);
        }
    }
}
