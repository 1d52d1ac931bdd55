//! The scripts that run the load commands: they run what cargo built, wherever it did, and say what that said.
//!
//! Cargo builds nothing here, and the load generator is a stand-in that says how it was called.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Players that the stand-in holds.
const HELD: usize = 3_000;

/// A folder with a cargo that builds nothing, and one where cargo would have built.
struct Stage(PathBuf);

impl Stage {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ringshard-scripts-{name}-{}", std::process::id()));
        let stage = Stage(folder);
        stage.write("bin/cargo", &format!("[ \"$1\" = build ] || exec {} \"$@\"", env!("CARGO")));
        stage.write("target/release/ringshard", "");
        stage.write(
            "target/release/ringshard-bench",
            &format!("echo \"ran $*\"\n[ \"$1\" != bots ] || [ \"$3\" -le {HELD} ] || exit 2"),
        );
        stage
    }

    fn write(&self, name: &str, script: &str) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn run(&self, words: &str) -> Output {
        let mut words = words.split(' ');
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts");
        let path = format!("{}:{}", self.0.join("bin").display(), std::env::var("PATH").unwrap());
        Command::new(scripts.join(words.next().unwrap()))
            .args(words)
            .env("PATH", path)
            .env("CARGO_TARGET_DIR", self.0.join("target"))
            .output()
            .unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn assert_says(output: &Output, code: i32, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is missing from:\n{said}");
    }
}

#[test]
fn scripts_run_what_was_built_wherever_cargo_builds() {
    let stage = Stage::new("target");
    assert_says(&stage.run("verify-600k.sh --only"), 0, &["ran verify --only"]);
    assert_says(&stage.run("verify-world.sh --players 70 --secs 1"), 0, &["ran bots --clients 70 --secs 1"]);
    assert_says(&stage.run("soak.sh sim 3 --seed 1"), 0, &["ran simulate --hours 3 --seed 1"]);
    assert_says(&stage.run("soak.sh net --mins 1"), 0, &["ran soak --mins 1"]);
    let folder = stage.0.join("target/release");
    assert_says(&stage.run("build.sh --no-build"), 0, &[folder.to_str().unwrap()]);
    std::fs::remove_file(folder.join("ringshard-bench")).unwrap();
    assert_says(&stage.run("build.sh --no-build"), 1, &["there is no ", "scripts/build.sh"]);
}

#[test]
fn a_world_has_as_many_players_as_the_cores_should_hold_unless_it_is_said() {
    let stage = Stage::new("world");
    let processors = Command::new("nproc").output().unwrap().stdout;
    let processors: usize = String::from_utf8(processors).unwrap().trim().parse().unwrap();
    let players = ((processors / 2).max(1) * 2_000).min(10_000);
    let code = if players > HELD { 2 } else { 0 };
    assert_says(&stage.run("verify-world.sh"), code, &[&format!("ran bots --clients {players}")]);
    assert_says(&stage.run("verify-world.sh --players 10000"), 2, &["ran bots --clients 10000"]);
    assert_says(&stage.run("verify-world.sh --players many"), 1, &["--players wants a number"]);
    assert_says(&stage.run("verify-world.sh --clients 5"), 1, &["--players"]);
    assert_says(&stage.run("verify-world.sh --help"), 0, &[&players.to_string()]);
}

#[test]
fn the_search_ends_at_the_most_players_that_are_held() {
    let stage = Stage::new("find");
    let found = ["this machine holds 3000 players", "does not hold 3125"];
    assert_says(&stage.run("verify-world.sh --find --players 2000"), 0, &found);
    // From above.
    assert_says(&stage.run("verify-world.sh --find --players 4000"), 0, &found);
}
