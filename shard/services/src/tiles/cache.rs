//! A cache of tiles on disk, with a bound in bytes.
//!
//! Each tile is a file `SET/SHARD/Z-X-Y`: a mark, the time of its fetch, the SHA-256 of the rest, and the tile. A file is
//! written beside its place and renamed. A file that does not match its SHA-256 is removed, so neither a crash nor a full
//! disk gives a client half of a tile. When the bound is reached, the least recently used tiles are removed. After a restart,
//! the order is that of the files' times of modification.

use super::provider::Bytes;
use super::tile::{Tile, is_set};
use ring::digest::{SHA256, digest};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MARK: &[u8; 8] = b"RStile1\n";
const HEAD_BYTES: usize = MARK.len() + 8 + 32;
/// A file occupies whole blocks of the disk.
const BLOCK_BYTES: u64 = 4_096;
/// How often the time of a file that is read is set, so that the order survives a restart.
const TOUCH: Duration = Duration::from_secs(60);

/// Names a tile in the cache.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Key {
    /// The set, which is also the name of a folder.
    pub set: Arc<str>,
    /// The tile.
    pub tile: Tile,
}

/// A tile from the cache.
#[derive(Clone, PartialEq, Debug)]
pub struct Cached {
    /// The tile.
    pub bytes: Bytes,
    /// How long ago it was fetched.
    pub age: Duration,
}

/// A cache in a folder. Its methods block.
pub struct Cache {
    folder: PathBuf,
    bytes_max: u64,
    index: Mutex<Index>,
    serial: AtomicU64,
    evicted: AtomicU64,
    damaged: AtomicU64,
}

/// What is in the folder, in the order of use.
#[derive(Default)]
struct Index {
    entries: HashMap<Key, Entry>,
    order: BTreeMap<u64, Key>,
    bytes: u64,
    clock: u64,
}

struct Entry {
    bytes: u64,
    used: u64,
    touched: SystemTime,
}

impl Index {
    fn insert(&mut self, key: Key, bytes: u64, touched: SystemTime) {
        self.remove(&key);
        self.clock += 1;
        self.bytes += bytes;
        self.order.insert(self.clock, key.clone());
        self.entries.insert(key, Entry { bytes, used: self.clock, touched });
    }

    fn remove(&mut self, key: &Key) -> bool {
        let Some(entry) = self.entries.remove(key) else { return false };
        self.order.remove(&entry.used);
        self.bytes -= entry.bytes;
        true
    }

    /// Moves a key to the end of the order. True if its file is to be touched.
    fn used(&mut self, key: &Key, now: SystemTime) -> bool {
        let Some(entry) = self.entries.get_mut(key) else { return false };
        self.clock += 1;
        self.order.remove(&entry.used);
        entry.used = self.clock;
        self.order.insert(self.clock, key.clone());
        let is_due = now.duration_since(entry.touched).is_ok_and(|age| age >= TOUCH);
        if is_due {
            entry.touched = now;
        }
        is_due
    }
}

impl Cache {
    /// Opens the cache in `folder`, which is made if it is missing. Other files are left alone.
    ///
    /// # Arguments
    /// `bytes_max`: the bytes that all files may occupy, in whole blocks.
    ///
    /// # Errors
    /// What the system reports about the folder.
    pub fn open(folder: impl Into<PathBuf>, bytes_max: u64) -> io::Result<Cache> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder)?;
        let mut found = Vec::new();
        for set in subfolders(&folder)? {
            let Some(name) = set.file_name().and_then(|name| name.to_str()).filter(|name| is_set(name)) else {
                continue;
            };
            let name: Arc<str> = name.into();
            for shard in subfolders(&set)? {
                scan(&shard, &name, &mut found)?;
            }
        }
        found.sort();
        let mut index = Index::default();
        for (touched, key, bytes) in found {
            index.insert(key, bytes, touched);
        }
        let cache = Cache {
            folder,
            bytes_max,
            index: Mutex::new(index),
            serial: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
        };
        cache.make_room(0);
        Ok(cache)
    }

    /// The tile, if it is there and whole.
    pub fn get(&self, key: &Key, now: SystemTime) -> Option<Cached> {
        if !self.index().entries.contains_key(key) {
            return None;
        }
        let path = self.path(key);
        let read = File::open(&path).and_then(|mut file| {
            let mut content = Vec::new();
            file.read_to_end(&mut content)?;
            Ok((file, content))
        });
        let Some((file, (fetched, bytes))) = read.ok().and_then(|(file, content)| Some((file, parse(&content)?)))
        else {
            self.index().remove(key);
            let _ = std::fs::remove_file(&path);
            self.damaged.fetch_add(1, Relaxed);
            return None;
        };
        if self.index().used(key, now) {
            // Only the order after a restart depends on it.
            let _ = file.set_modified(now);
        }
        // A tile from the future, after the clock was set back, is as good as a new one.
        Some(Cached { bytes, age: now.duration_since(fetched).unwrap_or_default() })
    }

    /// Whether the tile is there. Reads no file.
    pub fn contains(&self, key: &Key) -> bool {
        self.index().entries.contains_key(key)
    }

    /// Keeps a tile. One that is larger than the whole cache is not kept.
    ///
    /// # Errors
    /// What the system reports, such as a full disk. The cache is as before.
    pub fn put(&self, key: &Key, bytes: &[u8], now: SystemTime) -> io::Result<()> {
        let occupied = occupied((HEAD_BYTES + bytes.len()) as u64);
        if occupied > self.bytes_max {
            return Ok(());
        }
        self.make_room(occupied);
        let path = self.path(key);
        let partial = path.with_extension(format!("partial-{}", self.serial.fetch_add(1, Relaxed)));
        let written = write(&partial, bytes, now).and_then(|()| std::fs::rename(&partial, &path));
        if let Err(error) = written {
            let _ = std::fs::remove_file(&partial);
            return Err(error);
        }
        self.index().insert(key.clone(), occupied, now);
        // Others may have written in the meantime.
        self.make_room(0);
        Ok(())
    }

    /// Bytes that all tiles occupy.
    pub fn bytes(&self) -> u64 {
        self.index().bytes
    }

    /// How many tiles there are.
    pub fn tiles(&self) -> usize {
        self.index().entries.len()
    }

    /// Tiles that left to make room, and damaged ones, since the last call.
    pub(super) fn take_counts(&self) -> (u64, u64) {
        (self.evicted.swap(0, Relaxed), self.damaged.swap(0, Relaxed))
    }

    /// Removes the tiles that were not asked for longest, until so many more bytes fit.
    fn make_room(&self, bytes: u64) {
        loop {
            let key = {
                let mut index = self.index();
                if index.bytes + bytes <= self.bytes_max {
                    return;
                }
                let Some(key) = index.order.first_key_value().map(|(_, key)| key.clone()) else { return };
                index.remove(&key);
                key
            };
            let _ = std::fs::remove_file(self.path(&key));
            self.evicted.fetch_add(1, Relaxed);
        }
    }

    fn path(&self, Key { set, tile }: &Key) -> PathBuf {
        // A folder with a million files is slow to list.
        let shard = format!("{:02x}", (tile.x() ^ tile.y().rotate_left(4)) & 0xff);
        self.folder.join(&**set).join(shard).join(format!("{}-{}-{}", tile.z(), tile.x(), tile.y()))
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn occupied(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES) * BLOCK_BYTES
}

fn write(path: &Path, bytes: &[u8], now: SystemTime) -> io::Result<()> {
    let create = || File::create(path);
    let mut file = match (create(), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::create_dir_all(folder)?;
            create()?
        }
        (created, _) => created?,
    };
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(MARK);
    head[8..16].copy_from_slice(&seconds.to_le_bytes());
    head[16..].copy_from_slice(digest(&SHA256, bytes).as_ref());
    file.write_all(&head)?;
    file.write_all(bytes)?;
    file.set_modified(now)
}

/// The time of the fetch and the tile, if the file is whole.
fn parse(content: &[u8]) -> Option<(SystemTime, Bytes)> {
    let (head, bytes) = content.split_at_checked(HEAD_BYTES)?;
    let seconds = u64::from_le_bytes(head[8..16].try_into().ok()?);
    let is_whole = head.starts_with(MARK) && digest(&SHA256, bytes).as_ref() == &head[16..];
    is_whole.then(|| Some((UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?, bytes.into())))?
}

fn subfolders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// The tiles of a folder, and their times. Removes what an ended write left.
fn scan(shard: &Path, set: &Arc<str>, found: &mut Vec<(SystemTime, Key, u64)>) -> io::Result<()> {
    for entry in std::fs::read_dir(shard)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if let Some((tile, _)) = name.split_once(".partial-")
            && tile_of(tile).is_some()
        {
            let _ = std::fs::remove_file(entry.path());
        } else if let Some(tile) = tile_of(name) {
            let metadata = entry.metadata()?;
            let key = Key { set: Arc::clone(set), tile };
            found.push((metadata.modified()?, key, occupied(metadata.len())));
        }
    }
    Ok(())
}

fn tile_of(name: &str) -> Option<Tile> {
    if name.contains('/') { None } else { name.replace('-', "/").parse().ok() }
}
