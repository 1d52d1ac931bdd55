//! NPCs on a map with a navigation mesh.

use ringshard::game::simulation::WorldConfig;
use ringshard_demo::{Demo, Layout};
use ringshard_demo_rules::{Input, Own};
use ringshard_paths::{MeshSettings, Navigator, PathJob, bake_mesh};
use ringshard_terrain::file::Plan;
use ringshard_terrain::{Terrain, movement::Tuning};
use ringshard_testing::{Duration, World, small};
use ringshard_world::character::EntityKind;
use std::sync::Arc;

const SECOND: Duration = Duration::from_secs(1);
const SIZE: f32 = 6_400.0;

/// Level ground with a wall across it, which has one door, and houses that are solid.
fn terrain() -> Arc<Terrain> {
    let mut plan = Plan::flat([3_200.0, 3_200.0], [2, 2, 1], [1, 1, 1]);
    plan.add_box([3_190.0, 0.0, -10.0], [3_210.0, 3_050.0, 400.0]);
    plan.add_box([3_190.0, 3_350.0, -10.0], [3_210.0, SIZE, 400.0]);
    for (x, y) in [(1_200.0, 1_200.0), (1_800.0, 3_600.0), (4_400.0, 2_400.0)] {
        plan.add_box([x, y, -10.0], [x + 500.0, y + 500.0, 400.0]);
    }
    let bare = Terrain::of(&plan).expect("the map is possible");
    plan.mesh = Some(bake_mesh(&bare, &MeshSettings::default(), &mut |_| {}).expect("the map can be meshed"));
    Arc::new(Terrain::of(&plan).expect("the map is possible"))
}

fn world(npcs: usize) -> World<Demo> {
    let terrain = terrain();
    let navigator = Arc::new(Navigator::of(&terrain).expect("the map has a mesh"));
    let config = WorldConfig { terrain, ..small() };
    let game = |start: ringshard::game::GameStart| {
        Demo::new(start.terrain, Layout::Uniform, npcs).with_paths(navigator.clone())
    };
    World::with_work(1, "delay=10ms", 7, config, game, PathJob::run)
}

fn npcs(world: &mut World<Demo>) -> Vec<[f32; 3]> {
    world.act(0, |_, shard| {
        let columns = shard.entities.columns();
        let npcs = columns.living.iter().filter(|&row| columns.shown[row].kind == EntityKind::Npc as u8);
        npcs.map(|row| columns.poses[row].point).collect()
    })
}

fn is_in_wall(terrain: &Terrain, [x, y, z]: [f32; 3]) -> bool {
    let radius = Tuning::default().radius - 1.0;
    let corners = [[-radius, -radius], [radius, -radius], [radius, radius], [-radius, radius]];
    let at = |corner: [f32; 2]| [x + corner[0], y + corner[1], z + 100.0];
    (0..4).any(|number| !terrain.sees(at(corners[number]), at(corners[(number + 1) % 4])))
}

#[test]
fn npcs_patrol_around_their_homes_and_never_stand_in_walls() {
    let mut world = world(40);
    world.pass(Duration::from_millis(50), |_, _| Input::default());
    let homes = npcs(&mut world);
    assert_eq!(homes.len(), 40);
    let terrain = world.act(0, |_, shard| shard.terrain().clone());
    let mut farthest = vec![0.0_f32; 40];
    for _ in 0..40 {
        world.pass(SECOND, |_, _| Input::default());
        for ((point, home), farthest) in npcs(&mut world).iter().zip(&homes).zip(&mut farthest) {
            *farthest = farthest.max((point[0] - home[0]).hypot(point[1] - home[1]));
            assert!(!is_in_wall(&terrain, *point), "{point:?}");
        }
    }
    let walked = farthest.iter().filter(|far| **far > 150.0).count();
    assert!(walked > 35, "{walked} of 40 have walked");
    // The way to some points leads around a house or through the door.
    let near = farthest.iter().filter(|far| **far < 1_600.0).count();
    assert!(near > 25, "{near} of 40 have stayed near their homes: {farthest:?}");
}

#[test]
fn an_npc_chases_an_enemy_that_it_sees_until_it_is_far_away() {
    let mut world = world(1);
    world.join(b"");
    world.pass(SECOND, |_, _| Input::default());
    let put = |world: &mut World<Demo>, point: [f32; 3]| {
        world.act(0, |_, shard| {
            let columns = shard.entities.columns();
            let npc = columns.living.iter().find(|&row| columns.shown[row].kind == EntityKind::Npc as u8);
            let faction = columns.shown[npc.expect("it lives")].faction;
            let player = shard.players().next().expect("it has entered");
            let body = shard.body(player).expect("it has a body");
            shard.entities.shown_mut(body).expect("it lives").faction = 3 - faction;
            *shard.own_mut(player).expect("it has entered") = Own::at(point);
        });
    };
    let home = npcs(&mut world)[0];
    let away = |world: &mut World<Demo>, point: [f32; 3]| {
        let [x, y, _] = npcs(world)[0];
        (x - point[0]).hypot(y - point[1])
    };
    // Beside its home, on the open side.
    let near = [home[0] + if home[0] < 3_200.0 { -700.0 } else { 700.0 }, home[1], 0.0];
    put(&mut world, near);
    world.pass(6 * SECOND, |_, _| Input::default());
    assert!(away(&mut world, near) < 250.0, "{} units away from its enemy", away(&mut world, near));
    // Behind the wall, it comes through the door.
    let [x, y] = [if home[0] < SIZE / 2.0 { SIZE / 2.0 + 600.0 } else { SIZE / 2.0 - 600.0 }, home[1]];
    put(&mut world, [x, y, 0.0]);
    world.pass(20 * SECOND, |_, _| Input::default());
    assert!(away(&mut world, [x, y, 0.0]) < 250.0, "{} units away behind the wall", away(&mut world, [x, y, 0.0]));
    // Far away, it is left alone, and the NPC goes back to its patrol.
    let far = [if x < 3_200.0 { SIZE - 100.0 } else { 100.0 }, 100.0, 0.0];
    put(&mut world, far);
    world.pass(60 * SECOND, |_, _| Input::default());
    assert!(away(&mut world, home) < 2_000.0, "{} units away from home", away(&mut world, home));
}
