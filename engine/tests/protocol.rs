//! `PROTOCOL.md` against the implementation: its test vectors, its limits and its size buckets.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use ringshard_engine::crypto::noise::{Initiator, MESSAGE_1_BYTES, Responder, Secrets};
use ringshard_engine::crypto::{AeadKey, PreSharedKey, PublicKey, SecretKey, Suite, Suites, hkdf_sha256};
use ringshard_engine::limits::*;
use ringshard_engine::session::{HeartbeatConfig, Refused, Session, prologue, sealed_len};
use ringshard_engine::time::Instant;
use ringshard_engine::wire::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::time::Duration;

const DOCUMENT: &str = include_str!("../PROTOCOL.md");

type Check = fn(&Vector);

/// Every vector that the document must have, and what it is checked with.
const CHECKS: [(&str, Check); 21] = [
    ("header", header),
    ("connect-foreign", connect_foreign),
    ("cookie", cookie),
    ("accepted-envelope", accepted_envelope),
    ("denied-wrong-version", |vector| denied(vector, DeniedReason::WrongVersion)),
    ("denied-server-full", |vector| denied(vector, DeniedReason::ServerFull)),
    ("denied-wrong-key", |vector| denied(vector, DeniedReason::WrongKey)),
    ("denied-no-common-suite", |vector| denied(vector, DeniedReason::NoCommonSuite)),
    ("denied-shutting-down", |vector| denied(vector, DeniedReason::ShuttingDown)),
    ("denied-pre-shared-key-mismatch", |vector| denied(vector, DeniedReason::PreSharedKeyMismatch)),
    ("handshake-nk", |vector| handshake(vector, false)),
    ("handshake-nkpsk2", |vector| handshake(vector, true)),
    ("traffic-aes-128-gcm", |vector| traffic(vector, Suite::Aes128Gcm)),
    ("traffic-chacha20-poly1305", |vector| traffic(vector, Suite::ChaCha20Poly1305)),
    ("data-aes-128-gcm-client", |vector| data(vector, Suite::Aes128Gcm)),
    ("data-aes-128-gcm-server", |vector| data(vector, Suite::Aes128Gcm)),
    ("data-chacha20-poly1305-client", |vector| data(vector, Suite::ChaCha20Poly1305)),
    ("data-chacha20-poly1305-server", |vector| data(vector, Suite::ChaCha20Poly1305)),
    ("frames", frames),
    ("frames-bad", frames_bad),
    ("frames-truncated", frames_bad),
];

#[test]
fn every_vector_holds() {
    let vectors = vectors();
    let named: BTreeSet<_> = CHECKS.iter().map(|&(name, _)| name).collect();
    assert_eq!(named, vectors.keys().copied().collect(), "named here, and found in the document");
    for (name, check) in CHECKS {
        let vector = &vectors[name];
        check(vector);
        let keys: BTreeSet<_> = vector.values.keys().copied().collect();
        assert_eq!(*vector.read.borrow(), keys, "{name}: keys that were checked, and keys there are");
    }
}

/// The vectors of one chapter take up the results of the chapter before.
#[test]
fn the_vectors_are_one_story() {
    let vectors = vectors();
    for (handshake, suite) in [("handshake-nk", Suite::Aes128Gcm), ("handshake-nkpsk2", Suite::ChaCha20Poly1305)] {
        let handshake = &vectors[handshake];
        assert_eq!(handshake.get("suite"), [suite as u8]);
        let traffic = &vectors[&*format!("traffic-{}", suite.name())];
        for side in ["client", "server"] {
            let data = &vectors[&*format!("data-{}-{side}", suite.name())];
            assert_eq!(traffic.get(&format!("split_{side}")), handshake.get(&format!("split_{side}")));
            assert_eq!(data.get("key"), traffic.get(&format!("key_{side}")));
            assert_eq!(data.get("connection"), handshake.get("connection"));
        }
    }
}

#[test]
fn the_limits_are_those_of_the_code() {
    let number = |name, value: &dyn Display| (name, value.to_string());
    let time = |name, value: Duration| (name, format!("{} ms", value.as_millis()));
    let code = BTreeMap::from([
        number("PROTOCOL_VERSION", &PROTOCOL_VERSION),
        number("PORT_DEFAULT", &PORT_DEFAULT),
        number("DATAGRAM_BYTES_MAX", &DATAGRAM_BYTES_MAX),
        number("HEADER_BYTES", &HEADER_BYTES),
        number("TAG_BYTES", &TAG_BYTES),
        number("FRAMES_BYTES_MAX", &FRAMES_BYTES_MAX),
        number("FRAME_HEADER_BYTES", &FRAME_HEADER_BYTES),
        number("MESSAGE_BYTES_MAX", &MESSAGE_BYTES_MAX),
        number("CONNECT_BYTES", &CONNECT_BYTES),
        number("COOKIE_BYTES", &COOKIE_BYTES),
        time("COOKIE_LIFETIME", COOKIE_LIFETIME),
        number("REPLAY_WINDOW", &REPLAY_WINDOW),
        number("PACKETS_PER_KEY_MAX_AES_GCM", &PACKETS_PER_KEY_MAX_AES_GCM),
        number("PACKETS_PER_KEY_MAX_CHACHA", &PACKETS_PER_KEY_MAX_CHACHA),
        time("CONNECT_RETRY_FIRST", CONNECT_RETRY_FIRST),
        time("CONNECT_RETRY_MAX", CONNECT_RETRY_MAX),
        time("CONNECT_TIMEOUT", CONNECT_TIMEOUT),
        time("HALF_OPEN_TIMEOUT", HALF_OPEN_TIMEOUT),
        time("HEARTBEAT_DEFAULT", HEARTBEAT_DEFAULT),
        time("TIMEOUT_DEFAULT", TIMEOUT_DEFAULT),
        number("DISCONNECT_COPIES", &DISCONNECT_COPIES),
        number("CONNECTIONS_PER_CORE_MAX", &CONNECTIONS_PER_CORE_MAX),
        number("CORES_MAX", &CORES_MAX),
    ]);
    let (_, section) = DOCUMENT.split_once("\n## 11 Limits\n").expect("the document has limits");
    let section = section.split("\n## ").next().expect("a section has a text");
    let rows: Vec<(&str, String)> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "))
        .filter(|&(name, _)| name != "name")
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    assert_eq!(rows.len(), code.len(), "each limit once");
    assert_eq!(rows.into_iter().collect::<BTreeMap<_, _>>(), code);
}

#[test]
fn the_buckets_are_those_of_the_code() {
    let blocks: Vec<_> = fenced_blocks().filter(|(info, _)| *info == "buckets").collect();
    let [(_, text)] = blocks[..] else { panic!("the document lists the buckets once") };
    let buckets: Vec<u16> = text.split_whitespace().map(|size| size.parse().expect("a size is a number")).collect();
    assert_eq!(buckets, DATAGRAM_BUCKETS);
}

fn header(vector: &Vector) {
    let value = Header {
        connection: ConnectionId::new(vector.byte("core"), vector.byte("generation"), u16_of(vector.get("slot"))),
        channel: vector.byte("channel"),
        flags: vector.byte("flags"),
        sequence: vector.u64("sequence"),
    };
    assert_eq!(value.encode(), vector.get("header"));
    assert_eq!(Header::decode(vector.get("header")), Ok(value));
}

fn connect_foreign(vector: &Vector) {
    let foreign = Cleartext::ForeignConnect { tag: vector.u64("tag"), version: u16_of(vector.get("version")) };
    assert_eq!(decode_cleartext(vector.get("datagram")), Ok(foreign));
}

fn cookie(vector: &Vector) {
    let value = Cookie { tag: vector.u64("tag"), cookie: vector.array("cookie") };
    check_cleartext(vector.get("datagram"), &value.encode(), Cleartext::Cookie(value));
}

fn accepted_envelope(vector: &Vector) {
    let value =
        Accepted { tag: vector.u64("tag"), connection: vector.connection("connection"), noise: vector.array("noise") };
    check_cleartext(vector.get("datagram"), &value.encode(), Cleartext::Accepted(value));
}

fn denied(vector: &Vector, reason: DeniedReason) {
    assert_eq!(vector.byte("reason"), reason as u8);
    let value = Denied { tag: vector.u64("tag"), reason, server_version: u16_of(vector.get("server_version")) };
    check_cleartext(vector.get("datagram"), &value.encode(), Cleartext::Denied(value));
}

/// The datagram is what the value encodes to, decodes to the value, and does not survive damage.
fn check_cleartext(datagram: &[u8], encoded: &[u8], value: Cleartext) {
    assert_eq!(datagram, encoded);
    assert_eq!(decode_cleartext(datagram), Ok(value));
    for bit in 0..datagram.len() * 8 {
        let mut damaged = datagram.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(decode_cleartext(&damaged), Err(Malformed::Checksum), "bit {bit}");
    }
}

fn handshake(vector: &Vector, with_pre_shared_key: bool) {
    let server_static = vector.secret("server_static_secret", "server_static_public");
    let client_ephemeral = vector.secret("client_ephemeral_secret", "client_ephemeral_public");
    let server_ephemeral = vector.secret("server_ephemeral_secret", "server_ephemeral_public");
    let pre_shared = with_pre_shared_key.then(|| PreSharedKey::from_bytes(vector.array("pre_shared_key")));
    let suites = vector.byte("suites");
    let options = Options { pre_shared_key: with_pre_shared_key };
    assert_eq!(vector.byte("options"), options.bits());
    let prologue = prologue(suites, options);
    assert_eq!(vector.get("prologue"), prologue);

    let server_public = server_static.public();
    let (initiator, noise) =
        Initiator::begin(&server_public, client_ephemeral, &prologue, pre_shared.clone()).expect("the key is sound");
    assert_eq!(vector.get("noise_1"), noise);
    let tag = Connect::tag_of(&vector.array("client_ephemeral_public"));
    for (name, cookie) in [("connect_first", [0; COOKIE_BYTES]), ("connect", vector.array("cookie"))] {
        let connect = Connect { tag, suites, options, cookie, noise };
        check_cleartext(vector.get(name), &connect.encode(), Cleartext::Connect(connect));
    }

    let parameters = SessionParameters {
        connection: vector.connection("connection"),
        suite: vector.byte("suite"),
        datagram_bytes_max: u16_of(vector.get("datagram_bytes_max")),
        heartbeat: vector.milliseconds("heartbeat_ms"),
        timeout: vector.milliseconds("timeout_ms"),
    };
    let agreed = Suites::only(&[Suite::ChaCha20Poly1305, Suite::Aes128Gcm]).agree(Suites::from_bits(suites));
    assert_eq!(agreed, Suite::from_bit(parameters.suite));
    let payload = parameters.encode();
    assert_eq!(vector.get("parameters"), payload);
    assert_eq!(SessionParameters::decode(&payload), Ok(parameters));

    let responder =
        Responder::read(&server_static, &server_public, &prologue, pre_shared, &noise).expect("message 1 opens");
    let mut noise_2 = [0; Accepted::NOISE_BYTES];
    let server_secrets = responder.write(&server_ephemeral, &payload, &mut noise_2).expect("the key is sound");
    assert_eq!(vector.get("noise_2"), noise_2);
    let accepted = Accepted { tag, connection: parameters.connection, noise: noise_2 };
    check_cleartext(vector.get("accepted"), &accepted.encode(), Cleartext::Accepted(accepted));
    let (client_secrets, opened) = initiator.finish(&noise_2).expect("message 2 opens");
    assert_eq!(opened, payload);

    let split = (&vector.array("split_client"), &vector.array("split_server"));
    assert_eq!(client_secrets.split(), split);
    assert_eq!(server_secrets.split(), split);
    handshake_elsewhere(vector, with_pre_shared_key);
    sessions_meet(vector, &client_secrets, &server_secrets);
}

/// The same handshake by another implementation of Noise.
fn handshake_elsewhere(vector: &Vector, with_pre_shared_key: bool) {
    let name = match with_pre_shared_key {
        false => "Noise_NK_25519_ChaChaPoly_SHA256",
        true => "Noise_NKpsk2_25519_ChaChaPoly_SHA256",
    };
    let pre_shared = with_pre_shared_key.then(|| vector.array::<32>("pre_shared_key"));
    let builder = |ephemeral| {
        let builder = snow::Builder::new(name.parse().expect("a Noise name"))
            .prologue(vector.get("prologue"))
            .expect("the first prologue")
            .fixed_ephemeral_key_for_testing_only(vector.get(ephemeral));
        match &pre_shared {
            None => builder,
            Some(key) => builder.psk(2, key).expect("the first psk"),
        }
    };
    let client = builder("client_ephemeral_secret").remote_public_key(vector.get("server_static_public"));
    let server = builder("server_ephemeral_secret").local_private_key(vector.get("server_static_secret"));
    let mut client = client.and_then(snow::Builder::build_initiator).expect("a client");
    let mut server = server.and_then(snow::Builder::build_responder).expect("a server");
    let (mut message, mut payload) = ([0; 128], [0; 128]);

    let len = client.write_message(&[], &mut message).expect("message 1 is written");
    assert_eq!(message[..len], *vector.get("noise_1"));
    assert_eq!((len, server.read_message(&message[..len], &mut payload)), (MESSAGE_1_BYTES, Ok(0)));
    let len = server.write_message(vector.get("parameters"), &mut message).expect("message 2 is written");
    assert_eq!(message[..len], *vector.get("noise_2"));
    let len = client.read_message(&message[..len], &mut payload).expect("message 2 is read");
    assert_eq!(payload[..len], *vector.get("parameters"));

    // Its split keys show in the first message of each direction.
    for (name, state) in [("split_client", client), ("split_server", server)] {
        let len = state.into_transport_mode().expect("it is over").write_message(&[], &mut message).expect("it seals");
        let mut sealed = [0; TAG_BYTES];
        AeadKey::new(Suite::ChaCha20Poly1305, &vector.array(name)).seal([0; 12], &[], &mut sealed);
        assert_eq!(message[..len], sealed);
    }
}

/// A datagram sealed with the traffic key as the document derives it opens in a session of the handshake's secrets.
fn sessions_meet(vector: &Vector, client: &Secrets, server: &Secrets) {
    let suite = Suite::from_bit(vector.byte("suite")).expect("a suite");
    if !built(suite) {
        return;
    }
    let id = vector.connection("connection");
    let (client_to_server, server_to_client) = client.traffic_keys(suite);
    let mut at_client = session(id, suite, server_to_client, client_to_server);
    let (client_to_server, server_to_client) = server.traffic_keys(suite);
    let mut at_server = session(id, suite, client_to_server, server_to_client);
    for (split, session) in [("split_client", &mut at_server), ("split_server", &mut at_client)] {
        let key = traffic_key(suite, vector.get(split));
        let header = Header { connection: id, channel: 0, flags: flags_of(suite), sequence: 9 };
        let mut datagram = [&header.encode()[..], &[0; 34]].concat();
        let (head, body) = datagram.split_at_mut(HEADER_BYTES);
        AeadKey::new(suite, &padded(&key)).seal(nonce(&header), head, body);
        assert_eq!(session.open(Instant::ZERO, &header, &mut datagram), Ok(&[0; 18][..]));
    }
}

fn traffic(vector: &Vector, suite: Suite) {
    assert_eq!(vector.get("label"), label(suite));
    for (split, key) in [("split_client", "key_client"), ("split_server", "key_server")] {
        assert_eq!(vector.get(key), traffic_key(suite, vector.get(split)), "{key}");
        assert_eq!(vector.get(key).len(), suite.key_bytes());
    }
}

fn data(vector: &Vector, suite: Suite) {
    let header = Header {
        connection: vector.connection("connection"),
        channel: 0,
        flags: flags_of(suite),
        sequence: vector.u64("sequence"),
    };
    assert_eq!(vector.get("header"), header.encode());
    assert_eq!(vector.get("nonce"), nonce(&header));

    let (frames, plaintext, datagram) = (vector.get("frames"), vector.get("plaintext"), vector.get("datagram"));
    let messages: Vec<_> = Frames::new(plaintext)
        .filter_map(|frame| if let Frame::Message(message) = frame { Some(message) } else { None })
        .collect();
    assert_eq!(messages, [vector.get("message_1"), vector.get("message_2")]);
    assert_eq!(datagram.len(), sealed_len(frames.len()));
    assert_eq!(plaintext[..frames.len()], *frames);
    assert!(plaintext.len() > frames.len() && plaintext[frames.len()..].iter().all(|&byte| byte == 0));

    let key = vector.get("key");
    assert_eq!(datagram[..HEADER_BYTES], header.encode());
    assert_eq!(datagram[HEADER_BYTES..], seal_elsewhere(suite, key, &header, plaintext));
    if !built(suite) {
        return;
    }
    let aead = |key: &[u8]| AeadKey::new(suite, &padded(key));
    let other = vec![0; key.len()];
    let mut receiver = session(header.connection, suite, aead(key), aead(&other));
    assert_eq!(receiver.open(Instant::ZERO, &header, &mut datagram.to_vec()), Ok(plaintext));
    assert_eq!(receiver.open(Instant::ZERO, &header, &mut datagram.to_vec()), Err(Refused::Replayed));
    let mut sender = session(header.connection, suite, aead(&other), aead(key));
    let mut sealed = vec![0xEE; datagram.len()];
    for _ in 0..header.sequence {
        sender.seal(frames, &mut sealed).expect("the key is young");
    }
    assert_eq!(sealed, datagram);
}

fn frames(vector: &Vector) {
    use DisconnectReason::*;
    type Write = fn(&mut FrameWriter<'_>, &Vector) -> bool;
    let (value, text) = (vector.u64("value"), vector.get("text"));
    let cases: [(&str, Frame<'_>, Write); 8] = [
        ("ping", Frame::Ping(value), |writer, vector| writer.ping(vector.u64("value"))),
        ("pong", Frame::Pong(value), |writer, vector| writer.pong(vector.u64("value"))),
        ("disconnect_closed", Frame::Disconnect(Closed), |writer, _| writer.disconnect(Closed)),
        ("disconnect_shutting_down", Frame::Disconnect(ShuttingDown), |writer, _| writer.disconnect(ShuttingDown)),
        ("disconnect_timed_out", Frame::Disconnect(TimedOut), |writer, _| writer.disconnect(TimedOut)),
        ("disconnect_key_exhausted", Frame::Disconnect(KeyExhausted), |writer, _| writer.disconnect(KeyExhausted)),
        ("message", Frame::Message(text), |writer, vector| writer.message(vector.get("text"))),
        ("message_empty", Frame::Message(&[]), |writer, _| writer.message(&[])),
    ];
    for (name, frame, write) in cases {
        let mut buffer = [0; 64];
        let mut writer = FrameWriter::new(&mut buffer, 0);
        assert!(write(&mut writer, vector), "{name}");
        let used = writer.used();
        assert_eq!(buffer[..used], *vector.get(name), "{name}");
        assert_eq!(Frames::new(vector.get(name)).collect::<Vec<_>>(), [frame], "{name}");
        assert_eq!(Frames::new(&buffer).collect::<Vec<_>>(), [frame], "{name}, padded");
    }
}

fn frames_bad(vector: &Vector) {
    let frames: Vec<_> = Frames::new(vector.get("plaintext")).collect();
    let bad = frames.iter().filter(|&&frame| frame == Frame::Bad).count();
    assert_eq!(bad, usize::from(vector.byte("bad")));
    let mut expected = vec![Frame::Message(vector.get("message_1"))];
    expected.extend(vector.values.get("message_2").map(|_| Frame::Message(vector.get("message_2"))));
    let good: Vec<_> = frames.into_iter().filter(|&frame| frame != Frame::Bad).collect();
    assert_eq!(good, expected);
}

/// Without feature `ring` the engine has no AES-128-GCM; the vectors then show it by the other implementation alone.
fn built(suite: Suite) -> bool {
    cfg!(feature = "ring") || suite == Suite::ChaCha20Poly1305
}

fn session(id: ConnectionId, suite: Suite, open_key: AeadKey, seal_key: AeadKey) -> Session {
    let heartbeat = HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT };
    Session::new(id, suite, open_key, seal_key, heartbeat, Instant::ZERO)
}

fn flags_of(suite: Suite) -> Flags {
    match suite {
        Suite::ChaCha20Poly1305 => 0x03,
        Suite::Aes128Gcm => 0x01,
    }
}

fn nonce(header: &Header) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&header.connection.bits().to_le_bytes());
    nonce[4..].copy_from_slice(&header.sequence.to_le_bytes());
    nonce
}

fn label(suite: Suite) -> Vec<u8> {
    format!("ringshard 1 traffic {}", suite.name()).into_bytes()
}

fn traffic_key(suite: Suite, split: &[u8]) -> Vec<u8> {
    let mut key = vec![0; suite.key_bytes()];
    hkdf_sha256(&[], split, &label(suite), &mut key);
    key
}

fn padded(key: &[u8]) -> [u8; 32] {
    let mut secret = [0; 32];
    secret[..key.len()].copy_from_slice(key);
    secret
}

/// Ciphertext and tag, by another implementation than the engine's default.
fn seal_elsewhere(suite: Suite, key: &[u8], header: &Header, plaintext: &[u8]) -> Vec<u8> {
    fn seal<C: AeadInOut + KeyInit>(key: &[u8], header: &Header, plaintext: &[u8]) -> Vec<u8> {
        let nonce = nonce(header);
        let nonce = nonce[..].try_into().expect("both nonces have 12 bytes");
        let mut buffer = plaintext.to_vec();
        let tag = C::new_from_slice(key)
            .expect("a key of the suite's length")
            .encrypt_inout_detached(nonce, &header.encode(), (&mut buffer[..]).into())
            .expect("a short plaintext");
        buffer.extend_from_slice(&tag);
        buffer
    }
    match suite {
        Suite::ChaCha20Poly1305 => seal::<chacha20poly1305::ChaCha20Poly1305>(key, header, plaintext),
        Suite::Aes128Gcm => seal::<aes_gcm::Aes128Gcm>(key, header, plaintext),
    }
}

/// A vector block: values by key, and which of them were asked for.
struct Vector {
    name: &'static str,
    values: BTreeMap<&'static str, Vec<u8>>,
    read: RefCell<BTreeSet<&'static str>>,
}

impl Vector {
    fn get(&self, key: &str) -> &[u8] {
        let Some((&key, value)) = self.values.get_key_value(key) else { panic!("{}: no key {key}", self.name) };
        self.read.borrow_mut().insert(key);
        value
    }

    fn array<const N: usize>(&self, key: &str) -> [u8; N] {
        self.get(key).try_into().unwrap_or_else(|_| panic!("{}: {key} has not {N} bytes", self.name))
    }

    fn byte(&self, key: &str) -> u8 {
        let [byte] = self.array(key);
        byte
    }

    fn u64(&self, key: &str) -> u64 {
        u64::from_le_bytes(self.array(key))
    }

    fn milliseconds(&self, key: &str) -> Duration {
        Duration::from_millis(u32::from_le_bytes(self.array(key)).into())
    }

    fn connection(&self, key: &str) -> ConnectionId {
        ConnectionId::from_bits(u32::from_le_bytes(self.array(key)))
    }

    /// A secret key, whose public half must be as the vector says.
    fn secret(&self, secret: &str, public: &str) -> SecretKey {
        let key = SecretKey::from_bytes(self.array(secret));
        assert_eq!(key.public(), PublicKey::from_bytes(self.array(public)), "{}: {public}", self.name);
        key
    }
}

fn u16_of(bytes: &[u8]) -> u16 {
    u16::from_le_bytes(bytes.try_into().expect("two bytes"))
}

fn vectors() -> BTreeMap<&'static str, Vector> {
    let mut vectors = BTreeMap::new();
    for (info, text) in fenced_blocks() {
        let Some(name) = info.strip_prefix("vector ") else {
            assert!(!info.starts_with("vector"), "a vector without a name");
            continue;
        };
        let mut values = BTreeMap::new();
        for line in text.lines() {
            let (key, digits) = line.split_once(" = ").unwrap_or_else(|| panic!("{name}: no `key = hex`: {line}"));
            assert!(values.insert(key, from_hex(digits)).is_none(), "{name}: {key} twice");
        }
        let vector = Vector { name, values, read: RefCell::default() };
        assert!(vectors.insert(name, vector).is_none(), "{name} twice");
    }
    vectors
}

/// Info string and text of each fenced block of the document.
fn fenced_blocks() -> impl Iterator<Item = (&'static str, &'static str)> {
    DOCUMENT.split("\n```").skip(1).step_by(2).map(|block| block.split_once('\n').expect("a block has a first line"))
}

fn from_hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "whole bytes: {digits}");
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap_or_else(|_| panic!("no hexadecimal: {digits}"));
    (0..digits.len()).step_by(2).map(byte).collect()
}
