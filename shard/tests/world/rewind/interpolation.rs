//! Poses between two ticks.

use super::model::{HITBOXES, Model, Spread, Tick, moved, part};
use crate::dice::Dice;
use ringshard::world::rewind::{History, Sample};
use ringshard_world::{Map, Pose, Position};

#[test]
fn poses_agree_with_the_model() {
    for seed in 0..10 {
        let dice = &mut Dice::new(seed);
        let mut model = Model::new(70);
        let (mut entities, mut tick) = (Tick::new(), 1_000_000);
        for _ in 0..150 {
            tick += u64::from(if dice.per_mille(100) { dice.between(2, 70) } else { 1 });
            moved(&mut entities, 70, &model.map, Spread::Crowd, dice);
            model.record(tick, &entities);
            let at = tick as f64 + 2.0 - 70.0 * f64::from(part(dice));
            for at in [at, at.round()] {
                for index in 0..70 {
                    let known = model.placed(at, index);
                    let generation = known.map_or(1, |(sample, _)| sample.generation);
                    let past = model.history.at(at);
                    assert_eq!(past.sample(index, generation), known.map(|(_, pose)| pose), "{index} at {at}");
                    assert_eq!(past.sample(index, generation ^ 0x80), None);
                }
                assert_eq!(model.history.at(at).sample(70, 1), None);
            }
        }
    }
}

fn at(tick_and_sample: [(u64, Sample); 2], tick: f64) -> Option<Pose> {
    let mut history = History::new(1, Map::default(), HITBOXES);
    for (tick, sample) in tick_and_sample {
        history.record(tick, [(0, sample)].into_iter());
    }
    history.at(tick).sample(0, 1)
}

fn sample(x: u32) -> Sample {
    Sample { position: Position { x, y: 0, z: 0 }, generation: 1, ..Sample::NONE }
}

#[test]
fn rotations_take_the_short_way_across_zero() {
    let turned = |yaw| Sample { rotation: [yaw, 0, 0], ..sample(0) };
    let yaw = |from, to, tick| at([(1, turned(from)), (2, turned(to))], tick).unwrap().rotation[0];
    assert_eq!(yaw(65_000, 464, 1.5), 65_000 + 500);
    assert_eq!(yaw(464, 65_000, 1.5), 65_500);
    assert_eq!(yaw(100, 200, 1.25), 125);
}

#[test]
fn nothing_glides_across_a_leap_or_between_two_generations() {
    let step = Map::default().step();
    let leapt = Sample { leap: 1, ..sample(1_000) };
    let x = |to, tick| at([(1, sample(100)), (2, to)], tick).map(|pose| pose.point[0] / step);
    assert_eq!(x(sample(200), 1.5), Some(150.0));
    assert_eq!((x(leapt, 1.99), x(leapt, 2.0)), (Some(100.0), Some(1_000.0)));
    let other = Sample { generation: 2, ..sample(1_000) };
    assert_eq!((x(other, 1.99), x(other, 2.0)), (Some(100.0), None));
    let gone = Sample { generation: 0, ..sample(1_000) };
    assert_eq!((x(gone, 1.99), x(gone, 2.0)), (Some(100.0), None));
}

#[test]
fn a_tick_that_was_left_out_is_bridged() {
    let step = Map::default().step();
    let x = at([(10, sample(100)), (14, sample(200))], 13.0).map(|pose| pose.point[0] / step);
    assert_eq!(x, Some(175.0));
}

#[test]
fn velocities_are_in_units_per_second() {
    let fast = |along| Sample { velocity: [along, -along, 0], ..sample(0) };
    let pose = at([(1, fast(10)), (2, fast(30))], 1.5).unwrap();
    assert_eq!(pose.velocity, [40.0, -40.0, 0.0]);
}

#[test]
#[should_panic(expected = "comes after")]
fn ticks_do_not_come_again() {
    at([(5, sample(0)), (5, sample(0))], 5.0);
}

#[test]
#[should_panic(expected = "there is no hitbox")]
fn a_hitbox_is_in_the_table() {
    let wrong = Sample { hitbox: 5, ..sample(0) };
    at([(5, wrong), (6, wrong)], 5.0);
}
