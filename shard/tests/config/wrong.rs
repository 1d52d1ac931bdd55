//! All mistakes are reported in one pass, each with its place.

use crate::{Folder, complaints, flags};
use ringshard::config::{Configuration, Sources};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

fn from(file: PathBuf) -> Sources {
    Sources { file: Some(file), ..Sources::default() }
}

#[test]
fn one_pass_finds_all_mistakes_with_their_lines() {
    let folder = Folder::new("all");
    let exposed = folder.write("server.key", &"ab".repeat(32));
    let text = [
        "max-conections = 5",
        "idle = \"lazy\"",
        "npcs = = 3",
        "[world]",
        "near = true",
        "entities = 70000",
        "heartbeat-ms = \"1h\"",
        "cpus = \"0,0\"",
    ];
    let file = folder.write("a.toml", &text.join("\n"));
    let sources = Sources {
        file: Some(file.clone()),
        environment: vec![
            ("RINGSHARD_TIMOUT_MS".into(), "5".into()),
            ("RINGSHARD_KEY".into(), exposed.display().to_string()),
            ("RINGSHARD_COMPRESSION".into(), "perhaps".into()),
        ],
        flags: vec![("max-connections".into(), "many".into()), ("visibel".into(), "3".into())],
        misplaced: vec![("1".into(), "flags begin with --".into())],
        game: None,
        ..Sources::default()
    };
    let complaints = complaints(sources);
    let at = |line: usize| format!("{}:{line}", file.display());
    let expected = [
        vec![at(1), "max-conections".into(), "did you mean max-connections".into()],
        vec![at(2), "idle is `lazy`".into(), "busy, adaptive, park".into()],
        vec![at(3), "not valid TOML".into()],
        vec![at(4), "[world]".into(), "remove this line".into()],
        vec![at(5), "near is `true`".into(), "a number from 0".into()],
        vec![at(6), "entities is `70000`".into(), "65536".into()],
        vec![at(8), "cpus is `0,0`".into(), "CPU 0 is named twice".into()],
        vec!["RINGSHARD_TIMOUT_MS (environment)".into(), "did you mean RINGSHARD_TIMEOUT_MS".into()],
        vec!["RINGSHARD_COMPRESSION".into(), "compression is `perhaps`".into()],
        vec!["--visibel".into(), "flag".into(), "did you mean --visible".into()],
        vec!["1 (command line): flags begin".into()],
        vec!["max-connections is `many` (flag)".into()],
        vec!["RINGSHARD_KEY".into(), "every user".into(), format!("chmod 600 {}", exposed.display())],
        vec!["timeout-ms is 15000 and heartbeat-ms is 3600000".into(), at(7), "default".into()],
    ];
    for parts in &expected {
        let told = complaints.iter().any(|complaint| parts.iter().all(|part| complaint.contains(part)));
        assert!(told, "{parts:?} is missing in\n{}", complaints.join("\n"));
    }
    assert_eq!(complaints.len(), expected.len(), "{}", complaints.join("\n"));
    let lines: Vec<usize> = complaints.iter().filter_map(|it| it.split("a.toml:").nth(1)?[..1].parse().ok()).collect();
    assert!(lines[..7].is_sorted(), "{complaints:?}");
}

#[test]
fn an_unreadable_value_causes_no_further_messages() {
    let folder = Folder::new("doubt");
    // The value is unknown, so a conflict with the other setting must not be reported.
    let told = complaints(from(folder.write("a.toml", "timeout-ms = = 60000\nheartbeat-ms = 20000\n")));
    assert_eq!(told.len(), 1, "{told:?}");
    let told = complaints(flags(&[("timeout-ms", "soon"), ("heartbeat-ms", "20000")]));
    assert_eq!(told.len(), 1, "{told:?}");
    let mut missing = from(folder.0.join("missing.toml"));
    missing.flags = vec![("heartbeat-ms".into(), "20000".into())];
    let told = complaints(missing);
    assert_eq!(told.len(), 1, "{told:?}");
    // A readable later source replaces an unreadable earlier one, which is still reported.
    let mut both = from(folder.write("b.toml", "timeout-ms = true\n"));
    both.flags = vec![("timeout-ms".into(), "1000".into())];
    let told = complaints(both).join("\n");
    assert!(told.contains("b.toml:1") && told.contains("timeout-ms is 1000 and heartbeat-ms is 5000"), "{told}");
}

#[test]
fn invalid_files_are_named() {
    let folder = Folder::new("files");
    let from = |file: PathBuf| complaints(from(file)).join("\n");
    assert!(from(folder.0.join("missing.toml")).contains("missing.toml"));
    let broken = from(folder.write("broken.toml", "idle = \"park\"\nnpcs = = 3\nvisible 3\n"));
    assert!(broken.contains("broken.toml:2") && broken.contains("broken.toml:3"), "{broken}");
    let table = from(folder.write("table.toml", "npcs = [1, 2]\ndeny = [\"10.0.0.0/8\", 5]"));
    assert!(table.contains("table.toml:1") && table.contains("a whole number"), "{table}");
    assert!(table.contains("table.toml:2") && table.contains("deny is `a TOML array`"), "{table}");
    let twice = from(folder.write("twice.toml", "npcs = 1\nnpcs = 2\n"));
    assert!(twice.contains("twice.toml:2") && twice.contains("duplicate"), "{twice}");
}

#[test]
fn conflicting_values_are_named_together() {
    for (given, parts) in [
        (vec![("timeout-ms", "4000")], vec!["timeout-ms is 4000", "heartbeat-ms is 5000", "flag", "default"]),
        (vec![("max-connections", "70000"), ("cpus", "0")], vec!["max-connections is 70000", "1 to 65536"]),
        (vec![("npcs", "60000"), ("entities", "100")], vec!["npcs is 60000", "entities is 100", "must be more"]),
        (vec![("npcs", "100"), ("entities", "100")], vec!["players need room"]),
        (
            vec![("retransmission-ms", "2s"), ("timeout-ms", "2s"), ("heartbeat-ms", "1s")],
            vec!["retransmission-ms is 2000", "timeout-ms is 2000"],
        ),
        (vec![("admin", "0.0.0.0:3566")], vec!["other hosts can reach", "admin-token-file"]),
    ] {
        let complaints = complaints(flags(&given));
        assert!(parts.iter().all(|part| complaints[0].contains(part)), "{given:?}: {complaints:?}");
        assert_eq!(complaints.len(), 1, "{complaints:?}");
    }
    // All conflicts are reported, not only the first.
    let all = [("timeout-ms", "4000"), ("max-connections", "70000"), ("cpus", "0"), ("npcs", "9"), ("entities", "9")];
    assert_eq!(complaints(flags(&all)).len(), 3);
}

#[test]
fn a_secret_that_every_user_can_read_or_write_is_refused() {
    let folder = Folder::new("exposed");
    let hex = "ab".repeat(32);
    for setting in ["key", "pre-shared-key", "integrity-keys", "gateway-keys", "admin-token-file"] {
        let file = folder.write_secret(setting, &hex);
        let given = [(setting, file.to_str().unwrap())];
        for mode in [0o600, 0o400, 0o440, 0o640] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            Configuration::prepared(flags(&given)).unwrap_or_else(|error| panic!("{setting}, {mode:o}: {error}"));
        }
        for mode in [0o644, 0o604, 0o602, 0o666] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let told = complaints(flags(&given)).join("\n");
            let parts = [setting, "every user", "chmod 600", &format!("{mode:04o}")];
            assert!(parts.iter().all(|part| told.contains(part)), "{setting}, {mode:o}: {told}");
        }
    }
    let short = folder.write_secret("token", "too-short\n");
    let told = complaints(flags(&[("admin-token-file", short.to_str().unwrap())])).join("\n");
    assert!(told.contains("16") && told.contains("openssl rand -hex 32"), "{told}");
}
