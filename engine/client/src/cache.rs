//! A folder that keeps downloaded resources, bounded in bytes.
//!
//! A content is found by its SHA-256, and verified whenever it is read. What was used least recently gives way first, also
//! across restarts of the program: the time of a file's last change says when it was used.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What a file takes on disk at least, so that many small ones are bounded, too.
const FILE_BYTES_MIN: u64 = 4_096;
/// How the names of files that are not complete yet begin.
const PARTIAL: &str = "partial-";

/// SHA-256 of a content.
pub type ContentHash = [u8; 32];

/// A folder that keeps downloaded resources. One program at a time should use it; another one costs only misses.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    bytes_max: u64,
    bytes: u64,
    files: HashMap<ContentHash, Kept>,
    damaged: u64,
}

#[derive(Debug)]
struct Kept {
    size: u64,
    used: SystemTime,
}

impl Cache {
    /// Opens the cache in `folder`, which is created if it does not exist. Files beyond `bytes_max` are removed.
    ///
    /// # Errors
    /// The folder cannot be created or listed.
    pub fn open(folder: impl Into<PathBuf>, bytes_max: u64) -> io::Result<Cache> {
        let mut cache = Cache { folder: folder.into(), bytes_max, bytes: 0, files: HashMap::new(), damaged: 0 };
        fs::create_dir_all(&cache.folder)?;
        for entry in fs::read_dir(&cache.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.starts_with(PARTIAL) {
                let _ = fs::remove_file(entry.path());
            } else if let (Some(hash), Ok(status)) = (hash_of(name), entry.metadata()) {
                let used = status.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                cache.insert(hash, Kept { size: status.len(), used });
            }
        }
        cache.make_room(0);
        Ok(cache)
    }

    /// Bytes that the files take.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Files that were found damaged, and removed.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Reads and verifies a content. None: it is not there, cannot be read, or was damaged; then it is removed.
    pub fn get(&mut self, hash: &ContentHash) -> Option<Vec<u8>> {
        let path = self.path(hash);
        let kept = self.files.get_mut(hash)?;
        let read = File::options().read(true).write(true).open(&path).and_then(|file| {
            let bytes = fs::read(&path)?;
            kept.used = SystemTime::now();
            // Without it, the content gives way too early after a restart.
            let _ = file.set_modified(kept.used);
            Ok(bytes)
        });
        match read {
            Ok(bytes) if is_sound(&bytes, hash) => Some(bytes),
            Ok(_) => {
                self.damaged += 1;
                self.remove(hash);
                None
            }
            Err(_) => {
                self.remove(hash);
                None
            }
        }
    }

    /// Keeps a content. False: it is larger than the whole cache, and not kept.
    ///
    /// # Errors
    /// The file cannot be written, or `bytes` have another hash.
    pub fn put(&mut self, hash: &ContentHash, bytes: &[u8]) -> io::Result<bool> {
        if !is_sound(bytes, hash) {
            return Err(io::Error::new(ErrorKind::InvalidData, "the content has another SHA-256 than its name says"));
        }
        let kept = Kept { size: bytes.len() as u64, used: SystemTime::now() };
        if cost(&kept) > self.bytes_max {
            return Ok(false);
        }
        self.remove(hash);
        self.make_room(cost(&kept));
        let partial = self.folder.join(format!("{PARTIAL}{}", std::process::id()));
        // Not synced: after a crash the file may be damaged, and is found so.
        let written = fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, self.path(hash)));
        if let Err(error) = written {
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
        self.insert(*hash, kept);
        Ok(true)
    }

    /// Removes a content, if it is there.
    pub fn remove(&mut self, hash: &ContentHash) {
        if let Some(kept) = self.files.remove(hash) {
            self.bytes -= cost(&kept);
            let _ = fs::remove_file(self.path(hash));
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn insert(&mut self, hash: ContentHash, kept: Kept) {
        self.bytes += cost(&kept);
        self.files.insert(hash, kept);
    }

    fn make_room(&mut self, bytes: u64) {
        while self.bytes + bytes > self.bytes_max {
            let Some(oldest) = self.files.iter().min_by_key(|(_, kept)| kept.used).map(|(hash, _)| *hash) else {
                return;
            };
            self.remove(&oldest);
        }
    }

    fn path(&self, hash: &ContentHash) -> PathBuf {
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(digits)
    }
}

fn cost(kept: &Kept) -> u64 {
    kept.size.max(FILE_BYTES_MIN)
}

fn is_sound(bytes: &[u8], hash: &ContentHash) -> bool {
    Sha256::digest(bytes)[..] == hash[..]
}

fn hash_of(name: &str) -> Option<ContentHash> {
    let mut hash = [0; 32];
    if name.len() != 64 || !name.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&name[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("ringshard-cache-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn content(of: u8) -> (ContentHash, Vec<u8>) {
        let bytes = vec![of; 10_000];
        (Sha256::digest(&bytes).into(), bytes)
    }

    /// Keeps a content, and lets enough time pass for the clock of files.
    fn put(cache: &mut Cache, of: u8) -> ContentHash {
        let (hash, bytes) = content(of);
        assert!(cache.put(&hash, &bytes).unwrap());
        std::thread::sleep(Duration::from_millis(15));
        hash
    }

    #[test]
    fn what_was_used_least_recently_gives_way_also_after_a_restart() {
        let folder = Folder::new("order");
        let mut cache = Cache::open(&folder.0, 30_000).unwrap();
        let [one, two, three] = [1, 2, 3].map(|of| put(&mut cache, of));
        assert_eq!(cache.get(&one), Some(content(1).1));
        std::thread::sleep(Duration::from_millis(15));
        let four = put(&mut cache, 4);
        assert_eq!((cache.get(&two), cache.bytes()), (None, 30_000));
        let mut cache = Cache::open(&folder.0, 20_000).unwrap();
        assert_eq!([three, one, four].map(|hash| cache.get(&hash).is_some()), [false, true, true]);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2);
    }

    #[test]
    fn a_flipped_bit_is_found_and_the_file_is_removed() {
        let folder = Folder::new("flip");
        let mut cache = Cache::open(&folder.0, 30_000).unwrap();
        let hash = put(&mut cache, 1);
        let path = cache.path(&hash);
        let mut bytes = fs::read(&path).unwrap();
        bytes[9_999] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!((cache.get(&hash), cache.damaged(), cache.bytes()), (None, 1, 0));
        assert!(!path.exists());
        let (hash, mut bytes) = content(1);
        bytes[0] ^= 1;
        assert_eq!(cache.put(&hash, &bytes).unwrap_err().kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn partial_files_are_removed_and_strange_ones_are_left_alone() {
        let folder = Folder::new("partial");
        fs::create_dir_all(&folder.0).unwrap();
        for name in ["partial-1", "notes.txt"] {
            fs::write(folder.0.join(name), "x").unwrap();
        }
        let cache = Cache::open(&folder.0, 0).unwrap();
        assert_eq!(cache.bytes(), 0);
        assert!(!folder.0.join("partial-1").exists() && folder.0.join("notes.txt").exists());
    }

    #[test]
    fn small_files_are_bounded_and_what_never_fits_is_not_kept() {
        let folder = Folder::new("small");
        let mut cache = Cache::open(&folder.0, 3 * FILE_BYTES_MIN).unwrap();
        for of in 0..10u8 {
            assert!(cache.put(&Sha256::digest([of]).into(), &[of]).unwrap());
        }
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 3);
        let large = vec![0; 3 * FILE_BYTES_MIN as usize + 1];
        assert!(!cache.put(&Sha256::digest(&large).into(), &large).unwrap());
        // Another program has removed a file.
        let last: ContentHash = Sha256::digest([9]).into();
        fs::remove_file(cache.path(&last)).unwrap();
        assert_eq!(cache.get(&last), None);
    }
}
