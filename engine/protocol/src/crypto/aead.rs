//! Authenticated encryption: ChaCha20-Poly1305 and AES-128-GCM (PROTOCOL.md#suites).
//!
//! With feature `ring` both come from `ring`. Without it ChaCha20-Poly1305 comes from RustCrypto, in pure Rust, and
//! AES-128-GCM is not offered.

use crate::limits::{PACKETS_PER_KEY_MAX_AES_GCM, PACKETS_PER_KEY_MAX_CHACHA, TAG_BYTES};

/// The bytes do not open under the key: they are altered, or sealed under another key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not authentic")]
pub struct NotAuthentic;

/// An AEAD. The value is its bit in an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Suite {
    /// RFC 8439. Every endpoint supports it.
    ChaCha20Poly1305 = 0x01,
    /// NIST SP 800-38D. Offered only with hardware support.
    Aes128Gcm = 0x02,
}

impl Suite {
    /// The suite with this bit in an offer.
    pub fn from_bit(bit: u8) -> Option<Self> {
        match bit {
            0x01 => Some(Suite::ChaCha20Poly1305),
            0x02 => Some(Suite::Aes128Gcm),
            _ => None,
        }
    }

    /// Length of the key, in bytes.
    pub const fn key_bytes(self) -> usize {
        match self {
            Suite::ChaCha20Poly1305 => 32,
            Suite::Aes128Gcm => 16,
        }
    }

    /// Packets that one key may seal. The connection closes before it exceeds them.
    pub const fn packets_per_key_max(self) -> u64 {
        match self {
            Suite::ChaCha20Poly1305 => PACKETS_PER_KEY_MAX_CHACHA,
            Suite::Aes128Gcm => PACKETS_PER_KEY_MAX_AES_GCM,
        }
    }

    /// Name as in configuration and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Suite::ChaCha20Poly1305 => "chacha20-poly1305",
            Suite::Aes128Gcm => "aes-128-gcm",
        }
    }
}

/// The suites that an endpoint offers or allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Suites(u8);

impl Suites {
    /// These suites and no others.
    pub fn only(suites: &[Suite]) -> Self {
        Suites(suites.iter().fold(0, |bits, &suite| bits | suite as u8))
    }

    /// An offer from the wire. Unknown bits are ignored, so that later versions can add suites.
    pub const fn from_bits(bits: u8) -> Self {
        Suites(bits)
    }

    /// The offer for the wire.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// All suites that are fast on this processor.
    pub fn native() -> Self {
        if aes_in_hardware() {
            Suites::only(&[Suite::ChaCha20Poly1305, Suite::Aes128Gcm])
        } else {
            Suites::only(&[Suite::ChaCha20Poly1305])
        }
    }

    /// The suite that both endpoints allow: AES-128-GCM if possible, because it is faster with hardware support.
    pub fn agree(self, other: Suites) -> Option<Suite> {
        let common = self.0 & other.0;
        [Suite::Aes128Gcm, Suite::ChaCha20Poly1305].into_iter().find(|&suite| common & suite as u8 != 0)
    }
}

#[cfg(all(feature = "ring", target_arch = "x86_64"))]
fn aes_in_hardware() -> bool {
    std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq")
}

#[cfg(all(feature = "ring", target_arch = "aarch64"))]
fn aes_in_hardware() -> bool {
    std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("pmull")
}

#[cfg(not(all(feature = "ring", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn aes_in_hardware() -> bool {
    false
}

/// A key for one direction of one connection.
pub struct AeadKey {
    backend: backend::Key,
}

impl core::fmt::Debug for AeadKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("AeadKey(secret)")
    }
}

impl AeadKey {
    /// A key from the first [`Suite::key_bytes`] of `secret`.
    ///
    /// # Panics
    /// If this build does not support `suite`.
    pub fn new(suite: Suite, secret: &[u8; 32]) -> Self {
        AeadKey { backend: backend::Key::new(suite, &secret[..suite.key_bytes()]) }
    }

    /// Seals in place. `buffer` holds the plaintext and [`TAG_BYTES`] for the tag.
    ///
    /// # Panics
    /// If `buffer` is shorter than the tag.
    #[inline]
    pub fn seal(&self, nonce: [u8; 12], associated: &[u8], buffer: &mut [u8]) {
        let (plaintext, room) = buffer.split_last_chunk_mut::<TAG_BYTES>().expect("the buffer has room for the tag");
        *room = self.backend.seal(nonce, associated, plaintext);
    }

    /// Opens in place and returns the plaintext. `sealed` ends with the tag.
    ///
    /// # Errors
    /// [`NotAuthentic`]; `sealed` then holds garbage.
    #[inline]
    pub fn open<'a>(
        &self,
        nonce: [u8; 12],
        associated: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], NotAuthentic> {
        self.backend.open(nonce, associated, sealed)
    }
}

#[cfg(feature = "ring")]
mod backend {
    use super::{NotAuthentic, Suite, TAG_BYTES};
    use ring::aead::{AES_128_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

    pub(super) struct Key(LessSafeKey);

    impl Key {
        pub(super) fn new(suite: Suite, secret: &[u8]) -> Self {
            let algorithm = match suite {
                Suite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
                Suite::Aes128Gcm => &AES_128_GCM,
            };
            Key(LessSafeKey::new(UnboundKey::new(algorithm, secret).expect("the key has the suite's length")))
        }

        #[inline]
        pub(super) fn seal(&self, nonce: [u8; 12], associated: &[u8], plaintext: &mut [u8]) -> [u8; TAG_BYTES] {
            let tag = self
                .0
                .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), plaintext)
                .expect("a datagram is far below the AEAD's length limit");
            tag.as_ref().try_into().expect("both AEADs have 16-byte tags")
        }

        #[inline]
        pub(super) fn open<'a>(
            &self,
            nonce: [u8; 12],
            associated: &[u8],
            sealed: &'a mut [u8],
        ) -> Result<&'a mut [u8], NotAuthentic> {
            self.0
                .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(associated), sealed)
                .map_err(|_| NotAuthentic)
        }
    }
}

#[cfg(not(feature = "ring"))]
mod backend {
    use super::{NotAuthentic, Suite, TAG_BYTES};
    use chacha20poly1305::aead::AeadInOut;
    use chacha20poly1305::{ChaCha20Poly1305, KeyInit};

    pub(super) struct Key(ChaCha20Poly1305);

    impl Key {
        pub(super) fn new(suite: Suite, secret: &[u8]) -> Self {
            assert!(suite == Suite::ChaCha20Poly1305, "AES-128-GCM needs the feature `ring`");
            Key(ChaCha20Poly1305::new_from_slice(secret).expect("the key has the suite's length"))
        }

        pub(super) fn seal(&self, nonce: [u8; 12], associated: &[u8], plaintext: &mut [u8]) -> [u8; TAG_BYTES] {
            self.0
                .encrypt_inout_detached(&nonce.into(), associated, plaintext.into())
                .expect("a datagram is far below the AEAD's length limit")
                .into()
        }

        pub(super) fn open<'a>(
            &self,
            nonce: [u8; 12],
            associated: &[u8],
            sealed: &'a mut [u8],
        ) -> Result<&'a mut [u8], NotAuthentic> {
            let (ciphertext, tag) = sealed.split_last_chunk_mut::<TAG_BYTES>().ok_or(NotAuthentic)?;
            self.0
                .decrypt_inout_detached(&nonce.into(), associated, (&mut *ciphertext).into(), &(*tag).into())
                .map_err(|_| NotAuthentic)?;
            Ok(ciphertext)
        }
    }
}
