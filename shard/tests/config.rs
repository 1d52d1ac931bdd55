//! Settings: each by each source, each wrong value with its message, and reloading.

use ringshard::config::{Configuration, Key, Kind, SettingError, Source, Sources, keys, schema};
use std::path::PathBuf;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ringshard-config-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn flags(flags: &[(&str, &str)]) -> Sources {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    Sources { flags: flags.iter().map(owned).collect(), ..Sources::default() }
}

/// The messages of a configuration that is wrong, whether it shows when it is read or when it is checked.
fn complaints(sources: Sources) -> Vec<String> {
    let checked = Configuration::load(sources).and_then(|configuration| configuration.check());
    checked.expect_err("something is wrong").0.iter().map(SettingError::to_string).collect()
}

/// Texts that a setting does not take. Those of [`Kind::Text`] are particular to each.
fn wrong_texts(key: &Key) -> Vec<String> {
    let nowhere = "/nowhere/at/all".to_owned();
    match (&key.kind, key.name.as_str()) {
        (Kind::Whole(least, most), _) => {
            let below = least.checked_sub(1).map(|below| below.to_string());
            let above = (*most < u64::MAX).then(|| (most + 1).to_string());
            let mut texts = vec!["many".into(), "-1".into(), "1.5".into(), String::new()];
            texts.extend(below.into_iter().chain(above));
            texts
        }
        (Kind::Decimal(least, most), _) => {
            vec!["far".into(), (least - 1.0).to_string(), (most + 1.0).to_string(), "NaN".into()]
        }
        (Kind::Switch, _) => vec!["yes".into(), "1".into(), String::new()],
        (Kind::Choice(_), _) => vec!["something-else".into(), String::new()],
        (Kind::List, _) => vec!["10.0.0.0/33".into(), "example.com".into(), "10.0.0.0/8,x".into()],
        (Kind::Text, "listen" | "admin") => vec!["3565".into(), "localhost:1".into(), "1.2.3.4:70000".into()],
        (Kind::Text, "cpus") => vec!["4095".into(), "3-1".into(), "a".into(), "0,".into(), String::new()],
        (Kind::Text, "log") => vec!["loud".into(), String::new()],
        (
            Kind::Text,
            "key" | "pre-shared-key" | "integrity-keys" | "admin-token-file" | "admin-socket" | "dump-dir",
        ) => {
            vec![nowhere]
        }
        (Kind::Text, other) => panic!("{other} is a text: say here which texts it does not take"),
    }
}

#[test]
fn each_wrong_value_is_named_with_its_setting_what_is_taken_and_who_said_it() {
    for key in keys() {
        for text in wrong_texts(key) {
            let complaints = complaints(flags(&[(&key.name, &text)]));
            let told = complaints.iter().any(|complaint| {
                let value = complaint.contains(&text);
                complaint.contains(&key.name) && value && complaint.contains("flag")
            });
            assert!(told, "{} = `{text}`: {complaints:?}", key.name);
            let is_path = key.expects == "a path";
            let range = complaints.iter().any(|complaint| complaint.contains(&key.expects));
            assert!(is_path || range, "{} = `{text}`: {complaints:?} does not say what it takes", key.name);
        }
    }
}

#[test]
fn each_default_is_taken_and_stands_in_the_schema() {
    let configuration = Configuration::load(Sources::default()).unwrap();
    configuration.check().unwrap();
    let schema = schema();
    for key in keys() {
        assert_eq!(configuration.texts().get(&key.name), (key.default, &Source::Default));
        let described = &schema["properties"][&key.name];
        assert!(described["description"].as_str().unwrap().len() > 20, "{}", key.name);
        assert_eq!(described["default"], serde_json::to_value(key.kind.toml(key.default)).unwrap());
    }
    assert_eq!(schema["properties"].as_object().unwrap().len(), keys().len());
}

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
    };
    let configuration = Configuration::load(sources).unwrap();
    let settings = configuration.settings();
    assert_eq!((settings.heartbeat_ms, settings.timeout_ms, settings.max_connections), (1000, 30_000, 300));
    let said_by = |name| configuration.texts().get(name).1.clone();
    assert_eq!(said_by("heartbeat-ms"), Source::File(file));
    assert_eq!(said_by("timeout-ms"), Source::Environment("RINGSHARD_TIMEOUT_MS".into()));
    assert_eq!((said_by("max-connections"), said_by("npcs")), (Source::Flag, Source::Default));
}

#[test]
fn what_is_printed_can_be_read_and_says_the_same() {
    let folder = Folder::new("print");
    let key = folder.write("server.key", &"ab".repeat(32));
    let said = [
        ("deny", "203.0.113.0/24, 2001:db8::1"),
        ("near", "123.5"),
        ("compression", "off"),
        ("admin", "off"),
        ("key", key.to_str().unwrap()),
    ];
    let first = Configuration::load(flags(&said)).unwrap();
    let file = folder.write("printed.toml", &first.texts().file());
    let second = Configuration::load(Sources { file: Some(file), ..Sources::default() }).unwrap();
    assert_eq!(format!("{:?}", first.settings()), format!("{:?}", second.settings()));
    assert!(!second.settings().compression && second.settings().admin.is_none());
    assert_eq!(second.settings().deny.len(), 2);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let folder = Folder::new("all");
    let file = folder.write("a.toml", "max-conections = 5\nidle = \"lazy\"\n[world]\nnpcs = 3\n");
    let sources = Sources {
        file: Some(file),
        environment: vec![("RINGSHARD_TIMOUT_MS".into(), "5".into())],
        ..Sources::default()
    };
    let complaints = complaints(sources).join("\n");
    for part in ["did you mean max-connections", "did you mean RINGSHARD_TIMEOUT_MS", "[world]", "a.toml"] {
        assert!(
            complaints.contains(part) || part == "[world]" && complaints.contains("says world"),
            "{part}: {complaints}"
        );
    }
    let both = self::complaints(flags(&[("idle", "lazy"), ("npcs", "many")]));
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn files_that_are_no_settings_are_named() {
    let folder = Folder::new("files");
    let from = |file: PathBuf| complaints(Sources { file: Some(file), ..Sources::default() }).join("\n");
    assert!(from(folder.0.join("missing.toml")).contains("missing.toml"));
    let broken = from(folder.write("broken.toml", "npcs = = 3"));
    assert!(broken.contains("broken.toml") && broken.contains("line 1"), "{broken}");
    let table = from(folder.write("table.toml", "npcs = [1, 2]"));
    assert!(table.contains("npcs") && table.contains("a whole number"), "{table}");
}

#[test]
fn values_that_do_not_go_together_are_named_together() {
    for (said, parts) in [
        (vec![("timeout-ms", "4000")], vec!["timeout-ms is 4000", "heartbeat-ms is 5000", "flag", "default"]),
        (vec![("max-connections", "70000"), ("cpus", "0")], vec!["max-connections is 70000", "1 to 65536"]),
        (vec![("message-memory-mib", "4"), ("cpus", "0,0")], vec!["message-memory-mib is 4", "need 8"]),
        (vec![("entities", "1"), ("cpus", "0,0")], vec!["entities is 1", "2 to 65536"]),
        (vec![("admin", "0.0.0.0:3566")], vec!["others can reach", "admin-token-file"]),
    ] {
        let complaints = complaints(flags(&said)).join("\n");
        assert!(parts.iter().all(|part| complaints.contains(part)), "{said:?}: {complaints}");
    }
    let folder = Folder::new("token");
    let short = folder.write("token", "too-short\n");
    let told = complaints(flags(&[("admin-token-file", short.to_str().unwrap())])).join("\n");
    assert!(told.contains("16") && told.contains("openssl rand -hex 32"), "{told}");
}

#[test]
fn reloading_takes_what_can_change_and_names_what_cannot() {
    let folder = Folder::new("reload");
    let file = folder.write("a.toml", "deny = []\nnpcs = 10\nlog = \"info\"\n");
    let sources =
        Sources { file: Some(file.clone()), flags: vec![("drain-ms".into(), "5".into())], ..Sources::default() };
    let mut configuration = Configuration::load(sources).unwrap();
    let text =
        "deny = [\"203.0.113.0/24\"]\nnpcs = 20\nlog = \"warn\"\nconnection-messages-per-second = 7\ndrain-ms = 9\n";
    folder.write("a.toml", text);
    let reloaded = configuration.reload().unwrap();
    assert_eq!(reloaded.changed, ["connection-messages-per-second", "deny", "log"]);
    assert_eq!(reloaded.refused, ["npcs"]);
    let settings = configuration.settings();
    assert_eq!((settings.npcs, settings.drain_ms, settings.log.as_str()), (10, 5, "warn"));
    assert_eq!(configuration.policy().connection_messages_per_second, Some(7));
    assert!(configuration.policy().denies("203.0.113.9".parse().unwrap()));

    // Nothing changes when anything is wrong.
    folder.write("a.toml", "deny = [\"nonsense\"]\nlog = \"debug\"\n");
    assert!(configuration.reload().is_err());
    assert_eq!(configuration.settings().log, "warn");
    assert!(configuration.policy().denies("203.0.113.9".parse().unwrap()));
}

#[test]
fn the_file_that_is_installed_is_read_and_says_little_beyond_the_defaults() {
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/ringshard.toml");
    let text = std::fs::read_to_string(installed).unwrap();
    let sources = Sources { file: Some(installed.into()), ..Sources::default() };
    let configuration = Configuration::load(sources).unwrap();
    // Its key, its folders and its socket are the service's own.
    let own = ["key", "drain-ms", "dump-dir", "admin-socket"];
    for key in keys() {
        let (said, _) = configuration.texts().get(&key.name);
        assert!(own.contains(&key.name.as_str()) || said == key.default, "{} is {said}", key.name);
    }
    // What it shows commented out is what holds without it, and is no text of a former version.
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let shown = text.lines().filter_map(|line| line.strip_prefix("# ")?.split_once(" = "));
    let shown: Vec<_> = shown.filter(|(name, _)| is_name(name)).collect();
    assert!(shown.len() > 10, "{shown:?}");
    for (name, value) in shown {
        let key = keys().iter().find(|key| key.name == name).unwrap_or_else(|| panic!("no setting: {name}"));
        let default = key.kind.toml(key.default).to_string();
        assert!(value == default || key.default.is_empty(), "{name} = {value}: the default is {default}");
    }
}
