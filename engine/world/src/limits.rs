//! Every bound of a world that both ends share, in one place (PROTOCOL.md#limits).

/// Sections of a map along an axis: the steps of a position have 32 bits, and the widest difference of two has 33.
pub const WORLD_SECTIONS_MAX: u16 = 32_768;
/// Entities of a world, over all cores: an index has 16 bits.
pub const WORLD_ENTITIES_MAX: usize = 65_536;
/// Variables of an entity (PROTOCOL.md#entities).
pub const VARIABLES: usize = 64;
/// Age of a baseline, in versions: versions have 5 bits on the wire.
pub const BASELINE_AGE_MAX: u32 = 31;
/// Snapshots before the newest that an input acknowledges, a bit each.
pub const SNAPSHOTS_ACKNOWLEDGED: u32 = 64;

const _: () = {
    assert!(WORLD_SECTIONS_MAX as u64 * (1 << 16) <= 1 << 31, "a position has 32 bits, a difference 33");
    assert!(WORLD_ENTITIES_MAX == 1 << u16::BITS, "an index has 16 bits");
    assert!(VARIABLES == u64::BITS as usize, "a set of variables is a u64");
    assert!(BASELINE_AGE_MAX + 1 == 1 << 5, "versions and ages have 5 bits on the wire");
    assert!(SNAPSHOTS_ACKNOWLEDGED == u64::BITS, "an acknowledgment is a u64");
};
