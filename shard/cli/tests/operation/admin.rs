//! The admin port and the admin socket.

use crate::requests::{raw, raw_socket, request};
use crate::shared::{Folder, Player, Server, TIMEOUT};
use ringshard::config::Reloaded;
use ringshard::ops::admin::{AdminClient, AdminClientError};
use ringshard::ops::report::{ConnectionSnapshot, ServerReport};
use ringshard_protocol::client::CloseReason;
use ringshard_protocol::wire::DisconnectReason;
use rustix::process::Signal;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

#[test]
fn the_admin_port_answers_all_requests() {
    let server = Server::start("asks", "", &[]);
    let mut player = Player::connected(&server);
    let client = server.admin_client();
    assert_eq!(client.text("/live").unwrap(), "live\n");
    assert_eq!(client.text("/ready").unwrap(), "ready\n");
    assert!(client.text("/").unwrap().contains("Ringshard"));
    let report: ServerReport = client.get("/stats").unwrap();
    assert_eq!((report.listen, report.total("joined"), report.cores[0].connections), (server.listen, 1, 1));
    let metrics = client.text("/metrics").unwrap();
    assert!(metrics.contains("ringshard_sessions{core=\"0\"} 1"), "{metrics}");
    let sessions: Vec<ConnectionSnapshot> = client.get("/sessions?sort=rate&limit=5").unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].address, player.socket.local_addr().unwrap());
    assert_eq!((sessions[0].standing.as_str(), sessions[0].datagrams_in > 0), ("established", true));
    assert!(client.get::<Vec<ConnectionSnapshot>>("/sessions?address=10.0.0.1").unwrap().is_empty());
    let config: serde_json::Value = client.get("/config").unwrap();
    let listen = config.as_array().unwrap().iter().find(|setting| setting["name"] == "listen").unwrap();
    assert_eq!(listen["source"], "flag");
    let percentiles: Vec<serde_json::Value> = client.get("/histograms").unwrap();
    assert!(percentiles[0]["turn"]["p99_us"].as_f64().unwrap() > 0.0);
    assert!(matches!(client.text("/sessions?sort=nonsense"), Err(AdminClientError::Refused(_, 400, _))));
    assert!(matches!(client.text("/nothing"), Err(AdminClientError::Refused(_, 404, _))));
    player.echo(b"the player was not disturbed");
}

#[test]
fn cross_site_requests_are_refused_and_a_configured_secret_is_required() {
    let server = Server::start("open", "", &[]);
    let answer = raw(server.admin, "POST /drain HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let cross = format!(
        "POST /drain HTTP/1.1\r\nHost: {}\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        server.admin
    );
    assert!(raw(server.admin, &cross).starts_with("HTTP/1.1 403"));
    assert_eq!(server.admin_client().text("/ready").unwrap(), "ready\n", "the server must not drain");
    drop(server);

    let secrets = Folder::new("locked-secrets");
    let token = secrets.secret("token", "0123456789abcdef\n");
    let server = Server::start("locked", "", &["--admin-token-file", &token]);
    for path in ["/live", "/ready"] {
        assert!(server.admin_client().text(path).is_ok(), "a probe needs no secret: {path}");
    }
    for path in ["/stats", "/metrics", "/sessions", "/config", "/histograms", "/keys", "/capture"] {
        assert!(matches!(server.admin_client().text(path), Err(AdminClientError::Unauthorized(_))), "{path}");
    }
    assert!(matches!(server.admin_client().post("/drain"), Err(AdminClientError::Unauthorized(_))));
    let bearer = AdminClient::with_token_file(server.admin, Some(token.as_ref())).unwrap();
    assert_eq!(bearer.text("/ready").unwrap(), "ready\n");
    assert!(bearer.text("/stats").is_ok());
    assert_eq!(bearer.post("/drain").unwrap(), "draining\n");
}

#[test]
fn commands_need_a_secret_on_the_port_and_none_on_the_socket() {
    let mut server = Server::start("orders", "drain-ms = 0\n", &["--admin-socket", "admin.sock"]);
    for path in ["/drain", "/reload"] {
        let Err(AdminClientError::Refused(_, 403, why)) = server.admin_client().post(path) else {
            panic!("{path} was accepted")
        };
        for way_out in ["admin-token-file", "admin-socket", "SIGHUP", "SIGTERM"] {
            assert!(why.contains(way_out), "{path}: {why}");
        }
    }
    assert_eq!(server.admin_client().text("/ready").unwrap(), "ready\n", "the server must not drain");
    let socket = server.folder.0.join("admin.sock");
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(raw_socket(socket.clone(), &request("GET", "/stats", "")).contains("\"cores\""));
    assert!(raw_socket(socket, &request("POST", "/drain", "")).starts_with("HTTP/1.1 200"));
    assert!(server.ends().success());
}

#[test]
fn a_stale_admin_socket_is_replaced_and_a_live_one_is_not() {
    let first = Server::start("socket", "", &["--admin-socket", "admin.sock"]);
    let socket = first.folder.0.join("admin.sock");
    let bound = || ringshard::ops::admin::AdminListener::bind_socket(&socket);
    let refused = bound().unwrap_err().to_string();
    assert!(refused.contains("another server uses") && refused.contains("admin-socket"), "{refused}");
    let left_behind = first.folder.0.join("left.sock");
    drop(std::os::unix::net::UnixListener::bind(&left_behind).unwrap());
    ringshard::ops::admin::AdminListener::bind_socket(&left_behind).expect("no server answers on a stale socket");
}

#[test]
fn idle_connections_do_not_delay_requests() {
    let server = Server::start("idle", "", &[]);
    let idle: Vec<_> = (0..300).map(|_| TcpStream::connect(server.admin).unwrap()).collect();
    for path in ["/live", "/stats", "/metrics"] {
        let asked = Instant::now();
        server.admin_client().text(path).unwrap();
        assert!(asked.elapsed() < Duration::from_secs(2), "{path} took {:?}", asked.elapsed());
    }
    drop(idle);
}

#[test]
fn a_scrape_has_the_format_of_its_accept_header() {
    let server = Server::start("formats", "max-connections = 64\n", &[]);
    let _player = Player::connected(&server);
    let scrape = |accept: &str| raw(server.admin, &request("GET", "/metrics", &format!("Accept: {accept}\r\n")));
    let classic = scrape("text/plain");
    assert!(classic.contains("content-type: text/plain; version=0.0.4"), "{classic}");
    assert!(classic.contains("# TYPE ringshard_packets_total counter\n") && !classic.contains("# EOF"), "{classic}");
    let open_metrics = scrape("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1");
    assert!(open_metrics.contains("content-type: application/openmetrics-text"), "{open_metrics}");
    assert!(open_metrics.contains("# TYPE ringshard_packets counter\n") && open_metrics.contains("# EOF"));
    // The kernel counts CPU time in steps of 10 ms.
    let give_up = Instant::now() + TIMEOUT;
    while metric(&server, "process_cpu_seconds_total") == 0.0 {
        assert!(Instant::now() < give_up, "the server has used no CPU time");
    }
    assert!(metric(&server, "process_resident_memory_bytes") > 1e6);
    assert!(metric(&server, "process_open_fds") > 5.0 && metric(&server, "process_start_time_seconds") > 1.7e9);
    assert_eq!(metric(&server, "ringshard_sessions_max"), 64.0);
    let looked_at = || metric(&server, "ringshard_session_loss_ratio_count{core=\"0\"}");
    assert_eq!(looked_at() + 1.0, looked_at(), "each scrape looks at every connection");
    assert_eq!(metric(&server, "ringshard_core_stuck_seconds{core=\"0\"}"), 0.0);
    assert!(metric(&server, "ringshard_core_silence_seconds{core=\"0\"}") < 1.0);
}

/// The value of a metric.
fn metric(server: &Server, name: &str) -> f64 {
    let scrape = server.admin_client().text("/metrics").unwrap();
    let value = scrape.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("{name} is missing in\n{scrape}"))
}

#[test]
fn a_reload_changes_limits_and_lists_and_names_the_settings_that_need_a_restart() {
    let mut server = Server::start("reload", "npcs = 10\nallow = []\n", &["--admin-socket", "admin.sock"]);
    let socket = server.folder.0.join("admin.sock");
    let reload = || raw_socket(socket.clone(), &request("POST", "/reload", ""));
    let mut player = Player::connected(&server);
    let settings = server.folder.0.join("settings.toml");
    std::fs::write(&settings, "npcs = 20\nallow = []\ndeny = [\"192.0.2.0/24\"]\n").unwrap();
    let reloaded: Reloaded = serde_json::from_str(reload().split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((reloaded.changed, reloaded.refused), (vec!["deny".to_owned()], vec!["npcs".to_owned()]));
    player.echo(b"still connected");

    std::fs::write(&settings, "deny = [\"nonsense\"]\n").unwrap();
    let why = reload();
    assert!(why.starts_with("HTTP/1.1 422") && metric(&server, "ringshard_reload_successful") == 0.0, "{why}");
    assert!(why.contains("deny") && why.contains("nonsense"), "{why}");

    std::fs::write(&settings, "allow = []\ndeny = [\"127.0.0.0/8\"]\n").unwrap();
    server.signal(Signal::HUP);
    server.log_line("settings reloaded");
    let give_up = Instant::now() + TIMEOUT;
    while metric(&server, "ringshard_reload_successful") != 1.0 {
        assert!(Instant::now() < give_up, "the reload still counts as failed");
    }
    player.until("the denied player is disconnected", |player| player.closed.is_some());
    assert_eq!(player.closed, Some(CloseReason::Disconnected(DisconnectReason::Denied)));
}
