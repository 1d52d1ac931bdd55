//! Where nodes lie, with 64-bit floats.

use crate::source::Model;
use gltf::Node;
use gltf::scene::Transform as NodeTransform;

/// A linear map and a translation: three rows of four numbers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Transform([[f64; 4]; 3]);

impl Transform {
    /// From the metres of a model, where y goes upwards, to the units of the map, where z goes upwards.
    ///
    /// # Errors
    /// A number of the model is none, or its scale is not positive.
    pub(super) fn of_model(model: &Model, units_per_metre: f64) -> Result<Transform, String> {
        let scale = model.scale * units_per_metre;
        if !(scale.is_finite() && scale > 0.0) {
            return Err(format!("`scale` is {}, and must be a positive number", model.scale));
        }
        if !model.offset.iter().all(|it| it.is_finite()) {
            return Err(format!("`offset` is {:?}, and must be three numbers", model.offset));
        }
        if !model.yaw.is_finite() {
            return Err(format!("`yaw` is {}, and must be a number of degrees", model.yaw));
        }
        let (sine, cosine) = turn(model.yaw);
        let [x, y, z] = model.offset;
        // The columns are where the axes of the model go: x, upwards, and away from -y.
        Ok(Transform([
            [cosine * scale, 0.0, sine * scale, x],
            [sine * scale, 0.0, -cosine * scale, y],
            [0.0, scale, 0.0, z],
        ]))
    }

    /// From a node to its parent.
    pub(super) fn of_node(node: &Node<'_>) -> Transform {
        match node.transform() {
            NodeTransform::Matrix { matrix } => {
                // glTF stores columns.
                let row = |row: usize| std::array::from_fn(|column| f64::from(matrix[column][row]));
                Transform([row(0), row(1), row(2)])
            }
            NodeTransform::Decomposed { translation, rotation, scale } => {
                let [x, y, z, w] = rotation.map(f64::from);
                let turned = [
                    [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)],
                    [2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)],
                    [2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)],
                ];
                let scaled = |row: usize, column: usize| match column {
                    3 => f64::from(translation[row]),
                    _ => turned[row][column] * f64::from(scale[column]),
                };
                Transform(std::array::from_fn(|row| std::array::from_fn(|column| scaled(row, column))))
            }
        }
    }

    /// First `inner`, then this.
    pub(super) fn then(&self, inner: &Transform) -> Transform {
        let entry = |row: usize, column: usize| {
            let sum: f64 = (0..3).map(|middle| self.0[row][middle] * inner.0[middle][column]).sum();
            if column == 3 { sum + self.0[row][3] } else { sum }
        };
        Transform(std::array::from_fn(|row| std::array::from_fn(|column| entry(row, column))))
    }

    pub(super) fn point(&self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        self.0.map(|row| row[0] * x + row[1] * y + row[2] * z + row[3])
    }

    /// Whether it turns a left hand into a right one.
    pub(super) fn is_mirrored(&self) -> bool {
        let [[a, b, c, _], [d, e, f, _], [g, h, i, _]] = self.0;
        a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 0.0
    }
}

/// Sine and cosine of an angle in degrees. Multiples of 90 degrees are exact.
fn turn(degrees: f64) -> (f64, f64) {
    match degrees.rem_euclid(360.0) {
        0.0 => (0.0, 1.0),
        90.0 => (1.0, 0.0),
        180.0 => (0.0, -1.0),
        270.0 => (-1.0, 0.0),
        other => other.to_radians().sin_cos(),
    }
}
