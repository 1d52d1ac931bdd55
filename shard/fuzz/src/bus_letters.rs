//! Letters between hosts.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ringshard_fleet::bus::{BusKey, Letter, NotALetter, Seal, To};
use ringshard_fleet::model::RunId;
use std::collections::HashSet;

const KEY: [u8; 32] = [7; 32];
const READER: u64 = 2;
/// Bytes before the letter.
const HEADER: usize = 25;

/// Bytes that several runs, this host among them, say to a host with the fleet's key. None is read twice; a letter is read as
/// it was written; what is refused changes nothing, so an honest letter is read after all of it.
pub fn bus_letters(data: &[u8]) {
    let mut reader = Seal::new(&BusKey::from_bytes(KEY), RunId(READER));
    let (mut read, mut rest) = (HashSet::new(), data);
    // Which of them: how the bytes are sealed, the run that writes, the reader, the number, and the length of the letter.
    while let Some((&[how, from, to, number, len], after)) = rest.split_first_chunk() {
        let (letter, after) = after.split_at(usize::from(len).min(after.len()));
        rest = after;
        let (from, to) = (u64::from(from % 4), u64::from(to % 4));
        // Far apart, too: the window has 1,024 numbers.
        let number = u64::from(number) << (how % 8 * 2);
        let bytes = sealed(from, to, number, letter);
        match how / 8 {
            0 => drop(reader.open(letter).expect_err("it is not sealed")),
            1 => {
                let mut changed = bytes;
                let at = usize::from(len) % changed.len();
                changed[at] ^= 1;
                reader.open(&changed).expect_err("a bit was changed");
            }
            _ => match reader.open(&bytes) {
                Ok((run, opened)) => {
                    assert!(run.0 == from && (to == 0 || to == READER) && number > 0);
                    assert!(read.insert((from, to, number)), "it was read before");
                    assert_eq!(postcard::from_bytes::<Letter>(letter).as_ref(), Ok(&opened));
                    let again = postcard::to_stdvec(&opened).expect("a letter is plain data");
                    assert_eq!(postcard::from_bytes(&again), Ok(opened));
                }
                Err(NotALetter::Forged) => panic!("it is sealed with the fleet's key"),
                Err(NotALetter::Other) => assert!(to != 0 && to != READER),
                Err(NotALetter::Form | NotALetter::Repeated) => {}
            },
        }
    }
    let honest = Seal::new(&BusKey::from_bytes(KEY), RunId(99)).seal(To::All, &Letter::Release { account: 5 });
    assert_eq!(reader.open(&honest), Ok((RunId(99), Letter::Release { account: 5 })));
    assert_eq!(reader.open(&honest), Err(NotALetter::Repeated));
}

/// The bytes of a letter, by the layout in `bus/seal.rs`.
fn sealed(from: u64, to: u64, number: u64, letter: &[u8]) -> Vec<u8> {
    let header = |number: u64| -> [u8; HEADER] {
        let numbers = [from.to_le_bytes(), to.to_le_bytes(), number.to_le_bytes()].concat();
        [&[1][..], &numbers].concat().try_into().expect("a header has 25 bytes")
    };
    let runs = header(0);
    let info = [&runs[..]];
    let prk = Salt::new(HKDF_SHA256, b"ringshard bus 1").extract(&KEY);
    let key: UnboundKey = prk.expand(&info, &CHACHA20_POLY1305).expect("HKDF gives 32 bytes").into();
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 8..].copy_from_slice(&number.to_le_bytes());
    let mut content = letter.to_vec();
    LessSafeKey::new(key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(header(number)), &mut content)
        .expect("a letter is short");
    [&header(number)[..], &content].concat()
}
