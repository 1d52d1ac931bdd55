//! glTF files.

use super::{assert_refused, baked, damaged};
use serde_json::{Value, json};

/// Three triangles in the plane x, y of the file: one of 1 by 1 metres, one of 2 by 2, and one without an area.
const CORNERS: [[f32; 3]; 9] = [
    [0.0, 0.0, 0.0],
    [1.0, 0.0, 0.0],
    [0.0, 1.0, 0.0],
    [0.0, 0.0, 0.0],
    [2.0, 0.0, 0.0],
    [0.0, 2.0, 0.0],
    [1.0, 1.0, 0.0],
    [2.0, 2.0, 0.0],
    [3.0, 3.0, 0.0],
];

fn binary() -> Vec<u8> {
    let positions = CORNERS.iter().flatten().flat_map(|axis| axis.to_le_bytes());
    positions.chain((0..9_u16).flat_map(u16::to_le_bytes)).chain([0; 2]).collect()
}

/// A document with these nodes, of which the first is that of the scene.
fn document(nodes: Value, buffer: Value) -> Value {
    json!({
        "asset": { "version": "2.0" },
        "scene": 0,
        "scenes": [{ "nodes": [0] }],
        "nodes": nodes,
        "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0 }, "indices": 1 }] }],
        "accessors": [
            { "bufferView": 0, "componentType": 5126, "type": "VEC3", "count": 9, "min": [0, 0, 0], "max": [3, 3, 0] },
            { "bufferView": 1, "componentType": 5123, "type": "SCALAR", "count": 9 },
        ],
        "bufferViews": [
            { "buffer": 0, "byteOffset": 0, "byteLength": 108 },
            { "buffer": 0, "byteOffset": 108, "byteLength": 18 },
        ],
        "buffers": [buffer],
    })
}

fn glb(document: &Value) -> Vec<u8> {
    let mut text = document.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let binary = binary();
    let length = |bytes: usize| (bytes as u32).to_le_bytes();
    let parts: [&[u8]; 9] = [
        b"glTF",
        &length(2),
        &length(28 + text.len() + binary.len()),
        &length(text.len()),
        b"JSON",
        &text,
        &length(binary.len()),
        b"BIN\0",
        &binary,
    ];
    parts.concat()
}

/// A `.glb` file with these nodes.
fn with_nodes(nodes: Value) -> Vec<u8> {
    glb(&document(nodes, json!({ "byteLength": 128 })))
}

fn model(rest: &str) -> String {
    format!("[[model]]\nfile = \"m.glb\"\noffset = [1000.0, 500.0, 10.0]\n{rest}\n")
}

/// The corners of the first triangle of the model.
fn first_triangle(tables: &str, file: Vec<u8>) -> [[f32; 3]; 3] {
    let baked = baked(tables, &[("m.glb", file)]).unwrap();
    assert_eq!((baked.report.triangles, baked.report.degenerate_triangles), (2, 1));
    baked.plan.triangles[0].0.map(|corner| corner.map(|axis| (axis * 1_000.0).round() / 1_000.0))
}

#[test]
fn y_upwards_in_metres_becomes_z_upwards_in_units() {
    let file = || with_nodes(json!([{ "mesh": 0 }]));
    let [x, y, z] = [1_000.0, 500.0, 10.0];
    assert_eq!(first_triangle(&model(""), file()), [[x, y, z], [x + 100.0, y, z], [x, y, z + 100.0]]);
    assert_eq!(first_triangle(&model("scale = 0.5"), file()), [[x, y, z], [x + 50.0, y, z], [x, y, z + 50.0]]);
    assert_eq!(first_triangle(&model("yaw = 90"), file()), [[x, y, z], [x, y + 100.0, z], [x, y, z + 100.0]]);
    assert_eq!(first_triangle(&model("yaw = -180"), file()), [[x, y, z], [x - 100.0, y, z], [x, y, z + 100.0]]);
    let [_, turned, _] = first_triangle(&model("yaw = 30"), file());
    assert_eq!(turned, [x + 86.603, y + 50.0, z]);
    // What is away from the viewer in the file lies at a higher y in the map.
    let away = with_nodes(json!([{ "mesh": 0, "translation": [0, 0, -3] }]));
    assert_eq!(first_triangle(&model(""), away)[0], [x, y + 300.0, z]);
}

#[test]
fn nodes_move_turn_and_scale_their_children() {
    let half = std::f32::consts::FRAC_1_SQRT_2;
    // A quarter of a turn around y takes x to -z, which is y in the map.
    let nodes = json!([
        { "children": [1], "translation": [1, 2, 0], "rotation": [0, half, 0, half] },
        { "mesh": 0, "translation": [1, 0, 0], "scale": [2, 0.5, 1] },
    ]);
    let [x, y, z] = [1_100.0, 600.0, 210.0];
    assert_eq!(first_triangle(&model(""), with_nodes(nodes)), [[x, y, z], [x, y + 200.0, z], [x, y, z + 50.0]]);
    // The same as a matrix, in columns.
    let nodes = json!([{ "mesh": 0, "matrix": [0, 0, -2, 0, 0, 0.5, 0, 0, 1, 0, 0, 0, 1, 2, -1, 1] }]);
    assert_eq!(first_triangle(&model(""), with_nodes(nodes)), [[x, y, z], [x, y + 200.0, z], [x, y, z + 50.0]]);
    // A mirrored triangle keeps its outside.
    let nodes = json!([{ "mesh": 0, "scale": [-1, 1, 1] }]);
    let [x, y, z] = [1_000.0, 500.0, 10.0];
    assert_eq!(first_triangle(&model(""), with_nodes(nodes)), [[x, y, z], [x, y, z + 100.0], [x - 100.0, y, z]]);
}

#[test]
fn strips_and_fans_are_triangles_and_lines_are_nothing() {
    let triangles = |mode: u32| {
        let mut document = document(json!([{ "mesh": 0 }]), json!({ "byteLength": 128 }));
        document["meshes"][0]["primitives"][0]["mode"] = mode.into();
        let report = baked(&model(""), &[("m.glb", glb(&document))]).unwrap().report;
        report.triangles + report.degenerate_triangles
    };
    assert_eq!([0, 1, 2, 3, 4, 5, 6].map(triangles), [0, 0, 0, 0, 3, 7, 7]);
}

#[test]
fn a_gltf_file_takes_its_buffer_from_its_folder_and_from_nowhere_else() {
    let file =
        |uri: &str| document(json!([{ "mesh": 0 }]), json!({ "byteLength": 128, "uri": uri })).to_string().into_bytes();
    let table = "[[model]]\nfile = \"sub/m.gltf\"\n";
    let bake = |uri: &str, length: usize| {
        baked(table, &[("sub/m.gltf", file(uri)), ("sub/m.bin", binary()[..length].to_vec()), ("m.bin", binary())])
    };
    assert_eq!(bake("m.bin", 128).unwrap().report.triangles, 2);
    assert_eq!(bake("./m.bin", 128).unwrap().report.triangles, 2);
    assert_refused(bake("../m.bin", 128), &["sub/m.gltf", "`../m.bin`", "not in its folder"]);
    assert_refused(bake("/m.bin", 128), &["`/m.bin`", "not in its folder"]);
    assert_refused(bake("file:///etc/passwd", 128), &["file:///etc/passwd"]);
    assert_refused(bake("%2e%2e/m.bin", 128), &["plain name"]);
    assert_refused(bake("data:application/octet-stream;base64,AAAA", 128), &["export it as .glb"]);
    assert_refused(bake("other.bin", 128), &["sub/other.bin", "no such file"]);
    assert_refused(bake("m.bin", 127), &["buffer 0 should have 128 bytes, and has 127"]);
}

#[test]
fn geometry_outside_the_map_is_refused_with_its_node() {
    let far = with_nodes(json!([{ "children": [1] }, { "mesh": 0, "name": "tower", "translation": [10.5, 0, 0] }]));
    assert_refused(
        baked(&model(""), &[("m.glb", far)]),
        &["m.glb, node `tower`", "reaches out of the map", "`offset`"],
    );
    let nan = with_nodes(json!([{ "mesh": 0, "scale": [3.4e38, 1, 1] }]));
    assert_refused(baked(&model("scale = 1e10"), &[("m.glb", nan)]), &["node 0", "reaches out of the map"]);
    let file = || with_nodes(json!([{ "mesh": 0 }]));
    assert_refused(baked(&model("scale = 0.0"), &[("m.glb", file())]), &["m.glb", "`scale` is 0"]);
    assert_refused(baked(&model("scale = -1.0"), &[("m.glb", file())]), &["m.glb", "`scale` is -1"]);
    assert_refused(baked(&model("yaw = inf"), &[("m.glb", file())]), &["m.glb", "`yaw` is inf"]);
    let table = model("").replace("500.0", "nan");
    assert_refused(baked(&table, &[("m.glb", file())]), &["m.glb", "`offset`"]);
}

#[test]
fn nodes_that_are_no_tree_are_refused() {
    let circle = with_nodes(json!([{ "children": [1] }, { "children": [0], "mesh": 0 }]));
    assert_refused(baked(&model(""), &[("m.glb", circle)]), &["m.glb, node 0", "must be a tree"]);
    let shared = with_nodes(json!([{ "children": [1, 2] }, { "children": [3] }, { "children": [3] }, { "mesh": 0 }]));
    assert_refused(baked(&model(""), &[("m.glb", shared)]), &["node 3", "two parents"]);
    let chain: Vec<Value> = (1..100).map(|next| json!({ "children": [next] })).chain([json!({ "mesh": 0 })]).collect();
    assert_refused(baked(&model(""), &[("m.glb", with_nodes(chain.into()))]), &["more than 64 deep"]);
}

#[test]
fn files_that_are_no_models_are_refused() {
    let refused = |bytes: Vec<u8>, words: &[&str]| {
        assert_refused(baked(&model(""), &[("m.glb", bytes)]), &[&["m.glb"], words].concat());
    };
    let whole = with_nodes(json!([{ "mesh": 0 }]));
    refused(Vec::new(), &["no glTF file", "export the model as .glb"]);
    refused(b"\x89PNG\r\n\x1a\n".to_vec(), &["no glTF file"]);
    refused(b"{ \"asset\": 3 }".to_vec(), &["no valid glTF file"]);
    for length in [4, 8, 12, 19, 20, whole.len() - 1] {
        refused(whole[..length].to_vec(), &[if length < 8 { "version" } else { "copy it again" }]);
    }
    let mut old = whole.clone();
    old[4] = 1;
    refused(old, &["another version"]);
    let change = |path: &str, value: Value| {
        let mut document = document(json!([{ "mesh": 0, "name": "n" }]), json!({ "byteLength": 128 }));
        *document.pointer_mut(path).unwrap() = value;
        glb(&document)
    };
    refused(change("/nodes/0/mesh", 7.into()), &["no valid glTF file"]);
    let missing = change("/meshes/0/primitives/0/attributes/POSITION", 7.into());
    refused(missing, &["no valid glTF file", "accessor 7, which does not exist"]);
    refused(change("/accessors/0/count", 10.into()), &["node `n`", "lies outside its buffer"]);
    refused(change("/accessors/0/count", 4_000_000_000_u64.into()), &["lies outside its buffer"]);
    refused(change("/bufferViews/1/byteOffset", 120.into()), &["lies outside its buffer"]);
    refused(change("/bufferViews/0/byteLength", u64::MAX.into()), &["m.glb"]);
    refused(change("/buffers/0/byteLength", 129.into()), &["buffer 0 should have 129 bytes"]);
    refused(change("/accessors/1/componentType", 5126.into()), &["node `n`", "indices are not whole numbers"]);
    refused(change("/accessors/0/componentType", 5123.into()), &["node `n`", "positions"]);
    refused(change("/accessors/1/count", 8.into()), &["no whole number of triangles"]);
    let mut packed = document(json!([{ "mesh": 0 }]), json!({ "byteLength": 128 }));
    packed["extensionsRequired"] = json!(["KHR_draco_mesh_compression"]);
    refused(glb(&packed), &["KHR_draco_mesh_compression"]);
    // The third corner of the first triangle is beyond the last.
    let mut beyond = whole.clone();
    let indices = whole.len() - 20;
    beyond[indices + 4] = 9;
    refused(beyond, &["node 0", "has 9 corners"]);
}

#[test]
fn a_damaged_model_is_refused_or_read_and_never_a_panic() {
    let half = std::f32::consts::FRAC_1_SQRT_2;
    let whole = with_nodes(json!([
        { "children": [1, 2], "translation": [1, 2, 0], "rotation": [0, half, 0, half] },
        { "mesh": 0, "scale": [2, 0.5, 1] },
        { "mesh": 0, "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] },
    ]));
    let mut read = 0;
    for file in damaged(&whole, 1_500) {
        read += u32::from(baked(&model(""), &[("m.glb", file)]).is_ok());
    }
    assert!((50..1_450).contains(&read), "{read} of 1,500 were read: the damage must reach the reader, and matter");
}
