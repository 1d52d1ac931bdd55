//! The world at a tick, or between two ticks.

use super::frame::{Pair, Placed};
use super::history::History;
use super::hitbox::Hitbox;
use super::ray::Ray;
use ringshard_world::{EntityId, Map, Pose};

/// The world at a tick, or between two ticks.
///
/// Between two recorded ticks, poses are interpolated. An entity that is gone, has leapt or is another one at the later tick
/// stays where it was until then, and keeps its earlier hitbox: this is what clients show.
#[derive(Clone, Copy)]
pub struct Past<'a> {
    history: &'a History,
    at: f64,
    /// The recorded ticks around it, and the part of the way between them; `None` if no tick was recorded.
    around: Option<(Pair<'a>, f64)>,
}

/// What a ray met.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Hit {
    /// The entity.
    pub id: EntityId,
    /// Distance from the start of the ray, in units.
    pub distance: f32,
    /// Where the ray enters the hitbox, or begins in it; in units.
    pub point: [f32; 3],
    /// The pose of the entity at that moment.
    pub pose: Pose,
}

impl History {
    /// The world at a tick, which may be between two ticks. Before the oldest kept tick it is that of the oldest, after the
    /// newest that of the newest; NaN counts as the newest. Without any recorded tick nothing is there.
    pub fn at(&self, tick: f64) -> Past<'_> {
        let (Some(oldest), Some(newest)) = (self.oldest(), self.newest()) else {
            return Past { history: self, at: 0.0, around: None };
        };
        let at = if tick.is_nan() { newest as f64 } else { tick.clamp(oldest as f64, newest as f64) };
        Past { history: self, at, around: self.around(at) }
    }
}

impl Past<'_> {
    /// The tick, clamped to the kept ones.
    pub fn at(&self) -> f64 {
        self.at
    }

    pub(super) fn map(&self) -> &Map {
        &self.history.map
    }

    /// The pose of an entity at that moment; `None` if it did not exist then, or is of another generation.
    pub fn sample(&self, index: u16, generation: u8) -> Option<Pose> {
        self.placed(index).filter(|placed| placed.id.generation == generation).map(|placed| placed.pose)
    }

    /// The nearest entity along a ray that `accept` accepts; among several at the same distance the one of the lowest index.
    /// An entity in which the ray begins is at distance 0.
    ///
    /// Coordinates and `length` are in units; `direction` need not have length 1, and `length` may be infinite. A ray that is
    /// not finite, has no direction or a negative length meets nothing. `accept` is asked at most once per entity, only about
    /// entities that the ray meets, and not about all of these. It may query this history, too.
    pub fn ray(
        &self,
        from: [f32; 3],
        direction: [f32; 3],
        length: f32,
        accept: impl FnMut(EntityId) -> bool,
    ) -> Option<Hit> {
        let ray = Ray::new(from, direction, length)?;
        let (distance, placed) = self.nearest(&ray, accept)?;
        let Placed { id, pose, .. } = placed;
        Some(Hit { id, distance: distance as f32, point: ray.point(distance), pose })
    }

    fn nearest(&self, ray: &Ray, mut accept: impl FnMut(EntityId) -> bool) -> Option<(f64, Placed)> {
        let (pair, _) = self.around?;
        let step = f64::from(self.history.map.step());
        let mut nearest: Option<(f64, Placed)> = None;
        let tree = self.history.forest.tree(pair);
        tree.ray(&ray.in_units_of(step), |index| {
            if let Some((placed, hitbox)) = self.hittable(index)
                && let Some(distance) = hitbox.hit(&placed.pose, ray)
                && nearest.is_none_or(|(least, of)| (distance, index) < (least, of.id.index))
                && accept(placed.id)
            {
                nearest = Some((distance, placed));
            }
            nearest.map_or(f64::INFINITY, |(least, _)| least / step)
        });
        nearest
    }

    /// Passes to `each` the entities whose hitbox touches a sphere, with their poses at that moment and the distances of
    /// their hitboxes from its centre (0 if it is inside), in units and in no order. A sphere that is not finite touches
    /// nothing, except that `radius` may be infinite. `each` may query this history, too.
    pub fn sphere(&self, centre: [f32; 3], radius: f32, mut each: impl FnMut(EntityId, Pose, f32)) {
        self.touched(centre, radius, |placed, _, distance| each(placed.id, placed.pose, distance));
    }

    /// The same, with the hitboxes.
    pub(super) fn touched(&self, centre: [f32; 3], radius: f32, mut each: impl FnMut(Placed, Hitbox, f32)) {
        let Some((pair, _)) = self.around else { return };
        if !(centre.iter().all(|along| along.is_finite()) && radius >= 0.0) {
            return;
        }
        let step = f64::from(self.history.map.step());
        let tree = self.history.forest.tree(pair);
        tree.sphere(centre.map(|along| f64::from(along) / step), f64::from(radius) / step, |index| {
            if let Some((placed, hitbox)) = self.hittable(index) {
                let distance = hitbox.distance(&placed.pose, centre);
                if distance <= radius.into() {
                    each(placed, hitbox, distance as f32);
                }
            }
        });
    }

    /// The entity at `index` at that moment.
    pub(super) fn placed(&self, index: u16) -> Option<Placed> {
        let (pair, part) = self.around?;
        pair.placed(index, part, &self.history.map)
    }

    /// The entity at `index` at that moment, if it has a hitbox.
    fn hittable(&self, index: u16) -> Option<(Placed, Hitbox)> {
        let placed = self.placed(index)?;
        let hitbox = self.history.hitboxes.get(usize::from(placed.hitbox))?;
        Some((placed, *hitbox))
    }
}
