//! Random numbers that depend on a seed alone.

use ringshard_protocol::time::Duration;

/// SplitMix64. The engine has its own generator: what a simulation draws must not depend on how the engine draws.
#[derive(Clone, Debug)]
pub struct Random(u64);

/// Spreads a number over all 64 bits (the finalizer of SplitMix64).
pub const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(mix(seed ^ 0x5249_4E47_5348_4152))
    }

    /// An independent generator: how much it draws does not change what this one draws next.
    pub fn fork(&mut self) -> Random {
        Random::new(self.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number from `least` to `most`, inclusive.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    /// A number from `least` to `most`, evenly distributed over orders of magnitude.
    pub fn magnitude(&mut self, least: u64, most: u64) -> u64 {
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let (least, most) = (least.max(1) as f64, most.max(1) as f64);
        (least * (most / least).powf(share)) as u64
    }

    /// True with a probability of `per_mille` / 1000.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.next() % 1000 < per_mille
    }

    /// One of the choices.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.next() as usize % choices.len()]
    }

    /// A duration from `least` to `most` milliseconds, evenly distributed.
    pub fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_micros(self.between(least * 1000, most * 1000))
    }

    /// A seed for the engine.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        seed.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&self.next().to_le_bytes()));
        seed
    }
}

/// Incompressible bytes that are the same in every process. `from` selects them.
pub fn filler(mut from: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        from = from.wrapping_add(1);
        bytes.extend(hash(from).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Hashes a number (one step and the finalizer of SplitMix64).
pub fn hash(number: u64) -> u64 {
    let mut value = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}
