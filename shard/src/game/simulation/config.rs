//! The shape of a world.

use crate::runtime::out_of_range::OutOfRange;
use crate::world::replication::Pacing;
use crate::world::replication::viewer::SLOTS_MAX;
use ringshard_protocol::limits::COMPRESSION_BYTES_MIN;
use ringshard_world::limits::WORLD_ENTITIES_MAX;
use ringshard_world::messages::{ENTRY_BYTES_MAX, SnapshotHeader};
use ringshard_world::{EntityKind, Map};

/// Entities in sight of a client: as many as leave it may still be under way.
pub const VISIBLE_MAX: usize = SLOTS_MAX / 2;
/// Bytes of a snapshot's entries: more would be tried to be compressed, which they cannot.
pub const SNAPSHOT_BYTES_MAX: usize = COMPRESSION_BYTES_MIN - SnapshotHeader::BYTES;

/// The shape of a world, the same on every core.
#[derive(Clone, Copy, Debug)]
pub struct WorldConfig {
    /// Where it is.
    pub map: Map,
    /// Entities at most, over all cores; up to [`WORLD_ENTITIES_MAX`].
    pub entities_max: usize,
    /// Entities that a client sees at most: the nearest.
    pub visible_max: usize,
    /// How far away an entity is near, in units: it is told of at the full rate.
    pub near: f32,
    /// How often clients are told of what.
    pub pacing: Pacing,
    /// For the game's chance.
    pub seed: u64,
    /// The tick that the world goes on from; 0 for a new one.
    pub first_tick: u64,
}

impl Default for WorldConfig {
    fn default() -> Self {
        WorldConfig {
            map: Map::default(),
            entities_max: 16_384,
            visible_max: 64,
            near: 5_000.0,
            pacing: Pacing::default(),
            seed: 0,
            first_tick: 0,
        }
    }
}

impl WorldConfig {
    /// Whether such a world can be, on so many cores.
    ///
    /// # Errors
    /// Says the first thing that is out of range, and what the range is.
    pub fn check(&self, cores: usize) -> Result<(), OutOfRange> {
        self.violations(cores).into_iter().next().map_or(Ok(()), Err)
    }

    /// Everything that is out of range on so many cores, and what the range is.
    pub fn violations(&self, cores: usize) -> Vec<OutOfRange> {
        let WorldConfig { entities_max, visible_max, near, pacing, .. } = *self;
        let mut violations = Vec::new();
        let mut wrong = |settings, text| violations.push(OutOfRange { settings, text });
        if !(cores..=WORLD_ENTITIES_MAX).contains(&entities_max) {
            let text =
                format!("entities is {entities_max}; a world on {cores} cores has {cores} to {WORLD_ENTITIES_MAX}");
            wrong(&["entities", "cpus"], text);
        }
        if !(1..=VISIBLE_MAX).contains(&visible_max) {
            wrong(&["visible"], format!("visible is {visible_max}; it is 1 to {VISIBLE_MAX}"));
        }
        if !(near >= 0.0 && near <= EntityKind::Projectile.radius()) {
            let most = EntityKind::Projectile.radius();
            wrong(&["near"], format!("near is {near}; it is 0 to {most} units"));
        }
        if !(ENTRY_BYTES_MAX..=SNAPSHOT_BYTES_MAX).contains(&pacing.bytes_max) {
            let bytes = pacing.bytes_max;
            let text = format!("snapshot-bytes is {bytes}; it is {ENTRY_BYTES_MAX} to {SNAPSHOT_BYTES_MAX}");
            wrong(&["snapshot-bytes"], text);
        }
        violations
    }
}
