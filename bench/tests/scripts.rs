//! The scripts that run load commands: they find what cargo built, pass options on, and return the exit code.
//!
//! A fake cargo builds nothing, and a fake load generator prints its arguments.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Players that the fake load generator passes with.
const HELD: usize = 3_000;

/// A folder with a fake cargo and a fake target folder. The scripts run as a user runs them, whatever the environment of the tests.
struct Sandbox(PathBuf);

impl Sandbox {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ringshard-scripts-{name}-{}", std::process::id()));
        let sandbox = Sandbox(folder);
        sandbox.write("bin/cargo", &format!("[ \"$1\" = build ] || exec {} \"$@\"", env!("CARGO")));
        sandbox.write("target/release/ringshard", "");
        sandbox.write(
            "target/release/ringshard-bench",
            &format!("echo \"ran $*\"\n[ \"$1\" != bots ] || [ \"$3\" -le {HELD} ] || exit 2"),
        );
        sandbox
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
            .env_remove("SMOKE_PROFILE")
            .output()
            .unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn assert_output(output: &Output, code: i32, words: &[&str]) {
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{printed}");
    for word in words {
        assert!(printed.contains(word), "`{word}` is missing from:\n{printed}");
    }
}

#[test]
fn scripts_run_what_was_built_in_any_target_folder() {
    let sandbox = Sandbox::new("target");
    assert_output(&sandbox.run("verify-600k.sh --only"), 0, &["ran verify --only"]);
    assert_output(&sandbox.run("verify-world.sh --players 70 --secs 1"), 0, &["ran bots --clients 70 --secs 1"]);
    assert_output(&sandbox.run("soak.sh sim 3 --seed 1"), 0, &["ran simulate --hours 3 --seed 1"]);
    assert_output(&sandbox.run("soak.sh net --mins 1"), 0, &["ran soak --mins 1"]);
    let folder = sandbox.0.join("target/release");
    assert_output(&sandbox.run("build.sh --no-build"), 0, &[folder.to_str().unwrap()]);
    std::fs::remove_file(folder.join("ringshard-bench")).unwrap();
    assert_output(&sandbox.run("build.sh --no-build"), 1, &["there is no ", "scripts/build.sh"]);
}

#[test]
fn a_world_has_two_thousand_players_per_server_core_by_default() {
    let sandbox = Sandbox::new("world");
    let processors = Command::new("nproc").output().unwrap().stdout;
    let processors: usize = String::from_utf8(processors).unwrap().trim().parse().unwrap();
    let players = ((processors / 2).max(1) * 2_000).min(10_000);
    let code = if players > HELD { 2 } else { 0 };
    assert_output(&sandbox.run("verify-world.sh"), code, &[&format!("ran bots --clients {players}")]);
    assert_output(&sandbox.run("verify-world.sh --players 10000"), 2, &["ran bots --clients 10000"]);
    assert_output(&sandbox.run("verify-world.sh --players many"), 1, &["--players needs a number"]);
    assert_output(&sandbox.run("verify-world.sh --clients 5"), 1, &["--players"]);
    assert_output(&sandbox.run("verify-world.sh --help"), 0, &[&players.to_string()]);
}

#[test]
fn the_search_finds_the_highest_number_that_passes() {
    let sandbox = Sandbox::new("find");
    let found = ["this machine holds 3000 players", "does not hold 3125"];
    assert_output(&sandbox.run("verify-world.sh --find --players 2000"), 0, &found);
    // The first number fails.
    assert_output(&sandbox.run("verify-world.sh --find --players 4000"), 0, &found);
}
