//! The server takes exactly one input per player and tick.

use crate::arena::*;
use ringshard_world::messages::TimedInput;
use std::collections::BTreeSet;

fn marks(world: &ringshard_testing::World<Arena>) -> Vec<(u64, u32)> {
    world.game(0).steps.iter().map(|(_, tick, input)| (*tick, input.mark)).collect()
}

#[test]
fn every_tick_takes_the_input_that_is_for_it() {
    let mut world = world(1, "delay=20ms,jitter=30ms,loss=5%,duplicate=5%");
    world.enter();
    world.run(20 * SECOND);
    let marks = marks(&world);
    assert!(marks.windows(2).all(|two| two[1].0 == two[0].0 + 1), "each tick steps the player once");
    let in_time = marks.iter().filter(|(tick, mark)| *tick == u64::from(*mark)).count();
    let (taken, missed) = (world.total(|stats| stats.inputs_taken), world.total(|stats| stats.inputs_missed));
    assert_eq!((in_time as u64, taken + missed), (taken, marks.len() as u64));
    assert!(missed < 60, "{missed} of {} ticks had no input", marks.len());
    assert_eq!(world.total(|stats| stats.invalid_messages), 0);
}

#[test]
fn late_inputs_are_counted_once_early_ones_are_refused_and_copies_ignored() {
    let mut world = world(1, "delay=1ms");
    let (client, _) = world.enter();
    world.raw_mut(client).0.sends_inputs = false;
    world.run(SECOND);
    let input = |mark| TimedInput { input: Input { mark, right: 1 }, view_delay: 0 };
    let counts = |world: &ringshard_testing::World<Arena>| {
        (world.total(|stats| stats.inputs_late), world.total(|stats| stats.inputs_early))
    };
    let tick = world.act(0, |_, shard| shard.tick() as u32);
    let before = counts(&world);
    let (raw, now) = world.raw_mut(client);
    for _ in 0..3 {
        raw.send_inputs(now, tick - 10, &[input(1), input(2), input(3)]);
        raw.send_inputs(now, tick + 50, &[input(1), input(2)]);
        raw.send_inputs(now, tick + 8, &[input(7)]);
    }
    raw.send_inputs(now, tick + 8, &[input(8)]);
    world.run(SECOND);
    let after = counts(&world);
    assert_eq!((after.0 - before.0, after.1 - before.1), (3, 6));
    let of = |mark| world.game(0).steps.iter().filter(|(_, _, input)| *input == Input { mark, right: 1 }).count();
    assert_eq!(of(7), 1 + 15, "it is for one tick, and repeated for 15");
    // The newest late one was for 10 ticks ago: it is repeated for the 5 that are left of 15.
    assert_eq!((of(1), of(2), of(3), of(8)), (0, 0, 5, 0));
}

#[test]
fn more_inputs_than_ticks_gain_nothing() {
    let mut world = world(1, "delay=10ms");
    let (client, player) = world.enter();
    world.raw_mut(client).0.sends_inputs = false;
    world.run(SECOND);
    let (from, before) = world.act(0, |_, shard| (shard.tick(), *shard.own(player).unwrap()));
    let fast = TimedInput { input: Input { mark: 1, right: 100 }, view_delay: 0 };
    for _ in 0..120 {
        let (raw, now) = world.raw_mut(client);
        let tick = raw.server_tick(now).unwrap();
        for ahead in [0, 8, 16, 24, 32, 40] {
            raw.send_inputs(now, tick + ahead, &[fast; 16]);
        }
        world.run(TICK);
    }
    let (to, after) = world.act(0, |_, shard| (shard.tick(), *shard.own(player).unwrap()));
    assert_eq!(u64::from(after.steps - before.steps), to - from);
    assert!(after.x - before.x <= 100.0 * (to - from) as f32, "an input moves the player once per tick");
    assert!(after.x - before.x > 5_000.0);
}

#[test]
fn a_missing_input_repeats_the_last_for_15_ticks_and_is_then_neutral() {
    let mut world = world(1, "delay=10ms");
    let (client, player) = world.enter();
    world.raw_mut(client).0.input = Box::new(|tick| Input { mark: tick, right: 3 });
    world.run(SECOND);
    world.raw_mut(client).0.sends_inputs = false;
    world.run(2 * SECOND);
    let steps = &world.game(0).steps;
    let last = steps.iter().map(|(_, _, input)| input.mark).max().unwrap();
    let repeated: Vec<_> = steps.iter().filter(|(_, _, input)| input.mark == last).collect();
    assert_eq!(repeated.len(), 1 + 15);
    let neutral = steps.iter().skip_while(|(_, _, input)| input.mark != last).skip(16);
    assert!(neutral.clone().count() > 60 && neutral.clone().all(|(_, _, input)| *input == Input::default()));
    // The client is told how old its last input is.
    let ages: BTreeSet<_> = world.raw(client).snapshots.iter().map(|(header, _)| header.input_age).collect();
    assert!((0..=60).all(|age| ages.contains(&age)), "{ages:?}");
    assert!(world.act(0, |_, shard| shard.is_connected(player)));
}

#[test]
fn two_runs_with_one_seed_are_the_same_and_another_seed_differs() {
    let run = |seed| {
        let network = "delay=20ms,jitter=30ms,loss=5%,duplicate=1%";
        let mut world = ringshard_testing::World::new(2, network, seed, |_| Arena::new());
        (0..4).for_each(|_| _ = world.add(Some(b"ok")));
        world.run(5 * SECOND);
        let steps = [world.game(0).steps.clone(), world.game(1).steps.clone()];
        let snapshots: Vec<_> = (0..4).map(|client| world.raw(client).snapshots.clone()).collect();
        (steps, snapshots, world.stats(0), world.stats(1))
    };
    let (one, again, other) = (run(1), run(1), run(2));
    assert!(one.0[0].len() > 400 && one.1.iter().all(|snapshots| snapshots.len() > 100));
    assert_eq!(format!("{one:?}"), format!("{again:?}"));
    assert_ne!(format!("{one:?}"), format!("{other:?}"));
}
