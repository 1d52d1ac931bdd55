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
