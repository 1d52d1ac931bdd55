//! Attackers without keys: damaged, forged, stolen and replayed datagrams are counted and change nothing.

use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_harness::*;
use ringshard_link::sim::SimLink;
use ringshard_protocol::ClientConfig;
use ringshard_protocol::client::{ClientEvent, CloseReason};
use ringshard_protocol::connection::{Connection, ConnectionConfig, Role, draw_secret, prologue};
use ringshard_protocol::crypto::noise::Initiator;
use ringshard_protocol::crypto::{Csprng, Suite, Suites};
use ringshard_protocol::endpoint::Received;
use ringshard_protocol::limits::*;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::{
    Channel, Connect, ConnectionParameters, Denied, DeniedReason, Message, NOISE_MESSAGE_1_BYTES, Options,
};
use std::net::SocketAddr;

fn forged_connect(random: &mut Csprng, cookie: [u8; COOKIE_BYTES]) -> [u8; CONNECT_BYTES] {
    let mut noise = [0; NOISE_MESSAGE_1_BYTES];
    random.fill_bytes(&mut noise);
    let options = Options { pre_shared_key: false };
    let mut connect = Connect { core: None, tag: 0, suites: Suites::native().bits(), options, cookie, noise };
    connect.tag = Connect::tag_of(connect.client_key());
    connect.encode()
}

/// Datagrams that no end may accept: an authentic one with each bit flipped and cut at each length, and random bytes.
fn hostile_datagrams(authentic: &[u8]) -> Vec<Vec<u8>> {
    let mut hostile = Vec::new();
    for bit in 0..authentic.len() * 8 {
        let mut altered = authentic.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        hostile.push(altered);
    }
    hostile.extend((0..authentic.len()).map(|len| authentic[..len].to_vec()));
    hostile.push([authentic, &[0]].concat());
    hostile.push([authentic, &[0; DATAGRAM_BYTES_MAX]].concat());
    let mut random = Csprng::seed_from_u64(8);
    for len in 0..1_500 {
        let mut bytes = vec![0; len];
        random.fill_bytes(&mut bytes);
        hostile.push(bytes.clone());
        // The same behind a valid id and flags, which gets as far as the check of the tag.
        let head = bytes.len().min(HEADER_BYTES - 8);
        bytes[..head].copy_from_slice(&authentic[..head]);
        hostile.push(bytes);
    }
    hostile
}

#[test]
fn each_hostile_datagram_is_counted_at_the_server_and_changes_nothing() {
    let mut world = World::connected(1);
    let (id, address) = (world.id(0), world.clients[0].address);
    let authentic = world.sealed_by_client(0, b"intact");
    let (now, path) = (world.now(), Path::new(0, address));
    let before = (world.server.info(id).unwrap().stats, world.server.stats().messages_in);
    for mut datagram in hostile_datagrams(&authentic) {
        let dropped = total_drops(world.server.drops());
        let text = format!("{datagram:02x?}");
        assert!(matches!(world.server.receive(now, path, &mut datagram), Received::Nothing), "{text}");
        assert_eq!(total_drops(world.server.drops()), dropped + 1, "{text}");
        assert_eq!((world.server.info(id).unwrap().stats, world.server.stats().messages_in), before, "{text}");
    }
    let drops = *world.server.drops();
    for (name, count) in [
        ("bad_size", drops.bad_size),
        ("unknown_connection", drops.unknown_connection),
        ("wrong_flags", drops.wrong_flags),
        ("not_authentic", drops.not_authentic),
    ] {
        assert!(count > 0, "no datagram was counted as {name}");
    }
    assert_eq!((world.server.connections(), world.server.poll_event()), (1, None));
    // The replay window and the key are as before.
    world.network.send(address, server_address(), &authentic);
    world.run_for(ROUND_TRIP);
    assert_eq!(world.clients[0].messages(), [b"intact"]);
}

#[test]
fn each_hostile_datagram_is_counted_at_the_client_and_changes_nothing() {
    let mut world = World::connected(1);
    let authentic = world.sealed_by_server(0, b"intact");
    let now = world.now();
    let client = &mut world.clients[0].client;
    let before = client.connection().unwrap().stats;
    for mut datagram in hostile_datagrams(&authentic) {
        let dropped = total_drops(client.drops());
        let text = format!("{datagram:02x?}");
        assert!(client.receive(now, &mut datagram).is_none(), "{text}");
        assert_eq!(total_drops(client.drops()), dropped + 1, "{text}");
        assert_eq!(client.connection().unwrap().stats, before, "{text}");
    }
    assert_eq!(client.poll_event(), None);
    assert_eq!(client.transmit_len(now), None);
    let mut authentic = authentic;
    let messages: Vec<_> = client.receive(now, &mut authentic).unwrap().collect();
    assert_eq!(messages, [Message { channel: Channel::UNRELIABLE, bytes: b"intact" }]);
}

#[test]
fn a_damaged_connect_is_counted_at_the_server_and_changes_nothing() {
    let mut world = World::new(1, CLEAN);
    let connect = forged_connect(&mut Csprng::seed_from_u64(9), [0; COOKIE_BYTES]);
    let (now, path) = (world.now(), Path::new(0, client_address(0)));
    let cut = (1..connect.len()).map(|len| connect[..len].to_vec());
    let altered = (0..connect.len() * 8).map(|bit| {
        let mut altered = connect.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        altered
    });
    for mut datagram in cut.chain(altered) {
        let dropped = total_drops(world.server.drops());
        assert!(matches!(world.server.receive(now, path, &mut datagram), Received::Nothing));
        assert_eq!(total_drops(world.server.drops()), dropped + 1);
    }
    world.run_for(ROUND_TRIP);
    assert_eq!(world.server.stats().datagrams_out, 0);
}

#[test]
fn replayed_datagrams_are_dropped_and_counted_at_both_ends() {
    let mut world = World::connected(1);
    assert!(world.echoes(0, b"once"));
    let client = world.clients[0].address;
    let to_server = world.sealed_datagrams(client, server_address());
    let to_client = world.sealed_datagrams(server_address(), client);
    assert!(to_server.len() >= 2 && to_client.len() >= 2);
    let messages = world.server.stats().messages_in;
    for _ in 0..3 {
        to_server.iter().for_each(|datagram| world.network.send(client, server_address(), datagram));
        to_client.iter().for_each(|datagram| world.network.send(server_address(), client, datagram));
    }
    world.run_for(ROUND_TRIP);
    assert_eq!(world.server.drops().replayed, 3 * to_server.len() as u64);
    assert_eq!(world.clients[0].client.drops().replayed, 3 * to_client.len() as u64);
    assert_eq!(world.server.stats().messages_in, messages);
    assert_eq!(world.clients[0].messages(), [b"once"]);
}

#[test]
fn a_flood_of_connects_disturbs_no_client_and_is_never_amplified() {
    let mut world = World::connected(10);
    let mut random = Csprng::seed_from_u64(7);
    let (mut connects, mut rounds) = (0u32, 0);
    while connects < 5_000 {
        for _ in 0..100 {
            let address = SocketAddr::from((connects.to_be_bytes(), 1024 + (connects % 50_000) as u16));
            let mut cookie = [0; COOKIE_BYTES];
            if connects % 4 == 3 {
                random.fill_bytes(&mut cookie);
            }
            let connect = forged_connect(&mut random, cookie);
            world.network.send(address, server_address(), &connect);
            connects += 1;
        }
        (0..10).for_each(|client| world.send(client, &[rounds; 20]));
        rounds += 1;
        world.step();
        let stats = world.server.stats();
        assert!(stats.unvalidated_bytes_out <= stats.unvalidated_bytes_in);
    }
    world.run_for(ROUND_TRIP);
    world.run_until("all addresses are answered", |world| !world.server.has_admissions_waiting());
    let expected: Vec<Vec<u8>> = (0..rounds).map(|round| vec![round; 20]).collect();
    for end in &world.clients {
        assert_eq!(end.messages(), expected);
    }
    let stats = world.server.stats();
    assert_eq!((stats.handshakes, world.server.connections()), (10, 10));
    assert_eq!(stats.cookies_out + world.server.drops().reply_queue_full, 5_000 + 10);
    assert!(stats.cookies_out > 10 && world.server.drops().reply_queue_full > 0);
    assert!(stats.unvalidated_bytes_out <= stats.unvalidated_bytes_in);
}

#[test]
fn a_forged_denial_ends_neither_an_attempt_nor_the_reconnection() {
    use DeniedReason::*;
    for reason in [WrongVersion, ServerFull, WrongKey, NoCommonSuite, ShuttingDown, PreSharedKeyMismatch, Busy] {
        let mut world = World::new(1, CLEAN);
        let client = world.add_client();
        let (address, tag) = (world.clients[client].address, world.clients[client].client.handshake_tag());
        let denied = Denied { tag, reason, server_version: 7, wait_ms: u16::MAX };
        world.network.send(server_address(), address, &denied.encode());
        world.run_until("the client connects all the same", |world| world.clients[client].client.is_connected());

        // The forger alone answers the next client, which reconnects by itself.
        let client = world.add_client_with(ClientConfig { reconnect: true, ..client_config() });
        let (address, tag) = (world.clients[client].address, world.clients[client].client.handshake_tag());
        world.network.set_conditions_between(address, server_address(), DEAD);
        world.network.send(server_address(), address, &Denied { tag, ..denied }.encode());
        world.run_for(CONNECT_TIMEOUT + Duration::from_secs(1));
        let events = &world.clients[client].events;
        assert!(
            matches!(events[0].1, ClientEvent::Reconnecting(CloseReason::Denied(denied, 7)) if denied == reason),
            "{events:?}"
        );
        world.network.set_conditions_between(address, server_address(), CLEAN);
        world.run_until("the client is connected again", |world| world.clients[client].client.is_connected());
    }
}

/// An attacker that recorded a resuming Connect and later learns the server's static key knows all that the handshake knows.
#[test]
fn a_recorded_connect_and_the_static_key_do_not_give_access_to_the_session() {
    let mut world = World::connected(1);
    let victim = world.id(0);
    let key = world.clients[0].client.connection().unwrap().resume_key();
    let server = server_config().secret.public();
    let mut random = Csprng::seed_from_u64(9);
    let prologue = prologue(Suites::native().bits(), Options { pre_shared_key: false });
    let begin = |ephemeral| Initiator::begin(&server, ephemeral, &prologue, None, &key.token).unwrap();
    let (initiator, noise) = begin(draw_secret(&mut random));
    let (address, now) = (client_address(66), world.now());
    let tag = Connect::tag_of(noise[..32].try_into().unwrap());
    let options = Options { pre_shared_key: false };
    let connect = |cookie| Connect { core: None, tag, suites: Suites::native().bits(), options, cookie, noise };
    let mut link = SimLink::new(world.network.clone(), address);
    let mut ask = |world: &mut World, datagram: &[u8]| {
        world.network.send(address, server_address(), datagram);
        world.run_for(ROUND_TRIP);
        let mut answers = Vec::new();
        link.receive(usize::MAX, |arrival| answers.extend(arrival.datagrams().map(|it| it.to_vec())));
        answers.pop()
    };
    let cookie = ask(&mut world, &connect([0; COOKIE_BYTES]).encode()).expect("the server sends a cookie");
    let cookie = cookie[15..63].try_into().unwrap();
    let accepted = ask(&mut world, &connect(cookie).encode()).expect("the server accepts the handshake");
    let (secrets, parameters) = initiator.finish::<16>(&accepted[15..79]).expect("the handshake is sound");
    let parameters = ConnectionParameters::decode(&parameters).unwrap();
    assert!(parameters.resumed, "the server knows the session");
    let config = ConnectionConfig {
        id: parameters.connection,
        role: Role::Client,
        suite: Suite::from_bit(parameters.suite).unwrap(),
        secrets,
        heartbeat: server_config().heartbeat,
        transport: server_config().transport,
    };
    // The attacker lacks the secret of the session, so nothing that it seals opens: PROTOCOL.md#resumption-keys.
    let mut thief = Connection::new(config, now, &mut random);
    let mut datagram = [0; 48];
    let sequence = thief.begin_datagram(&mut random);
    thief.seal(sequence, &[0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0], &mut datagram).unwrap();
    assert_eq!(ask(&mut world, &datagram), None);
    assert_eq!((world.server.drops().not_authentic, world.server.stats().resumed), (1, 0));
    assert!(world.echoes(0, b"still mine") && world.id(0) == victim);
}
