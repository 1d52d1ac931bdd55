//! The cache against a model, and against damage.

use super::{Folder, bytes, tile};
use crate::tiles::cache::{Cache, Key};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

fn key(x: u32) -> Key {
    Key { set: "base".into(), tile: tile(10, x, x / 2) }
}

fn files(folder: &Folder) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![folder.0.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
fn random_use_agrees_with_a_list_in_the_order_of_use_and_stays_below_the_bound() {
    const BOUND: u64 = 40 * 4_096;
    let folder = Folder::new();
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    let mut cache = Cache::open(&folder.0, BOUND).unwrap();
    // The most recently used one is the last.
    let mut model: Vec<(u32, Vec<u8>)> = Vec::new();
    let occupied = |content: &[u8]| (content.len() as u64 + 48).div_ceil(4_096) * 4_096;
    let mut now = SystemTime::now();
    for step in 0..6_000 {
        now += Duration::from_secs(61);
        let x = random() % 90;
        let at = model.iter().position(|(other, _)| *other == x);
        if random() % 3 == 0 {
            let content = vec![x as u8; (random() % 12_000) as usize];
            cache.put(&key(x), &content, now).unwrap();
            // Room is made before the former tile of the key is replaced.
            let size = |model: &[(u32, Vec<u8>)]| model.iter().map(|(_, content)| occupied(content)).sum::<u64>();
            while size(&model) + occupied(&content) > BOUND {
                model.remove(0);
            }
            model.retain(|(other, _)| *other != x);
            model.push((x, content));
        } else {
            let found = cache.get(&key(x), now).map(|cached| cached.bytes.to_vec());
            assert_eq!(found, at.map(|at| model[at].1.clone()), "step {step}");
            if let Some(at) = at {
                let used = model.remove(at);
                model.push(used);
            }
        }
        assert!(cache.bytes() <= BOUND && cache.tiles() == model.len(), "step {step}");
        if step % 1_500 == 1_499 {
            let on_disk: u64 =
                files(&folder).iter().map(|it| it.metadata().unwrap().len().div_ceil(4_096) * 4_096).sum();
            assert_eq!((on_disk, files(&folder).len()), (cache.bytes(), model.len()));
            cache = Cache::open(&folder.0, BOUND).unwrap();
            // Equal times of modification may swap neighbours in the order, so times differ here.
            assert_eq!(cache.tiles(), model.len());
        }
    }
}

#[test]
fn a_restart_with_a_smaller_bound_keeps_what_was_used_last() {
    let folder = Folder::new();
    let cache = Cache::open(&folder.0, 1 << 20).unwrap();
    let start = SystemTime::now() - Duration::from_secs(10_000);
    for x in 0..10 {
        cache.put(&key(x), b"tile", start).unwrap();
    }
    for (at, x) in [7, 2, 9].into_iter().enumerate() {
        cache.get(&key(x), start + Duration::from_secs(100 * (at as u64 + 1))).unwrap();
    }
    let cache = Cache::open(&folder.0, 3 * 4_096).unwrap();
    assert_eq!((cache.tiles(), files(&folder).len()), (3, 3));
    for x in [7, 2, 9] {
        assert!(cache.get(&key(x), start).is_some(), "{x}");
    }
}

#[test]
fn a_damaged_file_is_no_tile_and_is_removed() {
    let folder = Folder::new();
    let now = SystemTime::now();
    let content = bytes("the content of a tile");
    let damages: [fn(&mut Vec<u8>); 6] = [
        |file| file.truncate(file.len() - 1),
        |file| file.clear(),
        |file| file.push(0),
        |file| file[60] ^= 1,
        |file| file[20] ^= 1,
        |file| file[0] ^= 1,
    ];
    for damage in damages {
        let cache = Cache::open(&folder.0, 1 << 20).unwrap();
        cache.put(&key(1), &content, now).unwrap();
        let path = files(&folder).remove(0);
        let mut file = std::fs::read(&path).unwrap();
        damage(&mut file);
        std::fs::write(&path, file).unwrap();
        let reopened = Cache::open(&folder.0, 1 << 20).unwrap();
        for cache in [cache, reopened] {
            assert_eq!(cache.get(&key(1), now), None);
            assert_eq!(cache.bytes(), 0);
        }
        assert!(files(&folder).is_empty());
    }
}

#[test]
fn what_a_killed_write_leaves_goes_and_foreign_files_stay() {
    let folder = Folder::new();
    let shard = folder.0.join("base/00");
    std::fs::create_dir_all(&shard).unwrap();
    for name in ["3-1-1.partial-7", "README", "99-0-0", "3-9-9"] {
        std::fs::write(shard.join(name), "x").unwrap();
    }
    std::fs::create_dir_all(folder.0.join("Not A Set/00")).unwrap();
    let cache = Cache::open(&folder.0, 1 << 20).unwrap();
    assert_eq!((cache.tiles(), cache.bytes()), (0, 0));
    let mut left: Vec<_> = files(&folder).iter().map(|it| it.file_name().unwrap().to_owned()).collect();
    left.sort();
    assert_eq!(left, ["3-9-9", "99-0-0", "README"]);
}

#[test]
fn a_tile_larger_than_the_cache_pushes_nothing_out() {
    let folder = Folder::new();
    let cache = Cache::open(&folder.0, 2 * 4_096).unwrap();
    cache.put(&key(1), b"small", SystemTime::now()).unwrap();
    cache.put(&key(2), &[0; 9_000], SystemTime::now()).unwrap();
    assert!(cache.get(&key(1), SystemTime::now()).is_some() && !cache.contains(&key(2)));
}
