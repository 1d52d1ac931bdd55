//! The configuration of a world.

use crate::runtime::out_of_range::OutOfRange;
use crate::world::kind::Kind;
use crate::world::replication::Pacing;
use crate::world::replication::viewer::SLOTS_MAX;
use crate::world::rewind::RewindSettings;
use ringshard_protocol::limits::COMPRESSION_BYTES_MIN;
use ringshard_terrain::Terrain;
use ringshard_world::limits::WORLD_ENTITIES_MAX;
use ringshard_world::messages::{ENTRY_BYTES_MAX, SnapshotHeader};
use std::sync::Arc;

/// Most entities in sight of a client. As many may still be leaving its sight.
pub const VISIBLE_MAX: usize = SLOTS_MAX / 2;
/// Most bytes of a snapshot's entries. The engine would try to compress larger messages, and entries do not compress. The
/// owner block leaves less room for entries.
pub const SNAPSHOT_BYTES_MAX: usize = COMPRESSION_BYTES_MIN - SnapshotHeader::BYTES;
/// The farthest that near entities can be, in units.
pub const NEAR_MAX: f32 = 200_000.0;

/// The configuration of a world, the same on every core.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// The ground, walls, water and places of the map. By default it is level ground on the default map.
    pub terrain: Arc<Terrain>,
    /// Most entities, over all cores; up to [`WORLD_ENTITIES_MAX`].
    pub entities_max: usize,
    /// Most entities that a client sees: the nearest ones.
    pub visible_max: usize,
    /// Up to this distance in units an entity is near: clients get it at the full rate.
    pub near: f32,
    /// How often clients get which entities.
    pub pacing: Pacing,
    /// Whether new clients are admitted while the core sheds load.
    pub admits_when_overloaded: bool,
    /// The seed of the game's randomness.
    pub seed: u64,
    /// The tick that the world continues from; 0 for a new world.
    pub first_tick: u64,
    /// How far lag compensation goes back.
    pub rewind: RewindSettings,
    /// Kinds of entities whose view radius differs from the game's, with that radius in units.
    pub view_radius: Vec<(String, f32)>,
}

impl Default for WorldConfig {
    fn default() -> Self {
        WorldConfig {
            terrain: Terrain::shared_flat(),
            entities_max: 16_384,
            visible_max: 64,
            near: 5_000.0,
            pacing: Pacing::default(),
            admits_when_overloaded: false,
            seed: 0,
            first_tick: 0,
            rewind: RewindSettings::default(),
            view_radius: Vec::new(),
        }
    }
}

impl WorldConfig {
    /// The kinds of a game, with the view radii of this configuration. Names that the game does not have are ignored.
    pub(super) fn kinds_of(&self, kinds: &[Kind]) -> Vec<Kind> {
        let radius =
            |kind: &Kind| self.view_radius.iter().find(|(name, _)| name == kind.name).map(|(_, radius)| *radius);
        kinds.iter().map(|kind| Kind { radius: radius(kind).unwrap_or(kind.radius), ..*kind }).collect()
    }

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
        if !(0.0..=NEAR_MAX).contains(&near) {
            wrong(&["near"], format!("near is {near}; it is 0 to {NEAR_MAX} units"));
        }
        if !(ENTRY_BYTES_MAX..=SNAPSHOT_BYTES_MAX).contains(&pacing.bytes_max) {
            let bytes = pacing.bytes_max;
            let text = format!("snapshot-bytes is {bytes}; it is {ENTRY_BYTES_MAX} to {SNAPSHOT_BYTES_MAX}");
            wrong(&["snapshot-bytes"], text);
        }
        violations
    }
}
