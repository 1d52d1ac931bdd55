//! One shot, with all that decided it: for a player who asks why a shot missed.

mod svg;

use super::claim::{Grant, Verdict};
use super::hitbox::Hitbox;
use super::past::{Hit, Past};
use super::ray::{Ray, dot};
use ringshard_world::{EntityId, Pose};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most entities of a dump.
const ENTITIES_MAX: usize = 256;

/// A shot that is dumped.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Shot {
    /// The present tick.
    pub now_tick: u64,
    /// The tick that the client claimed.
    pub claimed: f64,
    /// What it was granted.
    pub grant: Grant,
    /// Where the ray begins, in units.
    pub from: [f32; 3],
    /// Its direction.
    pub direction: [f32; 3],
    /// Its length, in units.
    pub length: f32,
    /// Whom it hit.
    pub hit: Option<Hit>,
    /// Entities whose hitbox is at most this far from the ray are listed, in units.
    pub reach: f32,
}

/// A [`Pose`], in the same units.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in Pose")]
pub struct DumpedPose {
    pub point: [f32; 3],
    pub velocity: [f32; 3],
    pub rotation: [u16; 3],
    pub leap: u8,
}

impl From<Pose> for DumpedPose {
    fn from(Pose { point, velocity, rotation, leap }: Pose) -> Self {
        DumpedPose { point, velocity, rotation, leap }
    }
}

/// The ray, in units.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct DumpedRay {
    /// Where it begins.
    pub from: [f32; 3],
    /// Its direction, of length 1.
    pub direction: [f32; 3],
    /// Its length, at most the diagonal of the map.
    pub length: f32,
    /// The distance at which it hit an entity.
    pub hit_at: Option<f32>,
}

/// An entity near the ray, then or at present.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct DumpedEntity {
    /// Its index.
    pub index: u16,
    /// Its generation.
    pub generation: u8,
    /// Where it is at the present tick; `None` if it is gone.
    pub present: Option<DumpedPose>,
    /// Where it was at the granted tick; `None` if it did not exist then.
    pub rewound: Option<DumpedPose>,
    /// Its hitbox at the granted tick; at the present tick if it had none then.
    pub hitbox: Hitbox,
    /// The distance at which the ray meets the hitbox at the granted tick.
    pub met_at: Option<f32>,
    /// Whether it was hit.
    pub hit: bool,
}

/// One shot. Lengths are in units of the map.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RewindDump {
    /// The present tick.
    pub now_tick: u64,
    /// The tick that the client claimed; `None` if it is not finite.
    pub claimed_tick: Option<f64>,
    /// The tick that was granted.
    pub granted_tick: f64,
    /// What became of the claim.
    pub verdict: Verdict,
    /// The ray; `None` if it is not finite or has no direction.
    pub ray: Option<DumpedRay>,
    /// The entities near the ray, by index.
    pub entities: Vec<DumpedEntity>,
    /// How many more entities are near the ray, but farther from it than those in the list, which has at most 256.
    pub left_out: usize,
}

impl RewindDump {
    /// The dump as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a dump has string keys only")
    }
}

impl Past<'_> {
    /// What decided a shot at this moment. `present` is the world at the present tick. It allocates.
    pub fn dump(&self, present: &Past<'_>, shot: &Shot) -> RewindDump {
        let mut dump = RewindDump {
            now_tick: shot.now_tick,
            claimed_tick: shot.claimed.is_finite().then_some(shot.claimed),
            granted_tick: self.at(),
            verdict: shot.grant.verdict,
            ray: None,
            entities: Vec::new(),
            left_out: 0,
        };
        let size = self.map().size().map(f64::from);
        let length = shot.length.min(dot(size, size).sqrt() as f32);
        let Some(ray) = Ray::new(shot.from, shot.direction, length) else { return dump };
        dump.ray = Some(DumpedRay {
            from: shot.from,
            direction: ray.direction.map(|along| along as f32),
            length,
            hit_at: shot.hit.map(|hit| hit.distance),
        });

        // By entity: its distance from the ray, and its hitbox. What was near then counts, and what is near now.
        let mut near = BTreeMap::new();
        self.near(&ray, shot.reach, |id, aside, hitbox| {
            near.insert(id, (aside, hitbox));
        });
        present.near(&ray, shot.reach, |id, aside, hitbox| {
            near.entry(id).or_insert((aside, hitbox));
        });
        let mut nearest: Vec<_> = near.into_iter().collect();
        nearest.sort_by(|(_, (a, _)), (_, (b, _))| a.total_cmp(b));
        dump.left_out = nearest.len().saturating_sub(ENTITIES_MAX);
        nearest.truncate(ENTITIES_MAX);
        dump.entities =
            nearest.into_iter().map(|(id, (_, hitbox))| self.dumped(present, shot, &ray, id, hitbox)).collect();
        dump.entities.sort_by_key(|entity| (entity.index, entity.generation));
        dump
    }

    /// Passes on the entities whose hitbox is within `reach` of the point of the ray that is nearest to them, with that
    /// distance.
    fn near(&self, ray: &Ray, reach: f32, mut each: impl FnMut(EntityId, f64, Hitbox)) {
        let middle = ray.length / 2.0;
        self.touched(ray.point(middle), middle as f32 + reach, |placed, hitbox, _| {
            let aside = hitbox.distance(&placed.pose, ray.point(along(ray, placed.pose.point)));
            if aside <= reach.into() {
                each(placed.id, aside, hitbox);
            }
        });
    }

    fn dumped(&self, present: &Past<'_>, shot: &Shot, ray: &Ray, id: EntityId, hitbox: Hitbox) -> DumpedEntity {
        let EntityId { index, generation } = id;
        let rewound = self.sample(index, generation);
        let met_at = rewound.and_then(|pose| hitbox.hit(&pose, ray));
        DumpedEntity {
            index,
            generation,
            present: present.sample(index, generation).map(DumpedPose::from),
            rewound: rewound.map(DumpedPose::from),
            hitbox,
            met_at: met_at.map(|distance| distance as f32),
            hit: shot.hit.is_some_and(|hit| hit.id == id),
        }
    }
}

/// The distance along a ray at which it is nearest to a point.
fn along(ray: &Ray, point: [f32; 3]) -> f64 {
    let relative = std::array::from_fn(|axis| f64::from(point[axis]) - ray.from[axis]);
    dot(relative, ray.direction).clamp(0.0, ray.length)
}
