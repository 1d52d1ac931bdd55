//! Positions on a grid that both ends share, and the map that gives the grid its size (PROTOCOL.md#map).
//!
//! A game uses units, as 32-bit floats. Replication uses steps: a section of the map has 65,536 steps along x and y. Steps
//! continue across sections, so the difference of two positions does not depend on where they are.

use crate::limits::WORLD_SECTIONS_MAX;

/// Steps of a section along x and y, as a power of two.
pub const SECTION_STEPS_LOG2: u32 = 16;

/// A position, in steps from the map's corner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Position {
    /// Steps along x.
    pub x: u32,
    /// Steps along y.
    pub y: u32,
    /// Steps upwards.
    pub z: u32,
}

impl Position {
    /// Square of the distance to `other`, in steps squared. It saturates for positions that no map has.
    #[inline]
    pub fn distance_squared(self, other: Position) -> u64 {
        let axis = |a: u32, b: u32| u64::from(a.abs_diff(b)).pow(2);
        axis(self.x, other.x).saturating_add(axis(self.y, other.y)).saturating_add(axis(self.z, other.z))
    }
}

/// Why a map is impossible.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum MapError {
    /// A section's edge or height that is not positive, too high, or too small or large for 32-bit floats.
    #[error(
        "a section's edge is {0} units; give more than 0, a height of at most its width, and what 32-bit floats hold"
    )]
    Edge(f32),
    /// Too few or too many sections.
    #[error("{0} sections along an axis; a map has 1 to {WORLD_SECTIONS_MAX}")]
    Sections(u32),
}

/// The shape of a map: components side by side, each of sections side by side.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Map {
    /// Length of a step, in units.
    step: f32,
    /// Sections along each axis.
    sections: [u16; 3],
    /// Steps of a section along each axis.
    section_steps: [u32; 3],
}

impl Default for Map {
    /// 8 x 8 x 4 components of 4 x 4 x 1 sections of 25,600 x 25,600 x 6,400 units: 8.2 km by 8.2 km if a
    /// unit is a centimetre. A step is 25/64 of a unit.
    fn default() -> Self {
        Map::new([25_600.0, 6_400.0], [4, 4, 1], [8, 8, 4]).expect("the default map is possible")
    }
}

impl Map {
    /// A map of `components`, each of `sections_of_component`; `section` is the edge and the height of one, in units.
    ///
    /// # Errors
    /// [`MapError`] names what is out of range.
    pub fn new(section: [f32; 2], sections_of_component: [u16; 3], components: [u16; 3]) -> Result<Map, MapError> {
        let [edge, height] = section;
        if !(edge.is_finite() && edge > 0.0) {
            return Err(MapError::Edge(edge));
        }
        if !(height > 0.0 && height <= edge) {
            return Err(MapError::Edge(height));
        }
        let step = edge / (1 << SECTION_STEPS_LOG2) as f32;
        if !step.is_normal() {
            return Err(MapError::Edge(edge));
        }
        // A height that exceeds a whole number of steps by a rounding error counts as that number, so that both ends agree.
        let tall = f64::from(height) / f64::from(step) * (1.0 - f64::from(f32::EPSILON));
        let tall = (tall.ceil() as u32).clamp(1, 1 << SECTION_STEPS_LOG2);
        let mut sections = [0; 3];
        for axis in 0..3 {
            let count = u32::from(sections_of_component[axis]) * u32::from(components[axis]);
            if !(1..=u32::from(WORLD_SECTIONS_MAX)).contains(&count) {
                return Err(MapError::Sections(count));
            }
            sections[axis] = count as u16;
        }
        let wide = 1 << SECTION_STEPS_LOG2;
        let map = Map { step, sections, section_steps: [wide, wide, tall] };
        if map.size().iter().all(|length| length.is_finite()) { Ok(map) } else { Err(MapError::Edge(edge)) }
    }

    /// Edge and height of a section, in units, and the number of sections along each axis.
    pub fn shape(&self) -> ([f32; 2], [u16; 3]) {
        let [wide, _, tall] = self.section_steps.map(|steps| self.units(steps));
        ([wide, tall], self.sections)
    }

    /// Length of a step, in units. A quantised position is off by at most half a step on each axis, or a step at the map's end.
    pub fn step(&self) -> f32 {
        self.step
    }

    /// The far corner, in units.
    pub fn size(&self) -> [f32; 3] {
        std::array::from_fn(|axis| self.units(self.steps(axis)))
    }

    /// Converts steps to units, with one rounding.
    #[inline]
    fn units(&self, steps: u32) -> f32 {
        (f64::from(steps) * f64::from(self.step)) as f32
    }

    fn steps(&self, axis: usize) -> u32 {
        u32::from(self.sections[axis]) * self.section_steps[axis]
    }

    /// The position nearest to a point in units from the map's corner. Points outside go to the nearest edge, NaN to 0.
    #[inline]
    pub fn quantise(&self, point: [f32; 3]) -> Position {
        // In 64 bits: far from the corner, 32-bit floats are not much finer than a step. The cast takes negative numbers and
        // NaN to 0.
        let [x, y, z] = std::array::from_fn(|axis| {
            ((f64::from(point[axis]) / f64::from(self.step)).round() as u32).min(self.steps(axis) - 1)
        });
        let position = Position { x, y, z };
        debug_assert!(self.contains(position), "{point:?} is taken to the edge");
        position
    }

    /// The point of a position, in units from the map's corner.
    #[inline]
    pub fn point(&self, position: Position) -> [f32; 3] {
        [position.x, position.y, position.z].map(|steps| self.units(steps))
    }

    /// Converts units to whole steps.
    pub fn steps_of(&self, units: f32) -> u32 {
        (units / self.step) as u32
    }

    /// Whether the map has this position.
    #[inline]
    pub fn contains(&self, position: Position) -> bool {
        position.x < self.steps(0) && position.y < self.steps(1) && position.z < self.steps(2)
    }
}
