//! What players see, and what snapshots say of themselves.

use crate::arena::*;
use ringshard_world::messages::NO_LEAD;
use ringshard_world::{EntityId, Pose};

const NETWORK: &str = "delay=20ms,jitter=5ms";

#[test]
fn the_game_hides_entities_and_shows_others_however_far_they_are() {
    let mut world = world(2, NETWORK);
    let clients = [(); 4].map(|()| world.enter().0);
    world.run(SECOND);
    let bodies = clients.map(|client| world.body(client).unwrap());
    let sorted = |ids: &[EntityId]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    assert_eq!(world.seen(clients[0]), sorted(&bodies));
    world.game_mut(0).hidden = vec![bodies[1], bodies[2], bodies[0]];
    let spawn = |x: f32, kind: u8| {
        move |_: &mut Arena, shard: &mut ringshard::game::Shard<Arena>| {
            shard.entities.spawn(Pose::at([x, HERE[1], 100.0]), Shown { number: 9, kind }).unwrap()
        }
    };
    let boss = world.act(1, spawn(600_000.0, 0));
    let dwarf = world.act(1, spawn(HERE[0] + 2_000.0, 1));
    world.game_mut(0).always = vec![boss, EntityId { index: 700, generation: 3 }];
    world.run(2 * SECOND);
    // A player always sees its own body.
    assert_eq!(world.seen(clients[0]), sorted(&[bodies[0], bodies[3], boss]));
    assert_eq!(world.seen(clients[2]), sorted(&[bodies[2], bodies[3], boss]));
    assert_eq!(world.seen(clients[1]), sorted(&bodies), "the other core's game decides for its players");
    world.game_mut(0).hidden.clear();
    world.game_mut(0).always.clear();
    world.act(1, |_, shard| shard.entities.pose_mut(dwarf).unwrap().point[0] = HERE[0] + 200.0);
    world.run(2 * SECOND);
    assert_eq!(world.seen(clients[0]), sorted(&[&bodies[..], &[dwarf]].concat()));
    assert_eq!((world.total(|stats| stats.digests_differ), world.total(|stats| stats.digests_agreed) > 20), (0, true));
}

/// Checks every snapshot of a client: its state contains the input that its header names.
fn check_every_snapshot(world: &ringshard_testing::World<Arena>, client: usize) -> usize {
    let mut checked = 0;
    for (header, owner) in &world.raw(client).snapshots {
        if header.lead == NO_LEAD || header.input_age == u8::MAX {
            continue;
        }
        let age = u32::from(header.input_age);
        let expected = if age <= 15 { header.tick.wrapping_sub(age) } else { 0 };
        assert_eq!(owner.own.mark, expected, "client {client}: {header:?}");
        checked += 1;
    }
    checked
}

#[test]
fn every_snapshot_contains_the_input_that_it_names_behind_any_number_of_others() {
    for others in [0, 1, 8, 15, 40] {
        for network in ["delay=7ms", "delay=30ms,jitter=16ms,loss=5%", "delay=30ms,jitter=60ms,loss=10%,duplicate=5%"] {
            let mut world = world(1, network);
            (0..=others).for_each(|_| _ = world.add(Some(b"ok")));
            world.run(6 * SECOND);
            let checked: Vec<_> = (0..=others).map(|client| check_every_snapshot(&world, client)).collect();
            assert!(checked.iter().all(|checked| *checked > 60), "{others} others, {network}: {checked:?}");
            assert_eq!(world.total(|stats| stats.digests_differ), 0);
        }
    }
}

#[test]
fn the_lead_says_how_far_ahead_the_newest_input_is() {
    let mut world = world(1, "delay=20ms");
    let (client, _) = world.enter();
    world.run(SECOND);
    let header = world.raw(client).newest().unwrap().0;
    // 10 ahead, less a round trip of 40 ms, less what frames and steps add.
    assert!((4..=8).contains(&header.lead) && header.input_age == 0, "{header:?}");
    world.raw_mut(client).0.ahead = 0;
    world.raw_mut(client).0.sends_inputs = false;
    world.run(SECOND);
    world.raw_mut(client).0.sends_inputs = true;
    world.run(SECOND);
    let header = world.raw(client).newest().unwrap().0;
    assert!((-8..0).contains(&header.lead) && header.input_age > 60, "{header:?}");
}

#[test]
fn a_player_that_leaps_across_the_map_disappears_here_and_appears_there() {
    let mut world = world(2, "delay=20ms,loss=5%");
    let entered = [(); 6].map(|()| world.enter());
    world.run(SECOND);
    let bodies = entered.map(|(client, _)| world.body(client).unwrap());
    let sorted = |ids: &[EntityId]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    for leaper in [0, 1] {
        world.act(leaper % 2, |_, shard| shard.own_mut(entered[leaper].1).unwrap().x = 400_000.0);
        world.run(2 * SECOND);
        for (at, (client, _)) in entered.iter().enumerate() {
            let (there, here) = bodies.split_at(leaper + 1);
            assert_eq!(world.seen(*client), sorted(if at <= leaper { there } else { here }), "{client}");
        }
    }
    assert_eq!((world.total(|stats| stats.digests_differ), world.total(|stats| stats.digests_agreed) > 50), (0, true));
}
