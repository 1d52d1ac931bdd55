//! Hosts of one world, each with its cores and its border, over a network that loses, repeats, delays and reorders messages:
//! in the end each host sees of its neighbours' entities what their owners know, and nothing else.

mod commands;
mod fleet;
mod host;
mod hostile;

use fleet::{BAD, Fleet, GOOD, Network};
use ringshard::world::border::stats::GAUGES;
use ringshard::world::border::{BorderRates, BorderSettings, BorderStats, NeighbourId};
use ringshard_protocol::time::Duration;
use ringshard_world::Map;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn neighbours_see_what_is_near_the_border_and_nothing_else() {
    for seed in 0..4 {
        let mut fleet = Fleet::new(3, GOOD, seed);
        for _ in 0..5 {
            fleet.stir(seconds(2.0));
            fleet.pass(seconds(0.5));
            fleet.check();
        }
        assert!(fleet.sees(0, 1) > 3 && fleet.sees(1, 0) > 3, "{} {}", fleet.sees(0, 1), fleet.sees(1, 0));
        assert_eq!(fleet.sees(0, 2), 0, "there is a host between them");
        let stats = fleet.stats(1);
        assert_eq!(
            (stats.lost, stats.malformed, stats.dark, stats.deferred, stats.crowded),
            (0, 0, 0, 0, 0),
            "{stats:?}"
        );
        assert_eq!(stats.replicas as usize, fleet.sees(1, 0) + fleet.sees(1, 2));
    }
}

#[test]
fn over_a_bad_network_all_agree_once_they_rest() {
    for seed in 0..8 {
        let mut fleet = Fleet::new(2 + (seed % 2) as usize, BAD, seed);
        for _ in 0..4 {
            fleet.stir(seconds(3.0));
            // Nothing waits for the full state that comes from time to time.
            fleet.pass(seconds(3.0));
            fleet.check();
        }
        let stats = fleet.stats(0);
        assert!(stats.lost > 20 && stats.repeated > 20, "{stats:?}");
        assert_eq!(stats.malformed, 0);
    }
}

#[test]
fn the_border_of_a_silent_neighbour_goes_dark_and_comes_back() {
    let mut fleet = Fleet::new(2, BAD, 5);
    fleet.stir(seconds(4.0));
    fleet.pass(seconds(2.0));
    assert!(fleet.sees(0, 1) > 0);
    for round in 0..3 {
        fleet.set_cut(0, 1, true);
        fleet.stir(seconds(1.5));
        assert!(fleet.sees(0, 1) > 0, "it is silent for a moment only");
        fleet.stir(seconds(1.0));
        assert_eq!((fleet.sees(0, 1), fleet.sees(1, 0)), (0, 0));
        assert_eq!((fleet.stats(0).dark, fleet.stats(0).darkened), (1, round + 1));
        assert!(fleet.hosts[0].border.is_dark(NeighbourId(1)));
        fleet.set_cut(0, 1, false);
        fleet.pass(seconds(3.0));
        fleet.check();
        assert!(fleet.sees(0, 1) > 0 && !fleet.hosts[0].border.is_dark(NeighbourId(1)));
    }
}

#[test]
fn a_neighbour_that_hears_nothing_is_not_shown_for_ever() {
    let mut fleet = Fleet::new(2, GOOD, 6);
    fleet.stir(seconds(3.0));
    assert!(fleet.sees(0, 1) > 0 && fleet.sees(1, 0) > 0);
    // Host 1 does not hear host 0, which hears it.
    fleet.cut.insert((0, 1));
    fleet.stir(seconds(5.0));
    assert_eq!((fleet.sees(0, 1), fleet.sees(1, 0)), (0, 0));
    fleet.cut.clear();
    fleet.pass(seconds(2.0));
    fleet.check();
    assert!(fleet.sees(0, 1) > 0);
}

#[test]
fn short_outages_heal_without_darkness() {
    for seed in 20..24 {
        let mut fleet = Fleet::new(2, GOOD, seed);
        fleet.stir(seconds(2.0));
        for _ in 0..6 {
            fleet.set_cut(0, 1, true);
            fleet.stir(seconds(1.2));
            fleet.set_cut(0, 1, false);
            fleet.pass(seconds(1.0));
            fleet.check();
        }
        assert_eq!((fleet.stats(0).darkened, fleet.stats(1).darkened), (0, 0));
        assert!(fleet.stats(0).lost > 0);
    }
}

#[test]
fn nothing_is_left_of_the_former_process_of_a_neighbour() {
    for seed in 0..4 {
        let mut fleet = Fleet::new(2, BAD, seed);
        for round in 1..5 {
            fleet.stir(seconds(3.0));
            fleet.restart(1, 1_000 + 1_000 * round);
            fleet.stir(seconds(0.2));
            fleet.pass(seconds(3.0));
            fleet.check();
        }
    }
}

#[test]
fn a_neighbour_that_is_no_more_vanishes_and_may_come_again() {
    let mut fleet = Fleet::new(2, GOOD, 9);
    fleet.stir(seconds(3.0));
    let neighbours = std::mem::take(&mut fleet.hosts[0].neighbours);
    fleet.pass(seconds(0.1));
    assert_eq!((fleet.sees(0, 1), fleet.stats(0).replicas, fleet.stats(0).shown), (0, 0, 0));
    assert!(fleet.stats(0).strangers > 0);
    fleet.hosts[0].neighbours = neighbours;
    fleet.pass(seconds(3.0));
    fleet.check();
    assert!(fleet.sees(0, 1) > 0);
}

/// Areas move when a zone gets another owner.
#[test]
fn another_area_has_another_neighbourhood() {
    let mut fleet = Fleet::new(2, GOOD, 10);
    fleet.stir(seconds(3.0));
    assert!(fleet.sees(1, 0) > 0);
    fleet.hosts[0].neighbours[0].area[0].min[0] += 50_000.0;
    fleet.pass(seconds(0.5));
    assert_eq!(fleet.sees(1, 0), 0);
    fleet.hosts[0].neighbours[0].area[0].min[0] -= 50_000.0;
    fleet.pass(seconds(0.5));
    fleet.check();
}

/// An entity that changes the host is despawned here and spawned there.
#[test]
fn an_entity_that_changes_the_host_is_not_seen_twice_for_longer_than_a_message_takes() {
    let mut fleet = Fleet::new(3, Network { delay_ms: (5, 5), ..GOOD }, 11);
    let edge = [100_000.0, 25_000.0, 100.0];
    let id = fleet.hosts[0].spawn(0, 0, edge).expect("there is room");
    fleet.pass(seconds(1.0));
    assert_eq!((fleet.sees(1, 0), fleet.sees(0, 1)), (1, 0));
    fleet.hosts[0].cores[0].remove(id);
    fleet.hosts[1].spawn(1, 0, edge);
    // Two ticks for the message, one that it is held, and one to publish.
    fleet.pass(seconds(0.067));
    assert_eq!((fleet.sees(1, 0), fleet.sees(0, 1)), (0, 1));
    fleet.check();
}

#[test]
fn clocks_are_known_within_the_stated_error() {
    let mut fleet = Fleet::new(2, Network { delay_ms: (3, 25), ..GOOD }, 12);
    fleet.stir(seconds(6.0));
    let truth = |one: usize, other: usize| {
        fleet.hosts[one].ahead.as_micros() as i64 - fleet.hosts[other].ahead.as_micros() as i64
    };
    for (here, there) in [(0, 1), (1, 0)] {
        let clock = fleet.hosts[here].border.clock(NeighbourId(there as u32)).expect("it is known by now");
        assert!((clock.offset_us - truth(here, there)).unsigned_abs() <= clock.error_us, "{clock:?}");
        // A turn of 17 ms rounds each way up.
        assert!(clock.error_us < 25_000, "{clock:?}");
    }
}

/// More than a host has room for: the others come when there is room.
#[test]
fn entities_without_a_free_place_wait_for_one() {
    let mut fleet = Fleet::new(2, GOOD, 19);
    for number in 0..300 {
        let point = [99_900.0, 100.0 * number as f32, 100.0];
        fleet.hosts[0].spawn(number / 150, 0, point).expect("there is room");
    }
    fleet.pass(seconds(3.0));
    assert_eq!(fleet.sees(1, 0), host::ENTITIES / (host::CORES + 1));
    assert!(fleet.stats(1).crowded >= 100);
    for core in 0..2 {
        let ids: Vec<_> = fleet.hosts[0].cores[core].owned.values().map(|owned| owned.id).take(60).collect();
        ids.into_iter().for_each(|id| fleet.hosts[0].cores[core].remove(id));
    }
    // Each is repeated within seven seconds.
    fleet.pass(seconds(7.0));
    fleet.check();
    assert_eq!(fleet.sees(1, 0), 180);
}

#[test]
fn every_level_is_a_counter() {
    let names: Vec<_> = BorderStats::default().entries().map(|(name, _)| name).collect();
    assert!(GAUGES.iter().all(|gauge| names.contains(gauge)));
}

/// Messages that are faster than others wait for them: what moves evenly there moves evenly here.
#[test]
fn jitter_does_not_show() {
    let mut fleet = Fleet::new(2, Network { delay_ms: (1, 30), ..GOOD }, 16);
    let id = fleet.hosts[0].spawn(0, 0, [99_000.0, 20_000.0, 100.0]).expect("there is room");
    let mut ages = std::collections::BTreeSet::new();
    for tick in 0..900 {
        // Its score is the tick.
        let mut owned = fleet.hosts[0].cores[0].owned[&id.index];
        owned.state.shown.score = tick;
        fleet.hosts[0].cores[0].put(owned);
        fleet.turn();
        if tick > 300 {
            let (_, state) = fleet.hosts[1].sees(0)[&(0, id)];
            ages.insert(tick - state.shown.score);
        }
    }
    // It is sent in every second tick.
    assert_eq!(ages.len(), 2, "{ages:?}");
}

/// Two hosts at rest exchange signs of life, and now and then what has not changed.
#[test]
fn at_rest_little_is_said() {
    let mut fleet = Fleet::new(2, GOOD, 17);
    fleet.stir(seconds(3.0));
    fleet.pass(seconds(6.0));
    let before = fleet.stats(0);
    fleet.pass(seconds(12.0));
    let messages = fleet.stats(0).messages_out - before.messages_out;
    let published = fleet.stats(0).published - before.published;
    assert!((115..300).contains(&messages), "{messages}");
    assert!((fleet.stats(0).shown..=3 * fleet.stats(0).shown).contains(&published), "{published}");
}

/// A bus that delivers seconds of messages at once fills no memory.
#[test]
fn messages_that_wait_for_a_turn_are_bounded() {
    let mut fleet = Fleet::new(2, GOOD, 18);
    fleet.stir(seconds(2.0));
    let mut messages = Vec::new();
    for _ in 0..1_800 {
        fleet.now = fleet.now + Duration::from_millis(1);
        let now = fleet.now;
        let dice = &mut fleet.dice;
        fleet.hosts[1].stir(dice);
        fleet.hosts[1].turn(now);
        messages.extend(std::iter::from_fn(|| fleet.hosts[1].border.poll_send()));
    }
    let now = fleet.now;
    messages.iter().for_each(|(_, bytes)| fleet.hosts[0].receive(now, 1, bytes));
    assert!(messages.len() > 400 && fleet.stats(0).overflowed > 100, "{} {:?}", messages.len(), fleet.stats(0));
    fleet.pass(seconds(3.0));
    fleet.check();
}

/// Entities near the border come first; the others wait, and come as soon as there is room.
#[test]
fn what_is_far_waits_for_bytes() {
    let rates = BorderRates { bytes_per_second: 1_500, ..BorderRates::default() };
    let settings = BorderSettings { rates, ..BorderSettings::default() };
    let mut fleet = Fleet::with_settings(2, GOOD, 13, settings);
    fleet.pass(seconds(1.0));
    for number in 0..100 {
        let x = 100_000.0 - 100.0 * (number % 50) as f32;
        fleet.hosts[0].spawn(number / 50, 0, [x, 100.0 * number as f32, 100.0]).expect("there is room");
    }
    fleet.pass(seconds(0.5));
    let (seen, stats) = (fleet.sees(1, 0), fleet.stats(0));
    assert!(seen > 5 && seen < 60 && stats.deferred > 100, "{seen} {stats:?}");
    let map = Map::default();
    let near = fleet.hosts[1].sees(0);
    let farthest = near.values().map(|(_, state)| 100_000.0 - map.point(state.position)[0]).fold(0.0, f32::max);
    assert!(farthest < 100.0 * (seen as f32 / 2.0 + 2.0), "the nearest come first: {farthest} of {seen}");
    fleet.pass(seconds(6.0));
    fleet.check();
}

/// Players here hit replicas as they hit any other entity.
#[test]
fn replicas_are_in_the_history() {
    let mut fleet = Fleet::new(2, GOOD, 14);
    let point = [100_050.0, 20_000.0, 500.0];
    let id = fleet.hosts[1].spawn(0, 0, point).expect("there is room");
    fleet.pass(seconds(1.0));
    let called = fleet.called(0, 1, id).expect("it is in sight");
    let history = &mut fleet.hosts[0].cores[1].history;
    let now = history.newest().expect("ticks have passed") as f64;
    let from = [point[0] - 1_000.0, point[1], point[2]];
    let hit = history.at(now).ray(from, [1.0, 0.0, 0.0], 2_000.0, |_| true).expect("it is met");
    assert_eq!(hit.id, called);
}

/// 100 players who run, in sight of a neighbour: half of them near.
#[test]
fn bytes_per_entity_and_second() {
    let mut fleet = Fleet::new(2, GOOD, 15);
    for number in 0..100 {
        let depth = if number % 2 == 0 { 500.0 } else { 8_000.0 };
        fleet.hosts[0].spawn(number % 2, 0, [100_000.0 - depth, 400.0 * number as f32, 100.0]).expect("there is room");
    }
    let (mut before, mut seconds_moved) = (0, 0.0);
    for tick in 0..1_200 {
        if tick == 300 {
            (before, seconds_moved) = (fleet.bytes[0], fleet.now.as_nanos() as f64);
        }
        for core in 0..2 {
            for mut owned in fleet.hosts[0].cores[core].owned.values().copied().collect::<Vec<_>>() {
                // 5 m/s, turning.
                let angle = f64::from(tick + i32::from(owned.id.index) * 7) / 40.0;
                owned.state.position.x = owned.state.position.x.saturating_add_signed((21.0 * angle.cos()) as i32);
                owned.state.position.y = owned.state.position.y.saturating_add_signed((21.0 * angle.sin()) as i32);
                owned.state.velocity = [(250.0 * angle.cos()) as i16, (250.0 * angle.sin()) as i16, 0];
                owned.state.rotation[0] = (angle * 10_000.0) as i32 as u16;
                fleet.hosts[0].cores[core].put(owned);
            }
        }
        fleet.turn();
    }
    let elapsed = (fleet.now.as_nanos() as f64 - seconds_moved) / 1e9;
    let per_entity = (fleet.bytes[0] - before) as f64 / elapsed / 100.0;
    println!("border: {per_entity:.0} bytes per entity and second, half at 30 Hz and half at 10 Hz");
    assert_eq!(fleet.sees(1, 0), 100);
    assert!((200.0..600.0).contains(&per_entity), "{per_entity} bytes per entity and second");
}
