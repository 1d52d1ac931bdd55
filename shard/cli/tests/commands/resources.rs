//! `ringshard resources`.

use crate::shared::{Folder, assert_refused, ringshard, stdout};

#[test]
fn resources_are_added_signed_listed_verified_and_removed() {
    let folder = Folder::new("resources");
    let (dir, key) = (folder.file("services"), folder.file("resources.key"));
    let public = stdout(&ringshard(&["resources", "keygen", "--out", &key])).trim().to_owned();
    let file = folder.file("north.ringmap");
    std::fs::write(&file, "content").unwrap();
    let resources = |words: &[&str]| ringshard(&[&["resources"][..], words, &["--dir", dir.as_str()][..]].concat());

    assert!(stdout(&resources(&["list"])).contains("0 resources"));
    let added = resources(&["add", &file, "--prefix", "maps/"]);
    assert!(stdout(&added).contains("added maps/north.ringmap: 7.0 B, unsigned"), "{}", stdout(&added));
    assert!(resources(&["verify"]).status.success());
    let unsigned = resources(&["verify", "--public", &public]);
    assert!(!unsigned.status.success() && stdout(&unsigned).contains("not signed"), "{}", stdout(&unsigned));
    assert!(resources(&["sign", "--all", "--key", &key]).status.success());
    assert!(resources(&["verify", "--public", &public]).status.success());

    let listed: serde_json::Value = serde_json::from_str(&stdout(&resources(&["list", "--json"]))).unwrap();
    let hash = listed[0]["sha256"].as_str().unwrap();
    assert_eq!((listed[0]["name"].as_str(), listed[0]["size"].as_u64()), (Some("maps/north.ringmap"), Some(7)));
    let blob = format!("{dir}/resources/blobs/{}/{}/{hash}", &hash[..2], &hash[2..4]);
    std::fs::write(&blob, "c0ntent").unwrap();
    let damaged = resources(&["verify", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&stdout(&damaged)).unwrap();
    assert!(found["problems"]["maps/north.ringmap"].as_str().unwrap().contains("damaged"));
    assert!(!damaged.status.success());
    assert!(resources(&["add", &file, "--name", "maps/north.ringmap", "--key", &key]).status.success());
    assert!(resources(&["verify", "--public", &public]).status.success(), "adding it again repairs it");

    assert!(resources(&["remove", "maps/north.ringmap"]).status.success());
    assert_refused(&resources(&["remove", "maps/north.ringmap"]), &["no resource", "ringshard resources list"]);
    assert!(!std::path::Path::new(&blob).exists());
}

#[test]
fn mistakes_are_refused_with_what_to_do() {
    let folder = Folder::new("resources-mistakes");
    let dir = folder.file("services");
    let missing = folder.file("missing.key");
    let file = folder.file("a");
    std::fs::write(&file, "a").unwrap();
    let resources = |words: &[&str]| ringshard(&[&["resources"][..], words, &["--dir", dir.as_str()][..]].concat());
    assert_refused(&resources(&["add", &file, "--key", &missing]), &["does not exist", "ringshard resources keygen"]);
    assert_refused(&resources(&["add", &file, &file, "--name", "b"]), &["--name", "--prefix"]);
    assert_refused(&resources(&["add", &file, "--name", "../b"]), &["cannot be the name of a resource"]);
    assert_refused(&resources(&["verify", "--public", "12"]), &["64 hexadecimal digits"]);
    assert_refused(&resources(&["sign"]), &["NAME"]);

    assert!(resources(&["add", &file]).status.success());
    let inside = ringshard(&["resources", "list", "--dir", &format!("{dir}/resources")]);
    assert_refused(&inside, &["name the folder of the services", &format!("--dir {dir}")]);
}
