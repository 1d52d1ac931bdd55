use super::*;
use crate::carrier::Carrier;
use crate::settings::Door;
use clap::Parser;
use std::path::Path;

const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    sources: Sources,
}

fn load(words: &[&str]) -> Result<Settings, SettingsError> {
    Line::try_parse_from(["gateway"].iter().chain(words)).expect("words that clap takes").sources.load()
}

fn server() -> String {
    format!("demo=127.0.0.1:3565,{KEY}")
}

/// A file of its own, removed at the end.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> File {
        let path = std::env::temp_dir().join(format!("ringshard-gateway-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        File(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn one_server_is_all_that_a_gateway_for_development_needs() {
    let settings = load(&["--server", &server()]).unwrap();
    assert!(settings.is_development() && settings.page);
    assert_eq!(settings.servers[0].address, "127.0.0.1:3565".parse().unwrap());
    assert_eq!(settings.carriers, Carrier::ALL);
}

#[test]
fn flags_win_over_the_file() {
    let text = format!("servers = [\"{}\"]\nmax-clients = 7\nflows = 2\ncarriers = [\"websocket\"]\n", server());
    let file = File::new("flags", &text);
    let path = file.path().to_str().unwrap();
    let settings = load(&["--config", path, "--flows", "3"]).unwrap();
    assert_eq!((settings.limits.clients, settings.flows), (7, 3));
    assert_eq!(settings.carriers, [Carrier::WebSocket]);
}

#[test]
fn unknown_settings_in_the_file_are_named_with_their_line() {
    let file = File::new("unknown", "max-client = 7\n");
    let error = load(&["--config", file.path().to_str().unwrap()]).unwrap_err().to_string();
    assert!(error.contains("max-client") && error.contains("line 1"), "{error}");
}

#[test]
fn all_faults_are_told_at_once_each_with_what_to_do() {
    let words = ["--listen", "0.0.0.0:3568", "--admin", "0.0.0.0:1", "--flows", "0", "--origins", "game.example"];
    let error = load(&[&words[..], &["--queue-bytes-per-thread", "1000000"]].concat()).unwrap_err().to_string();
    for part in [
        "pass --server",
        "set `certificate`",
        "set `admin-token-file`",
        "flows is 0",
        "looks like https://",
        "four times queue-bytes",
    ] {
        assert!(error.contains(part), "`{part}` is missing in: {error}");
    }
}

#[test]
fn a_server_may_have_a_login_door_that_is_told_the_clients_address() {
    let door = |more: &str| load(&["--server", &format!("{}{more}", server())]).unwrap().servers.remove(0).bulk;
    assert_eq!(door(""), None);
    let told = |tells_client| Door { address: "127.0.0.1:2".parse().unwrap(), tells_client };
    assert_eq!(door(",bulk=127.0.0.1:2"), Some(told(false)));
    assert_eq!(door(",bulk=127.0.0.1:2,proxy"), Some(told(true)));
}

#[test]
fn a_server_that_is_written_wrong_is_told_how_to_write_it() {
    let doubled = [server(), server()].join(" ");
    for (text, part) in [
        ("demo", "there is no ="),
        ("Demo=127.0.0.1:1,00", "a name has"),
        ("demo=nowhere,00", "is no address"),
        ("demo=127.0.0.1:1", "the key is missing"),
        ("demo=127.0.0.1:1,00", "the key is wrong"),
        (&format!("{},bulk", server()), "only bulk="),
        (&format!("{},bulk=127.0.0.1:2,x", server()), "only proxy"),
        (&format!("{},bulk=127.0.0.1:2,proxy,x", server()), "too much"),
        (doubled.as_str(), "two servers"),
    ] {
        let error = load(&["--server", text]).unwrap_err().to_string();
        assert!(error.contains(part), "`{part}` is missing in: {error}");
    }
}

#[test]
fn the_files_of_key_and_token_must_be_private() {
    use std::os::unix::fs::PermissionsExt;
    let file = File::new("key", KEY);
    let words = ["--server", &server(), "--key", file.path().to_str().unwrap()];
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(load(&words).unwrap_err().to_string().contains("chmod 600"));
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(load(&words).unwrap().key.is_some());
}

/// The file that the package installs: it has all settings, marks those that a reload changes, and shows valid values.
#[test]
fn the_installed_file_has_every_setting() {
    use clap::CommandFactory;
    const INSTALLED: &str = include_str!("../../../../deploy/gateway.toml");
    for argument in Line::command().get_arguments().filter(|argument| argument.get_id() != "config") {
        let name = argument.get_long().unwrap();
        let name = if name == "server" { "servers" } else { name };
        let shown = ["", "# "].iter().any(|mark| INSTALLED.contains(&format!("\n{mark}{name} = ")));
        assert!(shown || INSTALLED.contains(&format!("\n# {name}: ")), "gateway.toml lacks {name}");
    }
    let is_setting = |line: &str| line.strip_prefix("# ").and_then(|line| line.split_once(" = ")).is_some_and(is_named);
    fn is_named((name, _): (&str, &str)) -> bool {
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    }
    let all =
        INSTALLED.lines().map(|line| if is_setting(line) { &line[2..] } else { line }).collect::<Vec<_>>().join("\n");
    toml::from_str::<Raw>(&all).expect("each commented line is a setting with a value of its type");
}

/// Another value of each setting than its default. The files of keys and tokens are made by the test.
const OTHERS: [(&str, &str); 32] = [
    ("server", "other=127.0.0.1:3565,0707070707070707070707070707070707070707070707070707070707070707"),
    ("listen", "127.0.0.1:1"),
    ("webrtc-port", "1"),
    ("peers", "127.0.0.1:1"),
    ("public-address", "127.0.0.1"),
    ("certificate", "other.pem"),
    ("certificate-key", "other.pem"),
    ("development-folder", "other"),
    ("origins", "https://game.example"),
    ("carriers", "websocket"),
    ("key", "<FILE>"),
    ("name", "other"),
    ("threads", "7"),
    ("flows", "7"),
    ("admin", "127.0.0.1:1"),
    ("admin-token-file", "<FILE>"),
    ("page", "true"),
    ("early-data", "true"),
    ("idle-timeout", "7"),
    ("quic-packet-bytes", "1207"),
    ("drain-secs", "7"),
    ("max-clients", "7"),
    ("max-clients-per-address", "7"),
    ("max-connections", "7"),
    ("max-connections-per-address", "7"),
    ("connects-per-second", "7"),
    ("datagrams-per-second", "7"),
    ("bytes-per-second", "7777"),
    ("queue-bytes", "7777"),
    ("queue-bytes-per-thread", "7777777"),
    ("deny", "203.0.113.0/24"),
    ("allow", "203.0.113.0/24"),
];

/// Settings that always have a value here: a certificate, so that only one of its files changes at a time.
const BEFORE: [(&str, &str); 4] = [
    ("server", "demo=127.0.0.1:3565,0707070707070707070707070707070707070707070707070707070707070707"),
    ("certificate", "one.pem"),
    ("certificate-key", "one.pem"),
    ("threads", "1"),
];

fn with(others: &[(&str, &str)]) -> Settings {
    let before = BEFORE.iter().filter(|(name, _)| others.iter().all(|(other, _)| other != name));
    let words: Vec<String> =
        before.chain(others).flat_map(|(name, value)| [format!("--{name}"), (*value).into()]).collect();
    load(&words.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
}

/// Each setting either applies at a reload and says so in its help, or is kept and named.
#[test]
fn a_reload_does_with_each_setting_what_its_help_says() {
    use clap::CommandFactory;
    use std::os::unix::fs::PermissionsExt;
    let file = File::new("reload", KEY);
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let path = file.path().to_str().unwrap();
    let others = OTHERS.map(|(name, value)| (name, if value == "<FILE>" { path } else { value }));
    let before = with(&[]);
    for argument in Line::command().get_arguments().filter(|argument| argument.get_id() != "config") {
        let name = argument.get_long().unwrap();
        let help = argument.get_long_help().or(argument.get_help()).unwrap().to_string();
        let other = others.iter().find(|(other, _)| *other == name);
        let fresh = with(&[*other.unwrap_or_else(|| panic!("the list above lacks {name}"))]);
        assert_ne!(before, fresh, "{name}");
        let (next, need_restart) = before.reloaded(fresh.clone());
        if help.contains("(reloadable") {
            assert_eq!((next, need_restart), (fresh, vec![]), "{name} is marked");
        } else {
            let name = if name == "server" { "servers" } else { name };
            assert_eq!((next, need_restart), (before.clone(), vec![name]), "{name} is not marked");
        }
    }
}
