//! The store under kills and damage.

use super::super::store::Addition;
use super::super::*;
use super::{Folder, content, key};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Names the folder in which a child process of this test adds files.
const FOLDER: &str = "RINGSHARD_TEST_ADD";

/// Adds files until it is killed. Does nothing unless it is the child.
#[test]
fn child_adds_files() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = std::path::Path::new(&folder);
    for round in 0u64.. {
        let additions: Vec<Addition> = (0..3)
            .map(|file| {
                let path = folder.join(format!("source-{file}"));
                std::fs::write(&path, [content(20_000), round.to_le_bytes().to_vec(), vec![file]].concat()).unwrap();
                Addition { name: format!("file/{file}"), file: path }
            })
            .collect();
        let store = Store::new(folder.join("resources"));
        store.add(&additions, Some(&key()), round).unwrap();
        if round % 4 == 3 {
            store.remove(&["file/1".to_owned()]).unwrap();
        }
    }
}

#[test]
fn a_store_whose_writer_is_killed_has_no_half_of_anything() {
    let folder = Folder::new("kill");
    let kills = std::env::var("RINGSHARD_KILLS").map_or(6, |kills| kills.parse().unwrap());
    let mut states = std::collections::BTreeSet::new();
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "resources::tests::crash::child_adds_files", "--nocapture"])
            .env(FOLDER, &folder.0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !folder.store().manifest_path().exists() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(20 + kill * 37 % 100));
        assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        let checked = folder.store().check(Some(&key().public())).unwrap();
        assert!(checked.problems.is_empty(), "{:?}", checked.problems);
        let added: Vec<u64> = folder.store().manifest().unwrap().values().map(|entry| entry.added).collect();
        assert!(added.windows(2).all(|pair| pair[0] == pair[1]), "names that were added together: {added:?}");
        states.extend(added);
        folder.store().sweep().unwrap();
        assert!(folder.store().check(None).unwrap().unnamed.is_empty());
    }
    assert!(!states.is_empty(), "no child added anything before it was killed");
}

fn add(folder: &Folder, name: &str, bytes: &[u8]) -> Result<(), store::StoreError> {
    let file = folder.0.join("source");
    std::fs::write(&file, bytes).unwrap();
    folder.store().add(&[Addition { name: name.to_owned(), file }], None, 1).map(drop)
}

#[test]
fn names_share_a_blob_which_goes_with_the_last_of_them() {
    let folder = Folder::new("share");
    let store = folder.store();
    ["a", "b/c"].iter().for_each(|name| add(&folder, name, b"same").unwrap());
    let entry = store.manifest().unwrap()["a"].clone();
    store.remove(&["a".to_owned()]).unwrap();
    assert!(store.blob_path(&entry.hash).exists());
    store.remove(&["b/c".to_owned()]).unwrap();
    assert!(!store.blob_path(&entry.hash).exists());
    let error = store.remove(&["a".to_owned()]).unwrap_err().to_string();
    assert!(error.contains("no resource a"), "{error}");
}

#[test]
fn a_check_says_what_is_wrong_with_each_resource() {
    let folder = Folder::new("check");
    let store = folder.store();
    for name in ["cut", "flipped", "missing", "sound", "unsigned", "renamed"] {
        add(&folder, name, name.as_bytes()).unwrap();
    }
    let key = key();
    store.sign(&["cut", "flipped", "missing", "sound", "renamed"].map(str::to_owned), &key).unwrap();
    let manifest = store.manifest().unwrap();
    let path = |name: &str| store.blob_path(&manifest[name].hash);
    std::fs::write(path("cut"), "cu").unwrap();
    std::fs::write(path("flipped"), "flippeD").unwrap();
    std::fs::remove_file(path("missing")).unwrap();
    let text = std::fs::read_to_string(store.manifest_path()).unwrap().replace("\"renamed\"", "\"another\"");
    std::fs::write(store.manifest_path(), text).unwrap();
    let checked = store.check(Some(&key.public())).unwrap();
    let found: Vec<(&str, bool)> = checked
        .problems
        .iter()
        .map(|it| {
            let expected = match it.name.as_str() {
                "another" => "signature",
                "cut" => "has 2 bytes instead of 3",
                "flipped" => "damaged",
                "missing" => "missing",
                _ => "not signed",
            };
            (it.name.as_str(), it.what.contains(expected))
        })
        .collect();
    assert_eq!(found, ["another", "cut", "flipped", "missing", "unsigned"].map(|name| (name, true)));
    assert_eq!(checked.sound, 1);
}

#[test]
fn an_addition_that_fails_changes_nothing() {
    let folder = Folder::new("fails");
    add(&folder, "a", b"first").unwrap();
    let before = folder.store().manifest().unwrap();
    let missing = folder.0.join("no-such-file");
    let file = folder.0.join("source");
    let both = [("b", file), ("c", missing)].map(|(name, file)| Addition { name: name.to_owned(), file });
    let error = folder.store().add(&both, None, 2).unwrap_err().to_string();
    assert!(error.contains("no-such-file"), "{error}");
    for name in ["sha256/00", "tile/1", "../a", ""] {
        add(&folder, name, b"x").unwrap_err();
    }
    assert_eq!(folder.store().manifest().unwrap(), before);
}
