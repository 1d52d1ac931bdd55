//! Letters as bytes.
//!
//! ```text
//!  0        1              9              17            25                          end - 16
//!  version  sender's run   reader's run   number        ChaCha20-Poly1305(letter)   tag
//! ```
//! Numbers are little-endian. The letters of a run have the numbers 1, 2, 3 and so on. The reader's run is 0 if all hosts may
//! read it. The key of a letter comes from the fleet's key and both runs by HKDF-SHA-256, its nonce is the number, and
//! everything before the letter is authenticated with it. A run is drawn anew whenever a server starts, and it counts its
//! letters: so no key and nonce are used twice, and what was once said to an earlier run is nothing to a later one.

use super::{BusKey, Letter};
use crate::model::RunId;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use ringshard_protocol::crypto::ReplayWindow;
use std::collections::HashMap;

const VERSION: u8 = 1;
const HEADER: usize = 1 + 3 * 8;
const TAG: usize = 16;
/// Longest letter, in bytes: NATS takes 1 MiB.
pub(super) const LETTER_BYTES_MAX: usize = 512 * 1024;
/// Senders that are remembered. More than a fleet has hosts: a run that is forgotten could be repeated.
const SENDERS_MAX: usize = 16_384;

/// The readers of a letter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum To {
    /// Every host.
    All,
    /// One run of a host.
    Run(RunId),
}

/// Why bytes are no letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotALetter {
    /// They are too short or too long, or of another version of the program.
    #[error("it is no letter of this version")]
    Form,
    /// It is for another run. Hosts with the key do not send such a letter to this host.
    #[error("it is for another host")]
    Other,
    /// Its writer does not have the fleet's key, or somebody has changed it.
    #[error("it is not sealed with the fleet's key")]
    Forged,
    /// It came before.
    #[error("it is a repetition")]
    Repeated,
}

/// Seals and opens the letters of one host.
#[derive(Debug)]
pub struct Seal {
    prk: Prk,
    own: RunId,
    sent: u64,
    /// Keys of letters that this host writes.
    writing: HashMap<To, LessSafeKey>,
    reading: HashMap<(RunId, To), Reading>,
}

#[derive(Debug)]
struct Reading {
    key: LessSafeKey,
    window: ReplayWindow,
}

impl Seal {
    /// For this run of a host.
    pub fn new(key: &BusKey, own: RunId) -> Self {
        let prk = Salt::new(HKDF_SHA256, b"ringshard bus 1").extract(key.bytes());
        Seal { prk, own, sent: 0, writing: HashMap::new(), reading: HashMap::new() }
    }

    /// The bytes of a letter.
    pub fn seal(&mut self, to: To, letter: &Letter) -> Vec<u8> {
        self.sent += 1;
        let header = header(self.own, to, self.sent);
        let mut bytes = postcard::to_extend(letter, header.to_vec()).expect("a letter is plain data");
        if self.writing.len() >= SENDERS_MAX {
            self.writing.clear();
        }
        let (prk, own) = (&self.prk, self.own);
        let key = self.writing.entry(to).or_insert_with(|| key_of(prk, own, to));
        let mut content = bytes.split_off(HEADER);
        key.seal_in_place_append_tag(nonce(self.sent), Aad::from(header), &mut content).expect("a letter is short");
        bytes.append(&mut content);
        bytes
    }

    /// The run that has written a letter, and the letter. A letter to all may be this host's own. If the bytes are no letter,
    /// nothing has changed.
    ///
    /// # Errors
    /// [`NotALetter`].
    pub fn open(&mut self, bytes: &[u8]) -> Result<(RunId, Letter), NotALetter> {
        let (header, sealed) = bytes.split_first_chunk::<HEADER>().ok_or(NotALetter::Form)?;
        if header[0] != VERSION || !(TAG..=LETTER_BYTES_MAX + TAG).contains(&sealed.len()) {
            return Err(NotALetter::Form);
        }
        let number = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("it has eight bytes"));
        let (from, number, to) = (RunId(number(1)), number(17), number(9));
        // Hosts count from 1, and the window that tells repetitions has no place for 0.
        if number == 0 {
            return Err(NotALetter::Form);
        }
        let to = match to {
            0 => To::All,
            run if run == self.own.0 => To::Run(self.own),
            _ => return Err(NotALetter::Other),
        };
        let known = self.reading.get(&(from, to));
        if known.is_some_and(|known| !known.window.is_fresh(number)) {
            return Err(NotALetter::Repeated);
        }
        let made;
        let key = match known {
            Some(known) => &known.key,
            None => {
                made = key_of(&self.prk, from, to);
                &made
            }
        };
        let mut content = sealed.to_vec();
        let letter = key
            .open_in_place(nonce(number), Aad::from(*header), &mut content)
            .map_err(|_| NotALetter::Forged)
            .and_then(|letter| postcard::from_bytes(letter).map_err(|_| NotALetter::Form))?;
        if self.reading.len() >= SENDERS_MAX {
            self.reading.clear();
        }
        let prk = &self.prk;
        let reading = self
            .reading
            .entry((from, to))
            .or_insert_with(|| Reading { key: key_of(prk, from, to), window: ReplayWindow::default() });
        reading.window.commit(number);
        Ok((from, letter))
    }
}

fn header(from: RunId, to: To, number: u64) -> [u8; HEADER] {
    let mut header = [VERSION; HEADER];
    let to = match to {
        To::All => 0,
        To::Run(run) => run.0,
    };
    header[1..9].copy_from_slice(&from.0.to_le_bytes());
    header[9..17].copy_from_slice(&to.to_le_bytes());
    header[17..].copy_from_slice(&number.to_le_bytes());
    header
}

fn key_of(prk: &Prk, from: RunId, to: To) -> LessSafeKey {
    let runs = header(from, to, 0);
    let info = [&runs[..]];
    let key: UnboundKey = prk.expand(&info, &CHACHA20_POLY1305).expect("HKDF gives 32 bytes").into();
    LessSafeKey::new(key)
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 8..].copy_from_slice(&number.to_le_bytes());
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::courier::{MoveId, Note};
    use proptest::prelude::*;

    fn seal(run: u64) -> Seal {
        Seal::new(&BusKey::from_bytes([7; 32]), RunId(run))
    }

    fn letter(number: u64) -> Letter {
        Letter::Move { id: MoveId { source: 1, number }, note: Note::Player(vec![3; 40]) }
    }

    #[test]
    fn a_letter_with_number_0_is_none() {
        let writer = seal(1);
        let key = key_of(&writer.prk, RunId(1), To::All);
        let header = header(RunId(1), To::All, 0);
        let mut content = postcard::to_stdvec(&letter(1)).unwrap();
        key.seal_in_place_append_tag(nonce(0), Aad::from(header), &mut content).unwrap();
        assert_eq!(seal(2).open(&[&header[..], &content].concat()).unwrap_err(), NotALetter::Form);
    }

    #[test]
    fn the_reader_gets_what_the_sender_wrote_once() {
        let (mut a, mut b) = (seal(1), seal(2));
        for to in [To::All, To::Run(RunId(2))] {
            for number in 0..100 {
                let bytes = a.seal(to, &letter(number));
                assert_eq!(b.open(&bytes), Ok((RunId(1), letter(number))));
                assert_eq!(b.open(&bytes), Err(NotALetter::Repeated));
            }
        }
    }

    #[test]
    fn letters_of_others_and_for_others_are_refused() {
        let (mut a, mut b) = (seal(1), seal(2));
        let to_b = a.seal(To::Run(RunId(2)), &letter(0));
        assert_eq!(seal(3).open(&to_b), Err(NotALetter::Other));
        // What was said to an earlier run of a host, and changed to be for a later one.
        let mut changed = to_b.clone();
        changed[9] = 3;
        assert_eq!(seal(3).open(&changed), Err(NotALetter::Forged));
        let mut stranger = Seal::new(&BusKey::from_bytes([8; 32]), RunId(1));
        assert_eq!(b.open(&stranger.seal(To::All, &letter(0))), Err(NotALetter::Forged));
        let to_all = a.seal(To::All, &letter(0));
        assert_eq!(a.open(&to_all), Ok((RunId(1), letter(0))), "the bus brings a host its own letters to all");
        assert_eq!(b.open(&to_b), Ok((RunId(1), letter(0))), "what is refused changes nothing");
    }

    #[test]
    fn every_bit_is_authenticated() {
        let (mut a, mut b) = (seal(1), seal(2));
        let bytes = a.seal(To::Run(RunId(2)), &letter(0));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(b.open(&changed).is_err(), "bit {bit}");
        }
        assert!(b.open(&bytes).is_ok());
    }

    proptest! {
        #[test]
        fn random_bytes_are_no_letter(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut with_version = bytes.clone();
            prop_assert!(seal(2).open(&bytes).is_err());
            if let Some(first) = with_version.first_mut() {
                *first = VERSION;
            }
            prop_assert!(seal(2).open(&with_version).is_err());
        }
    }
}
