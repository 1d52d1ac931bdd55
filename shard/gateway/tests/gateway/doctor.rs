//! What the doctor finds about real servers.

use crate::server::{EchoServer, settings};
use ringshard_client::PublicKey;
use ringshard_gateway::{Settings, doctor};
use ringshard_operation::{Finding, Verdict};
use ringshard_protocol::gateway::GatewayKey;

const KEY: [u8; 32] = [0x33; 32];

fn find(check: &str, settings: &Settings) -> Finding {
    let findings = doctor::examine(settings, None);
    findings.into_iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("no {check}"))
}

#[test]
fn a_server_with_this_gateways_key_passes_and_one_without_it_drops_its_clients() {
    let key = || Some(GatewayKey::from_bytes(KEY));
    let knows = EchoServer::start_with(|config| config.policy.gateways = key().into_iter().collect());
    let passes = Settings { key: key(), ..settings(&knows) };
    assert_eq!(find("server", &passes).verdict, Verdict::Ok);
    assert_eq!(find("gateway key", &passes).verdict, Verdict::Ok);
    let stranger = EchoServer::start();
    let dropped = find("gateway key", &Settings { key: key(), ..settings(&stranger) });
    assert!(dropped.verdict == Verdict::Fail && dropped.found.contains("forged_gateway"), "{dropped:?}");
    assert_eq!(find("gateway key", &settings(&stranger)).verdict, Verdict::Warn, "the gateway has no key");
}

#[test]
fn a_server_that_has_another_key_is_found() {
    let server = EchoServer::start();
    let mut settings = settings(&server);
    settings.servers[0].key = PublicKey::from_bytes([9; 32]);
    let found = find("server", &settings);
    assert!(found.verdict == Verdict::Fail && found.found.contains("another key"), "{found:?}");
}

#[test]
fn a_server_that_does_not_run_is_found() {
    let server = EchoServer::start();
    let settings = settings(&server);
    drop(server);
    let found = find("server", &settings);
    assert!(found.verdict == Verdict::Fail && found.found.contains("does not answer"), "{found:?}");
}
