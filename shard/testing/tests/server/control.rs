//! Bodies: given, taken, changed, shared, lost.

use crate::arena::*;
use ringshard_world::{EntityId, Pose, Rules};

const NETWORK: &str = "delay=20ms,jitter=5ms";

fn spawn(world: &mut ringshard_testing::World<Arena>, x: f32) -> EntityId {
    world.act(0, |_, shard| {
        shard.entities.spawn(Pose::at([x, HERE[1], 100.0]), Shown { number: 77, kind: 0 }).expect("there is room")
    })
}

#[test]
fn a_player_without_a_body_watches_from_where_its_state_is_and_can_get_a_body() {
    let mut world = world(1, NETWORK);
    let client = world.add(Some(b"bare"));
    world.run(SECOND);
    let (other, other_player) = world.enter();
    world.run(SECOND);
    let player = world.game(0).players().into_iter().find(|player| *player != other_player).unwrap();
    assert_eq!((world.body(client), world.act(0, |_, shard| shard.body(player))), (None, None));
    world.act(0, |_, shard| shard.own_mut(player).unwrap().x = 400_000.0);
    world.run(SECOND);
    assert!(world.seen(client).is_empty(), "nobody is where its state is");
    world.act(0, |_, shard| shard.own_mut(player).unwrap().x = HERE[0]);
    world.act(0, |_, shard| shard.own_mut(player).unwrap().y = HERE[1]);
    world.run(SECOND);
    assert_eq!(world.seen(client), [world.body(other).unwrap()]);
    assert!(!world.seen(other).is_empty() && world.total(|stats| stats.entities) == 1, "it is not in the world itself");
    let body = spawn(&mut world, HERE[0]);
    let own = Own { x: HERE[0], y: HERE[1], ..Own::default() };
    world.act(0, |_, shard| assert!(shard.control(player, Some(body), own)));
    world.run(SECOND);
    assert_eq!(world.body(client), Some(body));
    assert_eq!(world.act(0, |_, shard| shard.player_of(body)), Some(player));
    assert!(world.seen(client).contains(&body) && world.seen(other).contains(&body));
}

#[test]
fn inputs_move_the_body_and_others_see_where_it_is() {
    let mut world = world(1, NETWORK);
    let (client, player) = world.enter();
    let (watcher, _) = world.enter();
    world.raw_mut(client).0.input = Box::new(|tick| Input { mark: tick, right: 5 });
    world.run(SECOND);
    world.raw_mut(client).0.input = Box::new(|tick| Input { mark: tick, right: 0 });
    world.run(SECOND);
    let own = world.act(0, |_, shard| *shard.own(player).unwrap());
    assert!(own.x > HERE[0] + 100.0 + 200.0, "{own:?}");
    let body = world.act(0, |_, shard| shard.body(player)).unwrap();
    assert_eq!(world.act(0, |_, shard| *shard.entities.pose(body).unwrap()), Counting.pose(&own));
    let map = world.act(0, |_, shard| *shard.map());
    for client in [client, watcher] {
        let seen = world.raw(client).view.entity(body).expect("it is in sight");
        assert_eq!(seen.state().position, map.quantise(Counting.pose(&own).point));
    }
}

#[test]
fn a_body_can_be_taken_away_and_changed_and_stays_in_the_world() {
    let mut world = world(1, NETWORK);
    let (client, player) = world.enter();
    let first = world.body(client).unwrap();
    let own = world.act(0, |_, shard| *shard.own(player).unwrap());
    let second = spawn(&mut world, HERE[0] + 500.0);
    world.act(0, |_, shard| assert!(shard.control(player, Some(second), Own { x: HERE[0] + 500.0, ..own })));
    world.run(SECOND);
    assert_eq!(world.body(client), Some(second));
    world.act(0, |_, shard| {
        assert!(shard.entities.contains(first) && shard.player_of(first).is_none());
        assert_eq!(shard.player_of(second), Some(player));
        assert!(shard.control(player, None, own));
    });
    world.run(SECOND);
    assert_eq!(world.body(client), None);
    assert_eq!((world.total(|stats| stats.entities), world.seen(client).len()), (2, 2));
    // When it leaves, the bodies that it had stay.
    world.raw_mut(client).0.transport.disconnect();
    world.run(SECOND);
    assert_eq!(world.total(|stats| stats.entities), 2);
}

#[test]
fn of_two_players_with_one_body_the_first_loses_it() {
    let mut world = world(1, NETWORK);
    let (first, first_player) = world.enter();
    let (second, second_player) = world.enter();
    let bodies = [world.body(first).unwrap(), world.body(second).unwrap()];
    let own = world.act(0, |_, shard| *shard.own(first_player).unwrap());
    world.act(0, |_, shard| assert!(shard.control(second_player, Some(bodies[0]), own)));
    world.run(SECOND);
    assert_eq!((world.body(first), world.body(second)), (None, Some(bodies[0])));
    world.act(0, |_, shard| {
        assert_eq!((shard.body(first_player), shard.player_of(bodies[0])), (None, Some(second_player)));
        assert!(shard.player_of(bodies[1]).is_none());
        say(shard, ringshard::game::To::Entity(bodies[0]), 1);
        say(shard, ringshard::game::To::Entity(bodies[1]), 2);
    });
    world.run(SECOND);
    assert_eq!((world.said(first), world.said(second)), (vec![], vec![1]));
    // When the first leaves, the body stays with the second.
    world.raw_mut(first).0.transport.disconnect();
    world.run(SECOND);
    assert!(world.act(0, |_, shard| shard.entities.contains(bodies[0])));
    assert_eq!(world.body(second), Some(bodies[0]));
}

#[test]
fn a_body_that_is_despawned_is_lost_and_its_successor_is_somebody_else() {
    let config = ringshard::game::simulation::WorldConfig { entities_max: 2, ..ringshard_testing::small() };
    let mut world = ringshard_testing::World::with_config(1, NETWORK, 1, config, |_| Arena::new());
    let (client, player) = world.enter();
    let body = world.body(client).unwrap();
    let before = world.raw(client).newest().unwrap().1.own.steps;
    world.act(0, |_, shard| {
        // The other row, so that the next one is this body's again.
        let other = shard.entities.spawn(Pose::at(HERE), Shown::default()).unwrap();
        assert!(shard.entities.despawn(body) && shard.body(player).is_none());
        let successor = shard.entities.spawn(Pose::at(HERE), Shown::default()).unwrap();
        assert!(successor.index == body.index && successor != body && other != body);
        say(shard, ringshard::game::To::Entity(body), 1);
        say(shard, ringshard::game::To::Entity(successor), 2);
    });
    world.run(SECOND);
    assert!(world.said(client).is_empty(), "it gets nothing that is for its body's successor");
    assert_eq!((world.body(client), world.act(0, |_, shard| shard.body(player))), (None, None));
    assert!(world.raw(client).newest().unwrap().1.own.steps > before + 30, "its state still steps");
    assert_eq!(world.seen(client).len(), 2);
    assert!(!world.seen(client).contains(&body));
    world.raw_mut(client).0.transport.disconnect();
    world.run(SECOND);
    assert_eq!(world.total(|stats| stats.entities), 2, "the successor is not the player's");
}

#[test]
fn only_bodies_of_this_core_can_be_controlled() {
    let mut world = world(2, NETWORK);
    let (client, player) = world.enter();
    let (_, _) = world.enter();
    let body = world.body(client).unwrap();
    let (foreign, own) = (EntityId { index: 512, generation: 1 }, Own::default());
    world.run(SECOND);
    world.act(0, |_, shard| {
        assert!(shard.state(foreign).is_some(), "the other core has it");
        assert!(!shard.control(player, Some(foreign), own));
        assert!(!shard.control(player, Some(EntityId { index: 9, generation: 9 }), own));
        assert_eq!(shard.body(player), Some(body));
    });
}

/// The client hears of it, and its owner block contains it.
#[test]
fn a_state_that_the_game_changes_reaches_its_player() {
    let mut world = world(1, NETWORK);
    let (client, player) = world.enter();
    world.run(SECOND);
    world.act(0, |_, shard| shard.own_mut(player).unwrap().y = 12_345.0);
    world.run(SECOND);
    assert_eq!(world.raw(client).newest().unwrap().1.own.y, 12_345.0);
    let body = world.body(client).unwrap();
    assert_eq!(world.act(0, |_, shard| shard.entities.pose(body).unwrap().point[1]), 12_345.0);
}
