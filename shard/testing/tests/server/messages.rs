//! Events, asks and commands.

use crate::arena::*;
use ringshard::game::{CommandError, PlayerId, To};
use ringshard_protocol::limits::TIMEOUT_DEFAULT;
use ringshard_protocol::wire::Channel;
use ringshard_testing::World;
use ringshard_world::EntityId;
use ringshard_world::messages::{Answered, kinds};

const NETWORK: &str = "delay=20ms,jitter=5ms";

/// Two cores with two clients each; their bodies.
fn four(network: &str) -> (World<Arena>, [usize; 4], [PlayerId; 4], [EntityId; 4]) {
    let mut world = world(2, network);
    let entered = [(); 4].map(|()| world.enter());
    world.run(SECOND);
    let clients = entered.map(|(client, _)| client);
    let bodies = clients.map(|client| world.body(client).unwrap());
    (world, clients, entered.map(|(_, player)| player), bodies)
}

fn said_by_all(world: &World<Arena>, clients: [usize; 4]) -> [Vec<u32>; 4] {
    clients.map(|client| world.said(client))
}

#[test]
fn an_event_to_a_player_or_to_a_body_reaches_its_client_alone() {
    let (mut world, clients, players, bodies) = four(NETWORK);
    world.act(0, |_, shard| {
        say(shard, To::Player(players[0]), 1);
        say(shard, To::Entity(bodies[2]), 2);
        say(shard, To::Entity(bodies[1]), 3);
        say(shard, To::Entity(bodies[3]), 4);
    });
    world.run(SECOND);
    assert_eq!(said_by_all(&world, clients), [vec![1], vec![3], vec![2], vec![4]]);
    assert_eq!(world.total(|stats| stats.events_out), 4);
}

#[test]
fn an_event_keeps_its_channel_and_ordered_ones_their_order() {
    let (mut world, clients, players, bodies) = four("delay=20ms,jitter=30ms,loss=3%");
    let unordered = Channel::new(6).unwrap();
    for value in 0..200 {
        world.act(0, |_, shard| {
            say(shard, To::Player(players[0]), value);
            say(shard, To::Entity(bodies[1]), value);
        });
        world.run(TICK);
    }
    world.act(0, |_, shard| shard.tell(To::Entity(bodies[1]), unordered, &Event::Say { value: 1_000 }).unwrap());
    world.run(3 * SECOND);
    assert_eq!(world.said(clients[0]), (0..200).collect::<Vec<_>>());
    let said: Vec<_> = world.said(clients[1]).into_iter().filter(|value| *value < 1_000).collect();
    assert_eq!(said, (0..200).collect::<Vec<_>>());
    assert!(world.raw(clients[1]).events.contains(&(unordered, Event::Say { value: 1_000 })));
}

#[test]
fn an_event_about_an_entity_reaches_all_who_see_it_on_all_cores_once() {
    let (mut world, clients, players, bodies) = four(NETWORK);
    // One of each core goes where it sees nobody.
    world.act(0, |_, shard| shard.own_mut(players[2]).unwrap().x = 400_000.0);
    world.act(1, |_, shard| shard.own_mut(players[3]).unwrap().y = 400_000.0);
    world.run(SECOND);
    assert_eq!(world.seen(clients[2]), [bodies[2]]);
    for value in 0..50 {
        world.act((value % 2) as usize, |_, shard| say(shard, To::ViewersOf(bodies[0]), value));
        // At any moment between two ticks, while some are served already.
        world.run(ringshard_testing::Duration::from_millis(u64::from(value) % 7 + 12));
    }
    world.run(SECOND);
    let mut said = said_by_all(&world, clients);
    said.iter_mut().for_each(|said| said.sort_unstable());
    assert_eq!(said, [(0..50).collect(), (0..50).collect(), vec![], vec![]]);
    assert_eq!(world.total(|stats| stats.events_out), 100);
}

/// The event of a death: the game despawns the entity in the same tick.
#[test]
fn an_event_about_an_entity_that_dies_reaches_those_who_saw_it() {
    let (mut world, clients, _, bodies) = four(NETWORK);
    world.act(0, |_, shard| {
        say(shard, To::ViewersOf(bodies[2]), 1);
        shard.entities.despawn(bodies[2]);
    });
    world.run(SECOND);
    assert_eq!(said_by_all(&world, clients), [vec![1], vec![1], vec![1], vec![1]]);
}

#[test]
fn an_event_to_everybody_reaches_all_players_of_all_cores_and_nobody_outside() {
    let (mut world, clients, players, _) = four(NETWORK);
    let outside = world.add(None);
    world.run(SECOND);
    world.act(0, |_, shard| shard.put_out(players[2], 1));
    world.run(SECOND);
    world.act(1, |_, shard| say(shard, To::Everybody, 9));
    world.run(SECOND);
    assert_eq!(said_by_all(&world, clients), [vec![9], vec![9], vec![], vec![9]]);
    assert!(world.said(outside).is_empty());
    assert_eq!(world.total(|stats| stats.events_out), 3, "one for each client");
}

/// Events of clients reach the game as they are, once and in order.
#[test]
fn events_of_clients_reach_the_game() {
    let (mut world, clients, players, _) = four("delay=20ms,jitter=30ms,loss=3%");
    for value in 0..100 {
        let (raw, now) = world.raw_mut(clients[1]);
        raw.tell(now, Channel::RELIABLE_ORDERED, &Event::Say { value });
        world.run(TICK);
    }
    world.run(2 * SECOND);
    let events = world.game(1).log.iter().filter(|(player, _)| *player == players[1]);
    let values: Vec<_> =
        events.filter_map(|(_, heard)| if let Heard::Event(value) = heard { Some(*value) } else { None }).collect();
    assert_eq!(values, (0..100).collect::<Vec<_>>());
    let (raw, now) = world.raw_mut(clients[1]);
    raw.send(now, Channel::RELIABLE_ORDERED, &[kinds::EVENT, 5, 0, 0, 0, 0]);
    raw.send(now, Channel::RELIABLE_ORDERED, &[kinds::EVENT]);
    raw.send(now, Channel::RELIABLE_ORDERED, &[200, 1, 2]);
    raw.send(now, Channel::RELIABLE_ORDERED, &[kinds::SYNC_ENTITY_QUANTIZED, 0xFF]);
    raw.send(now, Channel::RELIABLE_ORDERED, &[kinds::DELTA_SYNC, 0]);
    world.run(SECOND);
    assert_eq!((world.total(|stats| stats.invalid_messages), world.total(|stats| stats.events_in)), (5, 100));
}

#[test]
fn each_ask_is_answered_once_now_or_later() {
    let (mut world, clients, _, _) = four("delay=20ms,jitter=30ms,loss=3%");
    let (raw, now) = world.raw_mut(clients[0]);
    raw.ask(now, 7, &Ask::Later { value: 1, ticks: 60 });
    raw.ask(now, 8, &Ask::Echo { value: 2 });
    raw.ask(now, 9, &Ask::Later { value: 3, ticks: 5 });
    raw.ask(now, 7, &Ask::Echo { value: 4 });
    world.run(4 * SECOND);
    let answer = |number, value| (number, Answered::Answer(Answer::Echo { value }));
    assert_eq!(world.raw(clients[0]).answers, [answer(8, 2), answer(7, 4), answer(9, 3), answer(7, 1)]);
    assert_eq!(world.total(|stats| stats.asks), 4);
}

#[test]
fn too_many_open_asks_and_malformed_ones_are_answered_as_such() {
    let (mut world, clients, _, _) = four(NETWORK);
    let (raw, now) = world.raw_mut(clients[0]);
    (0..70).for_each(|number| raw.ask(now, number, &Ask::Never));
    world.run(SECOND);
    let refused: Vec<_> = (64..70).map(|number| (number, Answered::TooMany)).collect();
    assert_eq!(world.raw(clients[0]).answers, refused);
    assert_eq!((world.total(|stats| stats.asks), world.total(|stats| stats.asks_refused)), (64, 6));
    let (raw, now) = world.raw_mut(clients[1]);
    raw.send(now, Channel::RELIABLE_ORDERED, &[kinds::ASK, 5, 0, 99]);
    raw.send(now, Channel::RELIABLE_ORDERED, &[kinds::ASK, 6, 0, 0, 1, 2, 3, 4, 5]);
    raw.send(now, Channel::RELIABLE_ORDERED, &[kinds::ASK, 7]);
    raw.ask(now, 8, &Ask::Echo { value: 8 });
    world.run(SECOND);
    let answer = Answered::Answer(Answer::Echo { value: 8 });
    let expected = [(5, Answered::Malformed), (6, Answered::Malformed), (8, answer)];
    assert_eq!(world.raw(clients[1]).answers, expected);
    assert_eq!(world.total(|stats| stats.invalid_messages), 3);
}

#[test]
fn an_answer_waits_for_a_silent_client_and_none_reaches_a_later_presence() {
    let (mut world, clients, players, _) = four(NETWORK);
    let (raw, now) = world.raw_mut(clients[0]);
    raw.ask(now, 1, &Ask::Later { value: 1, ticks: 18 * 60 });
    raw.ask(now, 2, &Ask::Never);
    let (raw, now) = world.raw_mut(clients[2]);
    raw.ask(now, 3, &Ask::Later { value: 3, ticks: 120 });
    world.run(SECOND / 2);
    world.cut_raw(clients[0]);
    world.act(0, |_, shard| shard.put_out(players[2], 1));
    world.run(SECOND);
    let (raw, now) = world.raw_mut(clients[2]);
    raw.enter(now, b"ok");
    world.run(TIMEOUT_DEFAULT + 5 * SECOND);
    assert!(world.raw(clients[2]).welcome.is_some() && world.raw(clients[2]).answers.is_empty());
    world.restore_raw(clients[0]);
    world.run(10 * SECOND);
    assert_eq!(world.raw(clients[0]).connected, [false, true]);
    assert_eq!(world.raw(clients[0]).answers, [(1, Answered::Answer(Answer::Echo { value: 1 }))]);
}

#[test]
fn commands_reach_the_owner_of_an_entity_on_any_core_in_order_or_are_refused() {
    let (mut world, _, _, bodies) = four(NETWORK);
    let nowhere = EntityId { index: 60_000, generation: 1 };
    world.act(0, |_, shard| {
        for value in 0..10 {
            shard.command(bodies[value as usize % 4], bodies[0], &Order { value }).unwrap();
        }
        assert_eq!(shard.command(nowhere, bodies[0], &Order { value: 0 }), Err(CommandError::NoSuchEntity));
    });
    world.run(SECOND);
    let of = |core: usize| world.game(core).commands.iter().map(|(.., value)| *value).collect::<Vec<_>>();
    assert_eq!((of(0), of(1)), (vec![0, 2, 4, 6, 8], vec![1, 3, 5, 7, 9]));
    let [to_first, ..] = world.game(0).commands[..] else { panic!() };
    assert_eq!(to_first, (bodies[0], bodies[0], 0));
    // As many as are accepted arrive.
    let mut accepted = [0; 2];
    for core in [0, 1] {
        let (to, from) = (bodies[1 - core], bodies[core]);
        accepted[core] = world.act(core, |_, shard| {
            (0..).take_while(|value| shard.command(to, from, &Order { value: *value }).is_ok()).count()
        });
    }
    assert!(accepted.iter().all(|count| *count >= 3_000), "{accepted:?}");
    world.run(SECOND);
    for core in [0, 1] {
        let arrived: Vec<_> = world.game(core).commands.iter().skip(5).map(|(.., value)| *value).collect();
        assert_eq!(arrived, (0..accepted[1 - core] as u32).collect::<Vec<_>>());
    }
    assert_eq!(world.total(|stats| stats.commands_refused), 3);
}
