//! The demonstration on a map with a wall, a lake and a town.

use ringshard::game::Shard;
use ringshard::game::simulation::WorldConfig;
use ringshard_demo::{Demo, Layout, spawn_point};
use ringshard_demo_rules::{DemoRules, Input, Own, actions};
use ringshard_terrain::file::{SpawnPlan, VolumeKind, VolumePlan};
use ringshard_terrain::movement::{Gait, keys};
use ringshard_terrain::{Plan, Terrain};
use ringshard_testing::{Duration, News, World, small};
use ringshard_world::Pose;
use ringshard_world::character::EntityKind;
use std::sync::Arc;

const SECOND: Duration = Duration::from_secs(1);
/// Beside the wall, which stands from x = 6,000 to 6,100, and is 300 units high.
const HERE: [f32; 3] = [5_500.0, 5_000.0, 0.0];

fn terrain() -> Arc<Terrain> {
    let mut plan = Plan::flat([25_600.0, 6_400.0], [1, 1, 1], [1, 1, 1]);
    plan.add_box([6_000.0, 4_000.0, 0.0], [6_100.0, 6_000.0, 300.0]);
    let lake = ([12_000.0, 2_000.0, -10.0], [25_000.0, 24_000.0, 200.0]);
    plan.volumes.push(VolumePlan { low: lake.0, high: lake.1, kind: VolumeKind::Water, name: "lake".into() });
    let spawn = |name: &str, x: f32| SpawnPlan { point: [x, 20_000.0, 0.0], yaw: 0, name: name.into() };
    plan.spawns = vec![spawn("gate", 3_000.0), spawn("town-0", 5_000.0), spawn("town-1", 10_000.0)];
    Arc::new(Terrain::of(&plan).unwrap())
}

fn world() -> World<Demo> {
    let config = WorldConfig { terrain: terrain(), ..small() };
    World::with_config(1, "delay=10ms", 7, config, |start| Demo::new(start.terrain, Layout::Crowd, 0))
}

/// Adds a client, and puts its player there.
fn join(world: &mut World<Demo>, point: [f32; 3], faction: u8) {
    world.join(b"");
    world.pass(SECOND, |_, _| Input::default());
    world.act(0, |_, shard| {
        let player = shard.players().last().expect("it has entered");
        let own = shard.own_mut(player).unwrap();
        *own = Own { leap: own.leap, ..Own::at(point) };
        let body = shard.body(player).unwrap();
        shard.entities.shown_mut(body).unwrap().faction = faction;
    });
    world.pass(SECOND, |_, _| Input::default());
}

fn projectiles(shard: &Shard<Demo>) -> Vec<Pose> {
    let columns = shard.entities.columns();
    let is_shot = |row: &usize| columns.shown[*row].kind == EntityKind::Projectile as u8;
    columns.living.iter().filter(is_shot).map(|row| columns.poses[row]).collect()
}

#[test]
fn a_wall_stops_players_and_projectiles_and_a_client_predicts_both() {
    let mut world = world();
    join(&mut world, HERE, 1);
    join(&mut world, [6_300.0, 5_000.0, 0.0], 2);
    let before = world.client(0).stats().mispredicted;
    let forward = Input { actions: actions::SHOOT, ..Input::running(0) };
    let mut farthest = 0.0_f32;
    for _ in 0..60 {
        world.pass(SECOND / 20, |number, _| if number == 0 { forward } else { Input::default() });
        let shots = world.act(0, |_, shard| projectiles(shard));
        farthest = shots.iter().fold(farthest, |most, shot| most.max(shot.point[0]));
    }
    let own = *world.client(0).scene().own().unwrap();
    assert!((5_900.0..6_000.0).contains(&own.point[0]), "{own:?}");
    assert!(farthest > 5_700.0 && farthest <= 6_060.0, "a projectile got to {farthest}");
    let target = world.client(0).scene().others().find(|(_, _, shown)| shown.faction == 2).expect("it is in view").2;
    assert_eq!(target.health, 255, "the wall is between");
    assert_eq!(world.client(0).stats().mispredicted, before);
}

#[test]
fn a_player_swims_and_dives() {
    let mut world = world();
    join(&mut world, [15_000.0, 10_000.0, 0.0], 1);
    world.pass(SECOND, |_, _| Input::running(0));
    let own = *world.client(0).scene().own().unwrap();
    assert_eq!(own.walker().gait(), Gait::Swim, "{own:?}");
    world.pass(SECOND / 5, |_, _| Input { keys: keys::JUMP, ..Input::running(0) });
    let above = world.client(0).scene().own().unwrap().height;
    assert!(above > own.height + 20.0, "{above}");
    world.pass(SECOND / 5, |_, _| Input { keys: keys::DIVE, ..Input::running(0) });
    assert!(world.client(0).scene().own().unwrap().height < above - 10.0);
}

#[test]
fn a_client_without_the_map_is_told_so() {
    let mut world = world();
    world.join_with(DemoRules::default(), b"");
    world.pass(SECOND, |_, _| Input::default());
    let news = world.news(0);
    let told = news.iter().find_map(|news| match news {
        News::WrongSchema(part) => Some(part.advice()),
        _ => None,
    });
    assert!(told.expect("it is refused").contains("map"), "{news:?}");
}

#[test]
fn players_enter_on_walkable_ground_and_in_the_towns_of_the_map() {
    let terrain = terrain();
    let mut world = world();
    let wet = |[x, y, z]: [f32; 3]| terrain.water_surface([x, y, z]).is_some();
    for layout in [Layout::Uniform, Layout::Towns, Layout::Crowd] {
        for _ in 0..500 {
            let point = world.act(0, |_, shard| spawn_point(layout, &terrain, &mut shard.random));
            let in_wall = (5_965.0..6_135.0).contains(&point[0]) && (3_965.0..6_035.0).contains(&point[1]);
            assert!(!wet(point) && !in_wall, "{layout:?}: {point:?}");
            let of_town = |x: f32| (point[0] - x).abs() <= 1_500.0 && (point[1] - 20_000.0).abs() <= 1_500.0;
            match layout {
                Layout::Uniform => {}
                Layout::Towns => assert!(of_town(5_000.0) || of_town(10_000.0), "{point:?}"),
                Layout::Crowd => assert!(of_town(5_000.0), "{point:?}"),
            }
        }
    }
}
