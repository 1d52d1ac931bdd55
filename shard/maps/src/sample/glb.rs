//! Writing a `.glb` file.

use super::mesh::Mesh;
use serde_json::{Value, json};

/// A mesh at a place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: String,
    /// The number of the mesh.
    pub(super) mesh: usize,
    /// In metres.
    pub(super) translation: [f32; 3],
    /// Quarters of a turn around the y axis.
    pub(super) quarters: u8,
    pub(super) scale: [f32; 3],
}

/// The bytes of a file with these meshes and nodes.
pub(super) fn write(meshes: &[(&str, Mesh)], nodes: &[Node]) -> Vec<u8> {
    let (mut binary, mut views, mut accessors, mut parts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, mesh) in meshes {
        let number = accessors.len();
        let positions: Vec<u8> = mesh.corners.iter().flatten().flat_map(|axis| axis.to_le_bytes()).collect();
        let indices: Vec<u8> = mesh.triangles.iter().flatten().flat_map(|index| index.to_le_bytes()).collect();
        let bounds = |best: fn(f32, f32) -> f32| -> [f32; 3] {
            std::array::from_fn(|axis| mesh.corners.iter().map(|it| it[axis]).reduce(best).unwrap_or(0.0))
        };
        accessors.push(json!({
            "bufferView": number, "componentType": 5126, "type": "VEC3", "count": mesh.corners.len(),
            "min": bounds(f32::min), "max": bounds(f32::max),
        }));
        let corners = mesh.triangles.len() * 3;
        accessors.push(json!({ "bufferView": number + 1, "componentType": 5123, "type": "SCALAR", "count": corners }));
        for (bytes, target) in [(positions, 34_962), (indices, 34_963)] {
            // Rows begin at multiples of their size.
            binary.resize(usize::next_multiple_of(binary.len(), 4), 0);
            let view = json!({
                "buffer": 0, "byteOffset": binary.len(), "byteLength": bytes.len(), "target": target,
            });
            views.push(view);
            binary.extend_from_slice(&bytes);
        }
        let part = json!({ "attributes": { "POSITION": number }, "indices": number + 1 });
        parts.push(json!({ "name": name, "primitives": [part] }));
    }
    let document = json!({
        "asset": { "version": "2.0", "generator": "ringshard map sample" },
        "scene": 0,
        "scenes": [{ "nodes": (0..nodes.len()).collect::<Vec<_>>() }],
        "nodes": nodes.iter().map(node).collect::<Vec<_>>(),
        "meshes": parts,
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{ "byteLength": binary.len() }],
    });
    container(document.to_string().into_bytes(), binary)
}

fn node(node: &Node) -> Value {
    const HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
    let (sine, cosine) = [(0.0, 1.0), (HALF, HALF), (1.0, 0.0), (HALF, -HALF)][usize::from(node.quarters % 4)];
    json!({
        "name": node.name,
        "mesh": node.mesh,
        "translation": node.translation,
        "rotation": [0.0, sine, 0.0, cosine],
        "scale": node.scale,
    })
}

fn container(mut document: Vec<u8>, mut binary: Vec<u8>) -> Vec<u8> {
    document.resize(document.len().next_multiple_of(4), b' ');
    binary.resize(binary.len().next_multiple_of(4), 0);
    let length = |bytes: usize| (bytes as u32).to_le_bytes();
    let mut file = Vec::new();
    for part in [&b"glTF"[..], &2_u32.to_le_bytes(), &length(28 + document.len() + binary.len())] {
        file.extend_from_slice(part);
    }
    for (kind, content) in [(b"JSON", &document), (b"BIN\0", &binary)] {
        file.extend_from_slice(&length(content.len()));
        file.extend_from_slice(kind);
        file.extend_from_slice(content);
    }
    file
}
