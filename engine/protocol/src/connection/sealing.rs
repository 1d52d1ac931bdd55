//! From frames to sealed datagrams and back: header, number, nonce, padding.

use super::{Connection, KeyExhausted, Refused, next_skip};
use crate::crypto::Csprng;
use crate::limits::*;
use crate::time::Instant;
use crate::wire::{ConnectionId, Header, Options, flags};

/// Numbers of datagrams stay below this: at ten million a second they last for ten thousand years.
const SEQUENCE_MAX: u64 = 1 << 62;

impl Connection {
    /// Opens a datagram in place and gives its frames, padding included. [`Connection::ingest`] then takes them in; until
    /// then the session is as it was before, but for new keys: where it is the first under them, they hold from here on.
    ///
    /// # Errors
    /// [`Refused`].
    #[inline]
    pub fn open<'a>(&mut self, now: Instant, header: &Header, datagram: &'a mut [u8]) -> Result<&'a mut [u8], Refused> {
        if (header.flags ^ self.flags) & !flags::REKEY != 0 || header.channel != 0 {
            return Err(Refused::WrongFlags);
        }
        if header.sequence > SEQUENCE_MAX || !self.replay.is_fresh(header.sequence) {
            return Err(Refused::Replayed);
        }
        let (associated, sealed) = datagram.split_at_mut(HEADER_BYTES);
        let transport = self.transport.as_deref();
        let linger = || 3 * transport.map_or(RETRANSMISSION_TIMEOUT_FIRST, |it| it.recovery.round_trip.probe_timeout());
        let nonce = nonce(header.connection, header.sequence);
        self.keys
            .open(now, header.flags & flags::REKEY, nonce, associated, sealed, linger)
            .map_err(|_| Refused::NotAuthentic)
    }

    /// The number of a datagram that is about to be composed. Now and then one is left out (R1).
    #[inline]
    pub fn begin_datagram(&mut self, random: &mut Csprng) -> u64 {
        if self.next_sequence == self.skip_at {
            self.skip_number(random);
        }
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        sequence
    }

    #[cold]
    fn skip_number(&mut self, random: &mut Csprng) {
        self.skip_at = next_skip(self.next_sequence, random);
        if let Some(transport) = &mut self.transport {
            transport.recovery.skipped(self.next_sequence);
            self.next_sequence += 1;
        }
    }

    /// Seals `frames` under the number that [`Self::begin_datagram`] gave into `datagram`, which is [`sealed_len`] of
    /// them long.
    ///
    /// # Errors
    /// [`KeyExhausted`]; nothing was sealed.
    #[inline]
    pub fn seal(&mut self, sequence: u64, frames: &[u8], datagram: &mut [u8]) -> Result<(), KeyExhausted> {
        assert!(datagram.len() == sealed_len(frames.len()), "the caller reserves the padded size");
        assert!(sequence < self.next_sequence, "a number is given before it is used");
        if !self.keys.can_seal() || sequence > SEQUENCE_MAX {
            return Err(KeyExhausted);
        }
        let flags = self.flags | self.keys.seal_phase();
        let header = Header { connection: self.id, channel: 0, flags, sequence }.encode();
        let (head, body) = datagram.split_at_mut(HEADER_BYTES);
        head.copy_from_slice(&header);
        body[..frames.len()].copy_from_slice(frames);
        let padding_end = body.len() - TAG_BYTES;
        body[frames.len()..padding_end].fill(0);
        self.keys.seal(nonce(self.id, sequence), &header, body);
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
pub fn nonce(id: ConnectionId, sequence: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&id.bits().to_le_bytes());
    nonce[4..].copy_from_slice(&sequence.to_le_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{ConnectionConfig, HeartbeatConfig, Resources, Role, TransportConfig};
    use crate::crypto::noise::Secrets;
    use crate::crypto::{Suite, Suites};
    use rand_chacha::rand_core::SeedableRng;

    fn pair(suite: Suite) -> (Connection, Connection) {
        let session = |role| {
            let config = ConnectionConfig {
                id: ConnectionId::new(1, 2, 3),
                role,
                suite,
                secrets: Secrets::from_split([1; 32], [2; 32]),
                heartbeat: HeartbeatConfig { interval: HEARTBEAT_DEFAULT, timeout: TIMEOUT_DEFAULT },
                transport: TransportConfig::default(),
            };
            Connection::new(config, Instant::ZERO, &mut Csprng::seed_from_u64(1))
        };
        (session(Role::Client), session(Role::Server))
    }

    fn sealed(session: &mut Connection, frames: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0xEE; sealed_len(frames.len())];
        let sequence = session.begin_datagram(&mut Csprng::seed_from_u64(2));
        session.seal(sequence, frames, &mut datagram).unwrap();
        datagram
    }

    fn open(session: &mut Connection, datagram: &[u8]) -> Result<Vec<u8>, Refused> {
        let mut resources = Resources::new(0, Csprng::seed_from_u64(3));
        let mut copy = datagram.to_vec();
        let header = Header::decode(&copy).unwrap();
        let plaintext = session.open(Instant::ZERO, &header, &mut copy)?;
        let before = plaintext.to_vec();
        session.ingest(Instant::ZERO, &header, datagram.len(), plaintext, &mut resources)?;
        Ok(before)
    }

    #[test]
    fn every_single_altered_bit_is_refused_and_changes_nothing() {
        for suite in [Suite::ChaCha20Poly1305, Suite::Aes128Gcm] {
            if Suites::native().bits() & suite as u8 == 0 {
                continue;
            }
            let (mut near, mut far) = pair(suite);
            let datagram = sealed(&mut near, b"\x06\x80frames");
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
            assert!(open(&mut far, &datagram).unwrap().starts_with(b"\x06\x80frames\0"));
            assert_eq!(open(&mut far, &datagram), Err(Refused::Replayed));
        }
    }

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
    fn numbers_are_left_out_only_where_somebody_acknowledges() {
        let mut random = Csprng::seed_from_u64(4);
        let mut gaps = |session: &mut Connection| {
            let numbers: Vec<u64> = (0..20_000).map(|_| session.begin_datagram(&mut random)).collect();
            assert!(numbers.is_sorted());
            numbers.windows(2).filter(|pair| pair[1] != pair[0] + 1).count()
        };
        let (mut session, mut other) = pair(Suite::ChaCha20Poly1305);
        assert_eq!(gaps(&mut session), 0);
        other.rekey(Instant::ZERO, &mut Resources::new(0, Csprng::seed_from_u64(5)));
        assert!((5..20).contains(&gaps(&mut other)));
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
