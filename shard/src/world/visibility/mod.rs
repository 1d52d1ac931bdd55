//! Which entities are visible to whom: queries of clients and of the game to one grid over the whole world.

use crate::world::exchange::Change;
use crate::world::interest::{CLASSES, COUNT_MAX, Difference, Grid, Query, Reach, Scratch, Sight};
use crate::world::kind::Kind;
use crate::world::replication::viewer::Gaze;
use crate::world::replication::{Replica, Viewer};
use ringshard_world::{EntityId, Fields, Map, Position};

/// How many entities entered and left a client's sight.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SightChange {
    /// Entities that entered.
    pub entered: usize,
    /// Entities that left.
    pub left: usize,
}

/// The grid, and working memory for queries.
pub struct Visibility {
    grid: Grid,
    scratch: Scratch,
    difference: Difference,
    /// Entities that have changed since the grid was updated, one bit each, and working memory for their indices.
    changed: Box<[u64]>,
    indices: Vec<u16>,
    visible_max: usize,
    /// Square of the distance up to which an entity is near, in steps.
    near: u64,
    wanted: Vec<u16>,
    entering: Vec<u16>,
    leaving: Vec<u16>,
}

impl Visibility {
    /// For a world of at most `entities_max` entities of these kinds, in which a client sees at most `visible_max` of them.
    /// Entities up to `near` units away are near.
    ///
    /// # Panics
    /// When `visible_max` is 0 or exceeds [`COUNT_MAX`], or there are more than [`CLASSES`] kinds.
    pub fn new(map: &Map, entities_max: usize, visible_max: usize, near: f32, kinds: &[Kind]) -> Self {
        assert!((1..=COUNT_MAX).contains(&visible_max), "a client sees 1 to {COUNT_MAX} entities");
        assert!(kinds.len() <= CLASSES, "a game has at most {CLASSES} kinds of entities");
        let sights = std::array::from_fn(|class| match kinds.get(class) {
            Some(kind) => Sight { radius_steps: map.steps_of(kind.radius), weight_log2: kind.priority },
            None => Sight { radius_steps: 0, weight_log2: 0 },
        });
        Visibility {
            grid: Grid::new(entities_max, sights),
            scratch: Scratch::new(),
            difference: Difference::new(),
            changed: vec![0; entities_max.div_ceil(64)].into(),
            indices: Vec::with_capacity(entities_max),
            visible_max,
            near: u64::from(map.steps_of(near)).pow(2),
            wanted: Vec::with_capacity(visible_max),
            entering: Vec::with_capacity(visible_max),
            leaving: Vec::with_capacity(visible_max),
        }
    }

    /// Rebuilds the grid from all entities.
    pub fn rebuild<S: Fields>(&mut self, replica: &Replica<S>) {
        self.changed.fill(0);
        self.grid.rebuild(replica.positions());
    }

    /// Notes that entities have changed: the grid follows with the next [`Self::refresh`].
    pub fn note<S>(&mut self, changes: &[Change<S>]) {
        for change in changes {
            let index = usize::from(change.id().index);
            self.changed[index / 64] |= 1 << (index % 64);
        }
    }

    /// Updates the grid: a tick has passed, and the entities that were noted are where the replica has them.
    pub fn refresh<S: Fields>(&mut self, replica: &Replica<S>) {
        self.indices.clear();
        for (number, word) in self.changed.iter_mut().enumerate() {
            let mut left = std::mem::take(word);
            while left != 0 {
                self.indices.push((number * 64) as u16 + left.trailing_zeros() as u16);
                left &= left - 1;
            }
        }
        self.grid.update(&self.indices, |index| replica.place(index));
    }

    /// Updates which entities are in the sight of a client whose player is at `from`: its body, the entities of `always`, and
    /// the nearest others for which `hidden` is false. What does not exist is ignored.
    pub fn update<S: Fields, O: Fields>(
        &mut self,
        viewer: &mut Viewer<O>,
        replica: &Replica<S>,
        from: Position,
        always: &[EntityId],
        hidden: impl Fn(EntityId) -> bool,
    ) -> SightChange {
        viewer.gaze = self.find(replica, from, viewer.gaze, always, hidden);
        self.show(viewer, replica, from)
    }

    /// The first half of [`Self::update`]: finds the entities that a client will see, for [`Self::show`]. Returns the gaze for
    /// its next look.
    pub fn find<S: Fields>(
        &mut self,
        replica: &Replica<S>,
        from: Position,
        gaze: Gaze,
        always: &[EntityId],
        hidden: impl Fn(EntityId) -> bool,
    ) -> Gaze {
        let Gaze { body, turn, mut reach } = gaze;
        let body = body.filter(|&body| replica.get(body).is_some());
        let id_of = |index: u16| EntityId { index, generation: replica.generation(index) };
        // The grid is as old as the tick: an entity in it may be gone.
        let unseen = |index: u16| {
            let id = id_of(index);
            id.generation == 0 || body != Some(id) && hidden(id)
        };
        // With the same turn each time, the same ones of many equally near entities stay in sight.
        let query = Query { from, count: self.visible_max, turn };
        self.wanted.clear();
        self.grid.nearest(&mut self.scratch, &query, &mut reach, unseen, &mut self.wanted);
        let pinned = body.into_iter().chain(always.iter().copied().filter(|&id| replica.is_replicated(id)));
        pin(&mut self.wanted, pinned.map(|id| id.index), self.visible_max);
        Gaze { reach, ..gaze }
    }

    /// The second half of [`Self::update`]: lets a client see the entities that were found last.
    pub fn show<S: Fields, O: Fields>(
        &mut self,
        viewer: &mut Viewer<O>,
        replica: &Replica<S>,
        from: Position,
    ) -> SightChange {
        self.difference.compare(viewer.shown(), &self.wanted, &mut self.entering, &mut self.leaving);
        let change = SightChange { entered: self.entering.len(), left: self.leaving.len() };
        self.leaving.drain(..).for_each(|index| viewer.leave(index));
        self.entering.drain(..).for_each(|index| viewer.enter(index, replica.generation(index)));
        // The player's own state says more of its body than the body's entry: that need not be fresh.
        let own = viewer.gaze.body.filter(|&body| replica.get(body).is_some()).map(|body| body.index);
        let near = |index: u16| replica.state(index).position.distance_squared(from) <= self.near;
        viewer.set_near(|index| own != Some(index) && near(index));
        assert!(viewer.shown_len() <= self.visible_max, "a client sees at most visible_max entities");
        change
    }

    /// The indices of the nearest entities to a position, as far as each can be seen.
    pub fn nearest(&mut self, from: Position, count: usize, out: &mut Vec<u16>) {
        let query = Query { from, count, turn: 0 };
        self.grid.nearest(&mut self.scratch, &query, &mut Reach::default(), |_| false, out);
    }

    /// Passes to `each` the index of every entity in a box, in no order. An entity may be gone since the tick.
    pub fn in_box(&self, low: Position, high: Position, each: impl FnMut(u16)) {
        self.grid.in_box(low, high, each);
    }
}

/// Puts each of `indices` into `wanted`, which has each index at most once, and lets others make room where it would have
/// more than `most`. If there are too many indices, the first ones stay.
fn pin(wanted: &mut Vec<u16>, indices: impl Iterator<Item = u16>, most: usize) {
    assert!(wanted.len() <= most, "a query finds at most so many");
    // The pinned ones come first; the others are in no order.
    let mut pinned = 0;
    for index in indices {
        match wanted.iter().position(|&other| other == index) {
            Some(at) if at < pinned => continue,
            Some(at) => wanted.swap(at, pinned),
            None if pinned == most => return,
            None if wanted.len() < most => {
                wanted.push(index);
                let last = wanted.len() - 1;
                wanted.swap(last, pinned);
            }
            None => wanted[pinned] = index,
        }
        pinned += 1;
    }
}

#[cfg(test)]
mod tests;
