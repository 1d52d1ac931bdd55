//! Hostile peers with valid keys. Their cost in memory and time is bounded, their violations are counted and end their
//! connection, and no other client is affected.

use ringshard_harness::*;
use ringshard_protocol::connection::{Connection, Resources, sealed_len};
use ringshard_protocol::crypto::{SecretKey, Suite, Suites};
use ringshard_protocol::endpoint::{EndCause, Event, Policy};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::Path;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::{Channel, ConnectionId, DisconnectReason, Fragment, Frame, FrameWriter, Frames, Header};
use ringshard_protocol::{Client, EndpointConfig};
use std::net::{Ipv4Addr, SocketAddr};

fn server(message_bytes_max: usize) -> Server {
    let suites = Suites::only(&[Suite::ChaCha20Poly1305]);
    Server::new(EndpointConfig { connections_max: 4096, suites, message_bytes_max, ..server_config() })
}

/// Why connections ended, since the last call.
fn endings(server: &mut Server) -> Vec<DisconnectReason> {
    server.flush();
    let ended = |event| match event {
        Event::Ended { cause: EndCause::Client(reason) | EndCause::Server(reason), .. } => Some(reason),
        _ => None,
    };
    server.events.drain(..).filter_map(ended).collect()
}

/// A hostile peer: it has valid keys and can seal any bytes.
struct Peer {
    session: Connection,
    path: Path,
    resources: Resources,
}

impl Peer {
    fn join(server: &mut Server, number: u32) -> Self {
        let path = Path::new(0, SocketAddr::from((Ipv4Addr::from(0x0A00_0000 + number), 4000)));
        let seed = [number as u8 ^ (number >> 8) as u8; 32];
        let mut client = Client::new(client_config(), server.now, seed).expect("the server's key is sound");
        server.connect(&mut client, path);
        let (session, resources) = client.into_connection().expect("it is connected");
        let joined = server.events.pop();
        assert!(matches!(joined, Some(Event::Joined { id, .. }) if id == session.id()), "{joined:?}");
        Peer { session, path, resources }
    }

    fn id(&self) -> ConnectionId {
        self.session.id()
    }

    /// Seals the frames that `write` writes and hands them to the server.
    fn sends(&mut self, server: &mut Server, write: impl FnOnce(&mut FrameWriter<'_>) -> bool) {
        let mut plaintext = [0; FRAMES_BYTES_MAX];
        let mut frames = FrameWriter::new(&mut plaintext, 0);
        assert!(write(&mut frames), "the frames fit a datagram");
        let used = frames.used();
        self.sends_bytes(server, &plaintext[..used]);
    }

    fn sends_bytes(&mut self, server: &mut Server, frames: &[u8]) {
        let sequence = self.session.begin_datagram(&mut self.resources.random);
        let mut datagram = vec![0; sealed_len(frames.len())];
        self.session.seal(sequence, frames, &mut datagram).unwrap();
        server.receive(self.path, &mut datagram);
    }

    /// The frames that the server sends to it now, as `read` selects them.
    fn receives<T>(&mut self, server: &mut Server, mut read: impl FnMut(Frame<'_>) -> Option<T>) -> Vec<T> {
        let mut received = Vec::new();
        for (_, mut datagram) in server.flush().into_iter().filter(|(path, _)| *path == self.path) {
            let header = Header::decode(&datagram).unwrap();
            let Ok(plaintext) = self.session.open(server.now, &header, &mut datagram) else { continue };
            received.extend(Frames::new(plaintext).filter_map(&mut read));
        }
        received
    }
}

fn fragment(number: u16, offset: usize, total: usize, bytes: &[u8]) -> Fragment<'_> {
    Fragment { channel: Channel::RELIABLE_ORDERED, number, offset, total, compressed: false, bytes }
}

#[test]
fn acknowledging_packets_that_were_never_sent_ends_the_connection() {
    let mut server = server(MESSAGE_MEMORY_BYTES_DEFAULT);
    // Before the server has sent anything reliable, and after.
    for sends_first in [false, true] {
        let mut peer = Peer::join(&mut server, u32::from(sends_first));
        if sends_first {
            server.endpoint.send(server.now, peer.id(), Channel::RELIABLE_ORDERED, b"first").unwrap();
            server.flush();
        }
        peer.sends(&mut server, |frames| frames.ack(1000, Duration::ZERO, std::iter::empty()));
        assert_eq!(
            peer.receives(&mut server, |frame| match frame {
                Frame::Disconnect(reason) => Some(reason),
                _ => None,
            }),
            [DisconnectReason::ProtocolViolation; DISCONNECT_COPIES]
        );
        assert_eq!(endings(&mut server), [DisconnectReason::ProtocolViolation]);
    }
    assert_eq!(server.endpoint.drops().impossible_ack, 2);
    assert_eq!(server.endpoint.message_bytes(), 0);
}

#[test]
fn acknowledgments_ahead_of_arrival_are_detected_by_skipped_numbers() {
    let mut server = server(MESSAGE_MEMORY_BYTES_DEFAULT);
    let mut peer = Peer::join(&mut server, 1);
    let mut sent = 0;
    let mut ended = Vec::new();
    // The peer ignores what arrives and acknowledges whatever must be in flight by now: PROTOCOL.md#impossible-acks.
    while ended.is_empty() {
        server.endpoint.send(server.now, peer.id(), Channel::RELIABLE_ORDERED, &[5; 800]).unwrap();
        let datagrams = server.flush().len() as u64;
        sent += datagrams;
        if datagrams > 0 {
            peer.sends(&mut server, |frames| frames.ack(sent, Duration::ZERO, [sent.min(200) - 1].into_iter()));
        }
        server.advance(Duration::from_millis(5));
        ended = endings(&mut server);
        assert!(sent < 3 * SKIPPED_NUMBER_PERIOD, "the optimistic acknowledgments were never detected");
    }
    assert_eq!((ended, server.endpoint.drops().impossible_ack), (vec![DisconnectReason::ProtocolViolation], 1));
}

#[test]
fn acknowledgments_of_gigantic_ranges_cost_little_and_end_the_connection() {
    let mut server = server(MESSAGE_MEMORY_BYTES_DEFAULT);
    for (number, runs) in [vec![0xFF; 64], vec![0xFF; 3], [1, 1].repeat(30)].into_iter().enumerate() {
        let mut peer = Peer::join(&mut server, number as u32);
        for _ in 0..2000 {
            server.endpoint.send(server.now, peer.id(), Channel::RELIABLE_UNORDERED, &[5; 20]).unwrap();
        }
        server.flush();
        // Written by hand, because the frame writer refuses such an Ack.
        let body = [&u64::MAX.to_le_bytes()[..], &[0, 0], &runs].concat();
        let head = (7_u16 << 11 | body.len() as u16).to_le_bytes();
        peer.sends_bytes(&mut server, &[&head[..], &body].concat());
        assert_eq!(endings(&mut server), [DisconnectReason::ProtocolViolation]);
    }
    assert_eq!(server.endpoint.message_bytes(), 0);
}

#[test]
fn fragment_bombs_of_a_thousand_peers_stay_within_memory_and_disturb_no_player() {
    const MEMORY: usize = 32 << 20;
    let mut server = server(MEMORY);
    let mut player = Peer::join(&mut server, 0);
    let mut bombers: Vec<Peer> = (1..=1000).map(|number| Peer::join(&mut server, number)).collect();
    let bytes = [9; FRAGMENT_GRAIN_BYTES];
    for round in 0..4 {
        for bomber in &mut bombers {
            bomber.sends(&mut server, |frames| frames.fragment(&fragment(round, 0, MESSAGE_BYTES_MAX, &bytes)));
            assert!(server.endpoint.message_bytes() <= MEMORY);
        }
        // The small messages of a player need no memory and are delivered.
        let delivered = server.messages.len();
        player.sends(&mut server, |frames| frames.numbered(Channel::RELIABLE_ORDERED, round, false, b"move"));
        player.sends(&mut server, |frames| frames.message(Channel::UNRELIABLE, b"move"));
        assert_eq!(server.messages.len(), delivered + 2);
    }
    assert!(server.endpoint.drops().no_memory > 3000, "{:?}", server.endpoint.drops());
    assert_eq!(endings(&mut server), []);
    // Peers that leave large messages incomplete while memory is short are disconnected: PROTOCOL.md#memory-pressure.
    for _ in 0..12 {
        server.advance(Duration::from_secs(1));
        player.sends(&mut server, |frames| frames.ping(2));
        bombers.iter_mut().for_each(|bomber| bomber.sends(&mut server, |frames| frames.ping(2)));
    }
    let endings = endings(&mut server);
    assert!(!endings.is_empty() && endings.iter().all(|&reason| reason == DisconnectReason::ShortOfMemory));
    assert!(server.endpoint.message_bytes() <= MEMORY - MESSAGE_MEMORY_BYTES_LOW);
    assert!(server.endpoint.info(player.id()).is_some());
}

#[test]
fn more_incomplete_messages_than_allowed_end_the_connection() {
    let mut server = server(MESSAGE_MEMORY_BYTES_DEFAULT);
    let mut peer = Peer::join(&mut server, 1);
    for number in 0..=FRAGMENTED_OPEN_MAX as u16 {
        peer.sends(&mut server, |frames| frames.fragment(&fragment(number, 0, 5_000, &[1; FRAGMENT_GRAIN_BYTES])));
    }
    assert_eq!(endings(&mut server), [DisconnectReason::ProtocolViolation]);
    assert_eq!((server.endpoint.drops().beyond_window, server.endpoint.message_bytes()), (1, 0));
}

#[test]
fn unreliable_fragments_beyond_their_memory_are_refused() {
    let mut server = server(MESSAGE_MEMORY_BYTES_DEFAULT);
    let mut peer = Peer::join(&mut server, 1);
    for number in 0..1000 {
        let bytes = [1; FRAGMENT_GRAIN_BYTES];
        let fragment = Fragment { channel: Channel::UNRELIABLE, ..fragment(number, 0, MESSAGE_BYTES_MAX, &bytes) };
        peer.sends(&mut server, |frames| frames.fragment(&fragment));
        assert!(server.endpoint.message_bytes() <= FRAGMENTED_BYTES_MAX);
    }
    server.advance(FRAGMENT_TIMEOUT + TIMER_GRAIN);
    let drops = server.endpoint.drops();
    assert_eq!((server.endpoint.message_bytes(), drops.fragments_abandoned, drops.fragments_refused), (0, 4, 996));
    assert_eq!(endings(&mut server), []);
}

#[test]
fn compression_bombs_end_the_connection_and_allocate_nothing() {
    let mut server = server(MESSAGE_MEMORY_BYTES_DEFAULT);
    let block = lz4_flex::block::compress(&vec![0; 1 << 20]);
    let claims = [u32::MAX, MESSAGE_BYTES_MAX as u32 + 1, MESSAGE_BYTES_MAX as u32, 1, 0];
    for (number, claim) in claims.into_iter().enumerate() {
        let mut peer = Peer::join(&mut server, number as u32);
        let bomb = [&claim.to_le_bytes()[..], &block[..1000.min(block.len())]].concat();
        peer.sends(&mut server, |frames| frames.numbered(Channel::RELIABLE_ORDERED, 0, true, &bomb));
        assert_eq!(endings(&mut server), [DisconnectReason::BadCompression], "claimed {claim}");
    }
    assert_eq!(server.endpoint.drops().bad_compression, claims.len() as u64);
    assert_eq!((server.endpoint.message_bytes(), server.messages.len()), (0, 0));
}

#[test]
fn endless_tiny_messages_are_bounded_by_the_window() {
    let mut server = server(MESSAGE_MEMORY_BYTES_DEFAULT);
    let mut peer = Peer::join(&mut server, 1);
    // Number 0 never arrives, so all later messages would have to be kept.
    let mut number = 1;
    while server.endpoint.info(peer.id()).is_some() && number < 60_000 {
        peer.sends(&mut server, |frames| {
            while frames.room() > 8 {
                frames.numbered(Channel::RELIABLE_ORDERED, number, false, b"");
                number += 1;
            }
            true
        });
        assert!(server.endpoint.message_bytes() <= 64 * CHANNEL_WINDOW_MESSAGES);
        if !endings(&mut server).is_empty() {
            break;
        }
    }
    assert_eq!(server.endpoint.drops().beyond_window, 1);
    assert!((CHANNEL_WINDOW_MESSAGES..CHANNEL_WINDOW_MESSAGES + 400).contains(&number.into()));
}

#[test]
fn a_client_can_neither_choose_its_id_nor_request_many_key_exchanges() {
    let mut server = server(MESSAGE_MEMORY_BYTES_DEFAULT);
    let mut peer = Peer::join(&mut server, 1);
    peer.sends(&mut server, |frames| frames.new_id(ConnectionId::new(0, 9, 9)));
    assert_eq!(server.endpoint.drops().bad_frame, 1);
    for number in 0..100 {
        let key = SecretKey::from_bytes([number + 1; 32]).public();
        peer.sends(&mut server, |frames| frames.rekey_request(key.as_bytes()));
    }
    assert_eq!(server.endpoint.drops().rekey_refused, 99);
    assert_eq!(total_drops(server.endpoint.drops()), 100);
    assert_eq!(endings(&mut server), []);
}

/// RekeyRequest frames, all in one datagram.
fn rekey_requests(keys: impl Iterator<Item = [u8; 32]>) -> Vec<u8> {
    let mut plaintext = vec![0; FRAMES_BYTES_MAX];
    let mut frames = FrameWriter::new(&mut plaintext, 0);
    keys.for_each(|key| assert!(frames.rekey_request(&key), "the frame fits"));
    let used = frames.used();
    plaintext.truncate(used);
    plaintext
}

#[test]
fn a_weak_key_ends_the_connection_at_once() {
    let mut server = server(MESSAGE_MEMORY_BYTES_DEFAULT);
    let mut peer = Peer::join(&mut server, 1);
    peer.sends_bytes(&mut server, &rekey_requests([[0; 32]; 42].into_iter()));
    assert_eq!(endings(&mut server), [DisconnectReason::ProtocolViolation]);
    assert_eq!(
        (server.endpoint.drops().weak_key, server.endpoint.drops().rekey_refused),
        (1, 0),
        "the server looked at one request only"
    );

    // The same in a RekeyResponse to the server's own request.
    let mut peer = Peer::join(&mut server, 2);
    server.endpoint.rekey(server.now, peer.id());
    let asked = peer.receives(&mut server, |frame| match frame {
        Frame::RekeyRequest(key) => Some(*key),
        _ => None,
    });
    let name = *asked[0].first_chunk().unwrap();
    peer.sends(&mut server, |frames| frames.rekey_response(&name, &[0; 32]));
    assert_eq!(endings(&mut server), [DisconnectReason::ProtocolViolation]);
    assert_eq!(server.endpoint.drops().weak_key, 2);
}

#[test]
fn rekey_requests_cost_their_sender_more_than_the_server() {
    let mut server = server(MESSAGE_MEMORY_BYTES_DEFAULT);
    let mut limits = Policy { connection_messages_per_second: Some(2_000), ..Policy::default() };
    server.endpoint.swap_policy(&mut limits);
    let mut peer = Peer::join(&mut server, 1);
    let mut answers = 0;
    for round in 0..700_u32 {
        let keys =
            (0..42_u32).map(|number| *SecretKey::from_bytes([(round % 200 + number) as u8; 32]).public().as_bytes());
        peer.sends_bytes(&mut server, &rekey_requests(keys));
        answers += peer.receives(&mut server, |frame| matches!(frame, Frame::RekeyResponse { .. }).then_some(())).len();
        server.advance(Duration::from_micros(1_429));
    }
    let drops = server.endpoint.drops();
    assert!(answers <= 1 && drops.rekey_refused > 0, "{answers} answers, {} refused", drops.rekey_refused);
    assert!(drops.over_budget > 690, "of 700 datagrams, each worth 4,200 messages, {} were refused", drops.over_budget);
}

#[test]
fn rekeys_per_second_are_limited_over_all_connections() {
    let mut server = server(MESSAGE_MEMORY_BYTES_DEFAULT);
    let mut peers: Vec<_> = (0..150).map(|number| Peer::join(&mut server, number)).collect();
    let key = *SecretKey::from_bytes([9; 32]).public().as_bytes();
    for peer in &mut peers {
        peer.sends_bytes(&mut server, &rekey_requests([key].into_iter()));
    }
    assert_eq!(server.endpoint.drops().rekey_refused, 50);
    assert_eq!(endings(&mut server), []);
}

/// The hostile peers fill the memory with messages that can never be delivered, and send something now and then.
#[test]
fn honest_messages_get_through_while_others_hoard_memory() {
    const MEMORY: usize = 32 << 20;
    let mut server = server(MEMORY);
    let mut honest: Vec<_> = (0..10).map(|number| Peer::join(&mut server, 1_000 + number)).collect();
    let mut hoarders: Vec<_> = (0..16).map(|number| Peer::join(&mut server, number)).collect();
    for hoarder in &mut hoarders {
        for number in 0..8 {
            let bytes = [1; FRAGMENT_GRAIN_BYTES];
            hoarder.sends(&mut server, |frames| frames.fragment(&fragment(number, 0, 32_768, &bytes)));
        }
        for number in 8..1_900 {
            // Never delivered, because messages 0 to 7 stay incomplete.
            hoarder.sends(&mut server, |frames| frames.numbered(Channel::RELIABLE_ORDERED, number, false, &[0; 1_000]));
        }
    }
    let before = server.messages.len();
    for round in 0..30 {
        server.advance(Duration::from_secs(1));
        for hoarder in &mut hoarders {
            let bytes = [1; FRAGMENT_GRAIN_BYTES];
            hoarder.sends(&mut server, |frames| frames.ping(round));
            hoarder.sends(&mut server, |frames| frames.fragment(&fragment(0, 0, 32_768, &bytes)));
        }
        for peer in &mut honest {
            // The second arrives first, again and again until it is delivered.
            for number in [1, 0] {
                peer.sends(&mut server, |frames| frames.numbered(Channel::RELIABLE_UNORDERED, number, false, b"fine"));
                peer.sends(&mut server, |frames| frames.numbered(Channel::RELIABLE_ORDERED, number, false, b"fine"));
            }
        }
    }
    assert_eq!(server.messages.len() - before, 40, "all 40 honest messages are delivered");
    let (ended, stats) = (endings(&mut server), server.endpoint.stats());
    assert!(stats.memory_evicted > 0 && ended.iter().all(|&reason| reason == DisconnectReason::ShortOfMemory));
    assert!(honest.iter().all(|peer| server.endpoint.info(peer.id()).is_some()), "no honest client was disconnected");
}
