//! Every bound of a world that both ends share, in one place.

/// Sections of a map along an axis: a place counts its steps in 32 bits, and differences of places in 33.
pub const WORLD_SECTIONS_MAX: u16 = 32_768;
/// Entities of a world, over all cores: they are named by 16 bits.
pub const WORLD_ENTITIES_MAX: usize = 65_536;
/// Variables of an entity (A8).
pub const VARIABLES: usize = 64;
/// How many versions old a baseline may be: versions are numbered by 5 bits on the wire.
pub const BASELINE_AGE_MAX: u32 = 31;
/// Snapshots before the newest that an input acknowledges.
pub const SNAPSHOTS_ACKNOWLEDGED: u32 = 64;
