//! `ringshard tiles`.

use crate::shared::{Folder, assert_refused, ringshard, stdout, text};
use pmtiles::{Compression, PmTilesWriter, TileCoord, TileType};
use std::fs::File;

/// A file with zooms 0 to 2, without the tile 2/3/3.
fn pyramid(path: &str) {
    let writer = PmTilesWriter::new(TileType::Png).tile_compression(Compression::None).max_zoom(2);
    let writer = writer.metadata("{\"name\":\"Test\",\"attribution\":\"nobody\",\"more\":[1]}");
    let mut writer = writer.bounds(-10.0, -20.5, 30.0, 40.0).create(File::create(path).unwrap()).unwrap();
    for z in 0..=2 {
        for (x, y) in (0..1 << z).flat_map(|x| (0..1 << z).map(move |y| (x, y))).filter(|it| *it != (3, 3)) {
            writer.add_tile(TileCoord::new(z, x, y).unwrap(), format!("{z}/{x}/{y}").as_bytes()).unwrap();
        }
    }
    writer.finalize().unwrap();
}

#[test]
fn a_file_of_tiles_is_described_and_gives_its_tiles() {
    let folder = Folder::new("tiles");
    let file = folder.file("world.pmtiles");
    pyramid(&file);

    let info = stdout(&ringshard(&["tiles", "info", &file]));
    for line in
        ["type         image/png, not compressed", "zooms        0 to 2", "tiles        20", "name         Test"]
    {
        assert!(info.contains(line), "{info}");
    }
    assert!(info.contains("-10 to 30 degrees east, -20.5 to 40 degrees north"), "{info}");
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&ringshard(&["tiles", "info", &file, "--json"]))).unwrap();
    assert_eq!((json["tiles"].as_u64(), json["metadata"]["more"][0].as_u64()), (Some(20), Some(1)));
    assert_eq!(json["zooms"], serde_json::json!([0, 2]));

    let out = folder.file("tile.png");
    let got = ringshard(&["tiles", "get", &file, "2/1/3", "-o", &out]);
    assert!(got.status.success() && text(&got.stderr).contains("5.0 B, image/png"), "{}", text(&got.stderr));
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "2/1/3");
    assert_eq!(stdout(&ringshard(&["tiles", "get", &file, "0/0/0"])), "0/0/0");
}

#[test]
fn what_is_no_tile_and_no_file_of_tiles_is_named() {
    let folder = Folder::new("tiles-mistakes");
    let file = folder.file("world.pmtiles");
    pyramid(&file);
    let out = folder.file("tile.png");
    let get = |tile: &str| ringshard(&["tiles", "get", &file, tile, "-o", &out]);
    assert_refused(&get("2/3/3"), &["has no tile 2/3/3", "zooms 0 to 2"]);
    assert_refused(&get("5/0/0"), &["has no tile 5/0/0"]);
    assert!(!std::path::Path::new(&out).exists(), "a tile that is not there leaves no file");
    assert_refused(&get("2/4/0"), &["columns and rows lie between 0 and 3"]);
    assert_refused(&get("2/4"), &["three plain numbers, such as 3/4/2"]);
    let other = folder.file("other");
    std::fs::write(&other, "no tiles").unwrap();
    assert_refused(&ringshard(&["tiles", "info", &other]), &["cannot read tiles from", "other"]);
    assert_refused(&ringshard(&["tiles", "info", &folder.file("none")]), &["cannot read tiles from", "none"]);
}
