//! The datapath does not allocate, neither to receive a datagram, nor to send a message, nor to flush. A binary of its own,
//! because the counter replaces the allocator of the whole binary.

use allocation_counter::AllocationInfo;
use rand_chacha::rand_core::SeedableRng;
use ringshard_harness::*;
use ringshard_protocol::connection::{
    Connection, ConnectionConfig, HeartbeatConfig, Ingested, Resources, Role, TransportConfig,
};
use ringshard_protocol::crypto::noise::Secrets;
use ringshard_protocol::crypto::{Csprng, Suite};
use ringshard_protocol::endpoint::Received;
use ringshard_protocol::limits::*;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId, FrameWriter, Header, Message};
use ringshard_protocol::{Client, Endpoint, EndpointConfig};
use std::net::SocketAddr;

/// Calls to the allocator that `work` makes, frees included.
fn allocator_calls(work: impl FnOnce()) -> i64 {
    let AllocationInfo { count_total, count_current, .. } = allocation_counter::measure(work);
    2 * count_total as i64 - count_current
}

/// Bytes that `work` allocates, freed or not.
fn allocated_bytes(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).bytes_total
}

const CLIENTS: usize = 100;
const WARM_UP_ROUNDS: usize = 70;
const ROUNDS: usize = 100;
/// The measured rounds last two heartbeats, so they include pings and pongs.
const ROUND: Duration = Duration::from_millis(100);

fn path(client: usize) -> Path {
    Path::new(0, client_address(client))
}

/// A server with connected clients and an empty reply queue.
fn connected() -> (Endpoint, Vec<Client>, MemoryLink) {
    let config = EndpointConfig { connections_max: CLIENTS, ..server_config() };
    let mut server = Endpoint::new(config, Instant::ZERO, [2; 32]);
    let client = |number| Client::new(client_config(), Instant::ZERO, [number as u8; 32]).unwrap();
    let mut clients: Vec<_> = (0..CLIENTS).map(client).collect();
    let mut link = MemoryLink::new(2 * CLIENTS);
    while server.stats().joined < CLIENTS as u64 || server.has_admissions_waiting() {
        link.now = link.now + ROUND;
        assert!(link.now.as_nanos() < 60_000_000_000, "the clients do not connect within a minute");
        carry(&mut server, &mut clients, &mut link);
    }
    while server.poll_event().is_some() {}
    (server, clients, link)
}

/// Carries the datagrams of the clients to the server, and its answers back.
fn carry(server: &mut Endpoint, clients: &mut [Client], link: &mut MemoryLink) {
    let now = link.now;
    let mut datagram = [0; DATAGRAM_BYTES_MAX];
    for (index, client) in clients.iter_mut().enumerate() {
        client.advance(now);
        while let Some(len) = client.poll_transmit(now, &mut datagram) {
            link.put(path(index), &datagram[..len]);
        }
    }
    turn(server, link, &mut Vec::new());
    for (to, datagram) in link.sent() {
        clients[index_of(to)].receive(now, datagram);
    }
    link.clear();
}

/// A turn of a server that answers each message with two.
fn turn(server: &mut Endpoint, link: &mut MemoryLink, message: &mut Vec<u8>) {
    let now = link.now;
    link.receive(RECEIVE_DATAGRAMS_PER_TURN, |arrival| {
        let path = arrival.path;
        for datagram in arrival.datagrams() {
            if let Received::Messages { id, messages, more } = server.receive(now, path, datagram) {
                for Message { channel, bytes } in messages {
                    server.send(now, id, channel, bytes).unwrap();
                    server.send(now, id, channel, b"and more").unwrap();
                }
                // The longer messages are compressed.
                while more && let Some(channel) = server.read(id, message) {
                    server.send(now, id, channel, message).unwrap();
                    server.send(now, id, channel, b"and more").unwrap();
                }
            }
        }
    });
    server.sweep(now);
    server.flush(now, link);
    link.submit();
}

#[test]
fn the_count_sees_allocations_and_frees() {
    assert!(allocator_calls(|| drop(std::hint::black_box(Box::new(7)))) >= 2);
    assert_eq!(allocator_calls(|| ()), 0);
}

#[test]
fn an_endpoint_handles_ten_thousand_datagrams_without_allocating() {
    let (mut server, mut clients, mut link) = connected();
    let mut calls = 0;
    let mut message = Vec::with_capacity(MESSAGE_BYTES_MAX);
    let mut at_start = *server.stats();
    for round in 0..WARM_UP_ROUNDS + ROUNDS {
        let warm = round >= WARM_UP_ROUNDS;
        if round == WARM_UP_ROUNDS {
            at_start = *server.stats();
        }
        link.now = link.now + ROUND;
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        for (index, client) in clients.iter_mut().enumerate() {
            client.advance(link.now);
            client.send(link.now, Channel::UNRELIABLE, &vec![index as u8; 1 + 10 * (round % 100)]).unwrap();
            let len = client.poll_transmit(link.now, &mut datagram).unwrap();
            link.put(path(index), &datagram[..len]);
        }
        let now = link.now;
        let in_turn = allocator_calls(|| turn(&mut server, &mut link, &mut message));
        calls += if warm { in_turn } else { 0 };
        for (to, datagram) in link.sent() {
            let client = &mut clients[index_of(to)];
            client.receive(now, datagram).expect("the server's datagrams are sound");
            while client.read(&mut message).is_some() {}
        }
        link.clear();
    }
    let stats = server.stats();
    assert_eq!(stats.datagrams_in - at_start.datagrams_in, (CLIENTS * ROUNDS) as u64);
    assert!(stats.datagrams_out - at_start.datagrams_out >= (CLIENTS * ROUNDS) as u64);
    assert_eq!(stats.messages_out - at_start.messages_out, 2 * (CLIENTS * ROUNDS) as u64);
    assert!(
        server.info(clients[0].id().unwrap()).unwrap().stats.pongs_in > 0,
        "the measured rounds include no heartbeat"
    );
    assert_eq!(calls, 0);
}

#[test]
fn a_client_handles_datagrams_without_allocating() {
    let (mut server, mut clients, mut link) = connected();
    let ids: Vec<ConnectionId> = clients.iter().map(|client| client.id().unwrap()).collect();
    let mut calls = 0;
    for round in 0..WARM_UP_ROUNDS + ROUNDS {
        link.now = link.now + ROUND;
        for &id in &ids {
            server.send(link.now, id, Channel::UNRELIABLE, &[7; 300]).unwrap();
        }
        turn(&mut server, &mut link, &mut Vec::new());
        let now = link.now;
        let mut messages = 0;
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        for (client, (_, arrived)) in clients.iter_mut().zip(link.sent()) {
            let in_turn = allocator_calls(|| {
                messages += client.receive(now, arrived).map_or(0, Iterator::count);
                client.advance(now);
                client.send(now, Channel::UNRELIABLE, &[8; 200]).unwrap();
                client.send(now, Channel::UNRELIABLE, &[9; WHOLE_MESSAGE_BYTES_MAX / 2]).unwrap();
                while client.poll_transmit(now, &mut datagram).is_some() {}
            });
            calls += if round >= WARM_UP_ROUNDS { in_turn } else { 0 };
        }
        assert_eq!(messages, CLIENTS, "each client receives one message");
        // The server received none of these datagrams. One message each keeps the connections alive.
        for (index, client) in clients.iter_mut().enumerate() {
            client.send(now, Channel::UNRELIABLE, b"here").unwrap();
            let len = client.poll_transmit(now, &mut datagram).unwrap();
            link.put(path(index), &datagram[..len]);
        }
        link.clear();
        turn(&mut server, &mut link, &mut Vec::new());
        for ((to, datagram), index) in link.sent().zip(0..) {
            assert_eq!(to, path(index));
            clients[index].receive(now, datagram);
        }
        link.clear();
    }
    assert_eq!(calls, 0);
}

/// Time from one end to the other.
const DELAY: Duration = Duration::from_millis(5);

const RELIABLE_WARM_UP_ROUNDS: usize = 60;

/// A server and its clients that send each other a reliable message per round.
struct Reliable {
    server: Endpoint,
    clients: Vec<Client>,
    link: MemoryLink,
    ids: Vec<ConnectionId>,
    /// For each client: messages that the server received from it, and messages that it received.
    received: Vec<(usize, usize)>,
    /// Memory for messages that are not read from their datagram.
    message: Vec<u8>,
}

impl Reliable {
    fn new() -> Self {
        let (server, clients, link) = connected();
        let ids = clients.iter().map(|client| client.id().unwrap()).collect();
        let (received, message) = (vec![(0, 0); CLIENTS], Vec::with_capacity(MESSAGE_BYTES_MAX));
        Reliable { server, clients, link, ids, received, message }
    }

    fn clients_send(&mut self, text: &[u8]) {
        let Reliable { clients, link, .. } = self;
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        for (index, client) in clients.iter_mut().enumerate() {
            client.advance(link.now);
            client.send(link.now, Channel::RELIABLE_ORDERED, text).unwrap();
            while let Some(len) = client.poll_transmit(link.now, &mut datagram) {
                link.put(path(index), &datagram[..len]);
            }
        }
    }

    fn server_receives_and_sends(&mut self, text: &[u8]) {
        let Reliable { server, link, ids, received, message, .. } = self;
        let now = link.now;
        link.receive(RECEIVE_DATAGRAMS_PER_TURN, |arrival| {
            let path = arrival.path;
            for datagram in arrival.datagrams() {
                let Received::Messages { id, messages, more } = server.receive(now, path, datagram) else {
                    panic!("the clients' datagrams are sound");
                };
                for Message { channel, bytes } in messages {
                    assert!(channel == Channel::RELIABLE_ORDERED && bytes == text, "a message was altered");
                    received[index_of(path)].0 += 1;
                }
                while more && server.read(id, message).is_some() {}
            }
        });
        ids.iter().for_each(|&id| server.send(now, id, Channel::RELIABLE_ORDERED, text).unwrap());
        server.sweep(now);
        server.flush(now, link);
        link.submit();
    }

    fn clients_receive(&mut self, text: &[u8]) {
        let Reliable { clients, link, received, message, .. } = self;
        let now = link.now;
        for (to, datagram) in link.sent() {
            let index = index_of(to);
            let messages = clients[index].receive(now, datagram).expect("the server's datagrams are sound");
            for Message { channel, bytes } in messages {
                assert!(channel == Channel::RELIABLE_ORDERED && bytes == text, "a message was altered");
                received[index].1 += 1;
            }
            while clients[index].read(message).is_some() {}
        }
    }
}

#[test]
fn both_ends_handle_ten_thousand_datagrams_of_reliable_messages_without_allocating() {
    let mut world = Reliable::new();
    let (mut at_server, mut at_clients) = (0, 0);
    let mut at_start = *world.server.stats();
    for round in 0..RELIABLE_WARM_UP_ROUNDS + ROUNDS {
        if round == RELIABLE_WARM_UP_ROUNDS {
            (at_server, at_clients, at_start) = (0, 0, *world.server.stats());
        }
        let text = [round as u8; 200];
        at_clients += allocator_calls(|| world.clients_send(&text));
        world.link.now = world.link.now + DELAY;
        at_server += allocator_calls(|| world.server_receives_and_sends(&text));
        world.link.now = world.link.now + DELAY;
        at_clients += allocator_calls(|| world.clients_receive(&text));
        world.link.clear();
        world.link.now = world.link.now + DELAY;
    }
    let stats = world.server.stats();
    assert!(stats.datagrams_in - at_start.datagrams_in >= (CLIENTS * ROUNDS) as u64);
    assert!(stats.datagrams_out - at_start.datagrams_out >= (CLIENTS * ROUNDS) as u64);
    let messages = RELIABLE_WARM_UP_ROUNDS + ROUNDS;
    let all_arrived = world.received.iter().all(|&both| both == (messages, messages));
    assert!(all_arrived, "each message arrives once, without being kept");
    assert_eq!((at_server, at_clients), (0, 0), "calls to the allocator at the server and at the clients");
}

#[test]
fn message_numbers_far_ahead_cost_their_sender_more_than_the_receiver() {
    let config = ConnectionConfig {
        id: ConnectionId::new(0, 1, 7),
        role: Role::Server,
        suite: Suite::ChaCha20Poly1305,
        secrets: Secrets::from_split([5; 32], [6; 32]),
        heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
        transport: TransportConfig::default(),
    };
    let mut resources = Resources::new(0, Csprng::from_seed([4; 32]));
    let mut connection = Connection::new(config, Instant::ZERO, &mut resources.random);
    let header = Header { connection: connection.id(), channel: 0, flags: 0, sequence: 1 };
    let mut buffer = [0; 64];
    let mut writer = FrameWriter::new(&mut buffer, 0);
    let newest = CHANNEL_WINDOW_MESSAGES as u16 - 1;
    for channel in Channel::all().filter(|channel| channel.delivery().is_reliable()) {
        assert!(writer.numbered(channel, newest, false, b""));
    }
    let used = writer.used();
    let cost = allocated_bytes(|| {
        let ingested = connection.ingest(Instant::ZERO, &header, used, &mut buffer[..used], &mut resources);
        // The unordered messages are delivered; the ordered ones wait for earlier messages.
        assert_eq!(ingested, Ok(Ingested::Acted(4)));
    });
    assert!(cost < 64 << 10, "{used} bytes of frames cost {cost}");
}

fn index_of(path: Path) -> usize {
    let SocketAddr::V4(v4) = path.peer else { unreachable!("the clients have IPv4 addresses") };
    v4.ip().octets()[3].into()
}
