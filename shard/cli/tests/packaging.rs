//! The contents of the Debian package and the container image, without building them.

use std::path::Path;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn every_packaged_file_exists_or_is_made_by_the_packaging_script() {
    let manifest: toml::Table = include_str!("../Cargo.toml").parse().unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    let script = include_str!("../../../scripts/package.sh");
    let assets = deb["assets"].as_array().unwrap();
    assert!(assets.len() > 12);
    for asset in assets {
        let [path, target] = [0, 1].map(|index| asset[index].as_str().unwrap());
        match path.strip_prefix("target/release/package/") {
            Some("man/*.1.gz") => assert!(script.contains("man \"$made/man\""), "{path}"),
            Some(made) => {
                let shell = made.strip_prefix("ringshard.").unwrap();
                let loop_line = script.lines().find(|line| line.starts_with("for shell in")).unwrap();
                assert!(loop_line.contains(shell) && script.contains("$made/ringshard.$shell"), "{path}");
            }
            None if ["target/release/ringshard", "target/release/ringshard-bench"].contains(&path) => {}
            None => assert!(Path::new(FOLDER).join(path).exists(), "{path}, for {target}"),
        }
    }
    assert_eq!(deb["dbgsym"].as_bool(), Some(true), "binaries are stripped");
}

#[test]
fn the_image_copies_only_existing_files() {
    let image = include_str!("../../deploy/Containerfile");
    let top = Path::new(FOLDER).join("../..");
    for line in image.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from")) {
        let mut words: Vec<&str> = line.split(' ').collect();
        words.pop();
        words.iter().for_each(|path| assert!(top.join(path).exists(), "{path}"));
    }
    let workspace: toml::Table = std::fs::read_to_string(top.join("Cargo.toml")).unwrap().parse().unwrap();
    for member in workspace["workspace"]["members"].as_array().unwrap() {
        let folder = member.as_str().unwrap().split('/').next().unwrap();
        assert!(image.contains(&format!("\nCOPY {folder} {folder}\n")), "{folder} is missing: the workspace needs it");
    }
}
