//! Who is around whom: the grid over the whole world as this core knows it, asked for clients and for the game.

use crate::world::interest::{Difference, Grid, Query, Reach, Scratch, Sight};
use crate::world::replication::{Replica, Viewer};
use ringshard_world::{EntityKind, Map, Position};

/// What came into a client's sight, and what left it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Moved {
    /// Entities that came.
    pub entered: usize,
    /// Entities that left.
    pub left: usize,
}

/// The grid, and room to ask it.
pub struct Neighbourhood {
    grid: Grid,
    scratch: Scratch,
    difference: Difference,
    visible_max: usize,
    /// Square of the distance up to which one is near, in steps.
    near: u64,
    wanted: Vec<u16>,
    entering: Vec<u16>,
    leaving: Vec<u16>,
}

impl Neighbourhood {
    /// Of a world of at most `entities_max` entities, where a client sees at most `visible_max` of them, and those up to
    /// `near` units away are near.
    pub fn new(map: &Map, entities_max: usize, visible_max: usize, near: f32) -> Self {
        let sights = std::array::from_fn(|class| {
            let kind = EntityKind::from_number(class as u8);
            let radius_steps = kind.map_or(0, |kind| map.steps_of(kind.radius()));
            // A shot on its way matters more than who stands as close.
            let weight_log2 = if kind == Some(EntityKind::Projectile) { 2 } else { 0 };
            Sight { radius_steps, weight_log2 }
        });
        Neighbourhood {
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

    /// A tick has passed: everybody may be elsewhere.
    pub fn rebuild(&mut self, replica: &Replica) {
        self.grid.rebuild(replica.places());
    }

    /// Has a client look around.
    pub fn look(&mut self, viewer: &mut Viewer, replica: &Replica) -> Moved {
        let body = replica.get(viewer.player);
        // A player without a body looks on from where it last was.
        viewer.stood_at = body.map(|own| own.position).or(viewer.stood_at);
        let Some(from) = viewer.stood_at else { return Moved::default() };
        let player = viewer.player.index;
        let unseen = |index: u16| !replica.sees(viewer.player, index);
        // Always the same ones, of many in one place: who is seen should stay so.
        let query = Query { from, count: self.visible_max, turn: player.into() };
        self.wanted.clear();
        self.grid.nearest(&mut self.scratch, &query, &mut viewer.reach, unseen, &mut self.wanted);
        if body.is_some() && !self.wanted.contains(&player) {
            self.wanted.truncate(self.visible_max - 1);
            self.wanted.push(player);
        }
        self.difference.compare(viewer.shown(), &self.wanted, &mut self.entering, &mut self.leaving);
        let moved = Moved { entered: self.entering.len(), left: self.leaving.len() };
        self.leaving.drain(..).for_each(|index| viewer.leave(index));
        self.entering.drain(..).for_each(|index| viewer.enter(index, replica.generation(index)));
        viewer.set_near(|index| replica.state(index).position.distance_squared(from) <= self.near);
        moved
    }

    /// The nearest entities to a place, by index, as far as each is seen.
    pub fn nearest(&mut self, from: Position, count: usize, out: &mut Vec<u16>) {
        let query = Query { from, count, turn: 0 };
        self.grid.nearest(&mut self.scratch, &query, &mut Reach::default(), |_| false, out);
    }
}
