use super::*;
use std::os::unix::fs::OpenOptionsExt;

fn load(raw: Raw) -> Result<Settings, String> {
    Sources { config: None, raw }.load().map_err(|error| error.to_string())
}

fn sound() -> Raw {
    Raw { fleet: Some("fleet.toml".into()), ..Raw::default() }
}

#[test]
fn a_fleet_is_all_that_is_needed() {
    let settings = load(sound()).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:3580");
    assert!(load(Raw::default()).unwrap_err().contains("pass --fleet FILE"));
}

#[test]
fn every_fault_is_told_with_what_to_do() {
    let network = |text: &str| text.parse().unwrap();
    for (raw, expected) in [
        (
            Raw { listen: Some("0.0.0.0:1".parse().unwrap()), ..sound() },
            "but there is no certificate: set `certificate`",
        ),
        (Raw { certificate: Some("a".into()), ..sound() }, "not `certificate-key`: set both"),
        (Raw { certificate_key: Some("a".into()), ..sound() }, "not `certificate`: set both"),
        (Raw { key: Some("/does/not/exist".into()), ..sound() }, "cannot read /does/not/exist"),
        (Raw { login: Some("https://a.example".into()), ..sound() }, "set `login-certificate`"),
        (Raw { login: Some("http://a.example".into()), ..sound() }, "need https beyond loopback"),
        (Raw { login: Some("a.example".into()), ..sound() }, "must be a URL such as"),
        (Raw { login: Some("https://a/b".into()), ..sound() }, "must be a URL such as"),
        (Raw { login_certificate: Some("a".into()), ..sound() }, "but not `login`"),
        (Raw { threads: Some(0), ..sound() }, "threads is 0, but must be 1 to 64"),
        (Raw { max_connections: Some(0), ..sound() }, "max-connections is 0"),
        (Raw { requests_per_second: Some(0), ..sound() }, "requests-per-second is 0"),
        (Raw { origins: vec!["game.example".into()], ..sound() }, "origins has `game.example`"),
        (Raw { trusted_proxies: vec![network("0.0.0.0/0")], ..sound() }, "every client could forge its address"),
    ] {
        let faults = load(raw).unwrap_err();
        assert!(faults.contains(expected), "{faults}");
    }
    let both = load(Raw { threads: Some(0), max_connections: Some(0), ..sound() }).unwrap_err();
    assert!(both.starts_with("2 settings are wrong:"), "{both}");
}

#[test]
fn http_is_for_loopback_and_for_proxies() {
    let others = Some("0.0.0.0:1".parse().unwrap());
    assert!(load(Raw { listen: others, trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], ..sound() }).is_ok());
    assert!(
        load(Raw { listen: others, certificate: Some("a".into()), certificate_key: Some("b".into()), ..sound() })
            .is_ok()
    );
    for url in ["http://127.0.0.1:1", "http://localhost", "http://[::1]:3567/"] {
        assert!(load(Raw { login: Some(url.into()), ..sound() }).is_ok(), "{url}");
    }
}

#[test]
fn flags_win_over_the_file_and_the_file_has_no_other_settings() {
    let folder = std::env::temp_dir().join(format!("ringshard-balance-settings-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let config = folder.join("balance.toml");
    std::fs::write(&config, "fleet = 'fleet.toml'\nthreads = 3\nmax-connections = 7\n").unwrap();
    let raw = Raw { threads: Some(2), ..Raw::default() };
    let settings = Sources { config: Some(config.clone()), raw: raw.clone() }.load().unwrap();
    assert_eq!((settings.threads, settings.limits.connections), (2, 7));
    std::fs::write(&config, "thread = 3").unwrap();
    let error = Sources { config: Some(config), raw }.load().unwrap_err().to_string();
    assert!(error.contains("unknown field `thread`"), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_key_has_64_digits_and_is_private() {
    let path = std::env::temp_dir().join(format!("ringshard-balance-key-{}", std::process::id()));
    let write = |text: &str, mode| {
        let _ = std::fs::remove_file(&path);
        let mut file = std::fs::OpenOptions::new().create_new(true).write(true).mode(mode).open(&path).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        load(Raw { key: Some(path.clone()), ..sound() })
    };
    let digits = "0f".repeat(32);
    assert_eq!(write(&format!("{digits}\n"), 0o600).unwrap().key, Some([15; 32]));
    for text in ["", "0f", &digits[1..], &format!("{digits}0"), &digits.replace('f', "+")] {
        assert!(write(text, 0o600).unwrap_err().contains("ringshard keygen"), "{text}");
    }
    assert!(write(&digits, 0o644).unwrap_err().contains("chmod 600"));
    std::fs::remove_file(path).unwrap();
}
