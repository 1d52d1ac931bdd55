//! Devices: what they sign to log in, and how challenges are checked without keeping them.
//!
//! A challenge is 8 bytes of time, 8 random bytes and 16 bytes of an HMAC-SHA-256 over both and the device's key. The secret
//! of the HMAC is made at start. So a flood of requests for challenges fills no memory. Only a challenge that an account's own device
//! has signed is remembered as used.

use curve25519_dalek::edwards::CompressedEdwardsY;
use ring::hmac;
use ring::signature::{ED25519, UnparsedPublicKey};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use subtle::ConstantTimeEq;

/// How long a challenge can be used, in milliseconds.
const LIFETIME: u64 = 30_000;
/// Challenges that are remembered as used. They come from devices that are logged in, at limited rates.
const USED_MAX: usize = 65_536;
/// Bytes of a challenge before its HMAC.
const HEAD_BYTES: usize = 16;

/// What a device must sign, once, within 30 s. The server keeps nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Challenge(pub [u8; 32]);

/// A device proves that it has the secret half of its key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DeviceProof {
    /// Public key of the device, Ed25519.
    pub key: [u8; 32],
    /// The challenge that it got for this key.
    pub challenge: Challenge,
    /// Signature over [`signed_to_log_in`] or [`signed_to_add`].
    pub signature: [u8; 64],
}

impl DeviceProof {
    /// Whether the signature is right. No signature is, of one of the few keys of small order: for these, signatures can be guessed
    /// without a secret (RFC 8032, section 5.1.7, leaves them to the application).
    pub(super) fn verifies(&self, signed: &[u8]) -> bool {
        let key = CompressedEdwardsY(self.key).decompress();
        let is_sound = key.is_some_and(|key| !key.is_small_order());
        is_sound && UnparsedPublicKey::new(&ED25519, self.key).verify(signed, &self.signature).is_ok()
    }
}

impl fmt::Debug for DeviceProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceProof(..)")
    }
}

/// What a device signs to log in.
pub fn signed_to_log_in(challenge: &Challenge) -> Vec<u8> {
    [b"ringshard device login 1".as_slice(), &challenge.0].concat()
}

/// What a device signs to be added to an account.
pub fn signed_to_add(challenge: &Challenge) -> Vec<u8> {
    [b"ringshard device add 1".as_slice(), &challenge.0].concat()
}

/// Makes and checks challenges.
pub(super) struct Challenges {
    key: hmac::Key,
    began: Instant,
    /// Used challenges, and when they expire, in milliseconds since the start.
    used: Mutex<HashMap<[u8; 32], u64>>,
}

impl Challenges {
    pub(super) fn new() -> Self {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).expect("the system has a source of randomness");
        Challenges { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), began: Instant::now(), used: Mutex::default() }
    }

    /// A challenge for a device.
    pub(super) fn make(&self, device: &[u8; 32]) -> Challenge {
        self.make_at(self.now(), device)
    }

    /// Whether a challenge was made for a device, and is not too old.
    pub(super) fn is_fresh(&self, challenge: &Challenge, device: &[u8; 32]) -> bool {
        self.is_fresh_at(self.now(), challenge, device)
    }

    /// Uses up a challenge that is fresh and signed. Returns false if it was used before.
    pub(super) fn use_up(&self, challenge: &Challenge) -> bool {
        self.use_up_at(self.now(), challenge)
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn make_at(&self, now: u64, device: &[u8; 32]) -> Challenge {
        let mut challenge = [0; 32];
        challenge[..8].copy_from_slice(&now.to_le_bytes());
        getrandom::fill(&mut challenge[8..HEAD_BYTES]).expect("the system has a source of randomness");
        let tag = self.tag(&challenge, device);
        challenge[HEAD_BYTES..].copy_from_slice(&tag.as_ref()[..HEAD_BYTES]);
        Challenge(challenge)
    }

    fn is_fresh_at(&self, now: u64, challenge: &Challenge, device: &[u8; 32]) -> bool {
        let tag = self.tag(&challenge.0, device);
        let is_ours: bool = tag.as_ref()[..HEAD_BYTES].ct_eq(&challenge.0[HEAD_BYTES..]).into();
        is_ours && now.saturating_sub(made(challenge)) <= LIFETIME
    }

    fn use_up_at(&self, now: u64, challenge: &Challenge) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= USED_MAX {
            used.retain(|_, expires| *expires >= now);
        }
        let expires = made(challenge).saturating_add(LIFETIME);
        // One that expired since it was checked may be forgotten here. If the table is still full, the device tries again.
        expires >= now && used.len() < USED_MAX && used.insert(challenge.0, expires).is_none()
    }

    fn tag(&self, challenge: &[u8; 32], device: &[u8; 32]) -> hmac::Tag {
        hmac::sign(&self.key, &[&challenge[..HEAD_BYTES], device].concat())
    }
}

/// When a challenge was made, in milliseconds since the start.
fn made(challenge: &Challenge) -> u64 {
    u64::from_le_bytes(*challenge.0.first_chunk().expect("a challenge has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_small_order_sign_nothing() {
        use curve25519_dalek::constants::EIGHT_TORSION;
        let mut guessed = 0;
        for point in EIGHT_TORSION {
            let key = point.compress().to_bytes();
            for number in 0..64 {
                let proof = DeviceProof { key, challenge: Challenge([number; 32]), signature: [0; 64] };
                let signed = signed_to_add(&proof.challenge);
                assert!(!proof.verifies(&signed), "{key:?}");
                guessed += u32::from(UnparsedPublicKey::new(&ED25519, key).verify(&signed, &proof.signature).is_ok());
            }
        }
        assert!(guessed > 0, "without the check, some would be taken");
    }

    #[test]
    fn a_challenge_is_for_one_device_thirty_seconds_and_one_use() {
        let challenges = Challenges::new();
        let challenge = challenges.make_at(1000, &[1; 32]);
        assert!(challenges.is_fresh_at(1000, &challenge, &[1; 32]));
        assert!(challenges.is_fresh_at(31_000, &challenge, &[1; 32]));
        assert!(!challenges.is_fresh_at(31_001, &challenge, &[1; 32]));
        assert!(!challenges.is_fresh_at(1000, &challenge, &[2; 32]));
        assert!(!Challenges::new().is_fresh_at(1000, &challenge, &[1; 32]), "another server, or after a restart");
        for at in 0..32 {
            let mut altered = challenge;
            altered.0[at] ^= 1;
            assert!(!challenges.is_fresh_at(1000, &altered, &[1; 32]), "byte {at}");
        }
        assert!(challenges.use_up_at(1000, &challenge));
        assert!(!challenges.use_up_at(1000, &challenge));
    }

    #[test]
    fn used_challenges_have_a_bound_and_free_it_when_they_expire() {
        let challenges = Challenges::new();
        assert!((0..USED_MAX).all(|_| challenges.use_up_at(0, &challenges.make_at(0, &[1; 32]))));
        assert!(!challenges.use_up_at(0, &challenges.make_at(0, &[1; 32])));
        let later = LIFETIME + 1;
        assert!(challenges.use_up_at(later, &challenges.make_at(later, &[1; 32])));
        assert_eq!(challenges.used.lock().unwrap().len(), 1);
    }
}
