//! Signals, and the end of a server.

use crate::shared::{Player, Server, TIMEOUT};
use ringshard::ops::admin::AdminClientError;
use ringshard_protocol::client::CloseReason;
use ringshard_protocol::wire::{Channel, DeniedReason, DisconnectReason};
use rustix::process::Signal;
use std::io::Read;
use std::time::{Duration, Instant as Clock};

#[test]
fn a_draining_server_denies_new_players_keeps_the_others_and_ends_when_they_have_left() {
    let mut server = Server::start("drain", "drain-ms = 600000\n", &[]);
    let mut player = Player::connected(&server);
    server.signal(Signal::TERM);
    server.log_line("draining");
    let give_up = Clock::now() + TIMEOUT;
    while !matches!(server.admin_client().text("/ready"), Err(AdminClientError::Refused(_, 503, _))) {
        assert!(Clock::now() < give_up, "the server still says that it is ready");
    }
    assert_eq!(server.admin_client().text("/live").unwrap(), "live\n");
    player.echo(b"still here");
    let mut late = Player::new(&server);
    late.until("the late player is denied", |late| late.closed.is_some());
    assert!(matches!(late.closed, Some(CloseReason::Denied(DeniedReason::ShuttingDown, _))), "{:?}", late.closed);
    player.client.disconnect();
    player.until("the client closes", |player| player.closed.is_some());
    assert!(server.ends().success());
}

#[test]
fn a_second_signal_ends_the_drain_and_disconnects_the_players() {
    let mut server = Server::start("stop", "drain-ms = 600000\n", &[]);
    let mut player = Player::connected(&server);
    server.signal(Signal::INT);
    server.log_line("draining");
    server.signal(Signal::INT);
    player.until("the player is disconnected", |player| player.closed.is_some());
    assert_eq!(player.closed, Some(CloseReason::Disconnected(DisconnectReason::ShuttingDown)));
    assert!(server.ends().success());
}

#[test]
fn a_signal_while_the_server_ends_disconnects_the_players_at_once() {
    let mut server = Server::start("twice", "", &[]);
    let mut player = Player::connected(&server);
    // The echo is not acknowledged, so the server waits for the player before it ends.
    let now = player.now();
    player.client.send(now, Channel::RELIABLE_ORDERED, b"never acknowledged").unwrap();
    player.step();
    std::thread::sleep(Duration::from_millis(200));
    server.signal(Signal::TERM);
    server.log_line("draining");
    server.signal(Signal::TERM);
    assert!(server.ends().success(), "it ends in order");
    player.until("the player is disconnected", |player| player.closed.is_some());
    assert_eq!(player.closed, Some(CloseReason::Disconnected(DisconnectReason::ShuttingDown)));
}

#[test]
fn a_dump_has_histograms_connections_and_settings() {
    let mut server = Server::start("dump", "", &[]);
    let player = Player::connected(&server);
    server.signal(Signal::USR2);
    let line = server.log_line("dumped");
    let path = line.split("path=").nth(1).unwrap().trim();
    let dump: serde_json::Value = serde_json::from_slice(&std::fs::read(server.folder.0.join(path)).unwrap()).unwrap();
    assert_eq!(dump["sessions"][0]["address"], player.socket.local_addr().unwrap().to_string());
    assert_eq!(dump["report"]["cores"][0]["counters"]["joined"], 1);
    assert!(dump["config"].as_array().unwrap().len() > 20);
}

#[test]
fn a_server_with_an_unread_log_still_serves_and_handles_signals() {
    let mut server = Server::start("stalled", "", &[]);
    // Each signal logs a line of some kilobytes, which soon fills the pipe of standard error.
    let wrong = format!("deny = [\"{}\"]\n", "nonsense".repeat(300));
    std::fs::write(server.folder.0.join("settings.toml"), wrong).unwrap();
    let dropped = |server: &Server| {
        let scrape = server.admin_client().text("/metrics").unwrap();
        let line = scrape.lines().find_map(|line| line.strip_prefix("ringshard_log_lines_dropped_total "));
        line.unwrap().parse::<u64>().unwrap()
    };
    let give_up = Clock::now() + 2 * TIMEOUT;
    while dropped(&server) == 0 {
        assert!(Clock::now() < give_up, "no line was dropped");
        for _ in 0..200 {
            server.signal(Signal::HUP);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let mut player = Player::connected(&server);
    player.echo(b"the log is not read");
    server.signal(Signal::TERM);
    assert!(server.ends().success());
    let mut rest = String::new();
    server.log.read_to_string(&mut rest).unwrap();
    assert!(!rest.contains("stuck"), "a core that ends must not count as stuck");
}
