//! What a map is made of.

use super::columns::{Shape, VolumeKind};

/// What a map is made of. [`Plan::write`] makes a file of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The shape.
    pub shape: Shape,
    /// The height field, in rows along x.
    pub heights: Vec<u16>,
    /// The static geometry: corners, and bits of [`triangle_flags`](super::triangle_flags).
    pub triangles: Vec<([[f32; 3]; 3], u8)>,
    /// Boxes with a meaning.
    pub volumes: Vec<VolumePlan>,
    /// Places where characters enter.
    pub spawns: Vec<SpawnPlan>,
    /// The navigation mesh, if there is one.
    pub mesh: Option<MeshPlan>,
}

/// A box with a meaning.
#[derive(Clone, PartialEq, Debug)]
pub struct VolumePlan {
    /// The corner with the lowest coordinates.
    pub low: [f32; 3],
    /// The corner with the highest coordinates.
    pub high: [f32; 3],
    /// What it means.
    pub kind: VolumeKind,
    /// Its name.
    pub name: String,
}

/// A place where characters enter.
#[derive(Clone, PartialEq, Debug)]
pub struct SpawnPlan {
    /// Where the feet are.
    pub point: [f32; 3],
    /// Where the character looks, in 65,536ths of a turn.
    pub yaw: u16,
    /// Its name.
    pub name: String,
}

/// A navigation mesh.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MeshPlan {
    /// Its corners.
    pub vertices: Vec<[f32; 3]>,
    /// Its polygons: corners, counter-clockwise from above, and the number of the region.
    pub polygons: Vec<(Vec<u32>, u32)>,
    /// Radius, height, step height and slope limit (the z of the normal) of the character for which it was made.
    pub agent: [f32; 4],
}

impl Plan {
    /// Level ground at height 0, without anything on it.
    pub fn flat(section: [f32; 2], sections_of_component: [u16; 3], components: [u16; 3]) -> Plan {
        let along = |axis: usize| u32::from(sections_of_component[axis]) * u32::from(components[axis]) + 1;
        let heights = [along(0), along(1)];
        Plan {
            shape: Shape {
                section,
                sections_of_component: sections_of_component.map(u32::from),
                components: components.map(u32::from),
                height_spacing: section[0],
                heights,
                height_base: 0.0,
                height_scale: 0.0,
            },
            heights: vec![0; heights[0] as usize * heights[1] as usize],
            triangles: Vec::new(),
            volumes: Vec::new(),
            spawns: Vec::new(),
            mesh: None,
        }
    }

    /// Adds a solid box.
    pub fn add_box(&mut self, low: [f32; 3], high: [f32; 3]) {
        self.triangles.extend(box_triangles(low, high).map(|triangle| (triangle, 0)));
    }
}

/// The twelve triangles around a box.
pub(super) fn box_triangles(low: [f32; 3], high: [f32; 3]) -> [[[f32; 3]; 3]; 12] {
    let corner = |bits: usize| std::array::from_fn(|axis| if bits >> axis & 1 == 0 { low[axis] } else { high[axis] });
    const SIDES: [[usize; 4]; 6] = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    std::array::from_fn(|number| {
        let [a, b, c, d] = SIDES[number / 2];
        (if number.is_multiple_of(2) { [a, b, c] } else { [a, c, d] }).map(corner)
    })
}
