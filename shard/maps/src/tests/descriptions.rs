//! Descriptions.

use super::{MAP, assert_refused, baked, damaged};
use crate::source::{Files, Source};
use std::collections::BTreeMap;

#[test]
fn a_wrong_description_is_refused_with_file_and_line_and_advice() {
    let line = MAP.lines().count() + 1;
    let cases: &[(&str, &[&str])] = &[
        ("heigthmap = 3\n", &["map.toml, line", "unknown field", "heigthmap", "`units-per-metre`"]),
        ("[heightmaps]\n", &["unknown field", "heightmaps", "`heightmap`", "`spawn`"]),
        ("[[model]]\nfile = \"a.glb\"\nofset = [0, 0, 0]\n", &["unknown field `ofset`", "`offset`"]),
        ("[[model]]\noffset = [0, 0, 0]\n", &["missing field `file`"]),
        ("[[model]]\nfile = 3\n", &["invalid type", "string"]),
        ("[[spawn]]\nname = \"a\"\n", &["missing field `points`"]),
        ("[[water]]\nlow = [0, 0]\nhigh = [1, 1, 1]\n", &["invalid length 2"]),
        ("[agent]\nradius = \"wide\"\n", &["invalid type"]),
        ("[[water]\n", &["map.toml, line"]),
    ];
    for (tables, words) in cases {
        assert_refused(baked(tables, &[]), &[&["map.toml, line "], *words].concat());
    }
    assert_refused(baked("[agent]\n\nweight = 3\n", &[]), &[&format!("map.toml, line {}", line + 2)]);
}

#[test]
fn a_map_that_cannot_be_is_refused() {
    let parse = |text: &str| {
        let source = Source::parse("map.toml", text, Files::Memory(BTreeMap::new())).unwrap();
        crate::bake::bake(&source, false, &mut |_, _| {})
    };
    assert_refused(parse("[map]\ncomponents = [0, 1, 1]\n"), &["map.toml, [map]", "0 sections"]);
    assert_refused(parse("[map]\nsection = [100.0, 200.0]\n"), &["map.toml, [map]", "200 units"]);
    assert_refused(parse("[map]\nsection = [nan, 1.0]\n"), &["map.toml, [map]", "NaN"]);
    // Before memory is reserved for it.
    let huge = "[map]\nsections-per-component = [181, 181, 1]\ncomponents = [181, 181, 1]\n";
    assert_refused(parse(huge), &["map.toml", "sections", "at most"]);
    let default = parse("").unwrap().report;
    assert_eq!(default.size, [819_200.0, 819_200.0, 25_600.0], "without [map], the map is the default one");
}

#[test]
fn volumes_are_boxes_in_the_map_with_short_names() {
    let volume =
        |table: &str, low: &str, high: &str| format!("[[{table}]]\nname = \"a\"\nlow = {low}\nhigh = {high}\n");
    let both = [volume("water", "[0, 0, 0]", "[9, 9, 9]"), volume("no-go", "[0, 0, 0]", "[9, 9, 9]")].concat();
    let report = baked(&both, &[]).unwrap().report;
    assert_eq!((report.water, report.no_go, report.areas), (1, 1, 0));
    assert_refused(
        baked(&volume("water", "[9, 0, 0]", "[9, 9, 9]"), &[]),
        &["map.toml", "volumes: row 0", "is no box"],
    );
    assert_refused(baked(&volume("area", "[0, nan, 0]", "[9, 9, 9]"), &[]), &["volumes: row 0", "NaN"]);
    let outside = volume("no-go", "[0, 0, 0]", "[9, 9999, 9]");
    assert_refused(baked(&outside, &[]), &["map.toml", "`a`", "outside the map"]);
    let long = both.replace("\"a\"", &format!("\"{}\"", "x".repeat(65)));
    assert_refused(baked(&long, &[]), &["its name", "longer than 64 bytes"]);
}

#[test]
fn files_lie_in_the_folder_of_the_description() {
    let model = |file: &str| format!("[[model]]\nfile = {file:?}\n");
    for file in ["../a.glb", "/etc/passwd", "", "b/../../a.glb"] {
        assert_refused(baked(&model(file), &[]), &["leads out of the folder"]);
    }
    assert_refused(baked(&model("none.glb"), &[]), &["none.glb", "no such file"]);
    let folder = std::env::temp_dir().join(format!("ringshard-maps-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("sub.glb")).unwrap();
    let path = folder.join("map.toml");
    std::fs::write(&path, model("sub.glb")).unwrap();
    let refused = |words: &[&str]| {
        let result = Source::open(&path).and_then(|source| crate::bake::bake(&source, false, &mut |_, _| {}));
        assert_refused(result, words);
    };
    refused(&["sub.glb", "no regular file"]);
    std::fs::write(&path, model("missing.glb")).unwrap();
    refused(&["missing.glb: cannot read", "No such file"]);
    std::fs::write(&path, [0xff, 0xfe, 0]).unwrap();
    refused(&["map.toml", "no text"]);
    let missing = Source::open(&folder.join("none.toml")).unwrap_err().to_string();
    assert!(missing.contains("none.toml: cannot be read"), "{missing}");
    let baked = Source::open(&folder.join("a.ringmap")).unwrap_err().to_string();
    assert!(baked.contains("baked already"), "{baked}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_damaged_description_is_refused_or_read_and_never_a_panic() {
    let whole = format!(
        "{MAP}[[water]]\nname = \"a\"\nlow = [0, 0, 0]\nhigh = [9.5, 9, 9]\n[[spawn]]\nname = \"b\"\npoints = [[1.5, 2]]\n"
    );
    for text in damaged(whole.as_bytes(), 500) {
        let Ok(text) = String::from_utf8(text) else { continue };
        let source = Source::parse("map.toml", &text, Files::Memory(BTreeMap::new()));
        let _ = source.and_then(|source| crate::bake::bake(&source, false, &mut |_, _| {}));
    }
}
