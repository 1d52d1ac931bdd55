//! Random bytes from the system.

/// 32 bytes from the system's generator.
///
/// # Panics
/// When the system has none: nothing can be secret then.
pub fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has a source of randomness");
    bytes
}
