//! Random bytes from the operating system.

/// 32 random bytes.
///
/// # Panics
/// When the system has no source of randomness: no key would be secret.
pub fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has a source of randomness");
    bytes
}
