//! What the installation script and the package bring.

use crate::compiler;
use std::path::{Path, PathBuf};
use std::process::Command;

const TOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");
/// What a program is built with, below the prefix.
const FILES: [&str; 9] = [
    "include/ringshard.h",
    "include/ringshard.hpp",
    "lib/libringshard_client.so",
    "lib/libringshard_client.a",
    "lib/pkgconfig/ringshard-client.pc",
    "share/doc/libringshard-client-dev/README.md",
    "share/doc/libringshard-client-dev/LICENSE",
    "share/doc/libringshard-client-dev/examples/play.c",
    "share/doc/libringshard-client-dev/examples/demo_types.h",
];

/// An empty folder.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

/// Runs a script, and gives what it prints.
fn script(name: &str, words: &[&str]) -> String {
    let output = Command::new(format!("{TOP}/scripts/{name}")).args(words).output().expect("the script runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The words of a line of the pkg-config file, as pkg-config gives them.
fn flags(file: &str, line: &str) -> Vec<String> {
    let value = |name: &str| {
        let found =
            file.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("there is no {name}"));
        found.to_owned()
    };
    let prefix = value("prefix=");
    let expand = |text: String| text.replace("${prefix}", &prefix);
    let (libdir, includedir) = (expand(value("libdir=")), expand(value("includedir=")));
    let line = value(line).replace("${libdir}", &libdir).replace("${includedir}", &includedir);
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn an_installed_client_builds_the_installed_example() {
    if !compiler::exists("cc") {
        return eprintln!("skipped: there is no C compiler; install it (apt install build-essential)");
    }
    let prefix = folder("installed");
    let (prefix_text, library) = (prefix.to_str().unwrap(), compiler::library().to_str().unwrap());
    script("install-client.sh", &["--prefix", prefix_text, "--library", library]);
    for file in FILES {
        assert!(prefix.join(file).is_file(), "{file} is missing");
    }
    let pc = std::fs::read_to_string(prefix.join("lib/pkgconfig/ringshard-client.pc")).unwrap();
    assert!(!pc.contains('@'), "{pc}");
    let example = prefix.join("share/doc/libringshard-client-dev/examples/play.c");
    let program = prefix.join("play");
    let mut cc = Command::new("cc");
    cc.arg("-std=c11").arg(example).args(flags(&pc, "Cflags: ")).args(flags(&pc, "Libs: ")).arg("-o").arg(&program);
    assert!(cc.status().unwrap().success());
    let output = Command::new(&program).env("LD_LIBRARY_PATH", prefix.join("lib")).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "it was started without an address");
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("Usage: "));
}

#[test]
fn the_package_has_what_a_program_is_built_with() {
    if !compiler::exists("dpkg-deb") {
        return eprintln!("skipped: there is no dpkg-deb");
    }
    let out = folder("package");
    let library = compiler::library().to_str().unwrap();
    let package = script("package-client.sh", &["--library", library, "--out", out.to_str().unwrap()]);
    let listed = Command::new("dpkg-deb").args(["--contents", package.trim()]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for file in FILES {
        assert!(listed.contains(&format!(" ./usr/{file}\n")), "{file} is missing in\n{listed}");
    }
    assert!(listed.lines().all(|line| line.contains(" root/root ")), "{listed}");
    let packaging = include_str!("../../../../../scripts/package.sh");
    assert!(
        packaging.lines().any(|line| line == "scripts/package-client.sh"),
        "it is built beside the server's package"
    );
}
