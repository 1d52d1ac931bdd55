//! A stuck core: all answers name it, and the other cores stay visible.

use crate::shared::{Player, TIMEOUT, free_address};
use ringshard::ops::admin::{AdminClient, AdminClientError, AdminListener};
use ringshard::ops::handle::ServerHandle;
use ringshard::ops::log::Log;
use ringshard::ops::report::ServerReport;
use ringshard::runtime::server::{Server, ServerConfig};
use ringshard::runtime::service::Service;
use ringshard_protocol::Endpoint;
use ringshard_protocol::crypto::SecretKey;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId, Message};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Clock};

/// Blocks at the first message while the flag is set.
struct Sleeper(Arc<AtomicBool>);

impl Service for Sleeper {
    fn message(&mut self, _: Instant, _: &mut Endpoint, _: ConnectionId, _: Message<'_>) {
        while self.0.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Sends a request and asserts that the answer takes less than a second.
fn soon<T>(client: &AdminClient, ask: impl Fn(&AdminClient) -> T) -> T {
    let asked = Clock::now();
    let answer = ask(client);
    assert!(asked.elapsed() < Duration::from_secs(1), "it took {:?}", asked.elapsed());
    answer
}

#[test]
fn a_stuck_core_is_named_and_does_not_hide_the_others() {
    let asleep = Arc::new(AtomicBool::new(true));
    let mut config = ServerConfig::new(SecretKey::from_bytes([7; 32]), vec![0, 0]);
    config.listen = ([127, 0, 0, 1], 0).into();
    let server = Server::start(&config, |_| Sleeper(asleep.clone())).unwrap();
    let admin = free_address();
    let operation = ServerHandle::new(&server, None, Log::external());
    AdminListener::bind(admin, None).unwrap().serve(Arc::new(operation)).unwrap();
    let client = AdminClient::new(admin);
    let mut player = Player::of(server.listen(), server.public_key());
    player.until("the client connects", |player| player.client.is_connected());
    assert_eq!(client.text("/live").unwrap(), "live\n");
    let before: ServerReport = client.get("/stats").unwrap();
    let stuck = before.cores.iter().position(|core| core.connections == 1).unwrap();

    player.client.send(player.now(), Channel::UNRELIABLE, b"sleep").unwrap();
    player.step();
    let give_up = Clock::now() + TIMEOUT;
    let why = loop {
        match soon(&client, |client| client.text("/live")) {
            Err(AdminClientError::Refused(_, 503, why)) => break why,
            outcome => assert!(Clock::now() < give_up, "{outcome:?}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(why.contains(&format!("core {stuck} has been stuck for")), "{why}");
    assert!(matches!(soon(&client, |client| client.text("/ready")), Err(AdminClientError::Refused(_, 503, _))));

    let report: ServerReport = soon(&client, |client| client.get("/stats")).unwrap();
    for (core, is_ill) in [(stuck, true), (1 - stuck, false)] {
        assert_eq!(report.cores[core].stuck_s.is_some(), is_ill, "{:?}", report.cores[core].stuck_s);
    }
    assert_eq!(report.cores[stuck].connections, 1, "the report has the last known state of the core");
    assert!(report.cores[1 - stuck].counter("ticks") > before.cores[1 - stuck].counter("ticks"), "the other core runs");

    let metrics = soon(&client, |client| client.text("/metrics")).unwrap();
    let figure = |name: &str, core: usize| -> f64 {
        let prefix = format!("{name}{{core=\"{core}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap().parse().unwrap()
    };
    assert!(figure("ringshard_core_stuck_seconds", stuck) >= 1.0, "{metrics}");
    assert_eq!(figure("ringshard_core_stuck_seconds", 1 - stuck), 0.0);
    assert!(figure("ringshard_core_silence_seconds", 1 - stuck) < 1.0);
    assert_eq!(figure("ringshard_sessions", stuck), 1.0);

    let sessions = soon(&client, |client| client.connections("/sessions")).unwrap();
    assert_eq!((sessions.given.len(), sessions.missing), (0, vec![stuck]));
    let capture = client.bytes("/capture?seconds=0.1", Duration::ZERO);
    assert!(capture.is_ok(), "a capture of the other core works: {capture:?}");
    let ringshard = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_ringshard"))
            .args(arguments)
            .args(["--admin", &admin.to_string()])
            .output()
            .unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let top = ringshard(&["top", "--once", "--interval", "0.2"]);
    assert!(top.contains(&format!("core {stuck} has been stuck for")), "{top}");
    let listed = ringshard(&["sessions"]);
    assert!(listed.contains(&format!("core {stuck} is stuck")), "{listed}");

    asleep.store(false, Ordering::Relaxed);
    let give_up = Clock::now() + TIMEOUT;
    while client.text("/live").is_err() {
        assert!(Clock::now() < give_up, "the core runs again, but /live still fails");
    }
    server.lifecycle().stop();
    assert!(server.join().cores.iter().all(|core| core.stuck.is_none()));
}
