//! Entering the world: who is let in, who is not, and what each is told.

use crate::arena::*;
use ringshard::game::{Admission, LeaveReason};
use ringshard_protocol::wire::Channel;
use ringshard_world::contract::ContractPart;
use ringshard_world::messages::EnterAnswer;

const NETWORK: &str = "delay=20ms,jitter=5ms";

#[test]
fn an_accepted_client_gets_its_welcome_its_body_and_its_state() {
    let mut world = world(2, NETWORK);
    let (client, player) = world.enter();
    let raw = world.raw(client);
    let welcome = raw.welcome.expect("it is in the world");
    assert_eq!(raw.presence, [EnterAnswer::Welcome(welcome)]);
    assert_eq!(welcome.map, world.act(0, |_, shard| *shard.map()));
    let body = world.act(0, |_, shard| shard.body(player));
    assert!(body.is_some() && world.body(client) == body);
    let (header, owner) = world.raw(client).snapshots[0];
    assert_eq!(owner.own.x, HERE[0] + 100.0);
    // A snapshot that overtakes the welcome is ignored.
    assert!(header.number - welcome.first_snapshot <= 2 && header.tick - welcome.tick <= 3, "{header:?}");
    assert_eq!(world.game(0).heard(), [Heard::Join(b"ok".to_vec())]);
    assert_eq!((world.total(|stats| stats.joined), world.total(|stats| stats.players)), (1, 1));
}

#[test]
fn a_refused_client_gets_the_reason_and_may_ask_again() {
    let mut world = world(1, NETWORK);
    let client = world.add(Some(b"no"));
    world.run(SECOND);
    assert_eq!(world.raw(client).presence, [EnterAnswer::Refused(7)]);
    assert_eq!((world.total(|stats| stats.refused), world.total(|stats| stats.players)), (1, 0));
    let (raw, now) = world.raw_mut(client);
    raw.enter(now, b"ok");
    world.run(SECOND);
    let raw = world.raw(client);
    assert!(matches!(raw.presence[..], [EnterAnswer::Refused(7), EnterAnswer::Welcome(_)]), "{:?}", raw.presence);
    assert!(raw.snapshots.len() > 10);
    // The game hears of no leaving: the first player never entered.
    assert_eq!(world.game(0).heard(), [Heard::Join(b"no".to_vec()), Heard::Join(b"ok".to_vec())]);
    let players = world.game(0).players();
    assert_ne!(players[0], players[1], "each presence has its own player");
}

#[test]
fn the_game_hears_of_one_request_per_second_of_a_client_that_asks_again_and_again() {
    let mut world = world(1, NETWORK);
    let client = world.add(Some(b"no"));
    world.run(SECOND);
    for _ in 0..300 {
        let (raw, now) = world.raw_mut(client);
        raw.enter(now, b"no");
        world.run(SECOND / 60);
    }
    world.run(SECOND / 4);
    let (joined, answers) = (world.game(0).heard().len(), world.raw(client).presence.len());
    assert!((8..=10).contains(&joined), "a few in a row, and one per second: {joined}");
    assert!(world.raw(client).presence.iter().all(|answer| *answer == EnterAnswer::Refused(7)) && answers > 295);
    // It is not shut out.
    world.run(SECOND);
    let (raw, now) = world.raw_mut(client);
    raw.enter(now, b"ok");
    world.run(SECOND / 2);
    assert!(world.raw(client).welcome.is_some());
}

#[test]
fn a_pending_client_is_told_when_the_game_has_decided() {
    let mut world = world(1, NETWORK);
    let clients = [(); 3].map(|()| {
        let client = world.add(Some(b"wait"));
        world.run(SECOND);
        client
    });
    assert!(clients.iter().all(|&client| world.raw(client).presence.is_empty()));
    assert_eq!((world.total(|stats| stats.pending), world.total(|stats| stats.players)), (3, 0));
    // Asking again while the game decides changes nothing.
    let (raw, now) = world.raw_mut(clients[0]);
    raw.enter(now, b"again");
    world.run(SECOND);
    let players = world.game(0).players();
    assert_eq!(players.len(), 3);
    world.act(0, |_, shard| {
        shard.admit(players[0], Admission::Accepted);
        shard.admit(players[1], Admission::Refused(9));
        // The first decision counts.
        shard.admit(players[1], Admission::Accepted);
        shard.admit(players[0], Admission::Refused(3));
        shard.admit(players[2], Admission::Pending);
    });
    world.run(SECOND);
    let told: Vec<_> = clients.iter().flat_map(|&client| world.raw(client).presence.iter().copied()).collect();
    assert!(matches!(told[..], [EnterAnswer::Welcome(_), EnterAnswer::Refused(9)]), "{told:?}");
    assert_eq!(world.game(0).left(), [LeaveReason::Refused(9)]);
    assert_eq!((world.total(|stats| stats.pending), world.total(|stats| stats.players)), (1, 1));
    assert_eq!(world.total(|stats| stats.refused), 1);
}

#[test]
fn a_client_with_another_contract_is_told_which_part_differs() {
    let mut world = world(1, NETWORK);
    let client = world.add(None);
    world.run(SECOND);
    for part in ContractPart::ALL {
        let (raw, now) = world.raw_mut(client);
        let mut schema = raw.schema();
        schema.0[part as usize] ^= 1;
        raw.enter_with(now, schema, b"ok");
        world.run(SECOND / 4);
        assert_eq!(world.raw(client).presence.last(), Some(&EnterAnswer::WrongSchema(part)));
    }
    assert_eq!((world.total(|stats| stats.wrong_schemas), world.game(0).log.len()), (7, 0));
    // A client that does not know its types may enter.
    let (raw, now) = world.raw_mut(client);
    raw.enter_with(now, Default::default(), b"ok");
    world.run(SECOND / 4);
    assert!(world.raw(client).welcome.is_some());
}

#[test]
fn a_ticket_has_at_most_1024_bytes() {
    let mut world = world(1, NETWORK);
    let client = world.add(None);
    world.run(SECOND);
    let (raw, now) = world.raw_mut(client);
    raw.enter(now, &[5; 1_025]);
    world.run(SECOND);
    assert_eq!((world.total(|stats| stats.invalid_messages), world.game(0).log.len()), (1, 0));
    let (raw, now) = world.raw_mut(client);
    raw.enter(now, &[5; 1_024]);
    world.run(SECOND);
    assert_eq!(world.game(0).heard(), [Heard::Join(vec![5; 1_024])]);
    assert!(world.raw(client).welcome.is_some());
}

#[test]
fn a_client_in_the_world_that_asks_again_gets_the_same_welcome() {
    let mut world = world(1, NETWORK);
    let (client, _) = world.enter();
    world.run(SECOND);
    let (raw, now) = world.raw_mut(client);
    let first = raw.welcome.unwrap();
    raw.enter(now, b"ok");
    world.run(SECOND);
    let again = world.raw(client).welcome.unwrap();
    assert_eq!((again.first_snapshot, again.map), (first.first_snapshot, first.map));
    assert_eq!(world.game(0).players().len(), 1);
}

/// A game admits a player without asking whether its client is still there.
#[test]
fn a_client_that_falls_silent_while_it_is_pending_finds_itself_inside() {
    let mut world = world(1, NETWORK);
    let client = world.add(Some(b"wait"));
    world.run(SECOND);
    world.cut_raw(client);
    world.run(18 * SECOND);
    assert_eq!(world.total(|stats| stats.pending), 1, "its session can resume");
    let player = world.game(0).players()[0];
    world.act(0, |_, shard| shard.admit(player, Admission::Accepted));
    world.run(SECOND);
    assert_eq!(world.total(|stats| stats.suspended), 1);
    world.restore_raw(client);
    world.run(12 * SECOND);
    assert!(world.raw(client).welcome.is_some() && world.raw(client).snapshots.len() > 10);
    let heard = world.game(0).heard();
    assert_eq!(heard, [Heard::Join(b"wait".to_vec()), Heard::Suspended, Heard::Resumed], "in pairs");
}

#[test]
fn what_a_client_outside_sends_is_counted_and_reaches_nobody() {
    let mut world = world(1, NETWORK);
    let client = world.add(None);
    world.run(SECOND);
    let (raw, now) = world.raw_mut(client);
    raw.ask(now, 1, &Ask::Echo { value: 1 });
    raw.tell(now, Channel::RELIABLE_ORDERED, &Event::Say { value: 1 });
    raw.send_inputs(now, 1, &[]);
    world.run(SECOND);
    assert_eq!((world.total(|stats| stats.messages_outside), world.total(|stats| stats.invalid_messages)), (3, 0));
    assert!(world.game(0).log.is_empty() && world.raw(client).answers.is_empty());
}
