//! The static geometry of a map, from glTF files.
//!
//! glTF is right-handed, in metres, and y goes upwards. In a map, z goes upwards: x stays x, y becomes z, and z becomes -y.

mod accessor;
mod container;
mod transform;

use crate::source::{Files, Model, SourceError};
use container::Container;
use gltf::mesh::Mode;
use gltf::{Node, Primitive, Semantic};
use ringshard_terrain::file::limits::TRIANGLES_MAX;
use transform::Transform;

/// How deep nodes may be nested.
const DEPTH_MAX: usize = 64;

/// The triangles of a model, in units of the map.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Geometry {
    /// The triangles. Their corners are counter-clockwise from outside.
    pub triangles: Vec<[[f32; 3]; 3]>,
    /// Triangles without an area, which were left out.
    pub degenerate: usize,
    /// Nodes with geometry.
    pub nodes: usize,
}

/// Adds the triangles of a model to `geometry`.
///
/// `size` is that of the map, in units. Geometry may reach below the map and above it by its height.
///
/// # Errors
/// The file is no valid glTF file, names files outside its folder, has something that is not supported, or geometry outside
/// the map. The error names the node.
pub fn read(
    model: &Model,
    files: &Files,
    units_per_metre: f64,
    size: [f32; 3],
    geometry: &mut Geometry,
) -> Result<(), SourceError> {
    let wrong = |why: String| SourceError::new(&model.file, why);
    let place = Transform::of_model(model, units_per_metre).map_err(wrong)?;
    let container = Container::read(&model.file, files)?;
    let Some(scene) = container.document.default_scene().or_else(|| container.document.scenes().next()) else {
        return Err(wrong("the file has no scene".to_owned()));
    };
    let mut collector = Collector {
        file: &model.file,
        container: &container,
        seen: vec![false; container.document.nodes().count()],
        size,
        geometry,
    };
    for node in scene.nodes() {
        collector.node(&node, &place, 0)?;
    }
    Ok(())
}

struct Collector<'a> {
    file: &'a str,
    container: &'a Container,
    /// The nodes that were visited.
    seen: Vec<bool>,
    size: [f32; 3],
    geometry: &'a mut Geometry,
}

impl Collector<'_> {
    fn wrong(&self, node: &Node<'_>, why: impl std::fmt::Display) -> SourceError {
        let name = node.name().map_or(node.index().to_string(), |name| format!("`{name}`"));
        SourceError::new(format_args!("{}, node {name}", self.file), why)
    }

    fn node(&mut self, node: &Node<'_>, parent: &Transform, depth: usize) -> Result<(), SourceError> {
        // The format demands a tree. Anything else could be endless.
        if std::mem::replace(&mut self.seen[node.index()], true) {
            return Err(self.wrong(node, "it has two parents, or is its own parent: nodes must be a tree"));
        }
        if depth > DEPTH_MAX {
            return Err(self.wrong(node, format_args!("it is nested more than {DEPTH_MAX} deep")));
        }
        let place = parent.then(&Transform::of_node(node));
        if let Some(mesh) = node.mesh() {
            if node.skin().is_some() {
                return Err(self.wrong(node, "it has a skin: static geometry does not move, so export it without"));
            }
            self.geometry.nodes += 1;
            for primitive in mesh.primitives() {
                self.primitive(node, &primitive, &place)?;
            }
        }
        for child in node.children() {
            self.node(&child, &place, depth + 1)?;
        }
        Ok(())
    }

    fn primitive(&mut self, node: &Node<'_>, primitive: &Primitive<'_>, place: &Transform) -> Result<(), SourceError> {
        // Points and lines have no area.
        let mode = primitive.mode();
        if matches!(mode, Mode::Points | Mode::Lines | Mode::LineLoop | Mode::LineStrip) {
            return Ok(());
        }
        let Some(positions) = primitive.get(&Semantic::Positions) else {
            return Err(self.wrong(node, "a part of its mesh has no positions"));
        };
        let corners = accessor::positions(self.container, &positions).map_err(|why| self.wrong(node, why))?;
        let indices = match primitive.indices() {
            Some(indices) => accessor::indices(self.container, &indices).map_err(|why| self.wrong(node, why))?,
            None => (0..corners.len() as u32).collect(),
        };
        let mut points = Vec::with_capacity(corners.len());
        for corner in corners {
            points.push(self.point(node, place, corner)?);
        }
        let triangles = match mode {
            Mode::Triangles if !indices.len().is_multiple_of(3) => {
                return Err(
                    self.wrong(node, format_args!("{} corners are no whole number of triangles", indices.len()))
                );
            }
            Mode::Triangles => indices.chunks_exact(3).map(|it| [it[0], it[1], it[2]]).collect(),
            Mode::TriangleStrip => strip(&indices),
            _ => fan(&indices),
        };
        for triangle in triangles {
            let corner = |number: u32| points.get(number as usize).copied();
            let [Some(a), Some(b), Some(c)] = triangle.map(corner) else {
                return Err(
                    self.wrong(node, format_args!("a triangle of {triangle:?} has {} corners to choose", points.len()))
                );
            };
            // A mirrored mesh is inside out.
            self.add(node, if place.is_mirrored() { [a, c, b] } else { [a, b, c] })?;
        }
        Ok(())
    }

    /// A corner of a mesh, in the map.
    fn point(&self, node: &Node<'_>, place: &Transform, corner: [f32; 3]) -> Result<[f32; 3], SourceError> {
        let point = place.point(corner.map(f64::from)).map(|axis| axis as f32);
        let [width, depth, height] = self.size;
        let [x, y, z] = point;
        let is_inside =
            (0.0..=width).contains(&x) && (0.0..=depth).contains(&y) && (-height..=2.0 * height).contains(&z);
        if is_inside {
            return Ok(point);
        }
        Err(self.wrong(
            node,
            format_args!(
                "it reaches out of the map: its corner {corner:?} (metres, in the mesh) comes to lie at {point:?} (units), and \
                 the map has {:?} units; move it, or give the model another `offset`",
                self.size
            ),
        ))
    }

    fn add(&mut self, node: &Node<'_>, corners: [[f32; 3]; 3]) -> Result<(), SourceError> {
        if is_degenerate(&corners) {
            self.geometry.degenerate += 1;
            return Ok(());
        }
        if self.geometry.triangles.len() >= TRIANGLES_MAX {
            return Err(self.wrong(node, format_args!("the map has more than {TRIANGLES_MAX} triangles")));
        }
        self.geometry.triangles.push(corners);
        Ok(())
    }
}

/// Whether a triangle has no area that is worth the name: less than a hundredth of a square unit, or thinner than a thousandth
/// of a unit.
fn is_degenerate([a, b, c]: &[[f32; 3]; 3]) -> bool {
    let between = |from: &[f32; 3], to: &[f32; 3]| -> [f64; 3] {
        std::array::from_fn(|axis| f64::from(to[axis]) - f64::from(from[axis]))
    };
    let squared = |v: [f64; 3]| v.iter().map(|axis| axis * axis).sum::<f64>();
    let (ab, ac, bc) = (between(a, b), between(a, c), between(b, c));
    let normal = [ab[1] * ac[2] - ab[2] * ac[1], ab[2] * ac[0] - ab[0] * ac[2], ab[0] * ac[1] - ab[1] * ac[0]];
    let longest = squared(ab).max(squared(ac)).max(squared(bc));
    // The length of `normal` is twice the area, and the longest side times the height above it.
    squared(normal) < 4e-4 || squared(normal) < longest * 1e-6
}

/// The triangles of a strip: each corner makes one with the two before.
fn strip(indices: &[u32]) -> Vec<[u32; 3]> {
    let turn = |(number, it): (usize, &[u32])| {
        if number.is_multiple_of(2) { [it[0], it[1], it[2]] } else { [it[1], it[0], it[2]] }
    };
    indices.windows(3).enumerate().map(turn).collect()
}

/// The triangles of a fan: all have the first corner.
fn fan(indices: &[u32]) -> Vec<[u32; 3]> {
    let [first, rest @ ..] = indices else { return Vec::new() };
    rest.windows(2).map(|it| [*first, it[0], it[1]]).collect()
}
