//! The sources of settings, and how `config print` writes them.

use crate::{Folder, flags};
use ringshard::config::{Configuration, Source, Sources};

#[test]
fn flags_win_over_the_environment_which_wins_over_the_file() {
    let folder = Folder::new("order");
    let file = folder.write("a.toml", "heartbeat-ms = 1000\ntimeout-ms = 20000\nmax-connections = 100\n");
    let sources = Sources {
        file: Some(file.clone()),
        environment: vec![
            ("RINGSHARD_TIMEOUT_MS".into(), "30000".into()),
            ("RINGSHARD_MAX_CONNECTIONS".into(), "200".into()),
            ("RINGSHARD_CONFIG".into(), "ignored here".into()),
        ],
        flags: vec![("max-connections".into(), "300".into())],
        ..Sources::default()
    };
    let configuration = Configuration::load(sources).unwrap();
    let settings = configuration.settings();
    assert_eq!((settings.heartbeat_ms, settings.timeout_ms, settings.max_connections), (1000, 30_000, 300));
    let said_by = |name| configuration.raw_values().get(name).1.clone();
    assert_eq!(said_by("heartbeat-ms"), Source::File(file, 1));
    assert_eq!(said_by("timeout-ms"), Source::Environment("RINGSHARD_TIMEOUT_MS".into()));
    assert_eq!((said_by("max-connections"), said_by("npcs")), (Source::Flag, Source::Default));
}

#[test]
fn printed_settings_read_back() {
    let folder = Folder::new("print");
    let key = folder.write_secret("server.key", &"ab".repeat(32));
    let given = [
        ("deny", "203.0.113.0/24, 2001:db8::1"),
        ("near", "123.5"),
        ("compression", "off"),
        ("drain-ms", "5m"),
        ("admin", "off"),
        ("key", key.to_str().unwrap()),
    ];
    let first = Configuration::load(flags(&given)).unwrap();
    let file = folder.write("printed.toml", &first.raw_values().file());
    let second = Configuration::load(Sources { file: Some(file), ..Sources::default() }).unwrap();
    assert_eq!(format!("{:?}", first.settings()), format!("{:?}", second.settings()));
    assert!(!second.settings().compression && second.settings().admin.is_none());
    assert_eq!(second.settings().deny.len(), 2);
}

#[test]
fn settings_without_effect_are_named() {
    let lines = |given: &[(&str, &str)]| Configuration::prepared(flags(given)).unwrap().0.without_effect().join("\n");
    let told = lines(&[("npcs", "7"), ("admin", "off"), ("key-log", "true")]);
    assert!(told.contains("npcs is `7` (flag) but has no effect: game is echo"), "{told}");
    assert!(told.contains("key-log is `true`") && told.contains("admin is off"), "{told}");
    assert_eq!(lines(&[("npcs", "7"), ("game", "demo"), ("key-log", "true")]), "");
}
