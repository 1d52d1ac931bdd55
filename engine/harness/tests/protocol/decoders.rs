//! Whatever the bytes: decoders answer, never panic, and accept only what an encoder writes.

use proptest::collection::vec;
use proptest::prelude::*;
use rand_chacha::rand_core::SeedableRng;
use ringshard_link::conditions::Conditions;
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::connection::{
    Connection, ConnectionConfig, HeartbeatConfig, Ingested, Refused, Resources, Role, TransportConfig,
};
use ringshard_protocol::crypto::noise::Secrets;
use ringshard_protocol::crypto::{Csprng, SecretKey, Suite, Suites};
use ringshard_protocol::limits::*;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::*;
use ringshard_protocol::{Client, ClientConfig, Endpoint, EndpointConfig};
use std::net::SocketAddr;

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..64), vec(any::<u8>(), 0..DATAGRAM_BYTES_MAX + 200)]
}

fn any_array<const N: usize>() -> impl Strategy<Value = [u8; N]> {
    vec(any::<u8>(), N).prop_map(|bytes| bytes.try_into().unwrap())
}

fn any_connect() -> impl Strategy<Value = Connect> {
    (any::<Option<u8>>(), any::<u8>(), any::<bool>(), any_array(), any_array()).prop_map(
        |(core, suites, pre_shared_key, cookie, noise)| {
            let options = Options { pre_shared_key };
            let mut connect = Connect { core, tag: 0, suites, options, cookie, noise };
            connect.tag = Connect::tag_of(connect.client_key());
            connect
        },
    )
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
    let reasons = vec![WrongVersion, ServerFull, WrongKey, NoCommonSuite, ShuttingDown, PreSharedKeyMismatch, Busy];
    (any::<u64>(), prop::sample::select(reasons), any::<u16>(), any::<u16>())
        .prop_map(|(tag, reason, server_version, wait_ms)| Denied { tag, reason, server_version, wait_ms })
}

fn any_cleartext() -> impl Strategy<Value = UnencryptedPacket> {
    prop_oneof![
        any_connect().prop_map(UnencryptedPacket::Connect),
        any_cookie().prop_map(UnencryptedPacket::Cookie),
        any_accepted().prop_map(UnencryptedPacket::Accepted),
        any_denied().prop_map(UnencryptedPacket::Denied),
    ]
}

/// The datagram of a packet; None for a Connect of another version, which nobody here can write.
fn encode(packet: &UnencryptedPacket) -> Option<Vec<u8>> {
    match packet {
        UnencryptedPacket::Connect(connect) => Some(connect.encode().to_vec()),
        UnencryptedPacket::ForeignConnect { .. } => None,
        UnencryptedPacket::Cookie(cookie) => Some(cookie.encode().to_vec()),
        UnencryptedPacket::Accepted(accepted) => Some(accepted.encode().to_vec()),
        UnencryptedPacket::Denied(denied) => Some(denied.encode().to_vec()),
    }
}

/// Puts the right checksum at the end, so that a decoder goes on to look at the rest.
fn with_checksum(mut datagram: Vec<u8>) -> Vec<u8> {
    if let Some((covered, checksum)) = datagram.split_last_chunk_mut::<4>() {
        *checksum = crc32c::crc32c(covered).to_le_bytes();
    }
    datagram
}

/// A frame as a plain value, which can be written and compared with what is read.
#[derive(Clone, Debug)]
enum Part {
    Ping(u64),
    Pong(u64),
    PathChallenge(u64),
    PathResponse(u64),
    Disconnect(DisconnectReason),
    Message(Channel, Vec<u8>),
    Numbered { channel: Channel, number: u16, compressed: bool, bytes: Vec<u8> },
    Compressed(Channel, Vec<u8>),
    Fragment { channel: Channel, number: u16, offset: usize, total: usize, compressed: bool, bytes: Vec<u8> },
    Ack { largest: u64, delay: u16, runs: Vec<u64> },
    NewId(ConnectionId),
    Integrity(IntegrityFrame),
    RekeyRequest([u8; 32]),
    RekeyResponse([u8; 32]),
    Probe(usize),
}

/// What a delay of an acknowledgment is counted in.
const DELAY_UNIT: Duration = Duration::from_micros(8);

impl Part {
    fn write(&self, frames: &mut FrameWriter<'_>) -> bool {
        match self {
            Part::Ping(value) => frames.ping(*value),
            Part::Pong(value) => frames.pong(*value),
            Part::PathChallenge(value) => frames.path_challenge(*value),
            Part::PathResponse(value) => frames.path_response(*value),
            Part::Disconnect(reason) => frames.disconnect(*reason),
            Part::Message(channel, message) => frames.message(*channel, message),
            Part::Numbered { channel, number, compressed, bytes } => {
                frames.numbered(*channel, *number, *compressed, bytes)
            }
            Part::Compressed(channel, message) => frames.compressed(*channel, message),
            Part::Fragment { .. } => frames.fragment(&self.fragment().unwrap()),
            Part::Ack { largest, delay, runs } => {
                frames.ack(*largest, DELAY_UNIT * (*delay).into(), runs.iter().copied())
            }
            Part::NewId(id) => frames.new_id(*id),
            Part::Integrity(frame) => frames.integrity(frame),
            Part::RekeyRequest(key) => frames.rekey_request(key),
            Part::RekeyResponse(key) => frames.rekey_response(&[7; 8], key),
            Part::Probe(length) => frames.probe(*length),
        }
    }

    fn fragment(&self) -> Option<Fragment<'_>> {
        let Part::Fragment { channel, number, offset, total, compressed, bytes } = self else { return None };
        let (channel, number, offset, total, compressed) = (*channel, *number, *offset, *total, *compressed);
        Some(Fragment { channel, number, offset, total, compressed, bytes })
    }

    /// Whether `frame` is what this was written as.
    fn reads_as(&self, frame: Frame<'_>) -> bool {
        match (self, frame) {
            (Part::Ping(value), Frame::Ping(read)) => *value == read,
            (Part::Pong(value), Frame::Pong(read)) => *value == read,
            (Part::PathChallenge(value), Frame::PathChallenge(read)) => *value == read,
            (Part::PathResponse(value), Frame::PathResponse(read)) => *value == read,
            (Part::Disconnect(reason), Frame::Disconnect(read)) => *reason == read,
            (Part::Message(channel, bytes), Frame::Message(of, body)) => *channel == of && bytes == body,
            (Part::Numbered { channel, number, compressed, bytes }, frame) => {
                let body = match frame {
                    Frame::Message(of, body) if of == *channel && !compressed => body,
                    Frame::Compressed(of, body) if of == *channel && *compressed => body,
                    _ => return false,
                };
                body == [&number.to_le_bytes()[..], bytes].concat()
            }
            (Part::Compressed(channel, bytes), Frame::Compressed(of, body)) => *channel == of && bytes == body,
            (Part::Fragment { .. }, Frame::Fragment(fragment)) => self.fragment() == Some(fragment),
            (Part::Ack { largest, delay, runs }, Frame::Ack(ack)) => {
                let same = ack.largest == *largest && ack.delay == DELAY_UNIT * (*delay).into();
                same && received(&ack) == received_by(*largest, runs)
            }
            (Part::NewId(id), Frame::NewId(read)) => *id == read,
            (Part::Integrity(sent), Frame::Integrity(read)) => *sent == read,
            (Part::RekeyRequest(key), Frame::RekeyRequest(read)) => key == read,
            (Part::RekeyResponse(key), Frame::RekeyResponse { to, key: read }) => to == [7; 8] && key == read,
            (Part::Probe(_), Frame::Probe) => true,
            _ => false,
        }
    }
}

/// The numbers that an acknowledgment speaks of as received, newest first.
fn received(ack: &Ack<'_>) -> Vec<u64> {
    ack.ranges().flat_map(|range| range.rev()).collect()
}

/// The same, from the lengths of its runs.
fn received_by(largest: u64, runs: &[u64]) -> Vec<u64> {
    let mut numbers = vec![largest];
    let mut at = largest;
    for (index, &run) in runs.iter().enumerate() {
        if index % 2 == 0 {
            numbers.extend((at - run..at).rev());
        }
        at -= run;
    }
    numbers
}

fn any_channel() -> impl Strategy<Value = Channel> {
    prop::sample::select(Channel::all().collect::<Vec<_>>())
}

fn channel_of(deliveries: &'static [Delivery]) -> impl Strategy<Value = Channel> {
    any_channel().prop_filter("another delivery", |channel| deliveries.contains(&channel.delivery()))
}

const WITH_NUMBERS: &[Delivery] =
    &[Delivery::ReliableOrdered, Delivery::ReliableUnordered, Delivery::UnreliableSequenced];

/// A piece as a sender would cut it.
fn any_fragment() -> impl Strategy<Value = Part> {
    let message = (any_channel(), any::<u16>(), 1usize..=MESSAGE_BYTES_MAX, any::<bool>());
    (message, any::<prop::sample::Index>(), 1usize..4, any::<u8>()).prop_map(
        |((channel, number, total, compressed), first, grains, byte)| {
            let offset = first.index(total.div_ceil(FRAGMENT_GRAIN_BYTES)) * FRAGMENT_GRAIN_BYTES;
            let bytes = vec![byte; (total - offset).min(grains * FRAGMENT_GRAIN_BYTES)];
            Part::Fragment { channel, number, offset, total, compressed, bytes }
        },
    )
}

/// An acknowledgment as a receiver would write it.
fn any_ack() -> impl Strategy<Value = Part> {
    let runs =
        prop_oneof![vec(0u64..8, 0..50), vec(0u64..170, 0..3), (200u64..=ACK_POSITIONS_MAX).prop_map(|run| vec![run])];
    (runs, any::<u16>(), 1u64..1 << 62).prop_map(|(runs, delay, above)| {
        let positions: u64 = runs.iter().sum();
        Part::Ack { largest: positions + above, delay, runs }
    })
}

fn any_integrity() -> impl Strategy<Value = IntegrityFrame> {
    prop_oneof![
        (any::<u8>(), any_array()).prop_map(|(index, nonce)| IntegrityFrame::Challenge { index, nonce }),
        (any_array(), any_array()).prop_map(|(to, mac)| IntegrityFrame::Answer { to, mac }),
    ]
}

fn any_part() -> impl Strategy<Value = Part> {
    use DisconnectReason::*;
    let reasons = vec![
        Closed,
        ShuttingDown,
        KeyExhausted,
        ProtocolViolation,
        Overflow,
        BadCompression,
        ShortOfMemory,
        IntegrityFailed,
        NotResumable,
        Denied,
    ];
    let bytes = || vec(any::<u8>(), 0..200);
    let numbered = (channel_of(WITH_NUMBERS), any::<u16>(), bytes());
    let compressed = (channel_of(WITH_NUMBERS), any::<u16>(), vec(any::<u8>(), 1..200));
    prop_oneof![
        any::<u64>().prop_map(Part::Ping),
        any::<u64>().prop_map(Part::Pong),
        any::<u64>().prop_map(Part::PathChallenge),
        any::<u64>().prop_map(Part::PathResponse),
        prop::sample::select(reasons).prop_map(Part::Disconnect),
        (channel_of(&[Delivery::Unreliable]), bytes()).prop_map(|(channel, bytes)| Part::Message(channel, bytes)),
        numbered.prop_map(|(channel, number, bytes)| Part::Numbered { channel, number, compressed: false, bytes }),
        compressed.prop_map(|(channel, number, bytes)| Part::Numbered { channel, number, compressed: true, bytes }),
        (channel_of(&[Delivery::Unreliable]), vec(any::<u8>(), 1..200))
            .prop_map(|(channel, bytes)| Part::Compressed(channel, bytes)),
        any_fragment(),
        any_ack(),
        (any::<u8>(), 1u8.., any::<u16>())
            .prop_map(|(core, generation, slot)| Part::NewId(ConnectionId::new(core, generation, slot))),
        any_integrity().prop_map(Part::Integrity),
        any_array().prop_map(Part::RekeyRequest),
        any_array().prop_map(Part::RekeyResponse),
        (0usize..300).prop_map(Part::Probe),
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
        transport: TransportConfig::default(),
        message_bytes_max: MESSAGE_MEMORY_BYTES_MIN,
        integrity: None,
    };
    Endpoint::new(config, Instant::ZERO, [2; 32])
}

fn session(role: Role, random: &mut Csprng) -> Connection {
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
    Client::new(ClientConfig::new(server_secret().public()), Instant::ZERO, [3; 32]).unwrap()
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
        prop_assert!(decode_unencrypted(&bytes).is_err());
        if let Ok(packet) = decode_unencrypted(&with_checksum(bytes.clone()))
            && let Some(encoded) = encode(&packet)
        {
            prop_assert_eq!(encoded, with_checksum(bytes));
        }
    }

    #[test]
    fn a_packet_comes_back_as_it_was(packet in any_cleartext()) {
        prop_assert_eq!(decode_unencrypted(&encode(&packet).unwrap()), Ok(packet));
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
        if let Ok(packet) = decode_unencrypted(&bytes)
            && let Some(encoded) = encode(&packet)
        {
            prop_assert_eq!(encoded, bytes);
        }
    }

    #[test]
    fn a_connect_of_another_version_is_known_whatever_its_rest(
        connect in any_connect(),
        version: u16,
        rest in vec(any::<u8>(), CONNECT_BYTES - HEADER_BYTES - 7..DATAGRAM_BYTES_MAX - 20),
    ) {
        prop_assume!(version != PROTOCOL_VERSION);
        let head = &connect.encode()[..HEADER_BYTES + 1];
        let datagram = with_checksum([head, &version.to_le_bytes(), &rest, &[0; 4]].concat());
        prop_assert_eq!(
            decode_unencrypted(&datagram),
            Ok(UnencryptedPacket::ForeignConnect { tag: connect.tag, version })
        );
    }

    #[test]
    fn any_bytes_are_parameters_or_not(
        random in any_array::<16>(),
        generation in 1u8..,
        sound: bool,
        resumed: bool,
    ) {
        let mut bytes = random;
        if sound {
            bytes[1] = generation;
            bytes[5] = resumed.into();
            bytes[6..8].copy_from_slice(&(DATAGRAM_BYTES_MAX as u16).to_le_bytes());
            bytes[11] = 0;
            bytes[15] = 1;
            bytes[8] |= 1;
        }
        match ConnectionParameters::decode(&bytes) {
            Ok(parameters) => prop_assert_eq!(parameters.encode(), bytes),
            Err(_) => prop_assert!(!sound),
        }
        bytes[5] |= 2;
        prop_assert!(ConnectionParameters::decode(&bytes).is_err(), "resumed is 0 or 1");
    }

    #[test]
    fn parameters_come_back_as_they_were(
        bits: u32,
        generation in 1u8..,
        suite: u8,
        resumed: bool,
        heartbeat in 1u32..u32::MAX,
        longer in 1u32..,
    ) {
        let parameters = ConnectionParameters {
            connection: ConnectionId::new(bits as u8, generation, (bits >> 16) as u16),
            suite,
            resumed,
            datagram_bytes_max: DATAGRAM_BYTES_MAX as u16,
            heartbeat: Duration::from_millis(heartbeat.into()),
            timeout: Duration::from_millis(heartbeat.saturating_add(longer).into()),
        };
        prop_assert_eq!(ConnectionParameters::decode(&parameters.encode()), Ok(parameters));
    }

    #[test]
    fn any_bytes_are_frames(bytes in any_bytes()) {
        let mut bodies = 0;
        for (index, frame) in Frames::new(&bytes).enumerate() {
            prop_assert!(index < bytes.len(), "frames without end");
            bodies += FRAME_HEADER_BYTES + match frame {
                Frame::Message(channel, body) => {
                    prop_assert!(channel.delivery() == Delivery::Unreliable || body.len() >= NUMBER_BYTES);
                    body.len()
                }
                Frame::Compressed(channel, body) => {
                    prop_assert!(channel.delivery() == Delivery::Unreliable || body.len() > NUMBER_BYTES);
                    1 + body.len()
                }
                Frame::Fragment(fragment) => Fragment::HEADER_BYTES + fragment.bytes.len(),
                Frame::Bad => 0,
                _ => 0,
            };
        }
        prop_assert!(bodies <= bytes.len() + FRAME_HEADER_BYTES);
    }

    #[test]
    fn frames_come_back_as_they_were_with_any_padding(parts in vec(any_part(), 0..30), padding in 0usize..200) {
        let (parts, mut bytes) = written(parts);
        bytes.resize(bytes.len() + padding, 0);
        let frames: Vec<_> = Frames::new(&bytes).collect();
        prop_assert_eq!(frames.len(), parts.len());
        for (part, frame) in parts.iter().zip(frames) {
            prop_assert!(part.reads_as(frame), "{:?} was read as {:?}", part, frame);
        }
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
                Frame::PathChallenge(value) => frames.path_challenge(value),
                Frame::PathResponse(value) => frames.path_response(value),
                // Reasons that nobody knows yet read as this one.
                Frame::Disconnect(DisconnectReason::Closed) => return Ok(()),
                Frame::Disconnect(reason) => frames.disconnect(reason),
                Frame::Message(channel, body) => write_again(&mut frames, channel, body, false),
                Frame::Compressed(channel, body) => write_again(&mut frames, channel, body, true),
                Frame::Fragment(fragment) => frames.fragment(&fragment),
                Frame::NewId(id) => frames.new_id(id),
                Frame::Integrity(frame) => frames.integrity(&frame),
                Frame::RekeyRequest(key) => frames.rekey_request(key),
                Frame::RekeyResponse { to, key } => frames.rekey_response(&to, key),
                // There is more than one way to write the same acknowledgment, and any bytes are a probe.
                Frame::Ack(_) | Frame::Probe | Frame::BadAck | Frame::Bad => return Ok(()),
            };
            prop_assert!(fits);
        }
        let used = frames.used();
        prop_assert_eq!(&buffer[..used], &bytes[..used]);
        prop_assert!(bytes[used..].iter().take(2).all(|&byte| byte == 0), "the frames ended before the padding");
    }

    #[test]
    fn any_bytes_are_an_acknowledgment_or_not(
        largest in prop_oneof![0u64..2000, any::<u64>(), Just(1 << 62)],
        delay: u16,
        runs in prop_oneof![vec(any::<u8>(), 0..4), vec(0u8..9, 0..140), vec(0u8..2, 0..2000)],
        cut in 0usize..20,
    ) {
        let mut body = [&largest.to_le_bytes()[..], &delay.to_le_bytes(), &runs].concat();
        body.truncate(if cut < 10 { cut } else { body.len() });
        if let Ok(ack) = Ack::decode(&body) {
            prop_assert_eq!((ack.largest, ack.delay), (largest, DELAY_UNIT * delay.into()));
            let mut below = None;
            let mut count = 0;
            for range in ack.ranges() {
                prop_assert!(1 <= *range.start() && range.start() <= range.end() && *range.end() <= largest);
                prop_assert!(below.map_or(*range.end() == largest, |below| *range.end() < below), "descending");
                below = Some(*range.start());
                count += range.end() - range.start() + 1;
            }
            prop_assert!((1..=ACK_POSITIONS_MAX + 1).contains(&count));
            prop_assert!(largest - below.unwrap() <= ACK_POSITIONS_MAX);
        } else {
            let positions: u64 = runs.iter().map(|&run| u64::from(run)).sum();
            prop_assert!(body.len() < 10 || positions >= largest || positions > ACK_POSITIONS_MAX);
        }
    }

    #[test]
    fn any_bytes_are_a_fragment_or_not(
        head in any_array::<9>(),
        sound: bool,
        bytes in prop_oneof![vec(any::<u8>(), 0..600), Just(vec![1; 128]), Just(vec![1; 256])],
    ) {
        let mut head = head;
        if sound {
            head[0] %= 16;
            head[3] &= 0x80;
            head[7] = 0;
            head[8] &= 0x80;
        }
        let body = [&head[..], &bytes].concat();
        if let Ok(fragment) = Fragment::decode(&body) {
            let Fragment { offset, total, bytes, .. } = fragment;
            prop_assert!(!bytes.is_empty() && offset + bytes.len() <= total && total <= MESSAGE_BYTES_MAX);
            prop_assert_eq!(offset % FRAGMENT_GRAIN_BYTES, 0);
            let mut buffer = [0; FRAMES_BYTES_MAX];
            let mut frames = FrameWriter::new(&mut buffer, 0);
            prop_assert!(frames.fragment(&fragment));
            let used = frames.used();
            prop_assert_eq!(&buffer[FRAME_HEADER_BYTES..used], &body[..]);
        }
    }
}

#[test]
fn a_datagram_that_ends_the_connection_leaves_the_next_as_it_is() {
    let mut resources = Resources::new(0, Csprng::from_seed([4; 32]));
    let mut session = session(Role::Server, &mut resources.random);
    let mut ingest = |sequence, plaintext: &mut [u8]| {
        let header = Header { connection: ConnectionId::new(0, 1, 7), channel: 0, flags: 0, sequence };
        let len = plaintext.len();
        session.ingest(Instant::ZERO, &header, len, plaintext, &mut resources)
    };
    // A message that is kept, so not to be read from the datagram; then what no correct end says.
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

/// Writes a message that was read, its number in front of it where it has one.
fn write_again(frames: &mut FrameWriter<'_>, channel: Channel, body: &[u8], compressed: bool) -> bool {
    match body.split_first_chunk::<NUMBER_BYTES>() {
        Some((number, bytes)) if channel.delivery() != Delivery::Unreliable => {
            frames.numbered(channel, u16::from_le_bytes(*number), compressed, bytes)
        }
        _ if compressed => frames.compressed(channel, body),
        _ => frames.message(channel, body),
    }
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
    fn a_session_takes_any_frames_from_who_holds_its_keys(
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
        let mut session = session(if is_client { Role::Client } else { Role::Server }, &mut resources.random);
        let mut message = Vec::new();
        for (mut plaintext, sequence) in datagrams.into_iter().zip(1..) {
            let now = Instant::ZERO + Duration::from_millis(5 * sequence);
            let header = Header { connection: session.id(), channel: 0, flags: 0, sequence };
            let len = plaintext.len();
            match session.ingest(now, &header, len, &mut plaintext, &mut resources) {
                Ok(Ingested::Messages(count) | Ingested::PathResponse(count, _)) => {
                    let left = Frames::new(&plaintext).filter(|frame| matches!(frame, Frame::Message(..))).count();
                    prop_assert_eq!(count as usize, left, "the messages that were not dealt with are left");
                }
                Ok(Ingested::PeerLeft(_) | Ingested::End(_)) => break,
                Err(refused) => prop_assert_eq!(refused, Refused::NoMemory),
            }
            while let Ok(Some(_)) = session.read(&mut message, &mut resources) {
                prop_assert!(message.len() <= MESSAGE_BYTES_MAX);
            }
            prop_assert!(resources.pool.lent_bytes() <= MESSAGE_MEMORY_BYTES_MIN);
            if session.advance(now, &mut resources).is_some() {
                break;
            }
            let mut buffer = [0; FRAMES_BYTES_MAX];
            if session.wants_datagram(now) {
                let mut frames = FrameWriter::new(&mut buffer[..FRAMES_BYTES_BASE], 0);
                let carried = session.fill(now, &mut frames, true);
                let used = frames.used();
                session.sent(now, sequence, used, carried);
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
