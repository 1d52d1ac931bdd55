//! A fixed number of trees, one per pair of ticks that queries ask for.

use super::boxes::{Corners, NOTHING};
use super::frame::Pair;
use super::hitbox::Hitbox;
use super::pose::Sample;
use super::tree::{Builder, Tree, hull};
use ringshard_world::Map;
use std::cell::{Cell, Ref, RefCell};

/// Trees that are kept. A rewind of 15 ticks, which is 250 ms, needs at most 16 pairs of ticks. Longer rewinds work, but may
/// build a tree more than once.
pub const TREES: usize = 16;

struct Slot {
    /// The ticks that the tree is for.
    ticks: Cell<Option<(u64, u64)>>,
    /// The count of uses at its last use.
    used: Cell<u64>,
    tree: RefCell<Tree>,
}

/// The trees that were used last.
pub(super) struct Forest {
    /// Per hitbox, the box around it in steps.
    bounds: Box<[[[f64; 3]; 2]]>,
    slots: Box<[Slot]>,
    builder: RefCell<Builder>,
    uses: Cell<u64>,
    built: Cell<u64>,
}

impl Forest {
    pub(super) fn new(entities_max: usize, map: &Map, hitboxes: &[Hitbox]) -> Self {
        let step = f64::from(map.step());
        let slot = || Slot { ticks: Cell::new(None), used: Cell::new(0), tree: RefCell::new(Tree::new(entities_max)) };
        Forest {
            bounds: hitboxes
                .iter()
                .map(|hitbox| hitbox.bounds().map(|corner| corner.map(|along| along / step)))
                .collect(),
            slots: std::iter::repeat_with(slot).take(TREES).collect(),
            builder: RefCell::new(Builder::new(entities_max)),
            uses: Cell::new(0),
            built: Cell::new(0),
        }
    }

    /// Heap memory of a forest.
    pub(super) const fn bytes(entities_max: usize) -> usize {
        TREES * (size_of::<Slot>() + Tree::bytes(entities_max)) + Builder::bytes(entities_max)
    }

    /// Trees built so far.
    pub(super) fn built(&self) -> u64 {
        self.built.get()
    }

    /// The tree of a pair of ticks: the one that is kept, or a new one in place of the one that was not used for longest.
    pub(super) fn tree(&self, pair: Pair<'_>) -> Ref<'_, Tree> {
        let ticks = pair.before.tick().zip(pair.after.tick()).expect("a pair is of recorded ticks");
        let kept = self.slots.iter().find(|slot| slot.ticks.get() == Some(ticks));
        let slot = kept.unwrap_or_else(|| self.build(ticks, pair));
        self.uses.set(self.uses.get() + 1);
        slot.used.set(self.uses.get());
        slot.tree.borrow()
    }

    fn build(&self, ticks: (u64, u64), pair: Pair<'_>) -> &Slot {
        // A query may run inside the callback of another, whose tree is in use.
        let idle = self.slots.iter().filter(|slot| slot.tree.try_borrow_mut().is_ok());
        let slot = idle.min_by_key(|slot| slot.used.get()).expect("fewer queries are nested than there are trees");
        slot.ticks.set(None);
        let entities = pair.living().filter_map(|(index, before, after)| {
            let parts = [before, after].into_iter().flatten().filter_map(|sample| self.around(sample));
            parts.reduce(hull).map(|corners| (index, corners))
        });
        slot.tree.borrow_mut().rebuild(&mut self.builder.borrow_mut(), entities);
        slot.ticks.set(Some(ticks));
        self.built.set(self.built.get() + 1);
        slot
    }

    /// The box around the hitbox of a sample; `None` if it has no hitbox.
    fn around(&self, sample: &Sample) -> Option<Corners> {
        let bounds = self.bounds.get(usize::from(sample.hitbox))?;
        let at = [sample.position.x, sample.position.y, sample.position.z].map(f64::from);
        let mut corners = NOTHING;
        for (corner, bound) in corners.iter_mut().zip(bounds) {
            *corner = std::array::from_fn(|axis| (at[axis] + bound[axis]) as f32);
        }
        Some(corners)
    }
}
