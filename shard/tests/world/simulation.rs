//! What players see of a small world.

use crate::small_world::*;
use ringshard_link::sim::SimLink;
use ringshard_protocol::time::Duration;
use std::net::SocketAddr;

#[test]
fn a_player_that_leaps_across_the_map_disappears_here_and_appears_there() {
    let mut world = World::new(2, "delay=20ms,loss=5%");
    world.join(6);
    world.run_for(Duration::from_secs(3));
    for player in 0..6 {
        assert_eq!(world.seen_by(player), world.ids((0..6).filter(|&other| other != player)));
    }
    world.players[0].actions = TELEPORT;
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.seen_by(0), []);
    for player in 1..6 {
        assert_eq!(world.seen_by(player), world.ids((1..6).filter(|&other| other != player)));
    }
    world.players[1].actions = TELEPORT;
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.seen_by(0), world.ids(1..2));
    assert_eq!(world.seen_by(1), world.ids(0..1));
    let (agreed, differ) = world.digests();
    assert!(agreed > 50 && differ == 0, "{agreed} digests agree, {differ} do not");
}

/// The first datagram after an address change arrives under an id that the server has only just assigned.
#[test]
fn a_player_that_moves_and_asks_to_enter_again_has_one_body() {
    let mut world = World::new(1, "delay=20ms");
    world.join(3);
    world.run_for(Duration::from_secs(1));
    let before = world.players[0].id;
    world.players[0].asks_to_enter = true;
    for round in 0..5 {
        let address = SocketAddr::from(([10, 2, 0, round], 1024));
        world.players[0].link = SimLink::new(world.network.clone(), address);
        world.run_for(Duration::from_secs(1));
    }
    assert_eq!(world.players[0].id, before);
    let stats = world.simulation(0).stats();
    assert_eq!((stats.players, stats.entities), (3, 3));
    world.players[0].client.disconnect();
    world.players[0].asks_to_enter = false;
    world.run_for(Duration::from_secs(2));
    let stats = world.simulation(0).stats();
    assert_eq!((stats.players, stats.entities), (2, 2));
}
