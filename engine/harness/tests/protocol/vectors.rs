//! The vectors of `PROTOCOL.md`, each against the code and, where one exists, against another implementation.

use crate::document::{Vector, Vectors, vectors};
use crate::frames::{ack, ack_bad, compressed, compressed_bad, fragments, frames, frames_bad, messages};
use crate::world_messages as world;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use rand_chacha::rand_core::SeedableRng;
use ringshard_protocol::connection::{
    Connection, ConnectionConfig, HeartbeatConfig, Ingested, Refused, Resources, Role, TransportConfig, prologue,
    sealed_len,
};
use ringshard_protocol::crypto::noise::{Initiator, MESSAGE_1_BYTES, Responder, Secrets};
use ringshard_protocol::crypto::{AeadKey, Csprng, PreSharedKey, PublicKey, Suite, Suites, hkdf_sha256, hmac_sha256};
use ringshard_protocol::gateway::{Forwarded, GatewayKey};
use ringshard_protocol::limits::*;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::*;
use std::collections::BTreeSet;
use std::net::{Ipv6Addr, SocketAddr};

type Check = fn(&Vector);

/// Every vector that the document must have, and its check.
const CHECKS: [(&str, Check); 97] = [
    ("header", header),
    ("forwarded", forwarded),
    ("connect-foreign", connect_foreign),
    ("cookie", cookie),
    ("accepted-envelope", accepted_envelope),
    ("denied-wrong-version", |vector| denied(vector, DeniedReason::WrongVersion)),
    ("denied-server-full", |vector| denied(vector, DeniedReason::ServerFull)),
    ("denied-wrong-key", |vector| denied(vector, DeniedReason::WrongKey)),
    ("denied-no-common-suite", |vector| denied(vector, DeniedReason::NoCommonSuite)),
    ("denied-shutting-down", |vector| denied(vector, DeniedReason::ShuttingDown)),
    ("denied-pre-shared-key-mismatch", |vector| denied(vector, DeniedReason::PreSharedKeyMismatch)),
    ("denied-busy", |vector| denied(vector, DeniedReason::Busy)),
    ("handshake-nk", handshake),
    ("handshake-nkpsk2", handshake),
    ("handshake-resume", handshake),
    ("resume-token", resume_token),
    ("integrity", integrity),
    ("traffic-aes-128-gcm", |vector| traffic(vector, Suite::Aes128Gcm)),
    ("traffic-chacha20-poly1305", |vector| traffic(vector, Suite::ChaCha20Poly1305)),
    ("rekey-first", rekey),
    ("rekey-second", rekey),
    ("data-aes-128-gcm-client", |vector| data(vector, Suite::Aes128Gcm, 0)),
    ("data-aes-128-gcm-server", |vector| data(vector, Suite::Aes128Gcm, 0)),
    ("data-chacha20-poly1305-client", |vector| data(vector, Suite::ChaCha20Poly1305, 0)),
    ("data-chacha20-poly1305-server", |vector| data(vector, Suite::ChaCha20Poly1305, 0)),
    ("data-rekeyed-client", |vector| data(vector, Suite::ChaCha20Poly1305, flags::REKEY)),
    ("data-rekeyed-server", |vector| data(vector, Suite::ChaCha20Poly1305, 0)),
    ("frames", frames),
    ("messages", messages),
    ("frames-bad", frames_bad),
    ("frames-truncated", frames_bad),
    ("frames-end", frames_bad),
    ("frames-odd", frames_bad),
    ("compressed", compressed),
    ("compressed-bad", compressed_bad),
    ("fragments", fragments),
    ("ack-one", ack),
    ("ack-run", ack),
    ("ack-gaps", ack),
    ("ack-second-missing", ack),
    ("ack-long-received", ack),
    ("ack-long-missing", ack),
    ("ack-lengths-of-255-and-256", ack),
    ("ack-whole-window", ack),
    ("ack-bad", ack_bad),
    ("world-schema", world::schema),
    ("world-actions", world::actions),
    ("world-actions-rest", world::actions_rest),
    ("world-actions-bad", world::actions_bad),
    ("world-enter-request", world::enter_request),
    ("world-enter-request-any", world::enter_request),
    ("world-enter-request-bad", world::enter_request_bad),
    ("world-enter-welcome", world::enter_welcome),
    ("world-enter-welcome-uneven", world::enter_welcome),
    ("world-enter-refused", world::enter_refused),
    ("world-enter-wrong-schema", world::enter_wrong_schema),
    ("world-enter-wrong-level", world::enter_wrong_schema),
    ("world-enter-put-out", world::enter_put_out),
    ("world-enter-moved", world::enter_moved),
    ("world-enter-bad", world::enter_bad),
    ("world-input", world::input),
    ("world-input-none", world::input),
    ("world-input-digest", world::input),
    ("world-input-chain", world::input),
    ("world-input-bad", world::input_bad),
    ("world-full", world::full),
    ("world-full-blank", world::full),
    ("world-difference", world::difference),
    ("world-difference-longest", world::difference),
    ("world-difference-around", world::difference),
    ("world-difference-inside", world::difference),
    ("world-difference-nothing", world::difference),
    ("world-gone", world::gone),
    ("world-owner", world::owner),
    ("world-owner-no-body", world::owner),
    ("world-owner-nothing", world::owner),
    ("world-owner-interval", world::owner),
    ("world-snapshots", world::snapshots),
    ("world-snapshot-bad", world::snapshot_bad),
    ("world-snapshot-unusual", world::snapshot_unusual),
    ("world-ask-open", world::ask_open),
    ("world-ask-rename", world::ask_rename),
    ("world-ask-surrender", world::ask_surrender),
    ("world-ask-bad", world::ask_bad),
    ("world-answer-opened", world::answer_opened),
    ("world-answer-locked", world::answer_locked),
    ("world-answer-too-many", world::answer_too_many),
    ("world-answer-malformed", world::answer_malformed),
    ("world-answer-bad", world::answer_bad),
    ("world-event-said", world::event_said),
    ("world-event-shot", world::event_shot),
    ("world-event-missed", world::event_shot),
    ("world-event-bad", world::event_bad),
    ("world-change-server", world::change_server),
    ("world-change-server-bad", world::change_server_bad),
    ("world-introduction", world::introduction),
    ("world-introduction-bad", world::introduction_bad),
];

#[test]
fn every_vector_holds() {
    let vectors = vectors();
    let named: BTreeSet<_> = CHECKS.iter().map(|&(name, _)| name).collect();
    assert_eq!(named, vectors.keys().copied().collect(), "this list and the document must name the same vectors");
    for (name, check) in CHECKS {
        println!("{name}");
        check(&vectors[name]);
        vectors[name].assert_all_read();
    }
}

/// The vectors of each section use the results of the section before.
#[test]
fn the_vectors_build_on_each_other() {
    let vectors = vectors();
    let same = |name: &str, key: &str, other: &str, other_key: &str| {
        assert_eq!(vectors[name].get(key), vectors[other].get(other_key), "{name}: {key}, {other}: {other_key}");
    };
    for (handshake, suite) in [("handshake-nk", Suite::Aes128Gcm), ("handshake-nkpsk2", Suite::ChaCha20Poly1305)] {
        assert_eq!(vectors[handshake].get("suite"), [suite as u8]);
        let traffic = format!("traffic-{}", suite.name());
        for side in ["client", "server"] {
            let data = format!("data-{}-{side}", suite.name());
            same(&traffic, &format!("split_{side}"), handshake, &format!("split_{side}"));
            same(&data, "key", &traffic, &format!("key_{side}"));
            same(&data, "connection", handshake, "connection");
        }
    }
    for half in ["client", "server"] {
        let split = format!("split_{half}");
        same("resume-token", &split, "handshake-nk", &split);
        same("integrity", &split, "handshake-nk", &split);
        same("rekey-first", &split, "handshake-nkpsk2", &split);
        same("rekey-second", &split, "rekey-first", &format!("next_{half}"));
        same(&format!("data-rekeyed-{half}"), "connection", "handshake-nkpsk2", "connection");
    }
    same("handshake-resume", "token", "resume-token", "token");
    same("data-rekeyed-client", "key", "rekey-first", "key_client");
    same("data-rekeyed-server", "key", "rekey-second", "key_server");
    connections_open_their_datagrams(&vectors);
}

/// Connections with the secrets of the handshakes open the datagrams that the other end sealed, each once.
fn connections_open_their_datagrams(vectors: &Vectors) {
    for (handshake, suite) in [("handshake-nk", Suite::Aes128Gcm), ("handshake-nkpsk2", Suite::ChaCha20Poly1305)] {
        if !built(suite) {
            continue;
        }
        for (side, receiver) in [("client", Role::Server), ("server", Role::Client)] {
            let mut session = session(receiver, suite, &vectors[handshake]);
            let data = &vectors[&*format!("data-{}-{side}", suite.name())];
            let header = Header::decode(data.get("datagram")).expect("a datagram has a header");
            let open = |session: &mut Connection, header: &Header| {
                let mut datagram = data.get("datagram").to_vec();
                let (bytes, mut resources) = (datagram.len(), resources());
                let plaintext = session.open(Instant::ZERO, header, &mut datagram)?;
                let before = plaintext.to_vec();
                session.ingest(Instant::ZERO, header, bytes, plaintext, &mut resources)?;
                Ok(before)
            };
            assert_eq!(open(&mut session, &header).as_deref(), Ok(data.get("plaintext")));
            assert_eq!(open(&mut session, &header), Err(Refused::Replayed));
            let other_phase = Header { flags: header.flags | flags::REKEY, sequence: header.sequence + 1, ..header };
            assert_eq!(open(&mut session, &other_phase), Err(Refused::NotAuthentic));
        }
    }
}

fn header(vector: &Vector) {
    let value = Header {
        connection: ConnectionId::new(vector.byte("core"), vector.byte("generation"), vector.u16("slot")),
        channel: vector.byte("channel"),
        flags: vector.byte("flags"),
        sequence: vector.u64("sequence"),
    };
    assert_eq!(value.encode(), vector.get("header"));
    assert_eq!(Header::decode(vector.get("header")), Ok(value));
}

fn forwarded(vector: &Vector) {
    let key = GatewayKey::from_bytes(vector.array("key"));
    let ip = Ipv6Addr::from(vector.array::<16>("address")).to_canonical();
    let address = SocketAddr::new(ip, vector.u16("port"));
    let mut datagram = Vec::new();
    assert!(Forwarded::encode(&key, address, vector.get("inside"), &mut datagram));
    assert_eq!(datagram, vector.get("datagram"));
    let read = Forwarded::decode(&mut datagram).unwrap();
    assert_eq!((read.address, read.gateway), (address, key.name()));
    assert_eq!(read.open(&key).unwrap(), vector.get("inside"));
}

fn connect_foreign(vector: &Vector) {
    let foreign = UnencryptedPacket::ForeignConnect { tag: vector.u64("tag"), version: vector.u16("version") };
    assert_eq!(decode_unencrypted(vector.get("datagram")), Ok(foreign));
}

fn cookie(vector: &Vector) {
    let value = Cookie { tag: vector.u64("tag"), cookie: vector.array("cookie") };
    check_packet(vector.get("datagram"), &value.encode(), UnencryptedPacket::Cookie(value));
}

fn accepted_envelope(vector: &Vector) {
    let value =
        Accepted { tag: vector.u64("tag"), connection: vector.connection("connection"), noise: vector.array("noise") };
    check_packet(vector.get("datagram"), &value.encode(), UnencryptedPacket::Accepted(value));
}

fn denied(vector: &Vector, reason: DeniedReason) {
    assert_eq!(vector.byte("reason"), reason as u8);
    let (server_version, wait_ms) = (vector.u16("server_version"), vector.u16("wait_ms"));
    let value = Denied { tag: vector.u64("tag"), reason, server_version, wait_ms };
    check_packet(vector.get("datagram"), &value.encode(), UnencryptedPacket::Denied(value));
}

/// The value encodes to the datagram, the datagram decodes to the value, and a damaged one is refused.
fn check_packet(datagram: &[u8], encoded: &[u8], value: UnencryptedPacket) {
    assert_eq!(datagram, encoded);
    assert_eq!(decode_unencrypted(datagram), Ok(value));
    for bit in 0..datagram.len() * 8 {
        let mut damaged = datagram.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(decode_unencrypted(&damaged), Err(Malformed::Checksum), "bit {bit}");
    }
}

fn handshake(vector: &Vector) {
    let server_static = vector.secret("server_static_secret", "server_static_public");
    let client_ephemeral = vector.secret("client_ephemeral_secret", "client_ephemeral_public");
    let server_ephemeral = vector.secret("server_ephemeral_secret", "server_ephemeral_public");
    let pre_shared = vector.has("pre_shared_key").then(|| PreSharedKey::from_bytes(vector.array("pre_shared_key")));
    let (suites, token) = (vector.byte("suites"), vector.array("token"));
    let options = Options { pre_shared_key: pre_shared.is_some() };
    assert_eq!(vector.byte("options"), options.bits());
    let prologue = prologue(suites, options);
    assert_eq!(vector.get("prologue"), prologue);

    let server_public = server_static.public();
    let (initiator, noise) =
        Initiator::begin(&server_public, client_ephemeral, &prologue, pre_shared.clone(), &token).expect("a sound key");
    assert_eq!(vector.get("noise_1"), noise);
    let tag = Connect::tag_of(&vector.array("client_ephemeral_public"));
    let core = vector.has("core").then(|| vector.byte("core"));
    for (name, cookie) in [("connect_first", [0; COOKIE_BYTES]), ("connect", vector.array("cookie"))] {
        let connect = Connect { core, tag, suites, options, cookie, noise };
        assert_eq!(vector.get(name).len(), CONNECT_BYTES);
        check_packet(vector.get(name), &connect.encode(), UnencryptedPacket::Connect(connect));
    }

    let parameters = ConnectionParameters {
        connection: vector.connection("connection"),
        suite: vector.byte("suite"),
        resumed: vector.get("resumed") == [1],
        datagram_bytes_max: vector.u16("datagram_bytes_max"),
        heartbeat: vector.milliseconds("heartbeat_ms"),
        timeout: vector.milliseconds("timeout_ms"),
    };
    assert_eq!(parameters.resumed, token != [0; RESUME_TOKEN_BYTES]);
    let agreed = Suites::only(&[Suite::ChaCha20Poly1305, Suite::Aes128Gcm]).agree(Suites::from_bits(suites));
    assert_eq!(agreed, Suite::from_bit(parameters.suite));
    let payload = parameters.encode();
    assert_eq!(vector.get("parameters"), payload);
    assert_eq!(ConnectionParameters::decode(&payload), Ok(parameters));

    let (responder, read) =
        Responder::read(&server_static, &server_public, &prologue, pre_shared, &noise).expect("message 1 opens");
    assert_eq!(read, token);
    let mut noise_2 = [0; Accepted::NOISE_BYTES];
    let server_secrets = responder.write(&server_ephemeral, &payload, &mut noise_2).expect("the key is sound");
    assert_eq!(vector.get("noise_2"), noise_2);
    let accepted = Accepted { tag, connection: parameters.connection, noise: noise_2 };
    check_packet(vector.get("accepted"), &accepted.encode(), UnencryptedPacket::Accepted(accepted));
    let (client_secrets, opened) = initiator.finish(&noise_2).expect("message 2 opens");
    assert_eq!(opened, payload);

    let split = (&vector.array("split_client"), &vector.array("split_server"));
    assert_eq!(client_secrets.split(), split);
    assert_eq!(server_secrets.split(), split);
    if parameters.resumed {
        resumed_keys(vector, &client_secrets);
    }
    handshake_elsewhere(vector);
}

/// The keys of a handshake that resumes a session.
fn resumed_keys(vector: &Vector, secrets: &Secrets) {
    let vectors = vectors();
    let former = &vectors["resume-token"];
    assert_eq!(vector.get("resume_secret"), former.get("secret"));
    for half in ["client", "server"] {
        let mut resumed = [0; 32];
        let split = vector.get(&format!("split_{half}"));
        hkdf_sha256(split, vector.get("resume_secret"), b"ringshard 1 resumed", &mut resumed);
        assert_eq!(vector.get(&format!("resumed_{half}")), resumed);
    }
    let key = Secrets::from_split(former.array("split_client"), former.array("split_server")).resume_key();
    let resumed = (&vector.array("resumed_client"), &vector.array("resumed_server"));
    assert_eq!(secrets.resuming(&key).split(), resumed);
}

/// The same handshake with another implementation of Noise.
fn handshake_elsewhere(vector: &Vector) {
    let pre_shared = vector.has("pre_shared_key").then(|| vector.array::<32>("pre_shared_key"));
    let name = match pre_shared {
        None => "Noise_NK_25519_ChaChaPoly_SHA256",
        Some(_) => "Noise_NKpsk2_25519_ChaChaPoly_SHA256",
    };
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

    let len = client.write_message(vector.get("token"), &mut message).expect("message 1 is written");
    assert_eq!(message[..len], *vector.get("noise_1"));
    assert_eq!((len, server.read_message(&message[..len], &mut payload)), (MESSAGE_1_BYTES, Ok(RESUME_TOKEN_BYTES)));
    assert_eq!(payload[..RESUME_TOKEN_BYTES], *vector.get("token"));
    let len = server.write_message(vector.get("parameters"), &mut message).expect("message 2 is written");
    assert_eq!(message[..len], *vector.get("noise_2"));
    let len = client.read_message(&message[..len], &mut payload).expect("message 2 is read");
    assert_eq!(payload[..len], *vector.get("parameters"));

    // The first message of each direction shows the split keys.
    for (name, state) in [("split_client", client), ("split_server", server)] {
        let len = state
            .into_transport_mode()
            .expect("the handshake is complete")
            .write_message(&[], &mut message)
            .expect("it seals");
        let mut sealed = [0; TAG_BYTES];
        AeadKey::new(Suite::ChaCha20Poly1305, &vector.array(name)).seal([0; 12], &[], &mut sealed);
        assert_eq!(message[..len], sealed);
    }
}

fn resume_token(vector: &Vector) {
    assert_eq!(vector.get("label"), b"ringshard 1 resume");
    let mut token = [0; RESUME_TOKEN_BYTES];
    hkdf_sha256(&[], &both_splits(vector), vector.get("label"), &mut token);
    assert_eq!(vector.get("token"), token);
    assert_eq!(vector.get("secret_label"), b"ringshard 1 resume secret");
    let mut secret = [0; 32];
    hkdf_sha256(&[], &both_splits(vector), vector.get("secret_label"), &mut secret);
    assert_eq!(vector.get("secret"), secret);
    for role in [Role::Client, Role::Server] {
        assert_eq!(session(role, Suite::ChaCha20Poly1305, vector).resume_key().token, token);
    }
}

fn integrity(vector: &Vector) {
    assert_eq!(vector.get("label"), b"ringshard 1 integrity");
    let mut transcript = [0; 32];
    hkdf_sha256(&[], &both_splits(vector), vector.get("label"), &mut transcript);
    assert_eq!(vector.get("transcript"), transcript);
    let (key, nonce, index) = (vector.array("key"), vector.array("nonce"), vector.byte("index"));
    assert_eq!(vector.get("answer"), hmac_sha256(&key, &[&transcript, &nonce]));

    let challenge = Frame::Integrity(IntegrityFrame::Challenge { index, nonce });
    assert_eq!(read(vector.get("challenge")), [challenge]);
    let to = vector.get("nonce")[..8].try_into().unwrap();
    assert_eq!(
        read(vector.get("answer_frame")),
        [Frame::Integrity(IntegrityFrame::Answer { to, mac: vector.array("answer") })]
    );
    let mut client = session(Role::Client, Suite::ChaCha20Poly1305, vector);
    client.answer_integrity(Instant::ZERO, &key, &nonce);
    let mut buffer = [0; 64];
    let mut writer = FrameWriter::new(&mut buffer, 0);
    assert_eq!(client.fill(Instant::ZERO, &mut writer, true), 1, "it asks");
    let used = writer.used();
    assert_eq!(buffer[..used], *vector.get("answer_frame"));
}

fn both_splits(vector: &Vector) -> Vec<u8> {
    [vector.get("split_client"), vector.get("split_server")].concat()
}

fn traffic(vector: &Vector, suite: Suite) {
    assert_eq!(vector.get("label"), label(suite));
    for (split, key) in [("split_client", "key_client"), ("split_server", "key_server")] {
        assert_eq!(vector.get(key), traffic_key(suite, vector.get(split)), "{key}");
        assert_eq!(vector.get(key).len(), suite.key_bytes());
    }
}

fn rekey(vector: &Vector) {
    let requester = vector.secret("requester_secret", "requester_public");
    let responder = vector.secret("responder_secret", "responder_public");
    let (request, response) = (vector.array("requester_public"), vector.array("responder_public"));
    assert_eq!(read(vector.get("request")), [Frame::RekeyRequest(&request)]);
    let to = *request.first_chunk().unwrap();
    assert_eq!(read(vector.get("response")), [Frame::RekeyResponse { to, key: &response }]);
    let shared: [u8; 32] = vector.array("shared");
    assert_eq!(requester.diffie_hellman(&PublicKey::from_bytes(response)), Ok(shared));
    assert_eq!(responder.diffie_hellman(&PublicKey::from_bytes(request)), Ok(shared));

    assert_eq!(vector.get("label"), b"ringshard 1 rekey");
    for (split, next) in [("split_client", "next_client"), ("split_server", "next_server")] {
        let mut derived = [0; 32];
        hkdf_sha256(vector.get(split), &shared, vector.get("label"), &mut derived);
        assert_eq!(vector.get(next), derived, "{next}");
    }
    let next = secrets(vector).next(&shared);
    assert_eq!(next.split(), (&vector.array("next_client"), &vector.array("next_server")));
    let suite = Suite::ChaCha20Poly1305;
    for (next, key) in [("next_client", "key_client"), ("next_server", "key_server")] {
        assert_eq!(vector.get(key), traffic_key(suite, vector.get(next)), "{key}");
    }
    let (client, server) = next.traffic_keys(suite);
    for (derived, key) in [(client, "key_client"), (server, "key_server")] {
        let mut sealed = [[7; 40], [7; 40]];
        derived.seal([9; 12], b"header", &mut sealed[0]);
        AeadKey::new(suite, &vector.array(key)).seal([9; 12], b"header", &mut sealed[1]);
        assert_eq!(sealed[0], sealed[1], "{key}");
    }
}

fn data(vector: &Vector, suite: Suite, phase: Flags) {
    let flags = flags_of(suite) | phase;
    let header =
        Header { connection: vector.connection("connection"), channel: 0, flags, sequence: vector.u64("sequence") };
    assert_eq!(vector.get("header"), header.encode());
    assert_eq!(vector.get("nonce"), nonce(&header));

    let (frames, plaintext, datagram) = (vector.get("frames"), vector.get("plaintext"), vector.get("datagram"));
    let messages: Vec<_> = Frames::new(plaintext)
        .filter_map(|frame| match frame {
            Frame::Message(Channel::UNRELIABLE, message) => Some(message),
            Frame::Message(_, body) => Some(&body[NUMBER_BYTES..]),
            Frame::Bad | Frame::BadAck => panic!("no vector of data has bad frames"),
            _ => None,
        })
        .collect();
    let expected = ["message_1", "message_2"].into_iter().filter(|key| vector.has(key)).map(|key| vector.get(key));
    assert_eq!(messages, expected.collect::<Vec<_>>());
    assert_eq!(datagram.len(), sealed_len(frames.len()));
    assert_eq!(plaintext[..frames.len()], *frames);
    assert!(plaintext.len() > frames.len() && plaintext[frames.len()..].iter().all(|&byte| byte == 0));

    let key = vector.get("key");
    let (head, sealed) = datagram.split_at(HEADER_BYTES);
    assert_eq!(head, header.encode());
    assert_eq!(sealed, seal_elsewhere(suite, key, &header, plaintext));
    if built(suite) {
        let key = AeadKey::new(suite, &padded(key));
        assert_eq!(key.open(nonce(&header), head, &mut sealed.to_vec()).as_deref(), Ok(plaintext));
        let mut buffer = [plaintext, &[0; TAG_BYTES]].concat();
        key.seal(nonce(&header), head, &mut buffer);
        assert_eq!(buffer, sealed);
    }
}

pub fn read(plaintext: &[u8]) -> Vec<Frame<'_>> {
    Frames::new(plaintext).collect()
}

pub fn ingest(
    session: &mut Connection,
    sequence: u64,
    plaintext: &[u8],
    resources: &mut Resources,
) -> Result<Ingested, Refused> {
    let header = Header { connection: session.id(), channel: 0, flags: 0x03, sequence };
    session.ingest(Instant::ZERO, &header, plaintext.len() + 30, &mut plaintext.to_vec(), resources)
}

pub fn resources() -> Resources {
    Resources::new(0, Csprng::seed_from_u64(1))
}

fn secrets(vector: &Vector) -> Secrets {
    Secrets::from_split(vector.array("split_client"), vector.array("split_server"))
}

/// An end of a connection with the split keys of the vector.
fn session(role: Role, suite: Suite, vector: &Vector) -> Connection {
    session_of(role, suite, secrets(vector))
}

pub fn any_connection() -> Connection {
    session_of(Role::Server, Suite::ChaCha20Poly1305, Secrets::from_split([1; 32], [2; 32]))
}

fn session_of(role: Role, suite: Suite, secrets: Secrets) -> Connection {
    let config = ConnectionConfig {
        id: ConnectionId::from_bits(u32::from_le_bytes([1, 2, 3, 4])),
        role,
        suite,
        secrets,
        heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
        transport: TransportConfig::default(),
    };
    Connection::new(config, Instant::ZERO, &mut Csprng::seed_from_u64(2))
}

/// Without feature `ring` the engine has no AES-128-GCM, and only the other implementation checks its vectors.
fn built(suite: Suite) -> bool {
    cfg!(feature = "ring") || suite == Suite::ChaCha20Poly1305
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

/// The ciphertext and tag of another implementation than the engine's default.
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
