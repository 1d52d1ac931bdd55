//! What is where: entities of all cores and the terrain together.

use crate::game::Game;
use crate::game::shard::Shard;
use crate::world::rewind::{Hit, Past};
use ringshard_terrain::Impact;
use ringshard_world::{EntityId, Position};

/// What a ray meets first.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Struck {
    /// The hitbox of an entity.
    Entity(Hit),
    /// Ground or static geometry.
    Terrain(Impact),
}

impl Struck {
    /// Distance from the beginning of the ray, in units.
    pub fn distance(&self) -> f32 {
        match self {
            Struck::Entity(hit) => hit.distance,
            Struck::Terrain(impact) => impact.distance,
        }
    }

    /// The entity, unless the terrain is before it.
    pub fn entity(&self) -> Option<Hit> {
        match self {
            Struck::Entity(hit) => Some(*hit),
            Struck::Terrain(_) => None,
        }
    }
}

impl<G: Game> Shard<G> {
    /// What a ray meets first: terrain, or the hitbox of an entity that `accept` accepts. `past` says at which moment:
    /// [`Shard::as_seen_by`] for what a player aims at, or [`Shard::present`].
    ///
    /// Coordinates and `length` are in units; `direction` need not have length 1, and `length` may be infinite. A ray that is
    /// not finite, has no direction or a negative length meets nothing.
    pub fn ray(
        &self,
        past: &Past<'_>,
        from: [f32; 3],
        direction: [f32; 3],
        length: f32,
        accept: impl FnMut(EntityId) -> bool,
    ) -> Option<Struck> {
        let impact = self.terrain().ray(from, direction, length);
        let free = impact.map_or(length, |impact| impact.distance);
        let hit = past.ray(from, direction, free, accept);
        hit.map(Struck::Entity).or(impact.map(Struck::Terrain))
    }

    /// Whether the terrain leaves the line free between two entities of any core: from a point `height` units above the one to
    /// a point as high above the other. False if one of them does not exist.
    pub fn sees(&self, from: EntityId, to: EntityId, height: f32) -> bool {
        let above = |[x, y, z]: [f32; 3]| [x, y, z + height];
        let (Some(from), Some(to)) = (self.pose(from), self.pose(to)) else { return false };
        self.terrain().sees(above(from.point), above(to.point))
    }

    /// Appends all entities of any core whose points are at most `radius` units from a point, in no order. Unlike
    /// [`Shard::nearest`] it finds all of them, however many there are and of whatever kind. Numbers that are not finite find
    /// nothing, except that `radius` may be infinite.
    pub fn within(&mut self, point: [f32; 3], radius: f32, found: &mut Vec<EntityId>) {
        if radius.is_nan() || radius < 0.0 {
            return;
        }
        let reach = f64::from(radius).powi(2);
        self.in_box(point.map(|along| along - radius), point.map(|along| along + radius), found, |at| {
            (0..3).map(|axis| (f64::from(at[axis]) - f64::from(point[axis])).powi(2)).sum::<f64>() <= reach
        });
    }

    /// Appends all entities of any core whose points are in an upright box, in no order: `low` and `high` are its corners with
    /// the lowest and the highest coordinates. NaN finds nothing.
    pub fn within_box(&mut self, low: [f32; 3], high: [f32; 3], found: &mut Vec<EntityId>) {
        self.in_box(low, high, found, |at| (0..3).all(|axis| (low[axis]..=high[axis]).contains(&at[axis])));
    }

    fn in_box(&self, low: [f32; 3], high: [f32; 3], found: &mut Vec<EntityId>, is_wanted: impl Fn([f32; 3]) -> bool) {
        let Some(visibility) = &self.visibility else { return };
        let map = self.map();
        // A step more on each side makes up for roundings. The casts take negative numbers and NaN to 0.
        let steps = |at: f32| (f64::from(at) / f64::from(map.step())) as u32;
        let [low, high] = [low.map(|at| steps(at).saturating_sub(2)), high.map(|at| steps(at).saturating_add(2))];
        let position = |[x, y, z]: [u32; 3]| Position { x, y, z };
        visibility.in_box(position(low), position(high), |index| {
            let generation = self.replica.generation(index);
            if generation != 0 && is_wanted(map.point(self.replica.state(index).position)) {
                found.push(EntityId { index, generation });
            }
        });
    }
}
