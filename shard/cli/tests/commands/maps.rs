//! `ringshard map`: from a sample's sources to a map file and its picture, and what each command refuses.

use crate::shared::{Folder, assert_has, assert_refused, ringshard, stdout, text};
use std::path::Path;

/// A small map: level ground, a house-sized box of water, and a spawn point.
const SMALL: &str = "\
[map]
section = [1000.0, 500.0]
components = [1, 1, 1]

[[water]]
name = \"pond\"
low = [0, 0, 0]
high = [100, 100, 50]

[[no-go]]
name = \"pit\"
low = [200, 0, 0]
high = [300, 100, 50]

[[spawn]]
name = \"gate\"
points = [[500, 500], [600, 600, 0]]
";

fn small(folder: &Folder) -> (String, String) {
    let source = folder.file("small.toml");
    std::fs::write(&source, SMALL).unwrap();
    (source, folder.file("small.ringmap"))
}

#[test]
fn the_documented_path_leads_from_a_seed_to_a_picture() {
    let folder = Folder::new("map-sample");
    let (demo, map, picture) = (folder.file("demo"), folder.file("demo.ringmap"), folder.file("demo.png"));
    let sampled = ringshard(&["map", "sample", &demo, "--seed", "7"]);
    assert!(sampled.status.success(), "{}", text(&sampled.stderr));
    assert_has(&stdout(&sampled), &["ringshard map bake", "sample.toml"]);
    let source = format!("{demo}/sample.toml");
    let baked = ringshard(&["map", "bake", &source, "-o", &map, "--no-mesh", "--json"]);
    assert!(baked.status.success(), "{}", text(&baked.stderr));
    let baked: serde_json::Value = serde_json::from_slice(&baked.stdout).unwrap();
    let info = ringshard(&["map", "info", &map, "--json"]);
    let info: serde_json::Value = serde_json::from_slice(&info.stdout).unwrap();
    for same in ["digest", "size", "heights", "ground", "spawns", "bytes"] {
        assert_eq!(baked[same], info[same], "{same}");
    }
    assert_eq!((&info["spawns"]["town-0"], &info["components"]), (&64.into(), &serde_json::json!([2, 2, 4])));
    assert!(info["mesh"].is_null() && info["invisible_triangles"] == 12, "{info}");
    let drawn = ringshard(&["map", "draw", &map, "-o", &picture, "--size", "300", "--spawns"]);
    assert!(drawn.status.success(), "{}", text(&drawn.stderr));
    let picture = std::fs::read(&picture).unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n") && picture[18..20] == 300_u16.to_be_bytes());
    assert_refused(&ringshard(&["map", "sample", &demo]), &["demo", "is not empty"]);
}

#[test]
fn baking_replaces_a_map_at_once_and_nothing_else() {
    let folder = Folder::new("map-bake");
    let (source, map) = small(&folder);
    let bake = || ringshard(&["map", "bake", &source, "-o", &map, "--no-mesh"]);
    let first = bake();
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert_has(
        &stdout(&first),
        &["digest", "4,000 x 4,000 x 500 units", "no heightmap", "1 water, 1 no-go, 0 area", "gate 2"],
    );
    let before = std::fs::read(&map).unwrap();
    std::fs::write(&source, SMALL.replace("50]", "60]")).unwrap();
    assert!(bake().status.success());
    let after = std::fs::read(&map).unwrap();
    assert_ne!(after, before);
    std::fs::write(&source, SMALL.replace("pond", "po\\nd").replace("low =", "lowest =")).unwrap();
    assert_refused(&bake(), &["small.toml, line", "unknown field `lowest`", "`low`"]);
    assert_eq!(std::fs::read(&map).unwrap(), after, "a map that cannot be baked leaves the old one");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 2, "no partial file is left");
    std::fs::write(&map, "not a map").unwrap();
    assert_refused(&bake(), &["small.ringmap", "is no map file", "another file"]);
    let inside = folder.file("none/a.ringmap");
    std::fs::write(&source, SMALL).unwrap();
    assert_refused(
        &ringshard(&["map", "bake", &source, "-o", &inside, "--no-mesh"]),
        &["cannot write", "none/a.ringmap"],
    );
}

#[test]
fn what_is_no_map_is_refused_by_every_command() {
    let folder = Folder::new("map-refused");
    let (source, map) = small(&folder);
    assert!(ringshard(&["map", "bake", &source, "-o", &map, "--no-mesh"]).status.success());
    let whole = std::fs::read(&map).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.file(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    let mut newer = whole.clone();
    newer[8] = 99;
    let picture = folder.file("a.png");
    for (file, words) in [
        (folder.file("none.ringmap"), ["none.ringmap", "No such file"]),
        (folder.0.to_str().unwrap().to_owned(), ["no regular file", "map bake"]),
        (write("empty.ringmap", b""), ["empty.ringmap", "is empty"]),
        (write("foreign.ringmap", b"\x89PNG"), ["foreign.ringmap", "no map file"]),
        (source.clone(), ["small.toml", "no map file"]),
        (write("cut.ringmap", &whole[..whole.len() / 2]), ["cut.ringmap", "was cut off"]),
        (write("damaged.ringmap", &damaged), ["damaged.ringmap", "is damaged"]),
        (write("newer.ringmap", &newer), ["newer.ringmap", "version 99"]),
    ] {
        assert_refused(&ringshard(&["map", "info", &file]), &words);
        assert_refused(&ringshard(&["map", "draw", &file, "-o", &picture]), &words);
    }
    assert!(!Path::new(&picture).exists(), "a refused map leaves no picture");
    assert_refused(&ringshard(&["map", "draw", &map, "-o", &picture, "--mesh"]), &["no navigation mesh", "--no-mesh"]);
    assert_refused(&ringshard(&["map", "draw", &map, "-o", &picture, "--size", "9"]), &["9", "64..=8192"]);
    assert_refused(&ringshard(&["map", "bake", &map, "-o", &folder.file("b.ringmap")]), &["baked already", ".toml"]);
    let missing = folder.file("none.toml");
    assert_refused(&ringshard(&["map", "bake", &missing, "-o", &map]), &["none.toml: cannot be read"]);
    assert_refused(&ringshard(&["map", "draw", &map, "-o", &map]), &["already exists", "never overwritten"]);
}
