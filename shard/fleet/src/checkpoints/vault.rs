//! Records as bytes.
//!
//! ```text
//!  0        1           13                              end - 16
//!  version  nonce       ChaCha20-Poly1305(time, record)  tag
//! ```
//! The key of a record comes from the fleet's key and the name of its bucket and key by HKDF-SHA-256, so that the record of one
//! account or zone is none of another. The nonce is random. The time of the record is sealed with it, and an old one is refused: who keeps the
//! bucket could bring back an earlier record of the same one, but none that is older than [`AGE_MAX`].

use super::AGE_MAX;
use crate::bus::BusKey;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use serde::Serialize;
use serde::de::DeserializeOwned;

const VERSION: u8 = 1;
const HEADER: usize = 1 + NONCE_LEN;
const TAG: usize = 16;

/// Why bytes are no record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotARecord {
    /// They are of another version of the program.
    #[error("it is of another version")]
    Form,
    /// They are too short, or were not made with the fleet's key for this account or zone, or somebody has changed them.
    #[error("it is not sealed with the fleet's key for this account or zone")]
    Forged,
    /// They are too old.
    #[error("it is older than 7 days")]
    Old,
}

/// Seals and opens records.
#[derive(Debug)]
pub struct Vault {
    prk: Prk,
    bucket: String,
}

impl Vault {
    /// With the fleet's key, for this bucket.
    pub fn new(key: &BusKey, bucket: &str) -> Self {
        let prk = Salt::new(HKDF_SHA256, b"ringshard checkpoints 1").extract(key.bytes());
        Vault { prk, bucket: bucket.to_owned() }
    }

    /// The bytes of a record under this key of the bucket. `at_ms` is when its content was current, since 1970.
    ///
    /// # Panics
    /// If the system has no source of randomness.
    pub fn seal<T: Serialize>(&self, key: &str, at_ms: u64, record: &T) -> Vec<u8> {
        let mut header = [VERSION; HEADER];
        getrandom::fill(&mut header[1..]).expect("the system has a source of randomness");
        let mut sealed = postcard::to_stdvec(&(at_ms, record)).expect("a record is plain data");
        let nonce = nonce(&header);
        self.key(key).seal_in_place_append_tag(nonce, Aad::from(header), &mut sealed).expect("a record is short");
        [&header[..], &sealed].concat()
    }

    /// The record that these bytes are, at `now_ms` since 1970, and when its content was current.
    ///
    /// # Errors
    /// [`NotARecord`].
    pub fn open<T: DeserializeOwned>(&self, key: &str, bytes: &[u8], now_ms: u64) -> Result<(u64, T), NotARecord> {
        let (header, sealed) = bytes.split_first_chunk::<HEADER>().ok_or(NotARecord::Forged)?;
        if sealed.len() < TAG {
            return Err(NotARecord::Forged);
        }
        if header[0] != VERSION {
            return Err(NotARecord::Form);
        }
        let mut content = sealed.to_vec();
        let opened = self.key(key).open_in_place(nonce(header), Aad::from(*header), &mut content);
        let opened = opened.map_err(|_| NotARecord::Forged)?;
        let (at_ms, record) = postcard::from_bytes(opened).map_err(|_| NotARecord::Form)?;
        let is_old = u128::from(now_ms.saturating_sub(at_ms)) > AGE_MAX.as_millis();
        if is_old { Err(NotARecord::Old) } else { Ok((at_ms, record)) }
    }

    fn key(&self, key: &str) -> LessSafeKey {
        let info = [self.bucket.as_bytes(), b"/", key.as_bytes()];
        let key: UnboundKey = self.prk.expand(&info, &CHACHA20_POLY1305).expect("HKDF gives 32 bytes").into();
        LessSafeKey::new(key)
    }
}

fn nonce(header: &[u8; HEADER]) -> Nonce {
    Nonce::assume_unique_for_key(*header[1..].first_chunk().expect("a header has a nonce"))
}

#[cfg(test)]
mod tests {
    use super::super::record::PlayerRecord;
    use super::*;
    use crate::model::RunId;
    use ringshard::runtime::fleet::Stay;

    fn record() -> PlayerRecord {
        PlayerRecord::new(Stay { number: 5, moves: 1 }, RunId(7), Some(vec![1, 2, 3]))
    }

    fn opened(vault: &Vault, key: &str, bytes: &[u8], now_ms: u64) -> Result<(u64, PlayerRecord), NotARecord> {
        vault.open(key, bytes, now_ms)
    }

    #[test]
    fn a_record_is_read_back_only_under_its_own_key_and_name() {
        let vault = Vault::new(&BusKey::from_bytes([7; 32]), "a");
        let bytes = vault.seal("account.1", 1_000, &record());
        assert_eq!(opened(&vault, "account.1", &bytes, 2_000), Ok((1_000, record())));
        assert_eq!(opened(&vault, "account.2", &bytes, 2_000), Err(NotARecord::Forged), "another account");
        let other = Vault::new(&BusKey::from_bytes([7; 32]), "b");
        assert_eq!(opened(&other, "account.1", &bytes, 2_000), Err(NotARecord::Forged), "another bucket");
        let stranger = Vault::new(&BusKey::from_bytes([8; 32]), "a");
        assert_eq!(opened(&stranger, "account.1", &bytes, 2_000), Err(NotARecord::Forged), "another fleet");
    }

    #[test]
    fn a_record_that_is_changed_cut_or_old_is_refused() {
        let vault = Vault::new(&BusKey::from_bytes([7; 32]), "a");
        let bytes = vault.seal("account.1", 1_000, &record());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(opened(&vault, "account.1", &changed, 2_000).is_err(), "byte {at}");
            assert!(opened(&vault, "account.1", &bytes[..at], 2_000).is_err(), "cut at {at}");
        }
        let age = AGE_MAX.as_millis() as u64;
        assert_eq!(opened(&vault, "account.1", &bytes, 1_000 + age), Ok((1_000, record())));
        assert_eq!(opened(&vault, "account.1", &bytes, 1_001 + age), Err(NotARecord::Old));
    }
}
