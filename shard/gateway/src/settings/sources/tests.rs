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

#[test]
fn a_reload_keeps_what_needs_a_restart_and_names_it() {
    let before = load(&["--server", &server(), "--max-clients", "10"]).unwrap();
    let after = load(&["--server", &server(), "--max-clients", "20", "--flows", "2"]).unwrap();
    let (next, need_restart) = before.reloaded(after);
    assert_eq!(next.limits.clients, 20);
    assert_eq!(next.flows, before.flows);
    assert_eq!(need_restart, ["flows"]);
}
