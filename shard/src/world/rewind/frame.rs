//! All entities of one tick, and of a moment between two ticks.

use super::sample::{NO_HITBOX, Sample};
use ringshard_world::{EntityId, Map, Pose};

const WORD: usize = u64::BITS as usize;

/// All entities of one tick, by index.
pub(super) struct Frame {
    /// `None` before the first tick is recorded here.
    tick: Option<u64>,
    /// Which indices have a sample, one bit each. The samples of other indices are of an earlier tick.
    living: Box<[u64]>,
    samples: Box<[Sample]>,
}

impl Frame {
    pub(super) fn new(entities_max: usize) -> Self {
        let living = vec![0; entities_max.div_ceil(WORD)].into();
        Frame { tick: None, living, samples: vec![Sample::NONE; entities_max].into() }
    }

    /// Heap memory of a frame.
    pub(super) const fn bytes(entities_max: usize) -> usize {
        entities_max * size_of::<Sample>() + entities_max.div_ceil(WORD) * size_of::<u64>()
    }

    pub(super) fn tick(&self) -> Option<u64> {
        self.tick
    }

    /// Replaces all entities. `hitboxes` is the length of the table.
    pub(super) fn record(&mut self, tick: u64, samples: impl Iterator<Item = (u16, Sample)>, hitboxes: usize) {
        self.tick = Some(tick);
        self.living.fill(0);
        for (index, sample) in samples {
            let at = usize::from(index);
            assert!(at < self.samples.len(), "the history has no entity {index}");
            let hitbox = sample.hitbox;
            assert!(hitbox == NO_HITBOX || usize::from(hitbox) < hitboxes, "there is no hitbox {hitbox}");
            if sample.generation != 0 {
                self.samples[at] = sample;
                self.living[at / WORD] |= 1 << (at % WORD);
            }
        }
    }

    fn get(&self, index: u16) -> Option<&Sample> {
        let at = usize::from(index);
        let word = self.living.get(at / WORD)?;
        (word >> (at % WORD) & 1 != 0).then(|| &self.samples[at])
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
        let words = self.before.living.iter().zip(&self.after.living).enumerate();
        words.flat_map(move |(number, (before, after))| {
            let mut left = before | after;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                let at = number * WORD + bit as usize;
                let sample = |frame: &'a Frame, living: u64| (living >> bit & 1 != 0).then(|| &frame.samples[at]);
                Some((at as u16, sample(self.before, *before), sample(self.after, *after)))
            })
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
