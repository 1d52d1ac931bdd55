//! All entities of one tick, and of a moment between two ticks.

use super::part::{Part, WORD};
use super::sample::Sample;
use ringshard_world::{EntityId, Map, Pose};
use std::sync::Arc;

/// All entities of one tick, by index.
pub(super) struct Frame {
    /// `None` before the first tick is recorded here.
    tick: Option<u64>,
    /// Entities per part.
    share: usize,
    /// One after the other: the part of each core. `None` until something of it is known.
    parts: Box<[Option<Arc<Part>>]>,
}

impl Frame {
    /// A frame of one part, which is its own.
    pub(super) fn new(entities_max: usize) -> Self {
        let parts = [Some(Arc::new(Part::new(entities_max)))];
        Frame { tick: None, share: entities_max.max(1), parts: Box::new(parts) }
    }

    /// A frame for the parts of `cores` cores with `share` entities each.
    pub(super) fn of_parts(cores: usize, share: usize) -> Self {
        Frame { tick: None, share, parts: vec![None; cores].into() }
    }

    /// Heap memory of a frame with its own part.
    pub(super) const fn bytes(entities_max: usize) -> usize {
        size_of::<Option<Arc<Part>>>() + Part::bytes(entities_max)
    }

    pub(super) fn tick(&self) -> Option<u64> {
        self.tick
    }

    /// Replaces all entities of a frame that has its own part. `hitboxes` is the length of the table.
    pub(super) fn record(&mut self, tick: u64, samples: impl Iterator<Item = (u16, Sample)>, hitboxes: usize) {
        self.tick = Some(tick);
        let [Some(part)] = &mut self.parts[..] else { panic!("this history keeps the parts of cores") };
        Arc::get_mut(part).expect("a frame shares its own part with nobody").record(samples, hitboxes);
    }

    /// Replaces all parts.
    pub(super) fn keep<'a>(&mut self, tick: u64, parts: impl Iterator<Item = Option<&'a Arc<Part>>>) {
        self.tick = Some(tick);
        let mut count = 0;
        for (kept, part) in self.parts.iter_mut().zip(parts) {
            assert!(part.is_none_or(|part| part.samples.len() == self.share), "each core has equally many entities");
            *kept = part.cloned();
            count += 1;
        }
        assert_eq!(count, self.parts.len(), "there is a part for each core");
    }

    fn get(&self, index: u16) -> Option<&Sample> {
        let (part, row) = (usize::from(index) / self.share, usize::from(index) % self.share);
        self.parts.get(part)?.as_ref()?.get(row)
    }
}

/// Two recorded ticks with none between them, or one recorded tick twice.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) before: &'a Frame,
    pub(super) after: &'a Frame,
}

/// An entity at a moment.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    pub(super) id: EntityId,
    pub(super) pose: Pose,
    pub(super) hitbox: u8,
}

impl<'a> Pair<'a> {
    /// Indices of the entities that exist at either tick, with their samples.
    pub(super) fn living(self) -> impl Iterator<Item = (u16, Option<&'a Sample>, Option<&'a Sample>)> {
        let share = self.before.share;
        let parts = self.before.parts.iter().zip(&self.after.parts).enumerate();
        parts.flat_map(move |(number, (before, after))| {
            let first = number * share;
            let living = living(before.as_deref(), after.as_deref());
            living.map(move |(row, before, after)| ((first + row) as u16, before, after))
        })
    }

    /// The entity at `index`, at a part of the way from the first tick to the second, 0 to 1.
    ///
    /// Clients see an entity until the tick at which it is gone, has leapt, or is another one; that is how it is placed here.
    pub(super) fn placed(self, index: u16, part: f64, map: &Map) -> Option<Placed> {
        let (sample, pose) = if part >= 1.0 {
            let sample = self.after.get(index)?;
            (sample, sample.pose(map))
        } else {
            let sample = self.before.get(index)?;
            match self.after.get(index) {
                Some(later) if part > 0.0 && sample.leads_to(later) => (sample, sample.pose_towards(later, part, map)),
                _ => (sample, sample.pose(map)),
            }
        };
        Some(Placed { id: EntityId { index, generation: sample.generation }, pose, hitbox: sample.hitbox })
    }
}

/// Rows of the entities that exist in either of two parts, with their samples.
fn living<'a>(
    before: Option<&'a Part>,
    after: Option<&'a Part>,
) -> impl Iterator<Item = (usize, Option<&'a Sample>, Option<&'a Sample>)> {
    let words = before.or(after).map_or(0, |part| part.living.len());
    let word = |part: Option<&Part>, number: usize| part.map_or(0, |part| part.living[number]);
    (0..words).flat_map(move |number| {
        let mut left = word(before, number) | word(after, number);
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            let row = number * WORD + bit;
            Some((row, before.and_then(|part| part.get(row)), after.and_then(|part| part.get(row))))
        })
    })
}
