//! PMTiles files: whole, replaced and damaged.

use super::{Folder, tile};
use crate::tiles::{Archive, Tile, TileError, TileProvider, TileSettings, Tiles};
use pmtiles::{Compression, PmTilesWriter, TileCoord, TileType};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// All tiles of the zooms, with their names as contents, but none in column 3.
fn pyramid(path: &Path, zooms: u8, mark: &str) {
    let file = File::create(path).unwrap();
    let writer = PmTilesWriter::new(TileType::Png).tile_compression(Compression::None).max_zoom(zooms - 1);
    let mut writer = writer.metadata("{\"name\":\"test\"}").create(file).unwrap();
    for z in 0..zooms {
        for (x, y) in (0..1 << z).flat_map(|x| (0..1 << z).map(move |y| (x, y))).filter(|(x, _)| *x != 3) {
            writer.add_tile(TileCoord::new(z, x, y).unwrap(), format!("{mark} {z}/{x}/{y}").as_bytes()).unwrap();
        }
    }
    writer.finalize().unwrap();
}

fn pyramid_in(folder: &Folder, zooms: u8) -> PathBuf {
    let path = folder.0.join("base.pmtiles");
    pyramid(&path, zooms, "tile");
    path
}

#[tokio::test]
async fn each_tile_comes_from_its_place() {
    let folder = Folder::new();
    let archive = Archive::open(pyramid_in(&folder, 7)).await.unwrap();
    assert_eq!((archive.zooms(), archive.format()), (0..=6, ("image/png", None)));
    assert_eq!(archive.metadata().await.unwrap(), "{\"name\":\"test\"}");
    assert!(archive.tiles().unwrap() > 5_000);
    for (z, x, y) in [(0, 0, 0), (6, 63, 63), (6, 0, 63), (5, 17, 4)] {
        let found = archive.fetch(tile(z, x, y)).await.unwrap().unwrap();
        assert_eq!(&found[..], format!("tile {z}/{x}/{y}").as_bytes());
    }
    assert_eq!(archive.fetch(tile(6, 3, 3)).await, Ok(None));
    let sets: [(String, Arc<dyn TileProvider>); 1] = [("base".to_owned(), Arc::new(archive))];
    let tiles = Tiles::new(sets, None, TileSettings::default());
    assert_eq!(tiles.get("base", tile(7, 0, 0)).await, Ok(None));
    assert!(tiles.get("base", tile(6, 9, 9)).await.unwrap().is_some());
    assert_eq!(tiles.sets()[0].zooms, 0..=6);
}

#[tokio::test]
async fn a_replaced_file_is_read_anew_and_a_damaged_one_is_not() {
    let folder = Folder::new();
    let path = pyramid_in(&folder, 3);
    let archive = Archive::open(&path).await.unwrap();
    let new = folder.0.join("new");
    std::fs::write(&new, "no tiles").unwrap();
    std::fs::rename(&new, &path).unwrap();
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(&archive.fetch(tile(1, 1, 1)).await.unwrap().unwrap()[..], b"tile 1/1/1", "the former file serves");
    pyramid(&new, 3, "other");
    std::fs::rename(&new, &path).unwrap();
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(&archive.fetch(tile(1, 1, 1)).await.unwrap().unwrap()[..], b"other 1/1/1");
}

#[tokio::test]
async fn a_file_that_is_damaged_gives_errors_and_never_a_panic() {
    let folder = Folder::new();
    let path = pyramid_in(&folder, 8);
    let whole = std::fs::read(&path).unwrap();
    let all: Vec<Tile> = (0..8).map(|z| tile(z, (1 << z) - 1, 0)).collect();
    let mut failed = 0;
    let places = (0..127).chain((127..whole.len()).step_by(whole.len() / 300));
    for at in places {
        let mut file = whole.clone();
        file[at] ^= 0xff;
        std::fs::write(&path, &file).unwrap();
        let Ok(archive) = Archive::open(&path).await else {
            failed += 1;
            continue;
        };
        for tile in &all {
            failed += u32::from(archive.fetch(*tile).await.is_err());
        }
    }
    assert!(failed > 50, "{failed}");
    std::fs::write(&path, &whole).unwrap();
    let archive = Archive::open(&path).await.unwrap();
    File::options().write(true).open(&path).unwrap().set_len(whole.len() as u64 / 2).unwrap();
    let cut = archive.fetch(tile(7, 127, 127)).await.unwrap_err();
    assert!(matches!(&cut, TileError::Damaged { reason } if reason.contains("is damaged at 7/127/127")), "{cut}");
    let error = Archive::open(&path).await.err().unwrap().to_string();
    assert!(error.contains("not whole") && error.contains(&format!("of {} bytes", whole.len())), "{error}");
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(Archive::open(&path).await.is_err(), "a byte is missing");
    for content in ["", "PMTiles", "no tiles at all"] {
        std::fs::write(&path, content).unwrap();
        let error = Archive::open(&path).await.err().unwrap().to_string();
        assert!(error.starts_with("cannot read tiles from ") && error.contains("base.pmtiles"), "{error}");
    }
}
