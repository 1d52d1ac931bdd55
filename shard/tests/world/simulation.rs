//! What players see of a small world, and hear in it.

use crate::cores::*;
use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard::runtime::path_record::{Followed, PathRecord};
use ringshard::runtime::service::Service;
use ringshard_link::sim::SimLink;
use ringshard_protocol::time::Duration;
use ringshard_world::{EntityId, Refusal};
use std::net::SocketAddr;

type World = Cores<Simulation<Row>>;

fn world(cores: usize, network: &str, players: usize) -> World {
    let config = WorldConfig { entities_max: 1024, visible_max: 32, ..WorldConfig::default() };
    let mut world = Cores::new(cores, network, config, |simulation| simulation);
    world.join(players, Habits::default());
    world.run_for(Duration::from_secs(3));
    world
}

/// The entities that a player sees, except its own, in order.
fn seen_by(world: &World, player: usize) -> Vec<EntityId> {
    let player = &world.players[player];
    let mut seen: Vec<_> =
        player.view.entities().map(|seen| seen.id()).filter(|&id| player.body() != Some(id)).collect();
    seen.sort_unstable();
    seen
}

/// The bodies of these players, in order.
fn bodies(world: &World, players: impl Iterator<Item = usize>) -> Vec<EntityId> {
    let mut ids: Vec<_> = players.map(|player| world.players[player].body().expect("it has a body")).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_player_that_leaps_across_the_map_disappears_here_and_appears_there() {
    let mut world = world(2, "delay=20ms,loss=5%", 6);
    for player in 0..6 {
        assert_eq!(seen_by(&world, player), bodies(&world, (0..6).filter(|&other| other != player)));
    }
    let now = world.network.now();
    world.players[0].ask(now, Ask::Leap);
    world.run_for(Duration::from_secs(2));
    assert_eq!(seen_by(&world, 0), []);
    for player in 1..6 {
        assert_eq!(seen_by(&world, player), bodies(&world, (1..6).filter(|&other| other != player)));
    }
    let now = world.network.now();
    world.players[1].ask(now, Ask::Leap);
    world.run_for(Duration::from_secs(2));
    assert_eq!(seen_by(&world, 0), bodies(&world, 1..2));
    assert_eq!(seen_by(&world, 1), bodies(&world, 0..1));
    let stats = world.cores.iter().map(|core| core.service().stats());
    let (agreed, differ) =
        stats.fold((0, 0), |sums, stats| (sums.0 + stats.digests_agreed, sums.1 + stats.digests_differ));
    assert!(agreed > 50 && differ == 0, "{agreed} digests agree, {differ} do not");
}

/// What a client sends arrives while some players of the core have the snapshot of the tick and others have not.
#[test]
fn an_event_is_heard_once_by_each_who_sees_the_entity_on_any_core() {
    let mut world = world(2, "delay=20ms", 40);
    // Two are elsewhere.
    let now = world.network.now();
    (0..2).for_each(|player| world.players[player].ask(now, Ask::Leap));
    world.run_for(Duration::from_secs(1));
    world.players[2].habits.talks = true;
    world.run_for(Duration::from_secs(4));
    world.players[2].habits.talks = false;
    world.run_for(Duration::from_secs(1));
    let said = world.cores.iter().map(|core| core.service().stats().events_in).sum::<u64>();
    assert!(said.abs_diff(60) <= 2, "{said}");
    // A player sees 32 entities at most, the nearest in the row: some do not see the one that talks.
    let talker = world.players[2].body().expect("it has a body");
    let mut hearers = 0;
    for (number, player) in world.players.iter().enumerate() {
        let sees = player.view.entity(talker).is_some();
        let expected = if sees { said } else { 0 };
        assert_eq!(player.events.len() as u64, expected, "player {number}");
        hearers += u32::from(sees);
    }
    assert!((10..38).contains(&hearers), "{hearers}");
}

/// The first datagram after an address change arrives under an id that the server has only just assigned.
#[test]
fn a_player_that_moves_and_asks_to_enter_again_has_one_body() {
    let mut world = world(1, "delay=20ms", 3);
    let before = world.players[0].body();
    for round in 0..5 {
        let address = SocketAddr::from(([10, 2, 0, round], 1024));
        world.players[0].link = SimLink::new(world.network.clone(), address);
        // It believes that it is not inside, and asks again.
        world.players[0].is_inside = false;
        world.run_for(Duration::from_secs(1));
        assert!(world.players[0].is_inside);
    }
    assert_eq!(world.players[0].body(), before);
    let stats = world.cores[0].service().stats();
    assert_eq!((stats.players, stats.entities, stats.joined), (3, 3, 3));
    world.players[0].client.disconnect();
    world.run_for(Duration::from_secs(2));
    let stats = world.cores[0].service().stats();
    assert_eq!((stats.players, stats.entities), (2, 2));
}

#[test]
fn the_path_of_one_player_is_recorded_with_moves_by_the_server_and_refusals() {
    let mut world = world(2, "delay=20ms", 4);
    let now = world.network.now();
    let player = &world.players[1];
    let connection = player.client.id().expect("it is connected");
    let core = usize::from(connection.core());
    let mut record = Some(Box::new(PathRecord::new(Followed::Connection(connection), 90)));
    let simulation = world.cores[core].service_mut();
    simulation.follow(&mut record);
    assert!(record.is_none(), "nothing was recorded before");
    world.players[1].ask(now, Ask::Leap);
    world.players[1].ask(now, Ask::Refuse { why: Refusal::Wall, times: 2 });
    world.run_for(Duration::from_secs(1));
    world.cores[core].service_mut().follow(&mut record);
    let record = record.expect("it comes back");
    assert!(record.player.is_some() && (58..=62).contains(&record.ticks.len()), "{}", record.ticks.len());
    assert!(record.ticks.windows(2).all(|pair| pair[0].tick + 1 == pair[1].tick));
    let moves: Vec<_> = record.ticks.windows(2).filter(|pair| pair[0].settled != pair[1].before).collect();
    assert!(moves.len() == 1 && moves[0][1].before == [90_000.0, 90_000.0, 100.0], "{moves:?}");
    let refused: Vec<u32> = record.ticks.iter().map(|tick| tick.refused).filter(|refused| *refused != 0).collect();
    assert_eq!(refused, [1 << Refusal::Wall.number()]);
}
