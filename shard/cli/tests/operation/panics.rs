//! A core that panics.

use crate::shared::{Player, TIMEOUT, wait_for_line};
use ringshard::ops::panic_report::end_process_on_panic;
use ringshard::runtime::server::{self, ServerConfig};
use ringshard::runtime::service::Service;
use ringshard_protocol::Endpoint;
use ringshard_protocol::crypto::SecretKey;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId, Message};
use std::io::{BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant as Clock};

/// A server in this process whose core panics at the first message. The test below runs it as a process of its own.
#[test]
#[ignore = "it ends its process; the test below runs it"]
fn panics_on_purpose() {
    struct Fragile;
    impl Service for Fragile {
        fn message(&mut self, _: Instant, _: &mut Endpoint, _: ConnectionId, message: Message<'_>) {
            panic!("panicked on purpose at {}", String::from_utf8_lossy(message.bytes));
        }
    }
    end_process_on_panic(std::env::var("DUMP_FOLDER").unwrap().into());
    let secret = SecretKey::from_bytes([7; 32]);
    let mut config = ServerConfig::new(secret, vec![0]);
    config.listen = ([127, 0, 0, 1], 0).into();
    let running = server::Server::start(&config, |_| Fragile).unwrap();
    eprintln!("serving listen={}", running.listen());
    running.join();
}

#[test]
fn a_panic_of_a_core_ends_the_process_and_leaves_a_panic_report() {
    let folder = std::env::temp_dir().join(format!("ringshard-operation-panic-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "panics::panics_on_purpose", "--ignored", "--nocapture"])
        .env("DUMP_FOLDER", &folder)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let serving = wait_for_line(&mut log, "listen=");
    let listen = serving.split("listen=").nth(1).unwrap().trim().parse().unwrap();
    let mut player = Player::of(listen, SecretKey::from_bytes([7; 32]).public());
    player.until("the client connects", |player| player.client.is_connected());
    // The core updates its report once a second.
    let a_while = Clock::now() + Duration::from_millis(1500);
    player.until("a second has passed", |_| Clock::now() > a_while);
    player.client.send(player.now(), Channel::UNRELIABLE, b"bad news").unwrap();
    let give_up = Clock::now() + TIMEOUT;
    let status = loop {
        player.step();
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Clock::now() < give_up, "the process must end");
    };
    assert!(!status.success());
    let mut printed = String::new();
    log.read_to_string(&mut printed).unwrap();
    assert!(printed.contains("core-0") && printed.contains("panicked on purpose at bad news"), "{printed}");
    let file = std::fs::read_dir(&folder).unwrap().next().expect("the panic leaves a report").unwrap().path();
    let left: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((left["thread"].as_str(), left["phase"].as_str()), (Some("core-0"), Some("reap")));
    assert_eq!(left["core"]["counters"]["joined"], 1);
    assert!(printed.contains(file.to_str().unwrap()), "{printed}");
    std::fs::remove_dir_all(&folder).unwrap();
}
