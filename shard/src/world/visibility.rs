//! Which entities are visible to whom: queries of clients and of the game to one grid over the whole world.

use crate::world::interest::{COUNT_MAX, Difference, Grid, Query, Reach, Scratch, Sight};
use crate::world::replication::{Replica, Viewer};
use ringshard_world::{EntityKind, Map, Position};

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
    visible_max: usize,
    /// Square of the distance up to which an entity is near, in steps.
    near: u64,
    wanted: Vec<u16>,
    entering: Vec<u16>,
    leaving: Vec<u16>,
}

impl Visibility {
    /// For a world of at most `entities_max` entities, in which a client sees at most `visible_max` of them. Entities up to
    /// `near` units away are near.
    ///
    /// # Panics
    /// When `visible_max` is 0 or exceeds [`COUNT_MAX`].
    pub fn new(map: &Map, entities_max: usize, visible_max: usize, near: f32) -> Self {
        assert!((1..=COUNT_MAX).contains(&visible_max), "a client sees 1 to {COUNT_MAX} entities");
        let sights = std::array::from_fn(|class| {
            let kind = EntityKind::from_number(class as u8);
            let radius_steps = kind.map_or(0, |kind| map.steps_of(kind.radius()));
            // A projectile matters more than other entities at the same distance.
            let weight_log2 = if kind == Some(EntityKind::Projectile) { 2 } else { 0 };
            Sight { radius_steps, weight_log2 }
        });
        Visibility {
            grid: Grid::new(entities_max, sights),
            scratch: Scratch::new(),
            difference: Difference::new(),
            visible_max,
            near: u64::from(map.steps_of(near)).pow(2),
            wanted: Vec::with_capacity(visible_max),
            entering: Vec::with_capacity(visible_max),
            leaving: Vec::with_capacity(visible_max),
        }
    }

    /// Rebuilds the grid: a tick has passed, and every entity may have moved.
    pub fn rebuild(&mut self, replica: &Replica) {
        self.grid.rebuild(replica.positions());
    }

    /// Updates which entities are in a client's sight.
    pub fn update(&mut self, viewer: &mut Viewer, replica: &Replica) -> SightChange {
        let body = replica.get(viewer.player);
        // A player without a body watches from where it last was.
        viewer.last_position = body.map(|own| own.position).or(viewer.last_position);
        let Some(from) = viewer.last_position else { return SightChange::default() };
        let player = viewer.player.index;
        let unseen = |index: u16| !replica.sees(viewer.player, index);
        // With the same turn each time, the same ones of many equally near entities stay in sight.
        let query = Query { from, count: self.visible_max, turn: player.into() };
        self.wanted.clear();
        self.grid.nearest(&mut self.scratch, &query, &mut viewer.reach, unseen, &mut self.wanted);
        if body.is_some() && !self.wanted.contains(&player) {
            self.wanted.truncate(self.visible_max - 1);
            self.wanted.push(player);
        }
        self.difference.compare(viewer.shown(), &self.wanted, &mut self.entering, &mut self.leaving);
        let change = SightChange { entered: self.entering.len(), left: self.leaving.len() };
        self.leaving.drain(..).for_each(|index| viewer.leave(index));
        self.entering.drain(..).for_each(|index| viewer.enter(index, replica.generation(index)));
        viewer.set_near(|index| replica.state(index).position.distance_squared(from) <= self.near);
        assert!(viewer.shown_len() <= self.visible_max, "a client sees at most visible_max entities");
        change
    }

    /// The indices of the nearest entities to a position, as far as each can be seen.
    pub fn nearest(&mut self, from: Position, count: usize, out: &mut Vec<u16>) {
        let query = Query { from, count, turn: 0 };
        self.grid.nearest(&mut self.scratch, &query, &mut Reach::default(), |_| false, out);
    }
}
