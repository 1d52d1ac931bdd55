//! The history as a plain list of ticks, and queries that look at every entity.

use crate::dice::Dice;
use ringshard::world::rewind::{History, Hitbox, NO_HITBOX, REWIND_TICKS_MAX, Ray, Sample};
use ringshard_world::{EntityId, Map, Pose, Position};
use std::collections::BTreeMap;

pub const HITBOXES: &[Hitbox] = &[
    Hitbox::Sphere { radius: 30.0, offset_z: 10.0 },
    Hitbox::Capsule { radius: 40.0, half_height: 90.0, offset_z: 90.0 },
    Hitbox::Box { half: [120.0, 50.0, 60.0], offset_z: 60.0 },
    Hitbox::Box { half: [2_000.0, 300.0, 500.0], offset_z: 0.0 },
    Hitbox::Sphere { radius: 0.0, offset_z: 0.0 },
];

pub type Tick = BTreeMap<u16, Sample>;

pub struct Model {
    pub map: Map,
    pub history: History,
    ticks: BTreeMap<u64, Tick>,
}

/// What a query found: whom, its pose, and the distance.
pub type Found = (EntityId, Pose, f32);

impl Model {
    pub fn new(entities_max: usize) -> Self {
        let map = Map::default();
        Model { map, history: History::new(entities_max, map, HITBOXES), ticks: BTreeMap::new() }
    }

    pub fn record(&mut self, tick: u64, entities: &Tick) {
        self.history.record(tick, entities.iter().map(|(&index, &sample)| (index, sample)));
        self.ticks.insert(tick, entities.clone());
        self.ticks.retain(|&kept, _| kept + (REWIND_TICKS_MAX as u64) > tick);
    }

    pub fn clamped(&self, at: f64) -> f64 {
        let (oldest, newest) = (self.ticks.keys().next().unwrap(), self.ticks.keys().last().unwrap());
        at.clamp(*oldest as f64, *newest as f64)
    }

    /// An entity at a moment, as the documentation of `Past` describes it.
    pub fn placed(&self, at: f64, index: u16) -> Option<(Sample, Pose)> {
        let at = self.clamped(at);
        let (&before, entities) = self.ticks.range(..=at.floor() as u64).next_back().unwrap();
        let sample = *entities.get(&index).filter(|sample| sample.generation != 0)?;
        let later = self.ticks.range(before + 1..).next();
        let later = later.and_then(|(&tick, entities)| Some((tick, *entities.get(&index)?)));
        let mut pose = sample.pose(&self.map);
        if let Some((after, later)) = later
            && (later.generation, later.leap) == (sample.generation, sample.leap)
            && at > before as f64
        {
            let part = (at - before as f64) / (after - before) as f64;
            let (from, to) = (sample.position, later.position);
            for (axis, (from, to)) in [(from.x, to.x), (from.y, to.y), (from.z, to.z)].into_iter().enumerate() {
                let steps = f64::from(from) + (f64::from(to) - f64::from(from)) * part;
                pose.point[axis] = (steps * f64::from(self.map.step())) as f32;
                let (from, to) = (f64::from(sample.velocity[axis]), f64::from(later.velocity[axis]));
                pose.velocity[axis] = ((from + (to - from) * part) * 2.0) as f32;
                let mut turn = i32::from(later.rotation[axis]) - i32::from(sample.rotation[axis]);
                turn -= if turn >= 32_768 { 65_536 } else { 0 };
                turn += if turn < -32_768 { 65_536 } else { 0 };
                let turned = i32::from(sample.rotation[axis]) + (f64::from(turn) * part).round() as i32;
                pose.rotation[axis] = turned.rem_euclid(65_536) as u16;
            }
        }
        Some((sample, pose))
    }

    fn all(&self, at: f64) -> impl Iterator<Item = (EntityId, Pose, Hitbox)> + '_ {
        let indices = self.ticks.range(..=self.clamped(at).floor() as u64).next_back().unwrap().1.keys();
        indices.filter_map(move |&index| {
            let (sample, pose) = self.placed(at, index)?;
            let hitbox = *HITBOXES.get(usize::from(sample.hitbox))?;
            Some((EntityId { index, generation: sample.generation }, pose, hitbox))
        })
    }

    pub fn ray(
        &self,
        at: f64,
        [from, direction]: [[f32; 3]; 2],
        length: f32,
        accept: impl Fn(EntityId) -> bool,
    ) -> Option<Found> {
        let ray = Ray::new(from, direction, length)?;
        let met = self.all(at).filter(|&(id, ..)| accept(id));
        let met = met.filter_map(|(id, pose, hitbox)| Some((hitbox.hit(&pose, &ray)?, id, pose)));
        // Of equal ones the first is kept.
        let (distance, id, pose) = met.reduce(|a, b| if b.0 < a.0 { b } else { a })?;
        Some((id, pose, distance as f32))
    }

    pub fn sphere(&self, at: f64, centre: [f32; 3], radius: f32) -> Vec<Found> {
        let all = self.all(at).map(|(id, pose, hitbox)| (id, pose, hitbox.distance(&pose, centre)));
        all.filter(|&(.., distance)| distance <= radius.into()).map(|(id, pose, far)| (id, pose, far as f32)).collect()
    }

    /// The last recorded entities.
    pub fn newest(&self) -> &Tick {
        self.ticks.values().last().unwrap()
    }
}

/// Where the entities of a random world are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spread {
    Map,
    Crowd,
    Point,
    /// At the edges and corners of the map.
    Edge,
}

impl Spread {
    pub const ALL: [Spread; 4] = [Spread::Map, Spread::Crowd, Spread::Point, Spread::Edge];

    pub fn point(self, map: &Map, dice: &mut Dice) -> [f32; 3] {
        let size = map.size();
        match self {
            Spread::Map => size.map(|size| size * part(dice)),
            Spread::Crowd => [400_000.0 + 5_000.0 * part(dice), 300_000.0 + 5_000.0 * part(dice), 300.0 * part(dice)],
            Spread::Point => [400_000.0, 300_000.0, 100.0],
            Spread::Edge => size.map(|size| [0.0, size, size * part(dice)][dice.below(3)]),
        }
    }
}

/// A number from 0 to 1.
pub fn part(dice: &mut Dice) -> f32 {
    (dice.bits() >> 40) as f32 / (1 << 24) as f32
}

/// A number from -1 to 1.
pub fn signed(dice: &mut Dice) -> f32 {
    2.0 * part(dice) - 1.0
}

pub fn new_sample(map: &Map, spread: Spread, dice: &mut Dice) -> Sample {
    Sample {
        position: map.quantise(spread.point(map, dice)),
        velocity: [0; 3].map(|_| dice.bits() as i16),
        rotation: [0; 3].map(|_| dice.bits() as u16),
        leap: dice.bits() as u8,
        generation: dice.between(1, 255) as u8,
        hitbox: if dice.per_mille(50) { NO_HITBOX } else { dice.below(HITBOXES.len()) as u8 },
    }
}

/// Moves the entities of a tick; some leap, turn, go, are replaced, or appear.
pub fn moved(entities: &mut Tick, entities_max: usize, map: &Map, spread: Spread, dice: &mut Dice) {
    entities.retain(|_, _| !dice.per_mille(20));
    for sample in entities.values_mut() {
        let Position { x, y, z } = sample.position;
        let walked = [x, y, z].map(|along| along.saturating_add_signed(dice.between(0, 200) as i32 - 100));
        sample.position = Position { x: walked[0], y: walked[1], z: walked[2] };
        if !map.contains(sample.position) {
            sample.position = Position { x, y, z };
        }
        sample.velocity = sample.velocity.map(|along| along.wrapping_add(dice.bits() as i16 / 8));
        sample.rotation = sample.rotation.map(|along| along.wrapping_add(dice.bits() as u16));
        if dice.per_mille(20) {
            sample.position = map.quantise(spread.point(map, dice));
            sample.leap = sample.leap.wrapping_add(1);
        }
        if dice.per_mille(20) {
            *sample = new_sample(map, spread, dice);
        }
        if dice.per_mille(20) {
            sample.hitbox = dice.below(HITBOXES.len()) as u8;
        }
    }
    for _ in 0..dice.below(entities_max / 20 + 2) {
        let index = dice.below(entities_max) as u16;
        entities.entry(index).or_insert_with(|| new_sample(map, spread, dice));
    }
}
