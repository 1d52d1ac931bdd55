use super::*;
use crate::carrier::Carrier;
use crate::settings::{ServerEntry, Settings};
use crate::start::Gateway;
use ringshard_protocol::crypto::PublicKey;
use std::io::{Read, Write};

fn gateway(token: Option<&str>) -> (Gateway, Admin) {
    gateway_with(token, Settings { carriers: vec![Carrier::WebSocket], ..Settings::default() })
}

fn gateway_with(token: Option<&str>, base: Settings) -> (Gateway, Admin) {
    let server = ServerEntry {
        name: "none".to_owned(),
        address: ([127, 0, 0, 1], 9).into(),
        key: PublicKey::from_bytes([7; 32]),
        bulk: None,
    };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let settings = Settings {
        listen: any,
        webrtc_port: 0,
        servers: vec![server],
        admin: Some(AdminSettings { listen: any, token: token.map(str::to_owned) }),
        ..base
    };
    let gateway = Gateway::start(settings).unwrap();
    let admin = Admin::start(gateway.control()).unwrap().expect("the settings have an admin port");
    (gateway, admin)
}

fn ask(admin: &Admin, method: &str, path: &str, headers: &str) -> String {
    let mut stream = std::net::TcpStream::connect(admin.listen()).unwrap();
    let host = admin.listen();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.trim_start_matches("HTTP/1.1 ").to_owned()
}

#[test]
fn a_scrape_has_every_counter_of_every_thread_and_a_help_text() {
    let (gateway, admin) = gateway(None);
    let page = ask(&admin, "GET", "/metrics", "");
    gateway.control().counters()[0].each(&mut |name, help, _| {
        assert!(page.contains(&format!("ringshard_gateway_{name}_total{{thread=\"0\"}} ")), "{name}");
        assert!(page.contains(&format!("# HELP ringshard_gateway_{name} {help}\n")), "{name}: {help}");
    });
    assert!(page.contains("ringshard_gateway_clients 0"), "{page}");
    assert!(page.trim_end().ends_with("# EOF"));
}

#[test]
fn a_port_without_a_token_answers_questions_of_this_host_and_takes_no_commands() {
    let (gateway, admin) = gateway(None);
    assert!(ask(&admin, "GET", "/ready", "").starts_with("200"));
    assert!(ask(&admin, "GET", "/stats", "").contains("\"clients\":0"));
    assert!(ask(&admin, "GET", "/connections", "").ends_with("[]"));
    assert!(ask(&admin, "GET", "/stats", "origin: http://evil.example\r\n").starts_with("403"));
    assert!(ask(&admin, "POST", "/drain", "").starts_with("403"));
    assert!(!gateway.control().drains());
}

#[test]
fn a_token_lets_commands_through_and_a_drain_shows_in_ready() {
    let (gateway, admin) = gateway(Some("a token of some length"));
    let right = "authorization: Bearer a token of some length\r\n";
    assert!(ask(&admin, "GET", "/stats", "").starts_with("401"));
    assert!(ask(&admin, "GET", "/stats", "authorization: Bearer a token\r\n").starts_with("401"));
    assert!(ask(&admin, "GET", "/stats", right).starts_with("200"));
    assert!(ask(&admin, "POST", "/reload", right).starts_with("200"));
    assert!(ask(&admin, "POST", "/kick?thread=9&number=1", right).starts_with("404"));
    assert!(ask(&admin, "POST", "/drain", right).starts_with("202"));
    assert!(ask(&admin, "GET", "/ready", "").starts_with("503"), "load balancers need no token");
    assert!(gateway.control().has_drained(), "there are no clients");
}

#[test]
fn a_reload_with_a_certificate_that_cannot_be_used_says_so_and_changes_nothing() {
    let folder = std::env::temp_dir().join(format!("ringshard-gateway-reload-{}", std::process::id()));
    let base = Settings { carriers: vec![Carrier::Quic], development_folder: folder.clone(), ..Settings::default() };
    let (gateway, admin) = gateway_with(Some("a token of some length"), base);
    let right = "authorization: Bearer a token of some length\r\n";
    assert!(ask(&admin, "POST", "/reload", right).starts_with("200"));
    // A folder in place of the certificate: the gateway can neither read it nor make another one.
    let chain = folder.join("short-lived.pem");
    std::fs::remove_file(&chain).unwrap();
    std::fs::create_dir(&chain).unwrap();
    let answer = ask(&admin, "POST", "/reload", right);
    assert!(answer.starts_with("422") && answer.contains("the certificate in use stay"), "{answer}");
    assert!(answer.contains("short-lived.pem"), "{answer}");
    drop(gateway);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_readme_names_every_counter_with_its_meaning() {
    let page = include_str!("../../README.md");
    crate::counters::Counters::default().each(&mut |name, help, _| {
        let help = help.trim_end_matches('.');
        let row = format!("| `ringshard_gateway_{name}_total` | counter | {help} |");
        assert!(page.contains(&row), "README.md lacks this line under Metrics:\n{row}");
    });
}
