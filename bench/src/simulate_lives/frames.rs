//! Frames that a peer with a valid session can send and a correct client never does.

use super::game::LARGE_REQUEST;
use crate::random::Random;
use ringshard_protocol::limits::{FRAGMENT_GRAIN_BYTES, FRAMES_BYTES_BASE};
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::{Channel, Fragment, FrameWriter};
use ringshard_world::messages::kinds;

/// The frames of one datagram.
pub struct Frames {
    bytes: [u8; FRAMES_BYTES_BASE],
    used: usize,
}

/// Kind of a Disconnect frame, and the position of the kind above a frame's length.
const KIND_DISCONNECT: u8 = 6;
const KIND_SHIFT: u32 = 3;
/// Kind of the first channel's messages.
const KIND_MESSAGE: u8 = 16;
/// Public keys of small order: every secret yields the same shared secret (RFC 7748, section 6.1).
const WEAK_KEYS: [[u8; 32]; 2] = {
    let mut one = [0; 32];
    one[0] = 1;
    [[0; 32], one]
};

impl Frames {
    fn new(write: impl FnOnce(&mut FrameWriter<'_>)) -> Self {
        let mut bytes = [0; FRAMES_BYTES_BASE];
        let mut writer = FrameWriter::new(&mut bytes, 0);
        write(&mut writer);
        let used = writer.used();
        Frames { bytes, used }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// Disconnects with any reason byte.
    pub fn disconnect(reason: u8) -> Self {
        let mut frames = Frames { bytes: [0; FRAMES_BYTES_BASE], used: 3 };
        frames.bytes[..3].copy_from_slice(&[1, KIND_DISCONNECT << KIND_SHIFT, reason]);
        frames
    }

    pub fn ping() -> Self {
        Frames::new(|frames| _ = frames.ping(7))
    }

    pub fn enter() -> Self {
        Frames::new(|frames| _ = frames.message(Channel::UNRELIABLE, &[kinds::ENTER_TO_WORLD]))
    }

    /// Asks the game for a large answer, which the client does not acknowledge.
    pub fn request_large_answer() -> Self {
        Frames::new(|frames| _ = frames.message(Channel::UNRELIABLE, &[LARGE_REQUEST]))
    }

    /// Frames of random kind, length and content. They rarely disconnect, and never carry a digest: a false one would
    /// count as a mismatch of a correct client.
    pub fn nonsense(random: &mut Random) -> Self {
        let mut frames = Frames { bytes: [0; FRAMES_BYTES_BASE], used: 0 };
        for _ in 0..random.between(1, 8) {
            let (kind, length) = ((random.next() % 32) as u8, random.magnitude(1, 60) as usize);
            if kind == KIND_DISCONNECT && random.chance(900) {
                continue;
            }
            let [head, body] = [frames.used, frames.used + 2];
            frames.bytes[head..body].copy_from_slice(&[length as u8, kind << KIND_SHIFT]);
            for byte in &mut frames.bytes[body..body + length] {
                *byte = random.next() as u8;
            }
            if kind >= KIND_MESSAGE {
                // The kind of the world's message, behind the message number if there is one.
                frames.bytes[body..body + length.min(3)].iter_mut().for_each(|byte| *byte |= 0x80);
                if random.chance(500) {
                    frames.bytes[body] = kinds::ENTER_TO_WORLD;
                }
            }
            frames.used = body + length;
        }
        // Sometimes a length that exceeds the datagram.
        if frames.used > 0 && random.chance(100) {
            frames.used -= 1;
        }
        frames.used = frames.used.max(1);
        frames
    }

    /// Requests new keys with an invalid public key.
    pub fn weak_key(random: &mut Random) -> Self {
        let key = random.pick(&WEAK_KEYS);
        match random.chance(500) {
            true => Frames::new(|frames| _ = frames.rekey_request(&key)),
            false => Frames::new(|frames| _ = frames.rekey_response(&[0; 8], &key)),
        }
    }

    /// Requests new keys as often as fits into a datagram, each time with another key.
    pub fn key_flood(random: &mut Random) -> Self {
        Frames::new(|frames| while frames.rekey_request(&random.seed()) {})
    }

    /// Begins a message of any allowed size on any channel.
    pub fn large_message(random: &mut Random) -> Self {
        let channel = Channel::new((random.next() % 16) as u8).expect("there are sixteen channels");
        let grains = random.magnitude(2, 512) as usize;
        let piece = [0xA5; 4 * FRAGMENT_GRAIN_BYTES];
        let bytes = &piece[..FRAGMENT_GRAIN_BYTES * random.between(1, 4).min(grains as u64 - 1) as usize];
        let number = random.magnitude(1, 30) as u16 - 1;
        let fragment = Fragment {
            channel,
            number,
            offset: 0,
            total: grains * FRAGMENT_GRAIN_BYTES,
            compressed: random.chance(200),
            bytes,
        };
        Frames::new(|frames| _ = frames.fragment(&fragment))
    }

    /// Acknowledges datagrams that may never have been sent.
    pub fn false_ack(random: &mut Random) -> Self {
        let largest = random.magnitude(1, 1 << 40);
        let run = random.magnitude(1, 400);
        Frames::new(|frames| _ = frames.ack(largest, Duration::ZERO, [run, 1, run].into_iter()))
    }
}
