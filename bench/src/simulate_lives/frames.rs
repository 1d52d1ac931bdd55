//! What a peer with a valid session may send that no correct client would.

use super::game::BEG;
use crate::simulate::dice::Dice;
use ringshard_protocol::limits::{FRAGMENT_GRAIN_BYTES, FRAMES_BYTES_BASE};
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::{Channel, Fragment, FrameWriter};
use ringshard_world::messages::kinds;

/// The frames of one datagram.
pub struct Frames {
    bytes: [u8; FRAMES_BYTES_BASE],
    used: usize,
}

/// Kind of a Disconnect frame, and how a frame's kind stands above its length.
const KIND_DISCONNECT: u8 = 6;
const KIND_SHIFT: u32 = 3;
/// Kind of the first channel's messages.
const KIND_MESSAGE: u8 = 16;

/// Public keys of small order: every secret gives the same with them (RFC 7748, section 6.1).
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

    /// Hangs up, with any reason that one byte can hold.
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

    /// Asks the game for a large answer. Nobody here acknowledges it.
    pub fn beg() -> Self {
        Frames::new(|frames| _ = frames.message(Channel::UNRELIABLE, &[BEG]))
    }

    /// Frames of any kind and length with anything in them. They hang up by accident only, and never say a digest: the
    /// server counts those that differ, and those of honest clients must not.
    pub fn nonsense(dice: &mut Dice) -> Self {
        let mut frames = Frames { bytes: [0; FRAMES_BYTES_BASE], used: 0 };
        for _ in 0..dice.between(1, 8) {
            let (kind, length) = ((dice.next() % 32) as u8, dice.magnitude(1, 60) as usize);
            if kind == KIND_DISCONNECT && dice.chance(900) {
                continue;
            }
            let [head, body] = [frames.used, frames.used + 2];
            frames.bytes[head..body].copy_from_slice(&[length as u8, kind << KIND_SHIFT]);
            for byte in &mut frames.bytes[body..body + length] {
                *byte = dice.next() as u8;
            }
            if kind >= KIND_MESSAGE {
                // The kind of the world's message, behind the number where there is one.
                frames.bytes[body..body + length.min(3)].iter_mut().for_each(|byte| *byte |= 0x80);
                if dice.chance(500) {
                    frames.bytes[body] = kinds::ENTER_TO_WORLD;
                }
            }
            frames.used = body + length;
        }
        // A length that leaves the datagram, at times.
        if frames.used > 0 && dice.chance(100) {
            frames.used -= 1;
        }
        frames.used = frames.used.max(1);
        frames
    }

    /// Asks for new keys with a key that no correct end has.
    pub fn weak_key(dice: &mut Dice) -> Self {
        let key = dice.pick(&WEAK_KEYS);
        match dice.chance(500) {
            true => Frames::new(|frames| _ = frames.rekey_request(&key)),
            false => Frames::new(|frames| _ = frames.rekey_response(&[0; 8], &key)),
        }
    }

    /// Asks for new keys as often as fits a datagram, each time with another key.
    pub fn key_flood(dice: &mut Dice) -> Self {
        Frames::new(|frames| while frames.rekey_request(&dice.seed()) {})
    }

    /// Begins a message on some channel, of any size that is allowed.
    pub fn large_message(dice: &mut Dice) -> Self {
        let channel = Channel::new((dice.next() % 16) as u8).expect("there are sixteen channels");
        let grains = dice.magnitude(2, 512) as usize;
        let piece = [0xA5; 4 * FRAGMENT_GRAIN_BYTES];
        let bytes = &piece[..FRAGMENT_GRAIN_BYTES * dice.between(1, 4).min(grains as u64 - 1) as usize];
        let number = dice.magnitude(1, 30) as u16 - 1;
        let fragment = Fragment {
            channel,
            number,
            offset: 0,
            total: grains * FRAGMENT_GRAIN_BYTES,
            compressed: dice.chance(200),
            bytes,
        };
        Frames::new(|frames| _ = frames.fragment(&fragment))
    }

    /// Acknowledges what may never have been sent.
    pub fn false_ack(dice: &mut Dice) -> Self {
        let largest = dice.magnitude(1, 1 << 40);
        let run = dice.magnitude(1, 400);
        Frames::new(|frames| _ = frames.ack(largest, Duration::ZERO, [run, 1, run].into_iter()))
    }
}
