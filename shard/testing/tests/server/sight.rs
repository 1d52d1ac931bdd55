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

/// Checks every snapshot of a client: its state contains the input that its header names, or a newer one that came late.
fn check_every_snapshot(world: &ringshard_testing::World<Arena>, client: usize) -> usize {
    let mut checked = 0;
    for (header, owner) in &world.raw(client).snapshots {
        if header.lead == NO_LEAD || header.input_age == u8::MAX {
            continue;
        }
        let (age, behind) = (u32::from(header.input_age), header.tick.wrapping_sub(owner.own.mark));
        let is_neutral = owner.own.mark == 0 && age > 15;
        let is_known = if age == 0 { behind == 0 } else { (1..=age.min(15)).contains(&behind) };
        assert!(is_known || is_neutral, "client {client}: {header:?} with {}", owner.own.mark);
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

#[test]
fn the_game_finds_what_is_where_on_all_cores() {
    let mut world = world(2, NETWORK);
    let mut ids = Vec::new();
    for number in 0..300_u16 {
        let along = |by: u16| f32::from(number.wrapping_mul(by) % 997) * 10.0;
        let pose = Pose::at([20_000.0 + along(31), 20_000.0 + along(77), 100.0 + along(13) / 10.0]);
        let spawn = move |_: &mut Arena, shard: &mut ringshard::game::Shard<Arena>| {
            shard.entities.spawn(pose, Shown { number: 1, kind: u8::from(number % 2 == 0) }).unwrap()
        };
        ids.push(world.act(usize::from(number % 2), spawn));
    }
    world.run(SECOND);
    let sorted = |mut ids: Vec<EntityId>| {
        ids.sort_unstable();
        ids
    };
    for core in 0..2 {
        world.act(core, |_, shard| {
            let (centre, mut found) = ([24_000.0, 24_000.0, 150.0], Vec::new());
            let points: Vec<_> = ids.iter().map(|&id| (id, shard.pose(id).unwrap().point)).collect();
            let square = |point: [f32; 3]| {
                (0..3).map(|axis| (f64::from(point[axis]) - f64::from(centre[axis])).powi(2)).sum::<f64>()
            };
            for radius in [0.0, 100.0, 3_000.0, f32::INFINITY] {
                found.clear();
                shard.within(centre, radius, &mut found);
                let near = points.iter().filter(|(_, point)| square(*point) <= f64::from(radius).powi(2));
                assert_eq!(sorted(found.clone()), sorted(near.map(|(id, _)| *id).collect()), "radius {radius}");
            }
            found.clear();
            shard.within_box([19_990.0, 19_990.0, 0.0], [23_000.0, 29_000.0, 160.0], &mut found);
            let inside = points.iter().filter(|(_, [x, y, z])| *x <= 23_000.0 && *y <= 29_000.0 && *z <= 160.0);
            assert_eq!(sorted(found), sorted(inside.map(|(id, _)| *id).collect()));
            // From above, a ray meets the entity; beside it, the ground.
            let (id, [x, y, z]) = points[7];
            let down = |x: f32| shard.ray(&shard.present(), [x, y, 5_000.0], [0.0, 0.0, -1.0], f32::INFINITY, |_| true);
            let hit = down(x).and_then(|struck| struck.entity()).expect("it is under the ray");
            assert!(hit.id == id || (hit.pose.point[0] - x).abs() < 50.0);
            let only = shard.ray(&shard.present(), [x, y, 5_000.0], [0.0, 0.0, -1.0], f32::INFINITY, |_| false);
            assert!(only.is_some_and(|struck| (struck.distance() - 5_000.0).abs() < 0.01), "the ground is level");
            // Under the ground nobody is met.
            let up = shard.ray(&shard.present(), [x, y, -100.0], [0.0, 0.0, 1.0], z + 200.0, |_| true);
            assert!(up.is_some_and(|struck| struck.entity().is_none() && (struck.distance() - 100.0).abs() < 0.01));
            assert!(
                shard.sees(ids[0], ids[1], 50.0) && !shard.sees(ids[0], EntityId { index: 900, generation: 9 }, 50.0)
            );
        });
    }
}
