//! A carrier that does what it likes with the datagrams that it is given.

use rand_chacha::rand_core::{Rng, SeedableRng};
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::limits::{DATAGRAM_BYTES_MAX, HEADER_BYTES};

/// Datagrams that a tamperer remembers, to send them again or to build others from them.
const HISTORY_MAX: usize = 64;
/// Datagrams that pass a held one, at most.
const HELD_FOR_MAX: u32 = 16;
const COPIES_MAX: u32 = 4;
const FLIPS_MAX: u32 = 8;
/// Bytes that a datagram grows by, at most. Some then have more than any datagram may have.
const GROWTH_MAX: u32 = DATAGRAM_BYTES_MAX as u32;
const CHECKSUM_BYTES: usize = 4;
const FLAGS_AT: usize = 5;

/// What a tamperer does with a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tampering {
    /// It drops it.
    Drop,
    /// It inverts up to 8 bits.
    Flip,
    /// It writes random bytes over a part.
    Overwrite,
    /// It writes a random header over the one that is there.
    Rename,
    /// It cuts off the end.
    Cut,
    /// It appends random bytes.
    Extend,
    /// It replaces the end by that of a former datagram.
    Splice,
    /// It passes up to 4 more copies.
    Repeat,
    /// It passes it after up to 16 later datagrams.
    Hold,
    /// It passes a former datagram, too.
    Replay,
    /// It passes a datagram of random bytes, too.
    Invent,
}

impl Tampering {
    /// All of them.
    pub const ALL: [Tampering; 11] = {
        use Tampering::*;
        [Drop, Flip, Overwrite, Rename, Cut, Extend, Splice, Repeat, Hold, Replay, Invent]
    };
}

/// One direction of a hostile carrier, without I/O and without a clock: what it does follows from a seed and from the datagrams.
///
/// It knows no keys. It writes the right checksum into most of the unencrypted packets that it alters.
#[derive(Debug)]
pub struct Tamperer {
    random: Csprng,
    /// How many of 1,000 datagrams it tampers with.
    per_mille: u32,
    /// Datagrams that wait, and how many others pass before each.
    held: Vec<(u32, Vec<u8>)>,
    history: Vec<Vec<u8>>,
    done: [u64; Tampering::ALL.len()],
}

impl Tamperer {
    /// A carrier that tampers with `per_mille` of 1,000 datagrams.
    pub fn new(seed: u64, per_mille: u32) -> Self {
        Tamperer {
            random: Csprng::seed_from_u64(seed),
            per_mille,
            held: Vec::new(),
            history: Vec::new(),
            done: [0; Tampering::ALL.len()],
        }
    }

    /// Takes a datagram. Gives those that arrive now, in order: none, this one, others.
    pub fn pass(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        let mut arriving = Vec::new();
        if self.below(1_000) < self.per_mille {
            let tampering = Tampering::ALL[self.below(Tampering::ALL.len() as u32) as usize];
            self.done[tampering as usize] += 1;
            self.tamper(tampering, datagram.to_vec(), &mut arriving);
        } else {
            arriving.push(datagram.to_vec());
        }
        self.remember(datagram);
        self.release(&mut arriving);
        arriving
    }

    /// Tampers no more from now on. Gives the datagrams that it still held.
    pub fn reform(&mut self) -> Vec<Vec<u8>> {
        self.per_mille = 0;
        self.held.drain(..).map(|(_, datagram)| datagram).collect()
    }

    /// How often it did what.
    pub fn done(&self) -> impl Iterator<Item = (Tampering, u64)> {
        Tampering::ALL.into_iter().zip(self.done)
    }

    fn tamper(&mut self, tampering: Tampering, mut datagram: Vec<u8>, arriving: &mut Vec<Vec<u8>>) {
        match tampering {
            Tampering::Drop => return,
            Tampering::Hold => {
                let passing = 1 + self.below(HELD_FOR_MAX);
                self.held.push((passing, datagram));
                return;
            }
            Tampering::Repeat => (0..self.below(COPIES_MAX)).for_each(|_| arriving.push(datagram.clone())),
            Tampering::Replay => arriving.extend(self.former()),
            Tampering::Invent => {
                let len = self.below(DATAGRAM_BYTES_MAX as u32) as usize;
                arriving.push(self.bytes(len));
            }
            Tampering::Flip | Tampering::Overwrite | Tampering::Rename => self.alter(tampering, &mut datagram),
            Tampering::Cut => datagram.truncate(self.below(datagram.len() as u32) as usize),
            Tampering::Extend => {
                let more = 1 + self.below(GROWTH_MAX) as usize;
                datagram.extend(self.bytes(more));
            }
            Tampering::Splice => {
                let at = self.below(datagram.len() as u32) as usize;
                let former = self.former().unwrap_or_default();
                datagram.truncate(at);
                datagram.extend(former.get(at..).unwrap_or_default());
            }
        }
        self.repair(&mut datagram);
        arriving.push(datagram);
    }

    /// Changes bytes and keeps the length.
    fn alter(&mut self, tampering: Tampering, datagram: &mut [u8]) {
        let len = datagram.len() as u32;
        match tampering {
            Tampering::Flip => {
                for _ in 0..=self.below(FLIPS_MAX) {
                    datagram[self.below(len) as usize] ^= 1 << self.below(8);
                }
            }
            Tampering::Overwrite => {
                let from = self.below(len) as usize;
                let to = from + self.below(len - from as u32) as usize;
                self.random.fill_bytes(&mut datagram[from..=to]);
            }
            _ => {
                let head = datagram.len().min(HEADER_BYTES);
                self.random.fill_bytes(&mut datagram[..head]);
            }
        }
    }

    /// An altered unencrypted packet whose checksum is wrong is not looked at further.
    fn repair(&mut self, datagram: &mut [u8]) {
        let is_plain = datagram.len() > HEADER_BYTES + CHECKSUM_BYTES && datagram[FLAGS_AT] == 0;
        if is_plain && self.below(4) > 0 {
            let (body, checksum) = datagram.split_at_mut(datagram.len() - CHECKSUM_BYTES);
            checksum.copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
        }
    }

    /// Lets held datagrams go whose turn has come.
    fn release(&mut self, arriving: &mut Vec<Vec<u8>>) {
        self.held.iter_mut().for_each(|(passing, _)| *passing -= 1);
        arriving.extend(self.held.extract_if(.., |(passing, _)| *passing == 0).map(|(_, datagram)| datagram));
    }

    fn remember(&mut self, datagram: &[u8]) {
        if self.history.len() < HISTORY_MAX {
            self.history.push(datagram.to_vec());
        } else {
            let place = self.below(HISTORY_MAX as u32) as usize;
            self.history[place] = datagram.to_vec();
        }
    }

    fn former(&mut self) -> Option<Vec<u8>> {
        let place = self.below(self.history.len() as u32) as usize;
        self.history.get(place).cloned()
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.random.fill_bytes(&mut bytes);
        bytes
    }

    /// A number below `bound`; 0 if that is 0.
    fn below(&mut self, bound: u32) -> u32 {
        self.random.next_u32().checked_rem(bound).unwrap_or(0)
    }
}
