//! How players leave, and what becomes of their bodies.

use crate::arena::*;
use ringshard::game::simulation::WorldConfig;
use ringshard::game::{LeaveReason, To};
use ringshard_protocol::limits::{RESUME_PERIOD, TIMEOUT_DEFAULT};
use ringshard_protocol::wire::Channel;
use ringshard_testing::{Duration, World};
use ringshard_world::codec::Writer;
use ringshard_world::messages::{EnterAnswer, InputHeader};
use ringshard_world::{EntityId, Pose};

const NETWORK: &str = "delay=20ms,jitter=5ms";

#[test]
fn a_player_that_is_put_out_can_enter_again_and_its_numbers_leap() {
    let mut world = world(1, "delay=20ms,jitter=40ms,loss=5%");
    let (client, player) = world.enter();
    world.game_mut(0).farewell = Some(99);
    world.run(3 * SECOND);
    let body = world.act(0, |_, shard| shard.body(player)).unwrap();
    for round in 1..=5 {
        let player = *world.game(0).players().last().unwrap();
        world.act(0, |_, shard| {
            shard.put_out(player, 40 + round);
            shard.put_out(player, 50 + round);
        });
        world.run(SECOND);
        assert_eq!(world.raw(client).presence.last(), Some(&EnterAnswer::PutOut(40 + round)));
        assert!(world.act(0, |_, shard| shard.own(player).is_none() && !shard.entities.contains(body)));
        assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.entities)), (0, 0));
        let taken = world.raw(client).snapshots.len();
        let last = world.raw(client).newest().unwrap().0.number;
        let (raw, now) = world.raw_mut(client);
        raw.enter(now, b"ok");
        world.run(2 * SECOND);
        let raw = world.raw(client);
        let welcome = raw.welcome.expect("it is in the world again");
        let (first, owner) = raw.snapshots[taken];
        assert!(first.number.wrapping_sub(welcome.first_snapshot) < 120, "{first:?}");
        let ahead = first.number.wrapping_sub(last) as i16;
        assert!(ahead < 0, "to a client that is still in the former presence, {} is older than {last}", first.number);
        assert_eq!(owner.own.x, HERE[0] + 100.0 * f32::from(round + 1), "the state is a new one");
        assert!(raw.snapshots.len() > taken + 60 && owner.body != Some(body));
    }
    assert_eq!(world.game(0).left(), [1, 2, 3, 4, 5].map(|round| LeaveReason::PutOut(40 + round)));
    assert_eq!(world.said(client), [99; 5], "what the game says when a player leaves arrives");
    assert_eq!((world.total(|stats| stats.put_out), world.total(|stats| stats.invalid_messages)), (5, 0));
    assert_eq!(world.total(|stats| stats.digests_differ), 0);
}

/// Messages overtake each other: one with the digest of a former view says nothing about the present one.
#[test]
fn an_acknowledgment_of_an_earlier_presence_does_not_count() {
    let mut world = world(1, "delay=5ms");
    let (client, player) = world.enter();
    world.run(SECOND);
    let (raw, _) = world.raw_mut(client);
    let header = InputHeader { received: raw.view.received(), digest: Some(raw.view.digest()), tick: 0 };
    let mut message = [0; 64];
    let mut writer = Writer::new(&mut message);
    header.write::<Input>(&Input::default(), &[], &mut writer).unwrap();
    let late = writer.written();
    world.act(0, |_, shard| shard.put_out(player, 1));
    world.run(SECOND / 4);
    let (raw, now) = world.raw_mut(client);
    raw.enter(now, b"ok");
    raw.sends_inputs = false;
    for _ in 0..40 {
        let (raw, now) = world.raw_mut(client);
        raw.send(now, Channel::UNRELIABLE, late);
        world.run(TICK);
    }
    assert!(world.raw(client).welcome.is_some());
    let counts = (world.total(|stats| stats.digests_differ), world.total(|stats| stats.digests_unknown));
    assert_eq!((counts, world.total(|stats| stats.invalid_messages)), ((0, 0), 0));
}

#[test]
fn a_player_that_has_left_is_told_nothing_more() {
    let mut world = world(1, NETWORK);
    let (client, player) = world.enter();
    world.act(0, |_, shard| shard.put_out(player, 1));
    world.run(SECOND);
    world.act(0, |_, shard| {
        say(shard, To::Player(player), 1);
        say(shard, To::Everybody, 2);
        assert!(!shard.control(player, None, Own::default()) && !shard.is_connected(player));
        assert!(shard.own_mut(player).is_none() && shard.players().next().is_none());
    });
    world.run(SECOND);
    assert!(world.said(client).is_empty());
    assert_eq!(world.total(|stats| stats.events_out), 0);
}

#[test]
fn the_game_learns_why_each_player_leaves() {
    let mut world = world(1, NETWORK);
    // It disconnects.
    let (client, _) = world.enter();
    world.raw_mut(client).0.transport.disconnect();
    world.run(SECOND);
    assert_eq!(world.game(0).left(), [LeaveReason::Left]);
    // It is kicked.
    let (client, _) = world.enter();
    world.kick_raw(client);
    world.run(SECOND);
    assert_eq!(world.game(0).left()[1..], [LeaveReason::Disconnected]);
    // It stays silent.
    let (client, _) = world.enter();
    world.cut_raw(client);
    world.run(TIMEOUT_DEFAULT + SECOND);
    assert_eq!((world.total(|stats| stats.suspended), world.game(0).left().len()), (1, 2));
    world.run(RESUME_PERIOD + SECOND);
    assert_eq!(world.game(0).left()[2..], [LeaveReason::TimedOut]);
    // The game puts it out, or refuses it late.
    let (_, player) = world.enter();
    world.act(0, |_, shard| shard.put_out(player, 5));
    world.run(SECOND);
    world.add(Some(b"wait"));
    world.run(SECOND);
    let player = *world.game(0).players().last().unwrap();
    world.act(0, |_, shard| shard.admit(player, ringshard::game::Admission::Refused(6)));
    world.run(SECOND);
    assert_eq!(world.game(0).left()[3..], [LeaveReason::PutOut(5), LeaveReason::Refused(6)]);
    // A pending client disconnects.
    let client = world.add(Some(b"wait"));
    world.run(SECOND);
    world.raw_mut(client).0.transport.disconnect();
    world.run(SECOND);
    assert_eq!(world.game(0).left()[5..], [LeaveReason::Left]);
    // The server stops.
    world.enter();
    world.stop();
    world.run(3 * SECOND);
    assert_eq!(world.game(0).left()[6..], [LeaveReason::ShuttingDown]);
    assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.entities)), (0, 0));
}

#[test]
fn a_draining_server_lets_nobody_in_and_keeps_its_players() {
    let mut world = world(2, NETWORK);
    let (client, player) = world.enter();
    world.drain();
    let late = world.add(Some(b"ok"));
    world.run(2 * SECOND);
    assert_eq!((world.game(0).drained, world.game(1).drained), (1, 1));
    assert!(world.raw(late).connected.is_empty() && world.raw(client).welcome.is_some());
    assert!(world.act(0, |_, shard| shard.is_connected(player)));
    assert_eq!(world.total(|stats| stats.players), 1);
}

#[test]
fn a_body_lingers_as_long_as_the_game_says_and_then_goes() {
    let mut world = world(1, NETWORK);
    world.game_mut(0).lingers = 120;
    let (client, player) = world.enter();
    let (watcher, _) = world.enter();
    let body = world.act(0, |_, shard| shard.body(player)).unwrap();
    world.raw_mut(client).0.transport.disconnect();
    world.run(SECOND * 3 / 2);
    assert_eq!(world.total(|stats| stats.players), 1);
    assert!(world.seen(watcher).contains(&body), "others see it");
    world.run(SECOND);
    assert!(!world.seen(watcher).contains(&body));
    assert_eq!(world.total(|stats| stats.entities), 1);
}

#[test]
fn a_lingering_body_can_be_taken_over_by_the_same_person_in_a_new_session() {
    let mut world = world(1, NETWORK);
    world.game_mut(0).lingers = 300;
    let (client, player) = world.enter();
    let (body, own) = world.act(0, |_, shard| (shard.body(player).unwrap(), *shard.own(player).unwrap()));
    world.raw_mut(client).0.transport.disconnect();
    world.run(SECOND);
    let again = world.add(Some(b"bare"));
    world.run(SECOND);
    let player = *world.game(0).players().last().unwrap();
    world.act(0, |_, shard| assert!(shard.control(player, Some(body), own)));
    world.run(10 * SECOND);
    assert_eq!(world.body(again), Some(body), "it does not go while it has a player");
    assert!(world.raw(again).newest().unwrap().1.own.steps > own.steps + 500, "the state continues");
    assert_eq!(world.total(|stats| stats.entities), 1);
    // When that player leaves, too, the body lingers anew.
    world.raw_mut(again).0.transport.disconnect();
    world.run(4 * SECOND);
    assert_eq!(world.total(|stats| stats.entities), 1);
    world.run(2 * SECOND);
    assert_eq!(world.total(|stats| stats.entities), 0);
}

/// Spawns and despawns entities until one has this id.
fn use_again(world: &mut World<Arena>, id: EntityId) {
    let again = world.act(0, |_, shard| {
        (0..4 * 256).any(|_| {
            let other = shard.entities.spawn(Pose::at(HERE), Shown::default()).unwrap();
            other == id || !shard.entities.despawn(other)
        })
    });
    assert!(again, "the id is used again");
}

/// Ids of entities are used again after 255 others at their index.
#[test]
fn a_pending_player_whose_body_the_game_despawns_takes_no_later_entity_with_it() {
    let config = WorldConfig { entities_max: 4, ..ringshard_testing::small() };
    let mut world = World::with_config(1, NETWORK, 1, config, |_| Arena::new());
    world.add(Some(b"wait"));
    world.run(SECOND);
    let player = world.game(0).players()[0];
    let body = world.act(0, |_, shard| {
        let body = shard.entities.spawn(Pose::at(HERE), Shown::default()).unwrap();
        assert!(shard.control(player, Some(body), Own::default()) && shard.entities.despawn(body));
        body
    });
    world.run(SECOND / 10);
    use_again(&mut world, body);
    world.act(0, |_, shard| {
        assert_eq!((shard.body(player), shard.player_of(body)), (None, None));
        shard.put_out(player, 1);
    });
    world.run(SECOND);
    assert_eq!(world.game(0).left(), [LeaveReason::PutOut(1)]);
    assert!(world.act(0, |_, shard| shard.entities.contains(body)), "it is another entity");
}

#[test]
fn a_lingering_body_that_the_game_despawns_takes_no_later_entity_with_it() {
    let config = WorldConfig { entities_max: 4, ..ringshard_testing::small() };
    let mut world = World::with_config(1, NETWORK, 1, config, |_| Arena::new());
    let (client, player) = world.enter();
    world.game_mut(0).lingers = 120;
    let body = world.act(0, |_, shard| shard.body(player)).unwrap();
    world.raw_mut(client).0.transport.disconnect();
    world.run(SECOND / 2);
    world.act(0, |_, shard| assert!(shard.entities.despawn(body)));
    world.run(SECOND / 10);
    use_again(&mut world, body);
    world.run(3 * SECOND);
    assert!(world.act(0, |_, shard| shard.entities.contains(body)), "it is another entity");
}

#[test]
fn a_body_that_was_taken_over_and_given_back_is_the_games() {
    let mut world = world(1, NETWORK);
    world.game_mut(0).lingers = 60;
    let (client, player) = world.enter();
    let (_, other) = world.enter();
    let body = world.act(0, |_, shard| shard.body(player)).unwrap();
    world.raw_mut(client).0.transport.disconnect();
    world.run(SECOND / 2);
    world.act(0, |_, shard| {
        let own = *shard.own(other).unwrap();
        assert!(shard.control(other, Some(body), own) && shard.control(other, None, own));
    });
    world.run(2 * SECOND);
    assert!(world.act(0, |_, shard| shard.entities.contains(body)));
}

#[test]
fn a_body_whose_taker_leaves_in_the_same_tick_lingers_anew() {
    let mut world = world(1, NETWORK);
    world.game_mut(0).lingers = 60;
    let (client, player) = world.enter();
    let (_, other) = world.enter();
    let body = world.act(0, |_, shard| shard.body(player)).unwrap();
    world.raw_mut(client).0.transport.disconnect();
    world.run(SECOND / 2);
    world.act(0, |game, shard| {
        let own = *shard.own(other).unwrap();
        assert!(shard.control(other, Some(body), own));
        game.lingers = 600;
        shard.put_out(other, 1);
    });
    world.run(5 * SECOND);
    assert!(world.act(0, |_, shard| shard.entities.contains(body)), "the first time is over, the second is not");
    world.run(6 * SECOND);
    assert!(!world.act(0, |_, shard| shard.entities.contains(body)));
}

/// A player that falls silent, gets messages meanwhile, and is back. Returns the world, and after how many milliseconds the
/// server has it back. Just so late, the game sends one more.
fn back_after(last_message_after: Option<u32>) -> (World<Arena>, u32) {
    let mut world = world(2, NETWORK);
    let (client, player) = world.enter();
    world.run(SECOND);
    world.cut_raw(client);
    world.run(TIMEOUT_DEFAULT + SECOND);
    assert_eq!((world.total(|stats| stats.suspended), world.total(|stats| stats.players)), (1, 0));
    let body = world.act(0, |_, shard| shard.body(player)).unwrap();
    for value in 0..100 {
        world.act(0, |_, shard| {
            say(shard, To::Player(player), 10 * value);
            shard.tell(To::Player(player), Channel::UNRELIABLE, &Event::Say { value: 7_777 }).unwrap();
        });
        // From another core, too.
        world.act(1, |_, shard| say(shard, To::Entity(body), 10 * value + 1));
        world.run(3 * TICK);
    }
    world.restore_raw(client);
    let milliseconds = (0..20_000).find(|milliseconds| {
        if last_message_after == Some(*milliseconds) {
            world.act(0, |_, shard| say(shard, To::Player(player), 5_000));
        }
        world.run(Duration::from_millis(1));
        world.total(|stats| stats.players) > 0
    });
    world.run(5 * SECOND);
    (world, milliseconds.expect("it is back"))
}

#[test]
fn reliable_messages_to_a_suspended_player_wait_in_order_and_others_are_lost() {
    let all: Vec<_> = (0..100).flat_map(|value| [10 * value, 10 * value + 1]).collect();
    let (world, back) = back_after(None);
    assert_eq!(world.said(0), all);
    // A message that the game sends in the moment before the player is back is the last one, too.
    let (world, again) = back_after(Some(back));
    assert_eq!((again, world.said(0)), (back, [&all[..], &[5_000]].concat()));
    assert_eq!(world.raw(0).connected, [false, true]);
    let heard = world.game(0).heard();
    assert_eq!(heard, [Heard::Join(b"ok".to_vec()), Heard::Suspended, Heard::Resumed]);
}

#[test]
fn a_suspended_player_for_whom_too_much_waits_has_to_leave_and_learns_it() {
    let mut world = world(1, NETWORK);
    let clients = [world.enter(), world.enter()];
    clients.iter().for_each(|(client, _)| world.cut_raw(*client));
    world.run(TIMEOUT_DEFAULT + SECOND);
    assert_eq!(world.total(|stats| stats.suspended), 2);
    for value in 0..513 {
        world.act(0, |_, shard| say(shard, To::Everybody, value));
    }
    world.run(SECOND);
    assert_eq!(world.game(0).left(), [LeaveReason::Backlog; 2]);
    assert_eq!((world.total(|stats| stats.backlogs_overflowed), world.total(|stats| stats.entities)), (2, 0));
    clients.iter().for_each(|(client, _)| world.restore_raw(*client));
    world.run(12 * SECOND);
    for (client, _) in clients {
        let raw = world.raw(client);
        assert_eq!(raw.connected, [false, true], "the session goes on");
        assert_eq!(raw.presence.last(), Some(&EnterAnswer::PutOut(u8::MAX)));
        assert!(raw.events.is_empty(), "no part of a sequence of messages");
        let (raw, now) = world.raw_mut(client);
        raw.enter(now, b"ok");
    }
    world.run(SECOND);
    assert_eq!(world.total(|stats| stats.players), 2);
    assert!(clients.iter().all(|(client, _)| world.raw(*client).welcome.is_some()));
}

#[test]
fn a_client_that_moves_keeps_its_player_also_when_it_reaches_another_core() {
    let mut world = world(2, "delay=20ms,jitter=5ms,loss=1%");
    let (client, player) = world.enter();
    world.run(SECOND);
    for _ in 0..6 {
        world.move_raw(client);
        world.run(3 * SECOND);
    }
    assert_eq!(world.game(0).heard(), [Heard::Join(b"ok".to_vec())]);
    assert!(world.act(0, |_, shard| shard.is_connected(player)));
    let late = world.raw(client).newest().unwrap().0.tick;
    let tick = world.act(0, |_, shard| shard.tick() as u32);
    assert!(tick - late < 12, "snapshots arrive at the new address");
    assert_eq!(world.raw(client).connected, [false]);
}

/// The first datagram after an address change arrives under an id that the server has only just assigned.
#[test]
fn a_client_that_moves_and_asks_to_enter_again_has_one_body() {
    let mut world = world(2, NETWORK);
    let (client, _) = world.enter();
    for round in 0..40 {
        let (raw, now) = world.raw_mut(client);
        raw.enter(now, b"ok");
        world.move_raw(client);
        world.run(Duration::from_millis(50 + 13 * (round % 20)));
    }
    world.run(SECOND);
    assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.entities)), (1, 1));
    assert_eq!(world.game(0).heard(), [Heard::Join(b"ok".to_vec())]);
    world.raw_mut(client).0.transport.disconnect();
    world.run(SECOND);
    assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.entities)), (0, 0));
}
