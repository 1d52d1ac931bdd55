//! The configuration of a world.

use crate::runtime::out_of_range::OutOfRange;
use crate::world::replication::Pacing;
use crate::world::replication::viewer::SLOTS_MAX;
use ringshard_protocol::limits::COMPRESSION_BYTES_MIN;
use ringshard_world::limits::WORLD_ENTITIES_MAX;
use ringshard_world::messages::{ENTRY_BYTES_MAX, SnapshotHeader};
use ringshard_world::{EntityKind, Map};

/// Most entities in sight of a client. As many may still be leaving its sight.
pub const VISIBLE_MAX: usize = SLOTS_MAX / 2;
/// Most bytes of a snapshot's entries. The engine would try to compress larger messages, and entries do not compress.
pub const SNAPSHOT_BYTES_MAX: usize = COMPRESSION_BYTES_MIN - SnapshotHeader::BYTES;

/// What happens to a shot whose shooter saw the world longer ago than lag compensation goes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RewindBeyond {
    /// It meets the world as it was at the limit.
    #[default]
    Clamp,
    /// It meets nothing.
    Refuse,
}

/// The part of a world's configuration that can change while the server runs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LiveWorldConfig {
    /// How many ticks lag compensation goes back, at most.
    pub rewind_max_ticks: f64,
    /// What happens beyond.
    pub rewind_beyond: RewindBeyond,
}

/// The configuration of a world, the same on every core.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// The map.
    pub map: Map,
    /// Most entities, over all cores; up to [`WORLD_ENTITIES_MAX`].
    pub entities_max: usize,
    /// Most entities that a client sees: the nearest ones.
    pub visible_max: usize,
    /// Up to this distance in units an entity is near: clients get it at the full rate.
    pub near: f32,
    /// How often clients get which entities.
    pub pacing: Pacing,
    /// The seed of the game's randomness.
    pub seed: u64,
    /// The tick that the world continues from; 0 for a new world.
    pub first_tick: u64,
    /// How many ticks lag compensation goes back, at most.
    pub rewind_max_ticks: f64,
    /// What happens to a shot that would need more.
    pub rewind_beyond: RewindBeyond,
    /// Kinds of entities whose view radius differs from the game's, with that radius in units.
    pub view_radius: Vec<(String, f32)>,
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
            rewind_max_ticks: 15.0,
            rewind_beyond: RewindBeyond::Clamp,
            view_radius: Vec::new(),
        }
    }
}

impl WorldConfig {
    /// Checks that all values are in their ranges, for a world on `cores` cores.
    ///
    /// # Errors
    /// The first value that is out of range, and its range.
    pub fn check(&self, cores: usize) -> Result<(), OutOfRange> {
        self.violations(cores).into_iter().next().map_or(Ok(()), Err)
    }

    /// Every value that is out of range for a world on `cores` cores, and its range.
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
