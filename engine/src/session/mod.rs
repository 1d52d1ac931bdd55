//! One connection, the same at both ends: its keys, its numbers, its heartbeat.
//!
//! A session opens and seals; it does not know where datagrams come from or go to.

mod heartbeat;

pub use heartbeat::{Due, Heartbeat, HeartbeatConfig};

use crate::crypto::{AeadKey, ReplayWindow, Suite};
use crate::limits::{
    DATAGRAM_BUCKETS, DATAGRAM_BYTES_MAX, FRAMES_BYTES_MAX, HEADER_BYTES, PROTOCOL_VERSION, TAG_BYTES,
};
use crate::stats::SessionStats;
use crate::time::Instant;
use crate::wire::{ConnectionId, Flags, Header, Options, flags};

/// Why a datagram changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Flags or channel that the session's state does not allow.
    WrongFlags,
    /// Seen before, too old to tell, or numbered beyond what a key may seal.
    Replayed,
    /// Does not open under the key.
    NotAuthentic,
}

/// The session's key has sealed as many packets as it may: the connection must end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyExhausted;

/// Keys, packet numbers and heartbeat of a connection.
#[derive(Debug)]
pub struct Session {
    id: ConnectionId,
    flags: Flags,
    sequence_max: u64,
    next_sequence: u64,
    replay: ReplayWindow,
    open_key: AeadKey,
    seal_key: AeadKey,
    /// When to ping, and when to give up.
    pub heartbeat: Heartbeat,
    /// What it did so far.
    pub stats: SessionStats,
}

impl Session {
    /// A session that opens with `open_key` and seals with `seal_key`, both of `suite`, and takes `now` as a sign of
    /// life.
    pub fn new(
        id: ConnectionId,
        suite: Suite,
        open_key: AeadKey,
        seal_key: AeadKey,
        heartbeat: HeartbeatConfig,
        now: Instant,
    ) -> Self {
        let method = match suite {
            Suite::ChaCha20Poly1305 => flags::CHACHA20_POLY1305,
            Suite::Aes128Gcm => 0,
        };
        Session {
            id,
            flags: flags::ENCRYPTED | method,
            sequence_max: suite.packets_per_key_max(),
            next_sequence: 1,
            replay: ReplayWindow::default(),
            open_key,
            seal_key,
            heartbeat: Heartbeat::new(heartbeat, now),
            stats: SessionStats::default(),
        }
    }

    /// The connection's name.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// The AEAD in use.
    pub fn suite(&self) -> Suite {
        match self.flags & flags::CHACHA20_POLY1305 {
            0 => Suite::Aes128Gcm,
            _ => Suite::ChaCha20Poly1305,
        }
    }

    /// Share of the peer's datagrams that never came, 0 to 1.
    pub fn loss(&self) -> f64 {
        self.stats.loss(self.replay.highest())
    }

    /// Opens a datagram in place and gives its frames, padding included.
    ///
    /// # Errors
    /// [`Refused`]; the session is then as it was before.
    #[inline]
    pub fn open<'a>(&mut self, now: Instant, header: &Header, datagram: &'a mut [u8]) -> Result<&'a [u8], Refused> {
        if header.flags != self.flags || header.channel != 0 {
            return Err(Refused::WrongFlags);
        }
        if header.sequence > self.sequence_max || !self.replay.is_fresh(header.sequence) {
            return Err(Refused::Replayed);
        }
        let bytes = datagram.len() as u64;
        let (associated, sealed) = datagram.split_at_mut(HEADER_BYTES);
        let plaintext = self
            .open_key
            .open(nonce(self.id, header.sequence), associated, sealed)
            .map_err(|_| Refused::NotAuthentic)?;
        self.replay.commit(header.sequence);
        self.heartbeat.heard(now);
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += bytes;
        Ok(plaintext)
    }

    /// Seals `frames` into `datagram`, which is [`sealed_len`] of them long.
    ///
    /// # Errors
    /// [`KeyExhausted`]; nothing was sealed.
    #[inline]
    pub fn seal(&mut self, frames: &[u8], datagram: &mut [u8]) -> Result<(), KeyExhausted> {
        assert!(datagram.len() == sealed_len(frames.len()), "the caller reserves the padded size");
        if self.next_sequence > self.sequence_max {
            return Err(KeyExhausted);
        }
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let header = Header { connection: self.id, channel: 0, flags: self.flags, sequence }.encode();
        let (head, body) = datagram.split_at_mut(HEADER_BYTES);
        head.copy_from_slice(&header);
        body[..frames.len()].copy_from_slice(frames);
        let padding_end = body.len() - TAG_BYTES;
        body[frames.len()..padding_end].fill(0);
        self.seal_key.seal(nonce(self.id, sequence), &header, body);
        self.stats.datagrams_out += 1;
        self.stats.bytes_out += datagram.len() as u64;
        Ok(())
    }
}

/// Size of the datagram that carries so many bytes of frames: header and tag added, rounded up to a bucket.
///
/// # Panics
/// When they are more than [`FRAMES_BYTES_MAX`].
#[inline]
pub fn sealed_len(frames_bytes: usize) -> usize {
    assert!(frames_bytes <= FRAMES_BYTES_MAX, "the frame writer keeps to its buffer");
    usize::from(BUCKET_OF[(HEADER_BYTES + frames_bytes + TAG_BYTES).div_ceil(BUCKET_GRAIN)])
}

/// Every bucket but the last is a multiple of this.
const BUCKET_GRAIN: usize = 16;

/// The bucket for each number of grains.
const BUCKET_OF: [u16; DATAGRAM_BYTES_MAX / BUCKET_GRAIN + 1] = {
    let mut table = [0; DATAGRAM_BYTES_MAX / BUCKET_GRAIN + 1];
    let (mut grains, mut bucket) = (0, 0);
    while grains < table.len() {
        if grains * BUCKET_GRAIN > DATAGRAM_BUCKETS[bucket] as usize {
            bucket += 1;
        }
        table[grains] = DATAGRAM_BUCKETS[bucket];
        grains += 1;
    }
    table
};

const _: () = assert!(DATAGRAM_BYTES_MAX.is_multiple_of(BUCKET_GRAIN));

/// What both ends must agree on for the handshake to succeed: nobody on the way can weaken an offer unnoticed.
pub fn prologue(suites: u8, options: Options) -> [u8; 13] {
    let mut prologue = *b"ringshard\0\0\0\0";
    prologue[9..11].copy_from_slice(&PROTOCOL_VERSION.to_le_bytes());
    prologue[11] = suites;
    prologue[12] = options.bits();
    prologue
}

/// Connection id and sequence, little endian: unique per key, since each direction has its own key and counter (S3).
#[inline]
fn nonce(id: ConnectionId, sequence: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&id.bits().to_le_bytes());
    nonce[4..].copy_from_slice(&sequence.to_le_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{HEARTBEAT_DEFAULT, TIMEOUT_DEFAULT};

    fn pair(suite: Suite) -> (Session, Session) {
        let key = |byte| AeadKey::new(suite, &[byte; 32]);
        let heartbeat = HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT };
        let id = ConnectionId::new(1, 2, 3);
        let now = Instant::ZERO;
        (
            Session::new(id, suite, key(1), key(2), heartbeat, now),
            Session::new(id, suite, key(2), key(1), heartbeat, now),
        )
    }

    fn sealed(session: &mut Session, frames: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0xEE; sealed_len(frames.len())];
        session.seal(frames, &mut datagram).unwrap();
        datagram
    }

    fn open(session: &mut Session, datagram: &[u8]) -> Result<Vec<u8>, Refused> {
        let mut copy = datagram.to_vec();
        let header = Header::decode(&copy).unwrap();
        session.open(Instant::ZERO, &header, &mut copy).map(<[u8]>::to_vec)
    }

    #[test]
    fn every_single_altered_bit_is_refused_and_changes_nothing() {
        for suite in [Suite::ChaCha20Poly1305, Suite::Aes128Gcm] {
            if Suites::native().bits() & suite as u8 == 0 {
                continue;
            }
            let (mut near, mut far) = pair(suite);
            let datagram = sealed(&mut near, b"frames");
            for bit in 0..datagram.len() * 8 {
                let mut altered = datagram.clone();
                altered[bit / 8] ^= 1 << (bit % 8);
                if bit < 32 {
                    // The identifier is how the session was found; it stands in the header that is authenticated.
                    continue;
                }
                assert!(open(&mut far, &altered).is_err(), "bit {bit}");
            }
            assert_eq!(far.stats.datagrams_in, 0);
            assert!(open(&mut far, &datagram).unwrap().starts_with(b"frames\0"));
            assert_eq!(open(&mut far, &datagram), Err(Refused::Replayed));
        }
    }

    use crate::crypto::Suites;

    #[test]
    fn padding_is_zero_whatever_was_there() {
        let (mut near, mut far) = pair(Suite::ChaCha20Poly1305);
        let datagram = sealed(&mut near, &[1; 70]);
        assert_eq!(datagram.len(), 112);
        let plaintext = open(&mut far, &datagram).unwrap();
        assert_eq!(plaintext.len(), 112 - HEADER_BYTES - TAG_BYTES);
        assert!(plaintext[70..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn a_key_seals_no_more_than_it_may() {
        let (mut near, mut far) = pair(Suite::ChaCha20Poly1305);
        near.next_sequence = near.sequence_max;
        let last = sealed(&mut near, b"last");
        assert!(open(&mut far, &last).is_ok());
        assert_eq!(near.seal(b"", &mut vec![0; sealed_len(0)]), Err(KeyExhausted));
    }

    #[test]
    fn each_size_goes_to_the_smallest_bucket_that_holds_it() {
        for frames in 0..=FRAMES_BYTES_MAX {
            let needed = HEADER_BYTES + frames + TAG_BYTES;
            let smallest = DATAGRAM_BUCKETS.into_iter().map(usize::from).find(|&bucket| bucket >= needed);
            assert_eq!(Some(sealed_len(frames)), smallest);
        }
    }
}
