//! The last 64 ticks of all entities of the world.

use super::forest::Forest;
use super::frame::{Frame, Pair};
use super::hitbox::Hitbox;
use super::part::{Part, REWIND_TICKS_MAX};
use super::sample::{NO_HITBOX, Sample};
use ringshard_world::Map;
use ringshard_world::limits::WORLD_ENTITIES_MAX;
use std::sync::Arc;

/// The greatest extent of a hitbox from the point of its entity, in steps: as far as the widest map.
const REACH_STEPS_MAX: f64 = (1u64 << 31) as f64;

/// The last [`REWIND_TICKS_MAX`] ticks of all entities of the world, as one core knows them.
pub struct History {
    pub(super) map: Map,
    pub(super) hitboxes: &'static [Hitbox],
    /// By tick, modulo their number.
    frames: Box<[Frame]>,
    newest: Option<u64>,
    pub(super) forest: Forest,
}

impl History {
    /// A history without any tick, for entities with indices below `entities_max`. It allocates all memory now:
    /// [`History::bytes`].
    ///
    /// # Panics
    /// When the world has fewer indices, there are more than 255 hitboxes, or one of them is impossible: a length that is
    /// negative, not finite or greater than any map, or a capsule that is wider than high.
    pub fn new(entities_max: usize, map: Map, hitboxes: &'static [Hitbox]) -> Self {
        History::with_frames(entities_max, map, hitboxes, || Frame::new(entities_max))
    }

    /// The same for entities of `cores` cores, `share` each. It keeps the parts that the cores have recorded, and allocates the
    /// memory of the trees only. Use [`History::keep`] instead of [`History::record`].
    pub fn of_parts(cores: usize, share: usize, map: Map, hitboxes: &'static [Hitbox]) -> Self {
        History::with_frames(cores * share, map, hitboxes, || Frame::of_parts(cores, share))
    }

    fn with_frames(entities_max: usize, map: Map, hitboxes: &'static [Hitbox], frame: impl FnMut() -> Frame) -> Self {
        assert!(entities_max <= WORLD_ENTITIES_MAX, "a world has {WORLD_ENTITIES_MAX} indices");
        assert!(hitboxes.len() <= NO_HITBOX.into(), "{} hitboxes; a table has at most 255", hitboxes.len());
        for hitbox in hitboxes {
            let fits = f64::from(hitbox.radius()) <= REACH_STEPS_MAX * f64::from(map.step());
            assert!(hitbox.is_possible() && fits, "{hitbox:?} is impossible");
        }
        History {
            map,
            hitboxes,
            frames: std::iter::repeat_with(frame).take(REWIND_TICKS_MAX).collect(),
            newest: None,
            forest: Forest::new(entities_max, &map, hitboxes),
        }
    }

    /// Heap memory of a history, in bytes: 64 ticks of [`SAMPLE_BYTES`](super::SAMPLE_BYTES) per entity, and the trees.
    pub const fn bytes(entities_max: usize) -> usize {
        REWIND_TICKS_MAX * (size_of::<Frame>() + Frame::bytes(entities_max)) + Forest::bytes(entities_max)
    }

    /// Records the entities that exist at `tick`, by index; each index comes once. Other indices have no entity at this tick,
    /// nor has a sample of generation 0. Ticks may be left out: such a tick counts as if it had not been.
    ///
    /// # Panics
    /// When `tick` is not later than all recorded ones, or an index or a hitbox is out of range.
    pub fn record(&mut self, tick: u64, samples: impl Iterator<Item = (u16, Sample)>) {
        let hitboxes = self.hitboxes.len();
        self.next_frame(tick).record(tick, samples, hitboxes);
    }

    /// Keeps the parts of all cores, in their order, as they are known at `tick`: each as its core has recorded it last. A core
    /// of which nothing is known has none.
    ///
    /// # Panics
    /// When `tick` is not later than all recorded ones, or the history is not one of parts.
    pub fn keep<'a>(&mut self, tick: u64, parts: impl Iterator<Item = Option<&'a Arc<Part>>>) {
        self.next_frame(tick).keep(tick, parts);
    }

    fn next_frame(&mut self, tick: u64) -> &mut Frame {
        assert!(self.newest.is_none_or(|newest| newest < tick), "tick {tick} comes after {:?}", self.newest);
        self.newest = Some(tick);
        &mut self.frames[slot(tick)]
    }

    /// The newest recorded tick.
    pub fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// The oldest tick that is kept.
    pub fn oldest(&self) -> Option<u64> {
        let newest = self.newest?;
        (first_kept(newest)..=newest).find(|&tick| self.frame(tick).is_some())
    }

    /// How many trees queries have built so far: in the steady state one per tick.
    pub fn trees_built(&self) -> u64 {
        self.forest.built()
    }

    fn frame(&self, tick: u64) -> Option<&Frame> {
        let frame = &self.frames[slot(tick)];
        (frame.tick() == Some(tick)).then_some(frame)
    }

    /// The recorded ticks around `at`, which is within the kept ones, and the part of the way between them.
    pub(super) fn around(&self, at: f64) -> Option<(Pair<'_>, f64)> {
        let newest = self.newest?;
        let (after_tick, after) = (at.ceil() as u64..=newest).find_map(|tick| Some((tick, self.frame(tick)?)))?;
        let earlier = (first_kept(newest)..after_tick).rev().find_map(|tick| Some((tick, self.frame(tick)?)));
        let Some((before_tick, before)) = earlier else {
            return Some((Pair { before: after, after }, 1.0));
        };
        let part = (at - before_tick as f64) / (after_tick - before_tick) as f64;
        assert!((0.0..=1.0).contains(&part), "tick {at} is between {before_tick} and {after_tick}");
        Some((Pair { before, after }, part))
    }
}

fn slot(tick: u64) -> usize {
    (tick % REWIND_TICKS_MAX as u64) as usize
}

fn first_kept(newest: u64) -> u64 {
    newest.saturating_sub(REWIND_TICKS_MAX as u64 - 1)
}
