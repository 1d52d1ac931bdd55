//! The output of commands: it fits the terminal, is complete without one, and ends quietly when its reader goes away.

use crate::scene::Scene;
use crate::shared::{Folder, assert_has, free_address, text};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

/// The first character of an escape sequence.
const ESCAPE: char = '\x1b';

/// Runs a command on a terminal of this width; gives the lines that it prints.
fn on_a_terminal(scene: &Scene, columns: u16, arguments: &[&str]) -> Vec<String> {
    let command = scene.command(arguments);
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    let words: Vec<String> = words.iter().map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let output = Command::new("script")
        .args(["-qec", &format!("stty rows 24 cols {columns} && {}", words.join(" ")), "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .expect("the program `script` exists: it gives the command a terminal");
    assert!(output.status.success(), "{}", text(&output.stdout));
    text(&output.stdout).lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

#[test]
fn tables_fit_the_terminal_and_are_complete_without_one() {
    let scene = Scene::new("tables");
    let player = scene.player.to_string();
    for (arguments, words, all) in [
        (
            ["sessions"].as_slice(),
            [player.as_str(), "1 of 1 connections", "by bytes, largest first"].as_slice(),
            ["standing", "rate", "unacknowledged", "over-budget", "bytes out", "lost"].as_slice(),
        ),
        (&["sessions", "--sort", "unacknowledged"], &[&player, "unacknowledged"], &["over-budget", "bytes out"]),
        (&["histograms"], &["park_overshoot", "p99.9", "1 connections"], &["p50", "p90", "max"]),
        (&["top", "--once", "--interval", "0.2"], &[&player, "busy", "in B/s"], &["handled p99", "waiting", "refused"]),
    ] {
        for columns in [80, 60] {
            let lines = on_a_terminal(&scene, columns, arguments);
            let wide: Vec<&String> = lines.iter().filter(|line| line.chars().count() > columns.into()).collect();
            assert!(wide.is_empty(), "{arguments:?} on {columns} columns: {wide:#?}");
            if columns == 80 {
                assert_has(&lines.join("\n"), words);
            }
        }
        let whole = text(&scene.run(arguments).stdout);
        assert_has(&whole, words);
        assert_has(&whole, all);
        assert!(!whole.contains(ESCAPE) && !whole.contains('…'), "{whole}");
    }
}

#[test]
fn sessions_says_how_many_connections_match_and_why_none_does() {
    let scene = Scene::new("counts");
    let printed = |arguments: &[&str]| text(&scene.run(&[&["sessions"], arguments].concat()).stdout);
    let host = scene.player.ip().to_string();
    assert_has(&printed(&["--address", &host]), &["1 of 1 connections: from 127.0.0.1"]);
    assert_eq!(printed(&["--address", "10.0.0.1"]), "none of 1 connections is from 10.0.0.1\n");
    assert_eq!(
        printed(&["--core", "0", "--id", "0.60000.1"]),
        "none of 1 connections is on core 0, with the id 0.60000.1\n"
    );
    assert_eq!(printed(&["--address", "10.0.0.1", "--json"]).trim(), "[]");
    let nonsense = scene.run(&["sessions", "--id", "a b"]);
    assert!(!nonsense.status.success());
    assert_has(&text(&nonsense.stderr), &["three numbers", "0.86.109"]);
}

#[test]
fn a_pipe_gets_no_escape_sequences_and_can_be_closed_at_any_time() {
    let scene = Scene::new("pipes");
    let mut watch = scene.command(&["histograms", "--watch"]);
    let mut child = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let page: Vec<String> = lines.by_ref().map(Result::unwrap).take(50).take_while(|line| !line.is_empty()).collect();
    assert_has(&page.join("\n"), &["datagrams/s in", "park_overshoot", "p99.9"]);
    assert!(!page.concat().contains(ESCAPE), "{page:?}");
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn every_command_ends_quietly_when_its_output_is_closed() {
    let scene = Scene::new("closed");
    let folder = Folder::new("closed-files");
    let (key, report, admin) = (folder.file("a.key"), folder.file("report.tar.gz"), free_address().to_string());
    let of_server: [&[&str]; 9] = [
        &["sessions"],
        &["sessions", "--json"],
        &["sessions", "--address", "10.0.0.1"],
        &["histograms"],
        &["histograms", "--json"],
        &["histograms", "--svg", "-"],
        &["top", "--once", "--interval", "0.1"],
        &["report", "--seconds", "0", "--out", &report],
        &["capture", "--seconds", "0.3", "--out", "-"],
    ];
    let alone: [&[&str]; 7] = [
        &["--help"],
        &["doctor"],
        &["doctor", "--json"],
        &["keygen", "--out", &key],
        &["config", "schema"],
        &["config", "print"],
        &["config", "check", "--cpus", "0", "--admin", &admin],
    ];
    let program = || Command::new(env!("CARGO_BIN_EXE_ringshard"));
    let alone = alone.iter().map(|arguments| {
        let mut command = program();
        command.args(*arguments);
        command
    });
    for mut command in of_server.iter().map(|arguments| scene.command(arguments)).chain(alone) {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let status = child.wait().unwrap();
        assert!(!errors.contains("panicked") && !errors.contains("Broken pipe"), "{command:?}: {errors}");
        assert_eq!(status.code(), Some(0), "{command:?}: {errors}");
    }
}
