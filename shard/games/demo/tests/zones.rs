//! Zones of a fleet: a sentinel shows how long each has lived.

use ringshard::game::{Game, OwnZone};
use ringshard_demo::{Demo, Layout};
use ringshard_demo_rules::Input;
use ringshard_testing::{Duration, World, small};
use ringshard_world::character::EntityKind;

fn world() -> World<Demo> {
    World::with_config(1, "delay=10ms", 7, small(), |start| Demo::new(start.terrain, Layout::Crowd, 0))
}

/// The ages of the sentinels, and where they stand.
fn sentinels(world: &mut World<Demo>) -> Vec<(u32, [f32; 2])> {
    world.act(0, |_, shard| {
        let columns = shard.entities.columns();
        let npcs = columns.living.iter().filter(|&row| columns.shown[row].kind == EntityKind::Npc as u8);
        npcs.map(|row| (columns.shown[row].score, [columns.poses[row].point[0], columns.poses[row].point[1]])).collect()
    })
}

#[test]
fn a_sentinel_goes_on_with_its_zone_at_another_host() {
    let [width, depth, _] = world().act(0, |_, shard| shard.map().size());
    let zone = OwnZone { name: "west".into(), area: [[0.0, 0.0], [width / 2.0, depth]] };
    let mut first = world();
    first.act(0, |game, shard| game.gain_zone(shard, &zone, &[]));
    first.pass(Duration::from_secs(10), |_, _| Input::default());
    let seen = sentinels(&mut first);
    let [(age, point)] = seen[..] else { panic!("{seen:?}") };
    assert!((9..=10).contains(&age) && point == [width / 2.0 - 300.0, depth / 2.0], "{seen:?}");
    let saved = first.act(0, |game, shard| {
        let mut saved = Vec::new();
        game.save_zone(shard, &zone, &mut saved);
        game.lose_zone(shard, &zone);
        saved
    });
    assert_eq!(sentinels(&mut first), []);
    let mut second = world();
    second.act(0, |game, shard| game.gain_zone(shard, &zone, &[saved]));
    assert_eq!(sentinels(&mut second), seen);
}
