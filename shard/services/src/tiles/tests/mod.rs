//! Tiles through all layers, with providers that hang, lie and break.

mod archives;
mod caches;
mod remotes;
mod sets;

use super::{Bytes, Fetching, Tile, TileError, TileProvider};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

/// A folder of its own for each test, removed when it is dropped.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let name = format!("ringshard-tiles-{}-{}", std::process::id(), FOLDERS.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn tile(z: u8, x: u32, y: u32) -> Tile {
    Tile::new(z, x, y).unwrap()
}

pub fn bytes(text: &str) -> Bytes {
    text.as_bytes().into()
}

/// What a tile of the provider below has.
pub fn content(tile: Tile) -> Bytes {
    bytes(&format!("tile {tile}"))
}

/// A provider that counts, waits for permits, and fails when it is told to. There is no tile in column 3.
pub struct Slow {
    pub fetched: Mutex<Vec<Tile>>,
    pub permits: Semaphore,
    pub broken: AtomicU32,
}

impl Slow {
    pub fn new(permits: usize) -> Arc<Slow> {
        Arc::new(Slow { fetched: Mutex::default(), permits: Semaphore::new(permits), broken: AtomicU32::new(0) })
    }

    pub fn count(&self) -> usize {
        self.fetched.lock().unwrap().len()
    }
}

impl TileProvider for Slow {
    fn fetch(&self, tile: Tile) -> Fetching<'_> {
        Box::pin(async move {
            self.fetched.lock().unwrap().push(tile);
            self.permits.acquire().await.unwrap().forget();
            match self.broken.load(Ordering::Relaxed) {
                0 => Ok((tile.x() != 3).then(|| content(tile))),
                _ => Err(TileError::NotNow { wait: Duration::from_secs(9), reason: "broken".into() }),
            }
        })
    }

    fn zooms(&self) -> RangeInclusive<u8> {
        0..=10
    }

    fn format(&self) -> (&'static str, Option<&'static str>) {
        ("text/plain", None)
    }

    fn is_remote(&self) -> bool {
        true
    }
}
