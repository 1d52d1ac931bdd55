//! Hashes that all balancers compute alike, on every machine and in every version.

/// Spreads a number over all bits (the finaliser of SplitMix64). It is a bijection.
pub(super) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The hash of a name (FNV-1a, then [`mix`]). Names come from operators, so nobody chooses them to collide.
pub(super) fn of_name(name: &str) -> u64 {
    let fnv = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    mix(fnv)
}

/// How much a host suits a key: the host of the highest score gets it (rendezvous hashing). When a host leaves, the keys that
/// it had go to other hosts, and no other key moves.
pub(super) fn rendezvous(key: u64, host: u64) -> u64 {
    mix(key ^ host)
}
