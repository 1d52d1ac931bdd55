//! The values that each setting takes and refuses.

use crate::{Folder, complaints, flags};
use ringshard::config::{Configuration, Setting, Source, Sources, ValueKind, all_settings, schema};
use ringshard::game::simulation::WorldConfig;
use ringshard::world::rewind::{Beyond, RewindSettings};
use ringshard_terrain::{Plan, Terrain};

/// Texts that a setting refuses. Those of [`ValueKind::Text`] are particular to each.
fn wrong_texts(key: &Setting) -> Vec<String> {
    let nowhere = "/nowhere/at/all".to_owned();
    match (&key.kind, key.name.as_str()) {
        (ValueKind::Whole(least, most), _) => {
            let below = least.checked_sub(1).map(|below| below.to_string());
            let above = (*most < u64::MAX).then(|| (most + 1).to_string());
            let mut texts = vec!["many".into(), "-1".into(), "1.5".into(), String::new()];
            texts.extend(below.into_iter().chain(above));
            texts
        }
        (ValueKind::Decimal(least, most), _) => {
            vec!["far".into(), (least - 1.0).to_string(), (most + 1.0).to_string(), "NaN".into()]
        }
        (ValueKind::Milliseconds(least, most), _) => {
            let mut texts: Vec<String> =
                ["soon", "10", "-1", "1.5", "-5s", "1us", "5 parsecs", "1s 1m", "1s 2s", "s", "1.2.3s", "0.0005s", ""]
                    .map(Into::into)
                    .into();
            texts.retain(|text| text.parse().map_or(true, |millis: u64| millis < *least));
            texts.extend([(most + 1).to_string(), format!("{}ms", most + 1), "400h".into()]);
            texts
        }
        (ValueKind::Switch, _) => vec!["yes".into(), "1".into(), String::new()],
        (ValueKind::Choice(_), _) => vec!["something-else".into(), String::new()],
        (ValueKind::List, "view-radius") => {
            let wrong =
                ["player", "player=", "player=far", "player=0", "player=1000001", "=5", "a=NaN", "a=5,b", "a=5,a=6"];
            wrong.map(Into::into).into()
        }
        (ValueKind::List, _) => vec!["10.0.0.0/33".into(), "example.com".into(), "10.0.0.0/8,x".into()],
        (ValueKind::Text, "listen" | "admin" | "login") => {
            ["3565", "localhost", "localhost:", ":3565", "1.2.3.4:70000", "::1:9", "no.such.host.invalid:9"]
                .map(Into::into)
                .into()
        }
        (ValueKind::Text, "announce") => vec!["x".repeat(64), "a\tb".into()],
        (ValueKind::Text, "public-address" | "fleet-address") => {
            ["3565", "localhost", "localhost:", ":3565", "1.2.3.4:70000", "::1:9"].map(Into::into).into()
        }
        (ValueKind::Text, "fleet-name" | "fleet-region") => ["A", "a.b", "-a", "a-", "ä"].map(Into::into).into(),
        (ValueKind::Text, "accounts-hook" | "fleet-gateway") => {
            ["x", "ftp://a", "https://", "http:///a"].map(Into::into).into()
        }
        (ValueKind::Text, "cpus") => ["4095", "3-1", "a", "0,", "0,0", "0-0,0", ""].map(Into::into).into(),
        (ValueKind::Text, "log") => vec!["loud".into(), "warn,loud".into(), String::new()],
        (
            ValueKind::Text,
            "map"
            | "script"
            | "key"
            | "pre-shared-key"
            | "integrity-keys"
            | "gateway-keys"
            | "admin-token-file"
            | "admin-socket"
            | "dump-dir"
            | "services"
            | "fleet"
            | "login-certificate"
            | "login-certificate-key"
            | "tiles-token-file"
            | "accounts-hook-token-file",
        ) => vec![nowhere],
        (ValueKind::Text, other) => panic!("{other} is a text: add the texts that it refuses"),
    }
}

#[test]
fn each_wrong_value_is_reported_with_its_setting_its_source_and_what_is_accepted() {
    for key in all_settings() {
        for text in wrong_texts(key) {
            let complaints = complaints(flags(&[(&key.name, &text)]));
            let told = complaints.iter().any(|complaint| {
                let value = complaint.contains(&text);
                complaint.contains(&key.name) && value && complaint.contains("flag")
            });
            assert!(told, "{} = `{text}`: {complaints:?}", key.name);
            let is_path = key.expects.starts_with("the path");
            let range = complaints.iter().any(|complaint| complaint.contains(&key.expects));
            assert!(is_path || range, "{} = `{text}`: {complaints:?} does not say what is accepted", key.name);
        }
    }
}

#[test]
fn each_default_is_valid_and_in_the_schema() {
    let (configuration, _) = Configuration::prepared(Sources::default()).unwrap();
    let schema = schema();
    for key in all_settings() {
        assert_eq!(configuration.raw_values().get(&key.name), (key.default, &Source::Default));
        let described = &schema["properties"][&key.name];
        assert!(described["description"].as_str().unwrap().len() > 20, "{}", key.name);
        assert_eq!(described["default"], serde_json::to_value(key.kind.toml(key.default)).unwrap());
    }
    assert_eq!(schema["properties"].as_object().unwrap().len(), all_settings().len());
}

#[test]
fn a_time_is_a_number_of_milliseconds_or_has_a_unit() {
    for (given, millis) in [
        ("1500", 1_500),
        ("10s", 10_000),
        ("250ms", 250),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("1m 30s", 90_000),
        ("0.5s", 500),
        ("1.1s", 1_100),
        ("5 m", 300_000),
        ("1m30s", 90_000),
    ] {
        let configuration = Configuration::load(flags(&[("drain-ms", given)])).unwrap();
        assert_eq!(configuration.settings().drain_ms, millis, "{given}");
    }
    let folder = Folder::new("times");
    let file = folder.write("a.toml", "heartbeat-ms = \"2s\"\ntimeout-ms = 9000\n");
    let (configuration, _) = Configuration::prepared(Sources { file: Some(file), ..Sources::default() }).unwrap();
    assert_eq!((configuration.settings().heartbeat_ms, configuration.settings().timeout_ms), (2_000, 9_000));
}

#[test]
fn an_address_can_be_a_host_name() {
    let (configuration, _) =
        Configuration::prepared(flags(&[("admin", "localhost:3566"), ("listen", "localhost:0")])).unwrap();
    let settings = configuration.settings();
    assert_eq!(settings.admin, Some(([127, 0, 0, 1], 3566).into()));
    assert!(settings.listen.ip().is_loopback());
}

#[test]
fn the_installed_file_is_valid_and_changes_little_beyond_the_defaults() {
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/ringshard.toml");
    let text = std::fs::read_to_string(installed).unwrap();
    let sources = Sources { file: Some(installed.into()), ..Sources::default() };
    let configuration = Configuration::load(sources).unwrap();
    // The service has a key and a folder of its own.
    let own = ["key", "drain-ms", "dump-dir", "admin-socket"];
    for key in all_settings() {
        let (given, _) = configuration.raw_values().get(&key.name);
        assert!(own.contains(&key.name.as_str()) || given == key.default, "{} is {given}", key.name);
    }
    // A commented line shows the current default.
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let shown = text.lines().filter_map(|line| line.strip_prefix("# ")?.split_once(" = "));
    let shown: Vec<_> = shown.filter(|(name, _)| is_name(name)).collect();
    assert!(shown.len() > 10, "{shown:?}");
    for (name, value) in shown {
        let key = all_settings().iter().find(|key| key.name == name).unwrap_or_else(|| panic!("no setting: {name}"));
        let default = key.kind.toml(key.default).to_string();
        assert!(value == default || key.default.is_empty(), "{name} = {value}: the default is {default}");
    }
}

#[test]
fn the_settings_of_a_game_reach_its_world_and_its_workers() {
    let given = [
        ("rewind-ms", "0.5s"),
        ("rewind-beyond", "refuse"),
        ("view-radius", "player = 80000, item=12.5"),
        ("workers", "0"),
        ("jobs", "7"),
    ];
    let (_, prepared) = Configuration::prepared(flags(&given)).unwrap();
    let world = prepared.world;
    assert_eq!(world.rewind, RewindSettings { max_ticks: 30.0, beyond: Beyond::Refuse });
    assert_eq!(world.view_radius, [("player".to_owned(), 80_000.0), ("item".to_owned(), 12.5)]);
    assert_eq!((prepared.jobs.workers, prepared.jobs.per_core), (0, 7));
    let folder = Folder::new("radius");
    let file = folder.write("a.toml", "view-radius = [\"player=80000\", \"item=12.5\"]\n");
    let (_, prepared) = Configuration::prepared(Sources { file: Some(file), ..Sources::default() }).unwrap();
    assert_eq!(prepared.world.view_radius, world.view_radius);
    // Without a setting, the world of a program that sets nothing.
    let (_, prepared) = Configuration::prepared(Sources::default()).unwrap();
    let defaults = WorldConfig::default();
    assert_eq!(prepared.world.rewind, defaults.rewind);
}

#[test]
fn a_map_file_becomes_the_terrain_of_the_world_and_a_damaged_one_is_an_error() {
    let folder = Folder::new("map");
    let plan = Plan::flat([1_000.0, 250.0], [2, 1, 1], [1, 1, 1]);
    let mut bytes = plan.write().unwrap();
    let path = folder.0.join("a.ringmap");
    std::fs::write(&path, &bytes).unwrap();
    let sources = flags(&[("map", path.to_str().unwrap())]);
    let (_, prepared) = Configuration::prepared(sources.clone()).unwrap();
    assert_eq!(*prepared.world.terrain, Terrain::of(&plan).unwrap());
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let [complaint] = &complaints(sources)[..] else { panic!("one thing is wrong") };
    for part in ["a.ringmap", "damaged", "map: flag"] {
        assert!(complaint.contains(part), "`{part}` in {complaint}");
    }
    let (_, prepared) = Configuration::prepared(Sources::default()).unwrap();
    assert_eq!(prepared.world.terrain, WorldConfig::default().terrain);
}
