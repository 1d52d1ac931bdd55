//! A fixed number of trees, one per pair of ticks that queries ask for.

use super::boxes::Corners;
use super::frame::Pair;
use super::hitbox::Hitbox;
use super::sample::Sample;
use super::tree::{Builder, Tree, hull};
use ringshard_world::{Map, Position};
use std::cell::{Cell, Ref, RefCell};

/// Trees that are kept. A rewind of 31 ticks, which is half a second, needs at most 32 pairs of ticks. Longer rewinds work, but
/// may build a tree more than once.
pub const TREES: usize = 32;

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
        let entities = pair
            .living()
            .filter_map(|(index, before, after)| self.around(before, after).map(|corners| (index, corners)));
        slot.tree.borrow_mut().rebuild(&mut self.builder.borrow_mut(), entities);
        slot.ticks.set(Some(ticks));
        self.built.set(self.built.get() + 1);
        slot
    }

    /// The box around the hitbox of an entity at both ticks and between them; `None` if it has no hitbox.
    fn around(&self, before: Option<&Sample>, after: Option<&Sample>) -> Option<Corners> {
        let standing = |sample: &Sample| self.between(sample.position, sample.position, sample.hitbox);
        match (before, after) {
            (Some(before), Some(after)) => {
                // On its way to the later sample, the entity has the hitbox of the earlier one.
                let way = if before.leads_to(after) { after.position } else { before.position };
                let moving = self.between(before.position, way, before.hitbox);
                if before.leads_to(after) && before.hitbox == after.hitbox {
                    return moving;
                }
                moving.into_iter().chain(standing(after)).reduce(hull)
            }
            (one, other) => one.or(other).and_then(standing),
        }
    }

    /// The box around a hitbox that moves in a line; `None` if there is no such hitbox.
    fn between(&self, from: Position, to: Position, hitbox: u8) -> Option<Corners> {
        let [low, high] = self.bounds.get(usize::from(hitbox))?;
        let axes = [(from.x, to.x), (from.y, to.y), (from.z, to.z)];
        Some([
            std::array::from_fn(|axis| (f64::from(axes[axis].0.min(axes[axis].1)) + low[axis]) as f32),
            std::array::from_fn(|axis| (f64::from(axes[axis].0.max(axes[axis].1)) + high[axis]) as f32),
        ])
    }
}
