//! How a character walks, jumps, climbs, slides and swims.

use ringshard_terrain::file::{Plan, VolumeKind, VolumePlan};
use ringshard_terrain::movement::{Gait, Steering, Tuning, Walker, keys, step};
use ringshard_terrain::{MapFileError, Terrain};

const EAST: u16 = 0;
const NORTH: u16 = 1 << 14;

/// A map of one section, with level ground at height 0.
fn plan() -> Plan {
    Plan::flat([25_600.0, 6_400.0], [1, 1, 1], [1, 1, 1])
}

/// A map of one section whose ground has this height at each corner of squares of 200 units.
fn hills(height: impl Fn(f32, f32) -> f32) -> Plan {
    let mut plan = plan();
    (plan.shape.height_spacing, plan.shape.heights) = (200.0, [129, 129]);
    (plan.shape.height_base, plan.shape.height_scale) = (0.0, 0.1);
    let at = |number: u32| height((number % 129) as f32 * 200.0, (number / 129) as f32 * 200.0);
    plan.heights = (0..129 * 129).map(|number| (at(number) * 10.0).round() as u16).collect();
    plan
}

struct Trial {
    terrain: Terrain,
    walker: Walker,
    steering: Steering,
}

impl Trial {
    fn new(plan: &Plan, point: [f32; 3]) -> Result<Trial, MapFileError> {
        Ok(Trial { terrain: Terrain::of(plan)?, walker: Walker::at(point), steering: Steering::default() })
    }

    fn runs(mut self, yaw: u16, ticks: u32) -> Trial {
        self.steering = Steering { forward: 127, yaw, keys: keys::RUN, ..Steering::default() };
        self.steps(ticks);
        self
    }

    fn steps(&mut self, ticks: u32) {
        for _ in 0..ticks {
            step(&self.terrain, &Tuning::default(), &mut self.walker, &self.steering);
        }
    }

    fn is_near(&self, point: [f32; 3], by: f32) -> bool {
        (0..3).all(|axis| (self.walker.point[axis] - point[axis]).abs() <= by)
    }
}

fn trial(plan: &Plan, point: [f32; 3]) -> Trial {
    Trial::new(plan, point).expect("the plan is possible")
}

#[test]
fn a_second_of_running_covers_the_running_speed_less_the_start() {
    let trial = trial(&plan(), [5_000.0, 5_000.0, 0.0]).runs(EAST, 60);
    assert!(trial.is_near([5_570.0, 5_000.0, 0.0], 10.0), "{:?}", trial.walker);
    assert_eq!((trial.walker.gait(), trial.walker.velocity), (Gait::Ground, [600.0, 0.0, 0.0]));
}

#[test]
fn a_jump_reaches_its_height_and_lands() {
    let mut trial = trial(&plan(), [5_000.0, 5_000.0, 0.0]);
    trial.steering.keys = keys::JUMP;
    trial.steps(1);
    trial.steering.keys = 0;
    let mut highest = 0.0_f32;
    for _ in 0..60 {
        trial.steps(1);
        highest = highest.max(trial.walker.point[2]);
    }
    let height = Tuning::default().jump_height();
    assert!((height - 8.0..=height).contains(&highest), "{highest} of {height}");
    assert_eq!((trial.walker.gait(), trial.walker.point[2]), (Gait::Ground, 0.0));
}

#[test]
fn a_wall_stops_a_character_and_one_that_goes_at_an_angle_slides_along() {
    let mut plan = plan();
    plan.add_box([5_200.0, 4_000.0, -10.0], [5_210.0, 7_000.0, 300.0]);
    let stopped = trial(&plan, [5_000.0, 5_000.0, 0.0]).runs(EAST, 60);
    assert!(stopped.is_near([5_200.0 - 35.0 - 0.25, 5_000.0, 0.0], 0.1), "{:?}", stopped.walker);
    let along = trial(&plan, [5_000.0, 5_000.0, 0.0]).runs(EAST + (1 << 13), 120);
    assert!((along.walker.point[0] - 5_164.75).abs() < 0.2, "{:?}", along.walker);
    assert!(along.walker.point[1] > 5_750.0, "it goes on along the wall: {:?}", along.walker);
}

#[test]
fn no_speed_takes_a_character_through_a_thin_wall() {
    let mut plan = plan();
    plan.add_box([5_200.0, 0.0, -10.0], [5_200.5, 25_000.0, 3_000.0]);
    for speed in [1_000.0, 5_000.0, 20_000.0, 1e9, f32::INFINITY] {
        let mut trial = trial(&plan, [5_000.0, 5_000.0, 0.0]);
        trial.walker.gait = Gait::Air as u8;
        trial.walker.velocity = [speed, 30.0, 0.0];
        trial.steps(30);
        assert!(trial.walker.point[0] < 5_165.0, "{speed}: {:?}", trial.walker);
    }
}

#[test]
fn stairs_are_climbed_and_walked_down_without_leaving_the_ground() {
    let mut plan = plan();
    for number in 0..10 {
        let x = 5_200.0 + 60.0 * number as f32;
        plan.add_box([x, 4_000.0, -10.0], [6_500.0, 6_000.0, 30.0 * (number + 1) as f32]);
    }
    let mut up = trial(&plan, [5_000.0, 5_000.0, 0.0]).runs(EAST, 120);
    assert!((up.walker.point[2] - 300.25).abs() < 0.3, "{:?}", up.walker);
    up.steering.yaw = 1 << 15;
    for _ in 0..120 {
        up.steps(1);
        assert_eq!(up.walker.gait(), Gait::Ground, "{:?}", up.walker);
    }
    assert!(up.walker.point[2].abs() < 0.3 && up.walker.point[0] < 5_200.0, "{:?}", up.walker);
}

#[test]
fn a_step_that_is_too_high_is_a_wall() {
    let mut plan = plan();
    plan.add_box([5_200.0, 4_000.0, -10.0], [6_000.0, 6_000.0, 50.0]);
    let trial = trial(&plan, [5_000.0, 5_000.0, 0.0]).runs(EAST, 60);
    assert!(trial.walker.point[0] < 5_165.0 && trial.walker.point[2] < 1.0, "{:?}", trial.walker);
}

fn ramp(plan: &mut Plan, rise: f32) {
    let (near, far) = (5_200.0, 6_200.0);
    let corners = [[near, 4_000.0, -10.0], [far, 4_000.0, rise], [far, 6_000.0, rise], [near, 6_000.0, -10.0]];
    plan.triangles.push(([corners[0], corners[1], corners[2]], 0));
    plan.triangles.push(([corners[0], corners[2], corners[3]], 0));
}

#[test]
fn a_ramp_is_walked_up_as_fast_as_level_ground_if_it_is_not_too_steep() {
    let mut plan = plan();
    ramp(&mut plan, 700.0);
    let up = trial(&plan, [5_100.0, 5_000.0, 0.0]).runs(EAST, 60);
    assert_eq!(up.walker.gait(), Gait::Ground, "{:?}", up.walker);
    assert!(up.walker.point[0] > 5_600.0 && up.walker.point[2] > 300.0, "{:?}", up.walker);
    let mut plan = self::plan();
    ramp(&mut plan, 1_500.0);
    let not_up = trial(&plan, [5_100.0, 5_000.0, 0.0]).runs(EAST, 60);
    assert!(not_up.walker.point[2] < 1.0, "{:?}", not_up.walker);
}

#[test]
fn a_character_slides_down_a_steep_ramp_and_walks_away() {
    let mut plan = plan();
    ramp(&mut plan, 1_500.0);
    let mut trial = trial(&plan, [5_900.0, 5_000.0, 1_300.0]);
    let mut slid = false;
    for _ in 0..240 {
        trial.steps(1);
        slid |= trial.walker.gait() == Gait::Slide;
    }
    assert!(slid && trial.walker.point[2] < 1.0 && trial.walker.point[0] < 5_250.0, "{:?}", trial.walker);
    assert_eq!(trial.walker.gait(), Gait::Ground);
    assert!(trial.runs(1 << 15, 30).walker.point[0] < 5_000.0);
}

#[test]
fn a_steep_hill_is_a_wall_and_a_gentle_one_is_not() {
    let steep = hills(|x, _| if x > 6_000.0 { 1_000.0_f32.min((x - 6_000.0) * 2.0) } else { 0.0 });
    let stopped = trial(&steep, [5_500.0, 5_000.0, 0.0]).runs(EAST, 120);
    assert!(stopped.walker.point[0] < 6_011.0 && stopped.walker.point[2] < 1.0, "{:?}", stopped.walker);
    let along = trial(&steep, [5_500.0, 5_000.0, 0.0]).runs(EAST + (1 << 13), 240);
    assert!(along.walker.point[1] > 6_500.0 && along.walker.point[2] < 1.0, "{:?}", along.walker);
    let gentle = hills(|x, _| if x > 6_000.0 { ((x - 6_000.0) * 0.5).min(6_000.0) } else { 0.0 });
    let up = trial(&gentle, [5_500.0, 5_000.0, 0.0]).runs(EAST, 120);
    assert!(up.walker.point[0] > 6_600.0 && up.walker.point[2] > 300.0, "{:?}", up.walker);
    assert_eq!(up.walker.gait(), Gait::Ground);
}

#[test]
fn a_character_slides_down_a_steep_hill() {
    let steep = hills(|x, _| if x > 6_000.0 { 4_000.0_f32.min((x - 6_000.0) * 2.0) } else { 0.0 });
    let mut trial = trial(&steep, [7_000.0, 5_000.0, 2_000.0]);
    let mut slides = 0;
    for _ in 0..240 {
        trial.steps(1);
        slides += u32::from(trial.walker.gait() == Gait::Slide);
    }
    assert!(slides > 30 && trial.walker.point[2] < 1.0, "{slides}: {:?}", trial.walker);
}

#[test]
fn a_character_swims_in_deep_water_and_walks_out_of_it() {
    let mut plan = hills(|x, _| if x < 5_000.0 { 0.0 } else { ((x - 5_000.0) * 0.4).min(600.0) });
    let (low, high) = ([0.0, 0.0, 0.0], [25_000.0, 25_000.0, 400.0]);
    plan.volumes.push(VolumePlan { low, high, kind: VolumeKind::Water, name: "lake".into() });
    let mut trial = trial(&plan, [4_000.0, 5_000.0, 600.0]);
    trial.steps(120);
    assert_eq!(trial.walker.gait(), Gait::Swim, "{:?}", trial.walker);
    trial.steering.keys = keys::DIVE;
    trial.steps(120);
    assert_eq!(trial.walker.point[2], 0.0, "it reaches the bottom");
    trial.steering.keys = keys::JUMP;
    trial.steps(90);
    assert!((250.0..330.0).contains(&trial.walker.point[2]), "it is near the surface: {:?}", trial.walker);
    let trial = trial.runs(EAST, 600);
    assert!(trial.walker.point[2] > 500.0 && trial.walker.gait() == Gait::Ground, "{:?}", trial.walker);
}

#[test]
fn a_low_ceiling_stops_a_jump() {
    let mut plan = plan();
    plan.add_box([4_000.0, 4_000.0, 200.0], [6_000.0, 6_000.0, 220.0]);
    let mut trial = trial(&plan, [5_000.0, 5_000.0, 0.0]);
    trial.steering.keys = keys::JUMP;
    for _ in 0..120 {
        trial.steps(1);
        assert!(trial.walker.point[2] <= 20.0, "{:?}", trial.walker);
    }
}

#[test]
fn a_character_goes_under_what_it_fits_under_and_not_under_what_it_does_not() {
    let mut plan = plan();
    plan.add_box([5_200.0, 4_000.0, 185.0], [5_400.0, 6_000.0, 400.0]);
    assert!(trial(&plan, [5_000.0, 5_000.0, 0.0]).runs(EAST, 90).walker.point[0] > 5_500.0);
    let mut plan = self::plan();
    plan.add_box([5_200.0, 4_000.0, 175.0], [5_400.0, 6_000.0, 400.0]);
    assert!(trial(&plan, [5_000.0, 5_000.0, 0.0]).runs(EAST, 90).walker.point[0] < 5_170.0);
}

#[test]
fn an_area_that_nobody_may_enter_is_a_wall() {
    let mut plan = plan();
    let (low, high) = ([5_200.0, 4_000.0, 0.0], [5_400.0, 6_000.0, 400.0]);
    plan.volumes.push(VolumePlan { low, high, kind: VolumeKind::NoGo, name: "secret".into() });
    assert!(trial(&plan, [5_000.0, 5_000.0, 0.0]).runs(EAST, 90).walker.point[0] < 5_170.0);
}

#[test]
fn the_edge_of_the_map_is_a_wall() {
    let trial = trial(&plan(), [200.0, 200.0, 0.0]).runs(1 << 15 | NORTH, 60).runs(1 << 15, 120);
    assert!(trial.is_near([35.0, 35.0, 0.0], 0.1), "{:?}", trial.walker);
}

#[test]
fn whoever_stands_on_a_slope_stands_still() {
    let gentle = hills(|x, y| (100.0 + x * 0.6 + y * 0.3).min(6_000.0));
    let mut trial = trial(&gentle, [5_000.0, 5_000.0, 4_600.0]);
    trial.steps(5);
    let point = trial.walker.point;
    trial.steps(600);
    assert_eq!(trial.walker.point, point);
    let mut plan = plan();
    ramp(&mut plan, 900.0);
    let mut trial = self::trial(&plan, [5_700.0, 5_000.0, 440.0]);
    trial.steps(60);
    let point = trial.walker.point;
    trial.steps(600);
    let moved = (0..3).map(|axis| (trial.walker.point[axis] - point[axis]).abs()).fold(0.0, f32::max);
    assert!(moved < 0.5, "{moved}: {:?}", trial.walker);
}
