//! Players that fall silent, come back, leave and come.

use crate::bench::{Path, World};
use crate::brawl::Brawl;
use ringshard_rollback::{HISTORY, MatchConfig, Progress, SessionConfig, Taken};

const PATH: Path = Path { delay: 3, jitter: 2, loss: 2 };

fn outage(ticks: u64, config: MatchConfig) -> World {
    let mut world = World::new(3, 11, PATH, config, SessionConfig::default());
    world.pass(300);
    world.clients[2].is_cut = true;
    world.pass(30);
    world.game.suspended(2);
    world.pass(ticks);
    world.clients[2].is_cut = false;
    world.game.resumed(2);
    world.pass(200);
    assert!((0..2).all(|other| world.clients[other].session.stats().ticks_stalled == 0), "others play on");
    assert!((0..2).all(|other| world.behind(other) < 20));
    world
}

#[test]
fn after_a_short_outage_the_missed_inputs_arrive() {
    let world = outage(60, MatchConfig::default());
    assert!(world.behind(2) < 20);
    assert_eq!(world.clients[2].session.stats().resyncs, 0);
}

#[test]
fn after_a_long_outage_the_state_arrives() {
    let world = outage(HISTORY as u64 * 3, MatchConfig::default());
    assert!(world.behind(2) < 20);
    assert_eq!(world.clients[2].session.stats().resyncs, 1);
    assert_eq!(world.game.stats().states, 4);
}

#[test]
fn after_a_long_outage_nobody_has_the_state_if_the_server_does_not_step() {
    let mut world = outage(HISTORY as u64 * 3, MatchConfig { is_stepped: false, ..MatchConfig::default() });
    assert!(world.game.is_lost(2) && !world.game.is_lost(0));
    assert_eq!(world.clients[2].taken.last(), Some(&Taken::Lost));
    assert_eq!(world.clients[2].session.advance(5, &Default::default()), Progress::Waiting);
    assert_eq!(world.game.stats().lost, 1, "the client learns it once");
    assert_eq!(world.game.leave(2), Some(2));
    world.pass(100);
    assert!(world.behind(0) < 20);
}

#[test]
fn a_seat_that_is_left_is_empty_for_all_and_another_player_can_take_it() {
    let mut world = World::new(3, 12, PATH, MatchConfig::default(), SessionConfig::default());
    world.pass(200);
    assert_eq!(world.game.leave(1), Some(1));
    world.clients[1].session.end();
    world.pass(60);
    let inputs = world.clients[0].session.inputs().unwrap();
    assert_eq!((inputs.is_present(1), inputs.present()), (false, 0b101));
    assert_eq!(inputs.of(1), &Default::default());
    world.add(7, Brawl::default(), SessionConfig::default());
    assert_eq!(world.game.enter(7), Some(1));
    assert_eq!(world.game.enter(7), None, "it has a seat");
    assert_eq!(world.game.enter(8), None, "no seat is free");
    world.pass(200);
    assert_eq!(world.clients[3].taken, [Taken::Began { seat: 1, seats: 3 }]);
    assert!(world.behind(3) < 20 && world.clients[0].session.inputs().unwrap().is_present(1));
    assert_eq!(world.game.stats().differences, 0);
}

#[test]
fn late_inputs_are_replaced_and_the_client_follows_the_server() {
    let mut world = World::new(2, 13, PATH, MatchConfig::default(), SessionConfig::default());
    world.clients[0].lead = 3;
    world.pass(400);
    let stats = world.clients[0].session.stats();
    assert!(stats.inputs_replaced > 50 && stats.resyncs == 0, "{stats:?}");
    assert!(world.behind(0) < 20);
}
