//! The operations of the hot path, for both benchmarks: time and instructions.

mod server;

pub use server::Server;

use rand_chacha::rand_core::SeedableRng;
use ringshard_protocol::connection::{
    Connection, ConnectionConfig, HeartbeatConfig, Ingested, Resources, Role, TransportConfig, sealed_len,
};
use ringshard_protocol::crypto::noise::Secrets;
use ringshard_protocol::crypto::{Csprng, ReplayWindow, Suite};
use ringshard_protocol::limits::{ACK_POSITIONS_MAX, FRAMES_BYTES_BASE, HEARTBEAT_DEFAULT, TIMEOUT_DEFAULT};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Ack, Channel, ConnectionId, FrameWriter, Frames, Header, ack};

/// Size of the message in all measurements.
pub const MESSAGE_BYTES: usize = 64;
pub const MESSAGE: [u8; MESSAGE_BYTES] = [0x5A; MESSAGE_BYTES];

/// One end of a connection, and its resources.
pub struct End {
    pub connection: Connection,
    pub resources: Resources,
}

/// Two ends of one connection.
pub fn ends(suite: Suite) -> (End, End) {
    let end = |role| {
        let config = ConnectionConfig {
            id: ConnectionId::new(0, 1, 7),
            role,
            suite,
            secrets: Secrets::from_split([1; 32], [2; 32]),
            heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
            transport: TransportConfig::default(),
        };
        let mut resources = Resources::new(0, Csprng::seed_from_u64(3));
        End { connection: Connection::new(config, Instant::ZERO, &mut resources.random), resources }
    };
    (end(Role::Client), end(Role::Server))
}

/// A message as frames.
pub fn frames() -> Vec<u8> {
    let mut buffer = vec![0; FRAMES_BYTES_BASE];
    let used = encode(&mut buffer);
    buffer.truncate(used);
    buffer
}

/// A sealed datagram, and the end that can open it.
pub fn sealed(suite: Suite) -> (End, Vec<u8>) {
    let (mut near, far) = ends(suite);
    (far, seal(&mut near, &frames()))
}

pub fn parse(datagram: &[u8]) -> Option<Header> {
    Header::decode(datagram).ok()
}

pub fn encode(buffer: &mut [u8]) -> usize {
    let mut writer = FrameWriter::new(buffer, 0);
    assert!(writer.message(Channel::UNRELIABLE, &MESSAGE));
    writer.used()
}

pub fn walk(plaintext: &[u8]) -> usize {
    Frames::new(plaintext).count()
}

pub fn seal(end: &mut End, frames: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; sealed_len(frames.len())];
    seal_into(end, frames, &mut datagram);
    datagram
}

/// Numbers a datagram and seals it.
pub fn seal_into(end: &mut End, frames: &[u8], datagram: &mut [u8]) {
    let sequence = end.connection.begin_datagram(&mut end.resources.random);
    end.connection.seal(sequence, frames, datagram).expect("the key is fresh");
}

/// Opens a datagram and handles its frames; gives the number of messages.
pub fn open(end: &mut End, datagram: &mut [u8]) -> u32 {
    let (now, bytes) = (Instant::ZERO, datagram.len());
    let header = Header::decode(datagram).expect("it was sealed");
    let plaintext = end.connection.open(now, &header, datagram).expect("it was sealed for this end");
    match end.connection.ingest(now, &header, bytes, plaintext, &mut end.resources) {
        Ok(Ingested::Messages(messages)) => messages,
        other => panic!("the datagram has no message: {other:?}"),
    }
}

pub fn replay(window: &mut ReplayWindow, sequence: u64) {
    if window.is_fresh(sequence) {
        window.commit(sequence);
    }
}

/// A window in which a few of the last datagrams are missing.
pub fn window() -> ReplayWindow {
    let mut window = ReplayWindow::default();
    (1..=2000).filter(|sequence| sequence % 97 != 0).for_each(|sequence| window.commit(sequence));
    window
}

/// The acknowledgment of that window.
pub fn acknowledgment() -> Vec<u8> {
    let mut body = [0; Ack::BYTES_MAX];
    let used = encode_ack(&window(), &mut body);
    body[..used].to_vec()
}

pub fn encode_ack(window: &ReplayWindow, body: &mut [u8; Ack::BYTES_MAX]) -> usize {
    ack::encode(window.highest(), Duration::from_millis(1), window.runs(ACK_POSITIONS_MAX), body)
}

/// Decodes an acknowledgment and walks over its ranges; gives the number of datagrams that it acknowledges.
pub fn decode_ack(body: &[u8]) -> u64 {
    let ack = Ack::decode(body).expect("it was encoded");
    ack.ranges().map(|range| range.end() - range.start() + 1).sum()
}
