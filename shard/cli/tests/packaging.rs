//! The contents of the Debian package and the container image, without building them.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

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

/// The lines of a unit that keep its process from what it does not need.
fn hardening(unit: &str) -> BTreeSet<&str> {
    let words =
        ["Protect", "Private", "Restrict", "SystemCall", "NoNew", "Capability", "Ambient", "Lock", "Memory", "UMask"];
    let more =
        ["DynamicUser", "DevicePolicy", "ProcSubset", "RemoveIPC", "KeyringMode", "LimitCORE", "StateDirectoryMode"];
    unit.lines().filter(|line| words.iter().chain(&more).any(|word| line.starts_with(word))).collect()
}

#[test]
fn every_unit_is_packaged_and_a_relay_is_as_confined_as_a_balancer() {
    let manifest: toml::Table = include_str!("../Cargo.toml").parse().unwrap();
    let packaged = manifest["package"]["metadata"]["deb"]["systemd-units"].as_array().unwrap();
    let packaged: BTreeSet<_> = packaged.iter().map(|unit| unit["unit-name"].as_str().unwrap().to_owned()).collect();
    let files = std::fs::read_dir(Path::new(FOLDER).join("../deploy")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let units: BTreeSet<_> = names.filter_map(|name| name.strip_suffix(".service").map(str::to_owned)).collect();
    assert_eq!(packaged, units);
    let relay = hardening(include_str!("../../deploy/ringshard-relay.service"));
    assert!(relay.len() > 30, "{relay:?}");
    assert_eq!(relay, hardening(include_str!("../../deploy/ringshard-balance.service")));
}

#[test]
fn the_options_of_the_packaged_relay_are_sound() {
    let folder = std::env::temp_dir().join(format!("ringshard-packaging-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let fleet = folder.join("fleet.toml");
    std::fs::write(&fleet, "[etcd]\nendpoints = ['http://127.0.0.1:2379']\n[relays]\nkey-file = 'relay.key'\n")
        .unwrap();
    for key in ["relay.key", "gateway.key"] {
        std::fs::write(folder.join(key), "5".repeat(64)).unwrap();
        std::fs::set_permissions(folder.join(key), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let environment = include_str!("../../deploy/relay.env");
    let lines: Vec<_> =
        environment.lines().filter_map(|line| line.trim_start_matches("# ").strip_prefix("OPTIONS=")).collect();
    assert_eq!(lines.len(), 2, "one for a relay and one for an edge");
    for options in lines {
        let checked = Command::new(env!("CARGO_BIN_EXE_ringshard"))
            .current_dir(&folder)
            .args(["relay", "--check", "--fleet", fleet.to_str().unwrap()])
            .args(options.trim_matches('"').split(' '))
            .output()
            .unwrap();
        assert!(checked.status.success(), "{options}: {}", String::from_utf8_lossy(&checked.stderr));
    }
    let _ = std::fs::remove_dir_all(&folder);
}
