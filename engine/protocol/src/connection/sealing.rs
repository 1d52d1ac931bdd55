//! From frames to sealed datagrams and back: header, sequence, nonce, padding (PROTOCOL.md#encrypted-datagrams).

use super::state::{Connection, next_skip};
use crate::crypto::Csprng;
use crate::limits::*;
use crate::stats::Drops;
use crate::time::Instant;
use crate::wire::{ConnectionId, Header, flags};

/// Highest sequence (PROTOCOL.md#sequence). At ten million datagrams per second it lasts for ten thousand years.
const SEQUENCE_MAX: u64 = 1 << 62;

/// Why a datagram changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The connection's state does not allow its flags or channel.
    WrongFlags,
    /// Received before, too old to tell, or beyond the highest sequence.
    Replayed,
    /// It does not open under the key.
    NotAuthentic,
    /// It holds messages that would have to be kept, and memory is short. It counts as lost
    /// (PROTOCOL.md#memory-pressure).
    NoMemory,
    /// Its sender exceeds its budget. It counts as lost (PROTOCOL.md#budgets).
    OverBudget,
}

impl Drops {
    /// The counter of datagrams that a connection refused for this reason.
    pub(crate) fn counter_of(&mut self, refused: Refused) -> &mut u64 {
        match refused {
            Refused::WrongFlags => &mut self.wrong_flags,
            Refused::Replayed => &mut self.replayed,
            Refused::NotAuthentic => &mut self.not_authentic,
            Refused::NoMemory => &mut self.no_memory,
            Refused::OverBudget => &mut self.over_budget,
        }
    }
}

/// The key has sealed as many packets as its suite allows: the connection must end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyExhausted;

impl Connection {
    /// Opens a datagram in place. Returns its frames with their padding, for [`Connection::ingest`]. The connection
    /// does not change, except that new keys come into use with the first datagram under them.
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
        let linger = || 3 * transport.map_or(RETRANSMISSION_TIMEOUT_FIRST, |it| it.recovery.rtt.probe_timeout());
        let nonce = nonce(header.connection, header.sequence);
        self.rekeying
            .open(now, header.flags & flags::REKEY, nonce, associated, sealed, linger)
            .map_err(|_| Refused::NotAuthentic)
    }

    /// The sequence of a datagram that is about to be composed. Occasionally skips one (PROTOCOL.md#sequence).
    #[inline]
    pub fn begin_datagram(&mut self, random: &mut Csprng) -> u64 {
        if self.next_sequence == self.skip_at {
            self.skip_sequence(random);
        }
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        sequence
    }

    /// Without a transport nothing is ack-eliciting, and a gap would look like loss.
    #[cold]
    fn skip_sequence(&mut self, random: &mut Csprng) {
        self.skip_at = next_skip(self.next_sequence, random);
        assert!(self.skip_at > self.next_sequence, "the next skip is ahead");
        if let Some(transport) = &mut self.transport {
            transport.recovery.skipped(self.next_sequence);
            self.next_sequence += 1;
        }
    }

    /// Seals `frames` into `datagram` under the sequence from [`Self::begin_datagram`], padded to its length: that of
    /// [`sealed_len`](super::sealed_len), or a larger one of the sizes of a datagram.
    ///
    /// # Errors
    /// [`KeyExhausted`]; nothing is sealed.
    ///
    /// # Panics
    /// If `datagram` is too short for the frames, or the sequence was not given.
    #[inline]
    pub fn seal(&mut self, sequence: u64, frames: &[u8], datagram: &mut [u8]) -> Result<(), KeyExhausted> {
        assert!(datagram.len() >= HEADER_BYTES + frames.len() + TAG_BYTES, "the caller reserves the padded size");
        assert!(sequence < self.next_sequence, "a sequence is given before it is used");
        if !self.rekeying.keys().can_seal() || sequence > SEQUENCE_MAX {
            return Err(KeyExhausted);
        }
        let flags = self.flags | self.rekeying.keys().seal_phase();
        let header = Header { connection: self.id, channel: 0, flags, sequence }.encode();
        let (head, body) = datagram.split_at_mut(HEADER_BYTES);
        head.copy_from_slice(&header);
        body[..frames.len()].copy_from_slice(frames);
        let padding_end = body.len() - TAG_BYTES;
        body[frames.len()..padding_end].fill(0);
        self.rekeying.seal(nonce(self.id, sequence), &header, body);
        self.stats.datagrams_out += 1;
        self.stats.bytes_out += datagram.len() as u64;
        Ok(())
    }
}

/// Connection id and sequence, little endian. Unique per key, because each direction has its own key and sequences.
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
    use crate::connection::{ConnectionConfig, HeartbeatConfig, Resources, Role, TransportConfig, sealed_len};
    use crate::crypto::noise::Secrets;
    use crate::crypto::{Suite, Suites};
    use rand_chacha::rand_core::SeedableRng;

    fn pair(suite: Suite) -> (Connection, Connection) {
        let connection = |role| {
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
        (connection(Role::Client), connection(Role::Server))
    }

    fn sealed(connection: &mut Connection, frames: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0xEE; sealed_len(frames.len())];
        let sequence = connection.begin_datagram(&mut Csprng::seed_from_u64(2));
        connection.seal(sequence, frames, &mut datagram).unwrap();
        datagram
    }

    fn open(connection: &mut Connection, datagram: &[u8]) -> Result<Vec<u8>, Refused> {
        let mut resources = Resources::new(0, Csprng::seed_from_u64(3));
        let mut copy = datagram.to_vec();
        let header = Header::decode(&copy).unwrap();
        let plaintext = connection.open(Instant::ZERO, &header, &mut copy)?;
        let before = plaintext.to_vec();
        connection.ingest(Instant::ZERO, &header, datagram.len(), plaintext, &mut resources)?;
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
                    // The connection is found by the id, which the header authenticates.
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
    fn sequences_are_skipped_only_with_a_transport() {
        let mut random = Csprng::seed_from_u64(4);
        let mut gaps = |connection: &mut Connection| {
            let sequences: Vec<u64> = (0..20_000).map(|_| connection.begin_datagram(&mut random)).collect();
            assert!(sequences.is_sorted());
            sequences.windows(2).filter(|pair| pair[1] != pair[0] + 1).count()
        };
        let (mut connection, mut other) = pair(Suite::ChaCha20Poly1305);
        assert_eq!(gaps(&mut connection), 0);
        other.rekey(Instant::ZERO, &mut Resources::new(0, Csprng::seed_from_u64(5)));
        assert!((5..20).contains(&gaps(&mut other)));
    }
}
