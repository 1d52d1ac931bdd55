//! The life of a player from connection to connection, however it ends.

use crate::arena::*;
use crate::wild::Wild;
use ringshard::game::simulation::WorldConfig;
use ringshard::game::{Game, LeaveReason};
use ringshard_protocol::Client;
use ringshard_protocol::connection::sealed_len;
use ringshard_protocol::limits::{RESUME_PERIOD, TIMEOUT_DEFAULT};
use ringshard_protocol::wire::Channel;
use ringshard_testing::{World, client_config, core_address, small};

/// Ends the connection of a raw client with any reason, as no client of ours does.
fn disconnect_with(world: &mut World<Arena>, client: usize, reason: u8) {
    let mut idle = Client::new(client_config(), world.now(), [9; 32]).expect("the key is sound");
    idle.disconnect();
    let transport = std::mem::replace(&mut world.raw_mut(client).0.transport, idle);
    let (mut session, mut resources) = transport.into_connection().expect("it is connected");
    let sequence = session.begin_datagram(&mut resources.random);
    let frames = [1, 6 << 3, reason];
    let mut datagram = vec![0; sealed_len(frames.len())];
    session.seal(sequence, &frames, &mut datagram).expect("the key is fresh");
    world.network().send(world.raw_address(client), core_address(0), &datagram);
}

/// Any reason of a client ends its session and its player, even a reason that only servers use.
#[test]
fn any_reason_of_a_disconnect_ends_the_session() {
    let mut world = world(1, "delay=5ms");
    for reason in 0..=20 {
        let (client, _) = world.enter();
        disconnect_with(&mut world, client, reason);
        world.run(SECOND / 10);
        let left = (world.total(|stats| stats.players), world.total(|stats| stats.suspended));
        assert_eq!((left, world.total(|stats| stats.entities)), ((0, 0), 0), "reason {reason}");
    }
    let heard = world.game(0).heard();
    assert_eq!(heard.len(), 2 * 21);
    assert!(heard.chunks(2).all(|two| *two == [Heard::Join(b"ok".to_vec()), Heard::Leave(LeaveReason::Left)]));
}

#[test]
fn silent_clients_resume_with_their_players_their_numbers_and_their_views() {
    let mut world = world(2, "delay=20ms");
    let clients = [(); 4].map(|()| world.enter().0);
    let bodies = clients.map(|client| world.body(client).unwrap());
    for silence in [20, 25, 40] {
        let numbers = clients.map(|client| world.raw(client).newest().unwrap().0.number);
        clients.iter().for_each(|client| world.cut_raw(*client));
        world.run(silence * SECOND);
        assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.suspended)), (0, 4));
        clients.iter().for_each(|client| world.restore_raw(*client));
        world.run(8 * SECOND);
        for (client, number) in clients.into_iter().zip(numbers) {
            assert!(world.raw(client).newest().unwrap().0.number > number + 100, "numbers continue");
        }
    }
    for client in clients {
        assert_eq!(world.body(client), Some(bodies[client]));
        assert_eq!(world.seen(client).len(), 4);
        assert_eq!(world.raw(client).connected, [false, true, true, true]);
        assert_eq!(world.raw(client).presence.len(), 1, "it entered once");
    }
    let strange = world.total(|stats| stats.invalid_messages + stats.messages_outside + stats.digests_differ);
    assert_eq!((strange, world.total(|stats| stats.digests_agreed) > 50), (0, true));
    for core in [0, 1] {
        let of_one = |player| world.game(core).log.iter().filter(move |(of, _)| *of == player).map(|(_, heard)| heard);
        for player in world.game(core).players() {
            let heard: Vec<_> = of_one(player).skip(1).cloned().collect();
            assert_eq!(heard.len(), 2 * 3);
            assert!(heard.chunks(2).all(|two| *two == [Heard::Suspended, Heard::Resumed]));
        }
    }
}

/// The first datagram of a connection may resume its session and end it: the ones before it were lost.
#[test]
fn a_client_that_resumes_and_leaves_at_once_leaves_no_body() {
    let mut world = world(1, "delay=20ms");
    let (client, _) = world.enter();
    world.cut_raw(client);
    world.run(TIMEOUT_DEFAULT + SECOND);
    assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.suspended)), (0, 1));
    world.restore_raw(client);
    while world.endpoint(0).connections() == 0 {
        world.run(ringshard_testing::Duration::from_millis(1));
        assert!(world.now().as_nanos() < 60_000_000_000, "it comes back");
    }
    let lost = "loss=100%".parse::<ringshard_link::conditions::NetworkSpec>().unwrap().conditions;
    world.network().set_conditions_between(world.raw_address(client), core_address(0), lost);
    world.run(SECOND / 20);
    assert!(world.raw(client).transport.is_connected() && world.total(|stats| stats.suspended) == 1);
    world.restore_raw(client);
    disconnect_with(&mut world, client, 0);
    world.run(SECOND / 10);
    assert_eq!((world.total(|stats| stats.suspended), world.total(|stats| stats.entities)), (0, 0));
    let heard = world.game(0).heard();
    assert_eq!(heard[..2], [Heard::Join(b"ok".to_vec()), Heard::Suspended]);
    assert_eq!(heard[2..], [Heard::Resumed, Heard::Leave(LeaveReason::Left)]);
}

#[test]
fn a_client_that_stays_away_too_long_starts_again_and_sees() {
    let mut world = world(1, "delay=20ms");
    let (client, player) = world.enter();
    let (other, _) = world.enter();
    world.run(5 * SECOND);
    let former = world.body(client);
    world.cut_raw(client);
    world.run(TIMEOUT_DEFAULT + RESUME_PERIOD + 5 * SECOND);
    assert_eq!(world.total(|stats| stats.entities), 1, "the player is gone");
    world.restore_raw(client);
    world.run(12 * SECOND);
    assert!(world.body(client).is_some() && world.body(client) != former);
    assert_eq!(world.raw(client).connected, [false, false]);
    assert_eq!(world.seen(client).len(), 2);
    assert_eq!(world.seen(client), world.seen(other));
    let of_former = world.game(0).log.iter().filter(|(of, _)| *of == player).map(|(_, heard)| heard.clone());
    let life = [Heard::Join(b"ok".to_vec()), Heard::Suspended, Heard::Leave(LeaveReason::TimedOut)];
    assert_eq!(of_former.collect::<Vec<_>>(), life);
}

#[test]
fn a_stopping_server_ends_each_life_once_including_suspended_ones() {
    let mut world = world(1, "delay=5ms");
    let clients = [(); 3].map(|()| world.enter().0);
    world.cut_raw(clients[0]);
    world.run(TIMEOUT_DEFAULT + SECOND);
    assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.suspended)), (2, 1));
    world.drain();
    world.run(SECOND);
    assert_eq!(world.total(|stats| stats.players), 2, "players may stay while the server drains");
    world.stop();
    world.run(3 * SECOND);
    assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.suspended)), (0, 0));
    assert_eq!(world.game(0).left(), [LeaveReason::ShuttingDown; 3]);
    assert_eq!(world.total(|stats| stats.entities), 0);
}

/// Ticks have 32 bits on the wire: 828 days at 60 Hz.
#[test]
fn ticks_and_versions_continue_where_their_numbers_wrap() {
    let config = WorldConfig { first_tick: (1 << 32) - 300, ..small() };
    let mut world = World::with_config(2, "delay=20ms,loss=2%", 1, config, |_| Arena::new());
    for client in 0..6 {
        world.join_raw(Some(b"ok"));
        world.raw_mut(client).0.input = Box::new(|tick| Input { mark: tick, right: 1 });
    }
    world.run(15 * SECOND);
    assert!(world.act(0, |_, shard| shard.tick()) > 1 << 32);
    for client in 0..6 {
        assert!(world.raw(client).view.tick() > 1 << 32, "the view continues to count");
        assert_eq!(world.seen(client).len(), 6);
        let (header, owner) = world.raw(client).newest().unwrap();
        assert_eq!((owner.own.mark, header.input_age), (header.tick, 0), "inputs arrive in time");
    }
    assert!(world.total(|stats| stats.inputs_missed) < 6 * 60);
    assert_eq!((world.total(|stats| stats.digests_differ), world.total(|stats| stats.digests_agreed) > 300), (0, true));
}

#[test]
fn no_argument_of_a_game_ends_the_process() {
    let mut world = World::new(2, "delay=5ms", 1, |start| Wild(start.core as u64 + 7));
    for client in 0..6 {
        world.join_raw(Some(b""));
        world.raw_mut(client).0.input = Box::new(|tick| Input { mark: tick, right: tick as i8 });
    }
    for round in 0..100 {
        for client in 0..6 {
            let (raw, now) = world.raw_mut(client);
            raw.ask(now, round, &Ask::Echo { value: 1 });
            raw.tell(now, Channel::UNRELIABLE, &Event::Say { value: 1 });
            if raw.welcome.is_none() {
                raw.enter(now, b"");
            }
        }
        world.pass(SECOND / 10, |_, _| Input::default());
    }
    assert_eq!(world.total(|stats| stats.digests_differ), 0);
    assert!(world.total(|stats| stats.joined) > 10 && world.total(|stats| stats.snapshots) > 1_000);
    let _ = world.game(0).rules();
}
