//! Whatever the bytes: decoders answer, never panic, and accept only what an encoder writes.

use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_engine::crypto::{SecretKey, Suites};
use ringshard_engine::limits::*;
use ringshard_engine::link::sim::{Faults, Network, SimLink};
use ringshard_engine::link::{Link, Path};
use ringshard_engine::session::HeartbeatConfig;
use ringshard_engine::time::{Duration, Instant};
use ringshard_engine::wire::*;
use ringshard_engine::{Client, ClientConfig, Endpoint, EndpointConfig};
use std::net::SocketAddr;

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..64), vec(any::<u8>(), 0..DATAGRAM_BYTES_MAX + 200)]
}

fn any_array<const N: usize>() -> impl Strategy<Value = [u8; N]> {
    vec(any::<u8>(), N).prop_map(|bytes| bytes.try_into().unwrap())
}

fn any_connect() -> impl Strategy<Value = Connect> {
    (any::<u8>(), any::<bool>(), any_array(), any_array()).prop_map(|(suites, pre_shared_key, cookie, noise)| {
        let options = Options { pre_shared_key };
        let mut connect = Connect { tag: 0, suites, options, cookie, noise };
        connect.tag = Connect::tag_of(connect.client_key());
        connect
    })
}

fn any_cookie() -> impl Strategy<Value = Cookie> {
    (any::<u64>(), any_array()).prop_map(|(tag, cookie)| Cookie { tag, cookie })
}

fn any_accepted() -> impl Strategy<Value = Accepted> {
    (any::<u64>(), any::<u32>(), any_array()).prop_map(|(tag, bits, noise)| Accepted {
        tag,
        connection: ConnectionId::from_bits(bits),
        noise,
    })
}

fn any_denied() -> impl Strategy<Value = Denied> {
    use DeniedReason::*;
    let reasons = vec![WrongVersion, ServerFull, WrongKey, NoCommonSuite, ShuttingDown, PreSharedKeyMismatch];
    (any::<u64>(), prop::sample::select(reasons), any::<u16>()).prop_map(|(tag, reason, server_version)| Denied {
        tag,
        reason,
        server_version,
    })
}

fn any_cleartext() -> impl Strategy<Value = Cleartext> {
    prop_oneof![
        any_connect().prop_map(Cleartext::Connect),
        any_cookie().prop_map(Cleartext::Cookie),
        any_accepted().prop_map(Cleartext::Accepted),
        any_denied().prop_map(Cleartext::Denied),
    ]
}

/// The datagram of a packet; None for a Connect of another version, which nobody here can write.
fn encode(packet: &Cleartext) -> Option<Vec<u8>> {
    match packet {
        Cleartext::Connect(connect) => Some(connect.encode().to_vec()),
        Cleartext::ForeignConnect { .. } => None,
        Cleartext::Cookie(cookie) => Some(cookie.encode().to_vec()),
        Cleartext::Accepted(accepted) => Some(accepted.encode().to_vec()),
        Cleartext::Denied(denied) => Some(denied.encode().to_vec()),
    }
}

/// Puts the right checksum at the end, so that a decoder goes on to look at the rest.
fn with_checksum(mut datagram: Vec<u8>) -> Vec<u8> {
    if let Some((covered, checksum)) = datagram.split_last_chunk_mut::<4>() {
        *checksum = crc32c::crc32c(covered).to_le_bytes();
    }
    datagram
}

#[derive(Clone, Debug)]
enum Part {
    Ping(u64),
    Pong(u64),
    Disconnect(DisconnectReason),
    Message(Vec<u8>),
}

impl Part {
    fn write(&self, frames: &mut FrameWriter<'_>) -> bool {
        match self {
            Part::Ping(value) => frames.ping(*value),
            Part::Pong(value) => frames.pong(*value),
            Part::Disconnect(reason) => frames.disconnect(*reason),
            Part::Message(message) => frames.message(message),
        }
    }

    fn frame(&self) -> Frame<'_> {
        match self {
            Part::Ping(value) => Frame::Ping(*value),
            Part::Pong(value) => Frame::Pong(*value),
            Part::Disconnect(reason) => Frame::Disconnect(*reason),
            Part::Message(message) => Frame::Message(message),
        }
    }
}

fn any_part() -> impl Strategy<Value = Part> {
    use DisconnectReason::*;
    prop_oneof![
        any::<u64>().prop_map(Part::Ping),
        any::<u64>().prop_map(Part::Pong),
        prop::sample::select(vec![Closed, ShuttingDown, TimedOut, KeyExhausted]).prop_map(Part::Disconnect),
        vec(any::<u8>(), 0..200).prop_map(Part::Message),
    ]
}

/// The parts that fit, and how they lie in a datagram.
fn written(parts: Vec<Part>) -> (Vec<Part>, Vec<u8>) {
    let mut buffer = [0; FRAMES_BYTES_MAX];
    let mut frames = FrameWriter::new(&mut buffer, 0);
    let fitting: Vec<Part> = parts.into_iter().filter(|part| part.write(&mut frames)).collect();
    let used = frames.used();
    (fitting, buffer[..used].to_vec())
}

fn server_secret() -> SecretKey {
    SecretKey::from_bytes([1; 32])
}

fn endpoint() -> Endpoint {
    let config = EndpointConfig {
        core: 0,
        cores: 2,
        connections_max: 4,
        suites: Suites::native(),
        heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
        secret: server_secret(),
        pre_shared: None,
    };
    Endpoint::new(config, Instant::ZERO, [2; 32])
}

fn client() -> Client {
    let config = ClientConfig { server: server_secret().public(), suites: Suites::native(), pre_shared: None };
    Client::new(config, Instant::ZERO, [3; 32]).unwrap()
}

/// Datagrams that go from any bytes to such as only lack the keys.
fn any_datagram() -> impl Strategy<Value = Vec<u8>> {
    let tag = client().handshake_tag();
    prop_oneof![
        any_bytes(),
        any_bytes().prop_map(with_checksum),
        any_cleartext().prop_map(|packet| encode(&packet).unwrap()),
        // Answers to the very Connect of `client()`.
        any_cookie().prop_map(move |cookie| Cookie { tag, ..cookie }.encode().to_vec()),
        any_accepted().prop_map(move |accepted| Accepted { tag, ..accepted }.encode().to_vec()),
        (any::<u8>(), any_bytes()).prop_map(|(generation, mut bytes)| {
            bytes.iter_mut().zip([0, generation, 0, 0, 0, flags::ENCRYPTED]).for_each(|(byte, head)| *byte = head);
            bytes
        }),
    ]
}

/// A failing input is printed; what it teaches belongs into a test of its own, not into a file beside this one.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn any_bytes_are_a_header_or_not(bytes in any_bytes()) {
        match Header::decode(&bytes) {
            Ok(header) => prop_assert_eq!(&header.encode()[..], &bytes[..HEADER_BYTES]),
            Err(Malformed::TooShort) => prop_assert!(bytes.len() < HEADER_BYTES),
            Err(error) => {
                prop_assert_eq!(error, Malformed::TooLong);
                prop_assert!(bytes.len() > DATAGRAM_BYTES_MAX);
            }
        }
    }

    #[test]
    fn a_header_comes_back_as_it_was(bits: u32, channel: u8, flags: u8, sequence: u64) {
        let header = Header { connection: ConnectionId::from_bits(bits), channel, flags, sequence };
        prop_assert_eq!(Header::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn any_bytes_are_a_packet_only_with_their_checksum(bytes in any_bytes()) {
        // A chance of 2^-32 is none.
        prop_assert!(decode_cleartext(&bytes).is_err());
        if let Ok(packet) = decode_cleartext(&with_checksum(bytes.clone()))
            && let Some(encoded) = encode(&packet)
        {
            prop_assert_eq!(encoded, with_checksum(bytes));
        }
    }

    #[test]
    fn a_packet_comes_back_as_it_was(packet in any_cleartext()) {
        prop_assert_eq!(decode_cleartext(&encode(&packet).unwrap()), Ok(packet));
    }

    #[test]
    fn what_is_accepted_is_what_would_be_written(
        packet in any_cleartext(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in 0usize..3,
        appended in vec(any::<u8>(), 0..3),
    ) {
        let mut bytes = encode(&packet).unwrap();
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        bytes.truncate(bytes.len() - cut);
        bytes.extend(&appended);
        let bytes = with_checksum(bytes);
        if let Ok(packet) = decode_cleartext(&bytes)
            && let Some(encoded) = encode(&packet)
        {
            prop_assert_eq!(encoded, bytes);
        }
    }

    #[test]
    fn a_connect_of_another_version_is_known_whatever_its_rest(
        connect in any_connect(),
        version: u16,
        rest in vec(any::<u8>(), 107..DATAGRAM_BYTES_MAX - 20),
    ) {
        prop_assume!(version != PROTOCOL_VERSION);
        let head = &connect.encode()[..HEADER_BYTES + 1];
        let datagram = with_checksum([head, &version.to_le_bytes(), &rest, &[0; 4]].concat());
        prop_assert_eq!(
            decode_cleartext(&datagram),
            Ok(Cleartext::ForeignConnect { tag: connect.tag, version })
        );
    }

    #[test]
    fn any_bytes_are_parameters_or_not(
        random in any_array::<16>(),
        generation in 1u8..,
        sound: bool,
    ) {
        let mut bytes = random;
        if sound {
            bytes[1] = generation;
            bytes[5] = 0;
            bytes[6..8].copy_from_slice(&(DATAGRAM_BYTES_MAX as u16).to_le_bytes());
            bytes[11] = 0;
            bytes[15] = 1;
            bytes[8] |= 1;
        }
        match SessionParameters::decode(&bytes) {
            Ok(parameters) => prop_assert_eq!(parameters.encode(), bytes),
            Err(_) => prop_assert!(!sound),
        }
    }

    #[test]
    fn parameters_come_back_as_they_were(
        bits: u32,
        generation in 1u8..,
        suite: u8,
        heartbeat in 1u32..u32::MAX,
        longer in 1u32..,
    ) {
        let parameters = SessionParameters {
            connection: ConnectionId::new(bits as u8, generation, (bits >> 16) as u16),
            suite,
            datagram_bytes_max: DATAGRAM_BYTES_MAX as u16,
            heartbeat: Duration::from_millis(heartbeat.into()),
            timeout: Duration::from_millis(heartbeat.saturating_add(longer).into()),
        };
        prop_assert_eq!(SessionParameters::decode(&parameters.encode()), Ok(parameters));
    }

    #[test]
    fn any_bytes_are_frames(bytes in any_bytes()) {
        let mut bodies = 0;
        for (index, frame) in Frames::new(&bytes).enumerate() {
            prop_assert!(index < bytes.len(), "frames without end");
            if let Frame::Message(message) = frame {
                bodies += FRAME_HEADER_BYTES + message.len();
            }
        }
        prop_assert!(bodies <= bytes.len());
    }

    #[test]
    fn frames_come_back_as_they_were_with_any_padding(parts in vec(any_part(), 0..30), padding in 0usize..200) {
        let (parts, mut bytes) = written(parts);
        bytes.resize(bytes.len() + padding, 0);
        prop_assert!(Frames::new(&bytes).eq(parts.iter().map(Part::frame)));
    }

    #[test]
    fn frames_without_a_bad_one_are_what_would_be_written(
        parts in vec(any_part(), 0..10),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let (_, mut bytes) = written(parts);
        for (at, byte) in changes.iter().take(bytes.len()) {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        let mut buffer = [0; FRAMES_BYTES_MAX];
        let mut frames = FrameWriter::new(&mut buffer, 0);
        for frame in Frames::new(&bytes) {
            let fits = match frame {
                Frame::Ping(value) => frames.ping(value),
                Frame::Pong(value) => frames.pong(value),
                // Reasons that nobody knows yet read as this one.
                Frame::Disconnect(DisconnectReason::Closed) => return Ok(()),
                Frame::Disconnect(reason) => frames.disconnect(reason),
                Frame::Message(message) => frames.message(message),
                Frame::Bad => return Ok(()),
            };
            prop_assert!(fits);
        }
        let used = frames.used();
        prop_assert_eq!(&buffer[..used], &bytes[..used]);
        prop_assert!(bytes[used..].iter().take(2).all(|&byte| byte == 0), "the frames ended before the padding");
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn an_endpoint_takes_any_datagrams(datagrams in vec(any_datagram(), 1..100), ports in vec(1u16.., 1..100)) {
        let network = Network::new(1, Faults::none(Duration::ZERO));
        let mut link = SimLink::new(network.clone(), SocketAddr::from(([10, 0, 0, 1], 1)));
        let mut endpoint = endpoint();
        for (mut datagram, port) in datagrams.into_iter().zip(ports.into_iter().cycle()) {
            let path = Path { socket: 0, peer: SocketAddr::from(([10, 0, 0, 2], port)) };
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
