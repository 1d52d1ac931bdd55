//! Introductions: what players say to each other over the server (PROTOCOL.md#introductions).

use crate::cores::*;
use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use ringshard_world::messages::Introduction;

type World = Cores<Simulation<Row>>;

/// Players of 3 cores, so many on each.
fn world(on_each: usize) -> World {
    let config = WorldConfig { entities_max: 192, visible_max: 32, ..WorldConfig::default() };
    let mut world = Cores::new(3, "delay=10ms", config, |simulation| simulation);
    world.join(3 * on_each, Habits::default());
    world.run_for(Duration::from_secs(1));
    assert!(world.players.iter().all(|player| player.body().is_some()), "they have entered");
    world
}

fn body(world: &World, player: usize) -> EntityId {
    world.players[player].body().expect("it has a body")
}

fn introduce(world: &mut World, from: usize, to: EntityId, bytes: &[u8]) {
    let now = world.network.now();
    let introduction = Introduction { player: to, bytes };
    world.players[from].write(now, Channel::RELIABLE_ORDERED, |writer| introduction.write(writer));
}

/// Introductions that a player got: from whom, and the bytes.
fn heard(world: &World, player: usize) -> Vec<(EntityId, &[u8])> {
    let messages = world.players[player].heard.iter();
    messages.map(|it| Introduction::read(it).expect("an introduction")).map(|it| (it.player, it.bytes)).collect()
}

fn total(world: &World, count: impl Fn(&Simulation<Row>) -> u64) -> u64 {
    world.cores.iter().map(|core| count(core.service())).sum()
}

#[test]
fn introductions_of_all_sizes_reach_players_of_all_cores_in_order_and_name_their_sender() {
    let mut world = world(3);
    let sizes = [1, 231, 232, 233, 464, 700, 1_024];
    let sent: Vec<Vec<u8>> = sizes.iter().map(|&size| (0..size).map(|at| (at * 7 + size) as u8).collect()).collect();
    let allowed: Vec<usize> = (0..9).filter(|&player| body(&world, player).index.is_multiple_of(2)).collect();
    assert!(allowed.len() >= 3, "there is one on each core");
    for from in 0..4 {
        for &to in allowed.iter().filter(|&&to| to != from).take(4) {
            let to = body(&world, to);
            sent.iter().for_each(|bytes| introduce(&mut world, from, to, bytes));
        }
    }
    world.run_for(Duration::from_millis(500));
    for &to in allowed.iter().take(3) {
        for from in (0..4).filter(|&from| from != to) {
            let (mut heard, from) = (heard(&world, to), body(&world, from));
            heard.retain(|(sender, _)| *sender == from);
            let bytes: Vec<&[u8]> = heard.iter().map(|(_, bytes)| *bytes).collect();
            assert_eq!(bytes, sent, "from {from:?}");
        }
    }
    assert_eq!(total(&world, |core| core.stats().introductions_dropped + core.stats().invalid_messages), 0);
}

#[test]
fn a_game_that_does_not_allow_it_an_absent_player_and_a_flood_are_counted_and_nothing_arrives() {
    let mut world = world(2);
    let refused = (0..6).find(|&player| !body(&world, player).index.is_multiple_of(2)).expect("there is one");
    let to = body(&world, refused);
    introduce(&mut world, 0, to, b"may I?");
    // An entity of nobody on the last core, one that is gone, and one beyond the world.
    for (index, generation) in [(190, 1), (body(&world, 0).index, 99), (60_000, 1)] {
        introduce(&mut world, 1, EntityId { index, generation }, b"anybody?");
    }
    world.run_for(Duration::from_millis(500));
    assert!(world.players.iter().all(|player| player.heard.is_empty()));
    let refusals = total(&world, |core| core.stats().introductions_refused);
    let dropped = total(&world, |core| core.stats().introductions_dropped);
    assert_eq!(refusals + dropped, 4);
    assert!(refusals >= 1 && dropped >= 2, "{refusals} refused, {dropped} dropped");
    let to = body(&world, (0..6).rev().find(|&player| body(&world, player).index.is_multiple_of(2)).unwrap());
    (0..100).for_each(|_| introduce(&mut world, 2, to, b"flood"));
    world.run_for(Duration::from_millis(200));
    assert_eq!(total(&world, |core| core.stats().introductions), 32);
    assert_eq!(total(&world, |core| core.stats().introductions_limited), 68);
    world.run_for(Duration::from_secs(1));
    (0..10).for_each(|_| introduce(&mut world, 2, to, b"again"));
    world.run_for(Duration::from_millis(200));
    assert!(total(&world, |core| core.stats().introductions).abs_diff(37) <= 1, "four a second");
}

#[test]
fn a_client_that_is_silent_gets_none_later() {
    let mut world = world(2);
    let to = (1..6).find(|&player| body(&world, player).index.is_multiple_of(2)).expect("there is one");
    let target = body(&world, to);
    world.players[to].client.disconnect();
    world.run_for(Duration::from_secs(1));
    introduce(&mut world, 0, target, b"too late");
    world.run_for(Duration::from_millis(300));
    assert!(world.players[to].heard.is_empty());
    assert_eq!(total(&world, |core| core.stats().introductions_dropped), 1);
}
