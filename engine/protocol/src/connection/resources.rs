//! What all connections of one core, or of one client, share.

use super::compression::Compressor;
use super::key_agreements::KeyAgreementLimit;
use crate::crypto::{Csprng, SecretKey};
use crate::pool::MessagePool;
use crate::stats::Drops;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What connections use of their driver. All connections of a core share it.
#[derive(Debug)]
pub struct Resources {
    /// Memory for messages that are kept.
    pub pool: MessagePool,
    /// Compresses messages.
    pub compressor: Compressor,
    /// Source of nonces, challenges and ephemeral keys.
    pub random: Csprng,
    /// What was dropped, and why.
    pub drops: Drops,
    /// Cost of all frames so far that were not delivered in place, in messages (PROTOCOL.md#budgets).
    pub frame_cost: u64,
    /// Bounds the key agreements that peers cause.
    pub(super) key_agreements: KeyAgreementLimit,
    /// Reliable messages, and pieces of them, that arrived more than once.
    pub duplicates: u64,
}

impl Resources {
    /// Memory of at most `message_bytes_max`; randomness from `random`.
    pub fn new(message_bytes_max: usize, random: Csprng) -> Self {
        Resources {
            pool: MessagePool::new(message_bytes_max),
            compressor: Compressor::default(),
            random,
            drops: Drops::default(),
            frame_cost: 0,
            key_agreements: KeyAgreementLimit::default(),
            duplicates: 0,
        }
    }

    /// A fresh key pair; see [`draw_secret`].
    pub fn draw_secret(&mut self) -> SecretKey {
        draw_secret(&mut self.random)
    }
}

/// A fresh key pair from `random`, which gets a fresh seed: an attacker who reads our memory later cannot reconstruct the
/// key.
pub fn draw_secret(random: &mut Csprng) -> SecretKey {
    let (mut secret, mut seed) = ([0; 32], [0; 32]);
    random.fill_bytes(&mut secret);
    random.fill_bytes(&mut seed);
    *random = Csprng::from_seed(seed);
    SecretKey::from_bytes(secret)
}
