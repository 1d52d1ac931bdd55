//! Argon2id: hashes of passwords, their parameters, and what they cost.
//!
//! A hash is kept as a PHC string, `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`, so each hash knows its parameters. Text is
//! read strictly and within bounds: a hash that was imported must not take minutes, or all memory.

use super::secrets::Secret;
use super::settings::PasswordCost;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64ct::{Base64Unpadded, Encoding};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;

/// Bytes of a new salt.
const SALT_BYTES: usize = 16;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;
/// Longest salt of a hash that was imported.
const SALT_BYTES_MAX: usize = 64;
/// Longest PHC string.
const PHC_BYTES_MAX: usize = 256;

impl PasswordCost {
    /// Most memory, in KiB.
    pub const MEMORY_KIB_MAX: u32 = 256 * 1024;
    /// Most passes.
    pub const PASSES_MAX: u32 = 20;
    /// Most lanes.
    pub const LANES_MAX: u32 = 16;

    /// Whether all parameters are within their bounds.
    pub fn is_valid(&self) -> bool {
        (1..=Self::LANES_MAX).contains(&self.lanes)
            && (1..=Self::PASSES_MAX).contains(&self.passes)
            && (8 * self.lanes..=Self::MEMORY_KIB_MAX).contains(&self.memory_kib)
    }

    /// Time of one hash on this machine: the fastest of `runs`, because other programs only slow it down.
    ///
    /// # Panics
    /// If the parameters are not [valid](Self::is_valid), or `runs` is 0.
    pub fn calibrate(&self, runs: usize) -> Duration {
        assert!(runs > 0, "no run has no time");
        let mut hasher = Hasher::default();
        let run = |_| {
            let began = Instant::now();
            hasher.hash(*self, &Secret::from("correct horse battery staple"));
            began.elapsed()
        };
        (0..runs).map(run).min().expect("there is a run")
    }
}

/// Computes hashes; keeps the memory for the next one.
#[derive(Default)]
pub(super) struct Hasher {
    memory: Vec<Block>,
}

impl Hasher {
    /// The hash of a password with a new salt.
    ///
    /// # Panics
    /// If the parameters are out of bounds, or the system has no source of randomness.
    pub(super) fn hash(&mut self, cost: PasswordCost, password: &Secret) -> PasswordHash {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).expect("the system has a source of randomness");
        let hash = self.compute(cost, password, &salt);
        PasswordHash { cost, salt: salt.to_vec(), hash }
    }

    /// Whether a password has this hash. Takes the same time for each password.
    pub(super) fn verify(&mut self, expected: &PasswordHash, password: &Secret) -> bool {
        let hash = self.compute(expected.cost, password, &expected.salt);
        hash.ct_eq(&expected.hash).into()
    }

    fn compute(&mut self, cost: PasswordCost, password: &Secret, salt: &[u8]) -> [u8; HASH_BYTES] {
        assert!(cost.is_valid(), "the parameters of Argon2id are out of bounds");
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(HASH_BYTES));
        let params = params.expect("the parameters are within Argon2's own bounds");
        self.memory.resize(self.memory.len().max(params.block_count()), Block::new());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut hash = [0; HASH_BYTES];
        let computed = argon2.hash_password_into_with_memory(password.0.as_bytes(), salt, &mut hash, &mut self.memory);
        computed.expect("password, salt and memory have sizes that Argon2 takes");
        hash
    }
}

/// A hash with its parameters and its salt.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PasswordHash {
    pub(super) cost: PasswordCost,
    salt: Vec<u8>,
    hash: [u8; HASH_BYTES],
}

impl PasswordHash {
    /// A hash that no password is known to have. Who has no hash is checked against it, so that this takes the same time.
    pub(super) fn impossible(cost: PasswordCost) -> Self {
        let mut hash = PasswordHash { cost, salt: vec![0; SALT_BYTES], hash: [0; HASH_BYTES] };
        getrandom::fill(&mut hash.salt).expect("the system has a source of randomness");
        getrandom::fill(&mut hash.hash).expect("the system has a source of randomness");
        hash
    }

    /// As text.
    pub(super) fn to_phc(&self) -> String {
        let PasswordCost { memory_kib, passes, lanes } = self.cost;
        let (salt, hash) = (Base64Unpadded::encode_string(&self.salt), Base64Unpadded::encode_string(&self.hash));
        format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
    }

    /// From text; None if it is no such hash, or its parameters are out of bounds.
    pub(super) fn from_phc(text: &str) -> Option<Self> {
        if text.len() > PHC_BYTES_MAX {
            return None;
        }
        let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
        let mut numbers = parts.next()?.split(',');
        let mut number = |name: &str| numbers.next()?.strip_prefix(name)?.parse::<u32>().ok();
        let cost = PasswordCost { memory_kib: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
        let salt = Base64Unpadded::decode_vec(parts.next()?).ok()?;
        let hash = Base64Unpadded::decode_vec(parts.next()?).ok()?.try_into().ok()?;
        let is_whole = numbers.next().is_none() && parts.next().is_none();
        let is_sound = is_whole && cost.is_valid() && (8..=SALT_BYTES_MAX).contains(&salt.len());
        is_sound.then_some(PasswordHash { cost, salt, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1, lanes: 1 };

    #[test]
    fn a_hash_of_the_reference_implementation_verifies() {
        // echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hash = PasswordHash::from_phc(phc).unwrap();
        let mut hasher = Hasher::default();
        assert!(hasher.verify(&hash, &"password".into()));
        // The memory of the run before is used again.
        assert!(hasher.verify(&hash, &"password".into()));
        assert!(!hasher.verify(&hash, &"Password".into()));
        assert_eq!(hash.to_phc(), phc);
    }

    #[test]
    fn the_same_password_has_another_hash_each_time() {
        let mut hasher = Hasher::default();
        let hashes = [(); 2].map(|()| hasher.hash(CHEAP, &"same".into()));
        assert!(hashes[0] != hashes[1]);
        assert!(hashes.iter().all(|hash| PasswordHash::from_phc(&hash.to_phc()).as_ref() == Some(hash)));
        assert!(hashes.iter().all(|hash| hasher.verify(hash, &"same".into())));
        assert!(!hasher.verify(&PasswordHash::impossible(CHEAP), &"same".into()));
    }

    #[test]
    fn a_hash_whose_parameters_are_out_of_bounds_is_none() {
        let salt_and_hash = "c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        for start in [
            "$argon2id$v=19$m=4294967295,t=2,p=1$",
            "$argon2id$v=19$m=65536,t=4000000000,p=1$",
            "$argon2id$v=19$m=65536,t=2,p=0$",
            "$argon2id$v=19$m=65536,t=2$",
            "$argon2id$v=19$m=65536,t=2,p=1,x=1$",
            "$argon2id$v=16$m=65536,t=2,p=1$",
            "$argon2d$v=19$m=65536,t=2,p=1$",
            "$2y$10$",
            "",
        ] {
            assert!(PasswordHash::from_phc(&format!("{start}{salt_and_hash}")).is_none(), "{start}");
        }
        assert!(PasswordHash::from_phc(&format!("$argon2id$v=19$m=64,t=2,p=1${salt_and_hash}$")).is_none());
        assert!(PasswordHash::from_phc("$argon2id$v=19$m=64,t=2,p=1$c29t$c29t").is_none());
    }
}
