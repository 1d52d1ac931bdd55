//! The cryptography of DTLS and STUN, on ring.
//!
//! str0m takes its cryptography through traits, and so does dimpl, its DTLS. Their own providers bring a second C library, or do
//! not build; ring is in every other part of this workspace. [`provider`] is checked against known answers when it is made.
//!
//! There are no keys for media: a peer carries datagrams, neither audio nor video.

mod dtls;
mod primitives;

use ring::{digest, hmac};
use std::fmt;
use str0m::config::CryptoProvider;
use str0m::crypto::{
    Sha1HmacProvider, Sha1Provider, Sha256Provider, SrtpProvider, SupportedAeadAes128Gcm, SupportedAeadAes256Gcm,
    SupportedAes128CmSha1_80,
};

/// What str0m needs of cryptography.
///
/// # Panics
/// On the first handshake, if ring gives other answers than the test vectors of dimpl.
pub fn provider() -> CryptoProvider {
    CryptoProvider {
        srtp_provider: &NoMedia,
        sha1_hmac_provider: &Hashes,
        sha1_provider: &Hashes,
        sha256_provider: &Hashes,
        dtls_provider: &dtls::Provider,
    }
}

/// The code that STUN messages are authenticated with.
pub fn sha1_hmac(key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
    Hashes.sha1_hmac(key, payloads)
}

#[derive(Debug)]
struct Hashes;

impl Sha1HmacProvider for Hashes {
    fn sha1_hmac(&self, key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key));
        payloads.iter().for_each(|payload| context.update(payload));
        context.sign().as_ref().try_into().expect("HMAC-SHA1 has 20 bytes")
    }
}

impl Sha1Provider for Hashes {
    fn sha1(&self, data: &[u8]) -> [u8; 20] {
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data);
        hash.as_ref().try_into().expect("SHA-1 has 20 bytes")
    }
}

impl Sha256Provider for Hashes {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        digest::digest(&digest::SHA256, data).as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

/// Never asked for anything: [`dtls::Session`] makes no keys for media, and media packets do not reach str0m.
struct NoMedia;

impl fmt::Debug for NoMedia {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NoMedia")
    }
}

const NO_MEDIA: &str = "a peer has no keys for media";

impl SrtpProvider for NoMedia {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        unreachable!("{NO_MEDIA}")
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        unreachable!("{NO_MEDIA}")
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        unreachable!("{NO_MEDIA}")
    }

    fn srtp_aes_128_ecb_round(&self, _key: &[u8], _input: &[u8], _output: &mut [u8]) {
        unreachable!("{NO_MEDIA}")
    }

    fn srtp_aes_256_ecb_round(&self, _key: &[u8], _input: &[u8], _output: &mut [u8]) {
        unreachable!("{NO_MEDIA}")
    }
}
