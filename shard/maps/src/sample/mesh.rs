//! Meshes of the sample map, in metres, with y upwards.

/// Corners and triangles, counter-clockwise from outside.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Mesh {
    pub(super) corners: Vec<[f32; 3]>,
    pub(super) triangles: Vec<[u16; 3]>,
}

impl Mesh {
    /// Adds a flat piece around these corners.
    fn add_side(&mut self, corners: &[[f32; 3]]) {
        let first = self.corners.len() as u16;
        self.corners.extend_from_slice(corners);
        self.triangles.extend((1..corners.len() as u16 - 1).map(|it| [first, first + it, first + it + 1]));
    }

    /// Adds a box.
    pub(super) fn add_box(&mut self, low: [f32; 3], high: [f32; 3]) {
        const SIDES: [[usize; 4]; 6] =
            [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
        let corner =
            |bits: usize| std::array::from_fn(|axis| if bits >> axis & 1 == 0 { low[axis] } else { high[axis] });
        for side in SIDES {
            self.add_side(&side.map(corner));
        }
    }

    /// Adds a ramp that begins at z = 0 and is highest at z = -`length`.
    fn add_ramp(&mut self, [left, right]: [f32; 2], height: f32, length: f32) {
        let (back, low) = (-length, 0.0);
        self.add_side(&[[left, low, 0.0], [right, low, 0.0], [right, height, back], [left, height, back]]);
        self.add_side(&[[left, low, 0.0], [left, low, back], [right, low, back], [right, low, 0.0]]);
        self.add_side(&[[left, low, back], [left, height, back], [right, height, back], [right, low, back]]);
        self.add_side(&[[left, low, 0.0], [left, height, back], [left, low, back]]);
        self.add_side(&[[right, low, 0.0], [right, low, back], [right, height, back]]);
    }
}

/// Height of a flat roof: eleven steps of a stair.
pub(super) const ROOF: f32 = 3.3;

/// A house of 8 by 6 metres with a doorway at +z and a flat roof. A stair at its left side leads onto the roof.
pub(super) fn house(with_stairs: bool) -> Mesh {
    const WALL: f32 = 0.25;
    const TOP: f32 = ROOF - 0.2;
    let mut mesh = Mesh::default();
    mesh.add_box([-4.0, 0.0, -3.0], [4.0, TOP, -3.0 + WALL]);
    mesh.add_box([-4.0, 0.0, -3.0 + WALL], [-4.0 + WALL, TOP, 3.0 - WALL]);
    mesh.add_box([4.0 - WALL, 0.0, -3.0 + WALL], [4.0, TOP, 3.0 - WALL]);
    // The doorway is 1.4 by 2.3 metres.
    mesh.add_box([-4.0, 0.0, 3.0 - WALL], [-0.7, TOP, 3.0]);
    mesh.add_box([0.7, 0.0, 3.0 - WALL], [4.0, TOP, 3.0]);
    mesh.add_box([-0.7, 2.3, 3.0 - WALL], [0.7, TOP, 3.0]);
    mesh.add_box([-4.0, TOP, -3.0], [4.0, ROOF, 3.0]);
    if with_stairs {
        for step in 0..11_u8 {
            let (from, rise) = (2.6 - 0.45 * f32::from(step), 0.3 * f32::from(step + 1));
            mesh.add_box([-5.4, 0.0, from - 0.45], [-4.0, rise, from]);
        }
    }
    mesh
}

/// A platform of 5 by 5 metres, with a ramp up to it at +z.
pub(super) fn platform() -> Mesh {
    let mut mesh = Mesh::default();
    mesh.add_ramp([-1.5, 1.5], 1.5, 5.0);
    mesh.add_box([-2.5, 0.0, -10.0], [2.5, 1.5, -5.0]);
    mesh
}

/// A cube of one metre, whose bottom lies at y = 0.
pub(super) fn cube() -> Mesh {
    let mut mesh = Mesh::default();
    mesh.add_box([-0.5, 0.0, -0.5], [0.5, 1.0, 0.5]);
    mesh
}

/// A bridge of 52 by 6 metres along x, with parapets. Its deck is 10 centimetres above its origin, which is the level of the
/// banks.
pub(super) fn bridge() -> Mesh {
    let mut mesh = Mesh::default();
    mesh.add_box([-26.0, -0.5, -3.0], [26.0, 0.1, 3.0]);
    mesh.add_box([-26.0, 0.1, -3.0], [26.0, 1.1, -2.75]);
    mesh.add_box([-26.0, 0.1, 2.75], [26.0, 1.1, 3.0]);
    for pier in [-7.0, 7.0] {
        mesh.add_box([pier - 0.75, -8.0, -2.0], [pier + 0.75, -0.5, 2.0]);
    }
    mesh
}

/// A rock: an octahedron with a radius of one metre.
pub(super) fn rock() -> Mesh {
    let mut mesh = Mesh::default();
    for signs in 0..8_u8 {
        let [x, y, z] = [1, 2, 4].map(|bit| if signs & bit == 0 { 1.0_f32 } else { -1.0 });
        let corners = [[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, z]];
        let [a, b, c] = corners;
        mesh.add_side(&if x * y * z > 0.0 { [a, b, c] } else { [a, c, b] });
    }
    mesh
}
