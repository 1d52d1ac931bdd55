//! The operations of the hot path, each with what it needs, for both kinds of measurement: time and instructions.

use ringshard_engine::crypto::{AeadKey, ReplayWindow, Suite};
use ringshard_engine::limits::{FRAMES_BYTES_MAX, HEARTBEAT_DEFAULT, TIMEOUT_DEFAULT};
use ringshard_engine::session::{HeartbeatConfig, Session, sealed_len};
use ringshard_engine::time::Instant;
use ringshard_engine::wire::{ConnectionId, FrameWriter, Frames, Header};

/// Size of the message that everything is measured with.
pub const MESSAGE_BYTES: usize = 64;

/// Two ends of one connection.
pub fn sessions(suite: Suite) -> (Session, Session) {
    let key = |byte| AeadKey::new(suite, &[byte; 32]);
    let heartbeat = HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT };
    let end =
        |open, seal| Session::new(ConnectionId::new(0, 1, 7), suite, key(open), key(seal), heartbeat, Instant::ZERO);
    (end(1, 2), end(2, 1))
}

/// A message as frames.
pub fn frames() -> Vec<u8> {
    let mut buffer = vec![0; FRAMES_BYTES_MAX];
    let used = encode(&mut buffer);
    buffer.truncate(used);
    buffer
}

/// A sealed datagram, and the end that can open it.
pub fn sealed(suite: Suite) -> (Session, Vec<u8>) {
    let (mut near, far) = sessions(suite);
    (far, seal(&mut near, &frames()))
}

pub fn parse(datagram: &[u8]) -> Option<Header> {
    Header::decode(datagram).ok()
}

pub fn encode(buffer: &mut [u8]) -> usize {
    let mut writer = FrameWriter::new(buffer, 0);
    assert!(writer.message(&[0x5A; MESSAGE_BYTES]));
    writer.used()
}

pub fn walk(plaintext: &[u8]) -> usize {
    Frames::new(plaintext).count()
}

pub fn seal(session: &mut Session, frames: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; sealed_len(frames.len())];
    seal_into(session, frames, &mut datagram);
    datagram
}

pub fn seal_into(session: &mut Session, frames: &[u8], datagram: &mut [u8]) {
    session.seal(frames, datagram).expect("the key is fresh");
}

pub fn open(session: &mut Session, datagram: &mut [u8]) -> usize {
    let header = Header::decode(datagram).expect("it was sealed");
    session.open(Instant::ZERO, &header, datagram).expect("it was sealed for this end").len()
}

pub fn replay(window: &mut ReplayWindow, sequence: u64) {
    if window.is_fresh(sequence) {
        window.commit(sequence);
    }
}
