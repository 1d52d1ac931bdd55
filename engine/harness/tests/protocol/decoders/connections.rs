//! Servers, clients and connections that receive any datagrams.

use super::frames::*;
use super::packets::*;
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use rand_chacha::rand_core::SeedableRng;
use ringshard_harness::*;
use ringshard_link::conditions::Conditions;
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::connection::{
    Connection, ConnectionConfig, HeartbeatConfig, Ingested, Refused, Resources, Role, TransportConfig,
};
use ringshard_protocol::crypto::noise::Secrets;
use ringshard_protocol::crypto::{Csprng, Suite};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::*;
use ringshard_protocol::{Client, Endpoint, EndpointConfig};
use std::net::SocketAddr;

fn endpoint() -> Endpoint {
    let config =
        EndpointConfig { cores: 2, connections_max: 4, message_bytes_max: MESSAGE_MEMORY_BYTES_MIN, ..server_config() };
    Endpoint::new(config, Instant::ZERO, [2; 32])
}

fn connection(role: Role, random: &mut Csprng) -> Connection {
    let config = ConnectionConfig {
        id: ConnectionId::new(0, 1, 7),
        role,
        suite: Suite::ChaCha20Poly1305,
        secrets: Secrets::from_split([5; 32], [6; 32]),
        heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
        transport: TransportConfig::default(),
    };
    Connection::new(config, Instant::ZERO, random)
}

fn client() -> Client {
    Client::new(client_config(), Instant::ZERO, [3; 32]).unwrap()
}

/// Datagrams from random bytes up to those that lack nothing but the keys.
fn any_datagram() -> impl Strategy<Value = Vec<u8>> {
    let tag = client().handshake_tag();
    prop_oneof![
        any_bytes(),
        any_bytes().prop_map(with_checksum),
        any_packet().prop_map(|packet| encode(&packet).unwrap()),
        // Answers to the Connect of `client()`.
        any_cookie().prop_map(move |cookie| Cookie { tag, ..cookie }.encode().to_vec()),
        any_accepted().prop_map(move |accepted| Accepted { tag, ..accepted }.encode().to_vec()),
        (any::<u8>(), any_bytes()).prop_map(|(generation, mut bytes)| {
            bytes.iter_mut().zip([0, generation, 0, 0, 0, flags::ENCRYPTED]).for_each(|(byte, head)| *byte = head);
            bytes
        }),
    ]
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn an_endpoint_takes_any_datagrams(datagrams in vec(any_datagram(), 1..100), ports in vec(1u16.., 1..100)) {
        let network = Network::new(1, Conditions::none(Duration::ZERO));
        let mut link = SimLink::new(network.clone(), SocketAddr::from(([10, 0, 0, 1], 1)));
        let mut endpoint = endpoint();
        for (mut datagram, port) in datagrams.into_iter().zip(ports.into_iter().cycle()) {
            let path = Path::new(0, SocketAddr::from(([10, 0, 0, 2], port)));
            endpoint.receive(network.now(), path, &mut datagram);
            endpoint.sweep(network.now());
            endpoint.flush(network.now(), &mut link);
            link.submit();
            network.advance(Duration::from_millis(u64::from(port) % 64));
        }
        prop_assert_eq!(endpoint.connections(), 0);
        prop_assert_eq!(endpoint.poll_event(), None);
    }

    #[test]
    fn a_connection_takes_any_frames_of_a_peer_with_its_keys(
        datagrams in vec(vec(any_part(), 0..12).prop_map(|parts| written(parts).1), 1..60),
        is_client: bool,
        flipped in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0u32..8), 0..10),
    ) {
        let mut datagrams = datagrams;
        for (datagram, at, bit) in flipped {
            let datagram = datagram.get_mut(&mut datagrams);
            if !datagram.is_empty() {
                let at = at.index(datagram.len());
                datagram[at] ^= 1 << bit;
            }
        }
        let mut resources = Resources::new(0, Csprng::from_seed([4; 32]));
        let mut connection = connection(if is_client { Role::Client } else { Role::Server }, &mut resources.random);
        let mut message = Vec::new();
        for (mut plaintext, sequence) in datagrams.into_iter().zip(1..) {
            let now = Instant::ZERO + Duration::from_millis(5 * sequence);
            let header = Header { connection: connection.id(), channel: 0, flags: 0, sequence };
            let len = plaintext.len();
            match connection.ingest(now, &header, len, &mut plaintext, &mut resources) {
                Ok(Ingested::Messages(count) | Ingested::Acted(count) | Ingested::PathResponse(count, _)) => {
                    let left = Frames::new(&plaintext).filter(|frame| matches!(frame, Frame::Message(..))).count();
                    prop_assert_eq!(count as usize, left, "the messages that were not handled are left");
                }
                Ok(Ingested::PeerLeft(_) | Ingested::End(_)) => break,
                Err(refused) => prop_assert_eq!(refused, Refused::NoMemory),
            }
            while let Ok(Some(_)) = connection.read(&mut message, &mut resources) {
                prop_assert!(message.len() <= MESSAGE_BYTES_MAX);
            }
            prop_assert!(resources.pool.lent_bytes() <= MESSAGE_MEMORY_BYTES_MIN);
            if connection.advance(now, &mut resources).is_some() {
                break;
            }
            let mut buffer = [0; FRAMES_BYTES_MAX];
            if connection.wants_datagram(now) {
                let mut frames = FrameWriter::new(&mut buffer[..FRAMES_BYTES_BASE], 0);
                let carried = connection.fill(now, &mut frames, true);
                let used = frames.used();
                connection.sent(now, sequence, used, carried);
                prop_assert!(Frames::new(&buffer[..used]).all(|frame| !matches!(frame, Frame::Bad | Frame::BadAck)));
            }
        }
    }

    #[test]
    fn a_client_takes_any_datagrams(datagrams in vec(any_datagram(), 1..100)) {
        let mut client = client();
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        for (mut datagram, at) in datagrams.into_iter().zip(1..) {
            let now = Instant::ZERO + Duration::from_millis(50 * at);
            prop_assert!(client.receive(now, &mut datagram).is_none());
            client.advance(now);
            while client.poll_transmit(now, &mut buffer).is_some() {}
            prop_assert!(!client.is_connected());
        }
    }
}

#[test]
fn a_datagram_that_ends_the_connection_leaves_the_next_one_unchanged() {
    let mut resources = Resources::new(0, Csprng::from_seed([4; 32]));
    let mut connection = connection(Role::Server, &mut resources.random);
    let mut ingest = |sequence, plaintext: &mut [u8]| {
        let header = Header { connection: ConnectionId::new(0, 1, 7), channel: 0, flags: 0, sequence };
        let len = plaintext.len();
        connection.ingest(Instant::ZERO, &header, len, plaintext, &mut resources)
    };
    // A message that is kept and not read from the datagram; then an Ack that no correct end sends.
    let parts = vec![
        Part::Message(Channel::UNRELIABLE, vec![7; 10]),
        Part::Numbered { channel: Channel::RELIABLE_ORDERED, number: 5, compressed: false, bytes: vec![8; 10] },
        Part::Ack { largest: 99, delay: 0, runs: Vec::new() },
    ];
    let ended = ingest(1, &mut written(parts).1);
    assert_eq!(ended, Ok(Ingested::End(DisconnectReason::ProtocolViolation)));
    let (_, mut next) = written(vec![Part::Message(Channel::UNRELIABLE, vec![7; 100])]);
    let before = next.clone();
    assert_eq!(ingest(2, &mut next), Ok(Ingested::Messages(1)));
    assert_eq!(next, before);
}
