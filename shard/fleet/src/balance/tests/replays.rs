//! What a client was given once and shows again: too often, too late, or as somebody else.

use super::*;
use crate::balance::clock::now_ms;
use crate::balancer::{Pass, Receipt, Seal, Ticket, network_hash};
use ringshard_operation::admission::network_of;

const KEY: [u8; 32] = [9; 32];
const OWNER: &str = "192.0.2.1";
const THIEF: &str = "192.0.2.2";

/// A balancer behind a proxy, so that a test chooses the address of each client.
async fn behind_a_proxy(folder: &Folder, policy: &str, hosts: impl IntoIterator<Item = Host>) -> Bench {
    std::fs::write(folder.path("policy.toml"), policy).unwrap();
    let (policy, tokens) = (Some(folder.path("policy.toml")), Some(folder.tokens()));
    let trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    Bench::start(Settings { key: Some(KEY), policy, tokens, trusted_proxies, ..settings() }, hosts).await
}

async fn ask(client: &mut Client, from: &str, query: &str) -> client::Answer {
    client.ask("GET", &format!("/v1/route{query}"), &format!("x-forwarded-for: {from}\r\n"), "").await
}

fn network(address: &str) -> u64 {
    network_hash(network_of(address.parse().unwrap()))
}

#[tokio::test]
async fn a_receipt_that_is_shown_again_is_one_report_and_another_client_or_a_late_one_reports_nothing() {
    let folder = Folder::new();
    let two = vec![host("a", "eu"), Host { load: 0.5, ..host("b", "eu") }];
    let bench = behind_a_proxy(&folder, "failure-reports = 2\n", two).await;
    let mut client = bench.client().await;
    let route = ask(&mut client, OWNER, "").await.json();
    assert_eq!(route["host"], "a");
    let failed = format!("?failed={}", route["receipt"].as_str().unwrap());
    for _ in 0..5 {
        assert_eq!(ask(&mut client, OWNER, &failed).await.json()["host"], "b");
    }
    assert_eq!((bench.counter("failures_reported").await, bench.counter("hosts_avoided").await), (5, 0));
    assert_eq!(ask(&mut client, "192.0.2.9", "").await.json()["host"], "a", "five reports of one network are one");
    assert_eq!(ask(&mut client, THIEF, &failed).await.json()["host"], "a");
    assert_eq!(bench.counter("stale").await, 1);
    let old = Receipt { network: network(OWNER), at_ms: now_ms() - 601_000, host: "a".parse().unwrap() };
    let old = format!("?failed={}", Seal::new(&KEY).receipt(&old));
    assert_eq!(ask(&mut client, OWNER, &old).await.json()["host"], "a", "it is older than ten minutes");
    assert_eq!((bench.counter("stale").await, bench.counter("failures_reported").await), (2, 5));
    assert_eq!(bench.counter("hosts_avoided").await, 0);
}

#[tokio::test]
async fn a_pass_brings_the_members_of_its_party_and_no_more() {
    let folder = Folder::new();
    let bench = behind_a_proxy(&folder, "reserve-percent = 0\n", hosts()).await;
    let mut client = bench.client().await;
    let founder = ask(&mut client, OWNER, "?party=duo&size=2&region=us").await.json();
    let pass = format!("?pass={}", founder["pass"].as_str().unwrap());
    for from in [OWNER, THIEF] {
        assert_eq!(ask(&mut client, from, &pass).await.json()["host"], founder["host"]);
    }
    assert_eq!(bench.counter("stale").await, 0);
    let late = ask(&mut client, THIEF, &pass).await;
    assert!(
        late.why().contains("nearest") || late.why().contains("least loaded"),
        "it goes where all go: {}",
        late.text
    );
    assert_eq!(bench.counter("stale").await, 1);
    let old = Pass { party: 1, size: 2, until_ms: now_ms() - 1, host: "us-0".parse().unwrap() };
    let refused = ask(&mut client, OWNER, &format!("?pass={}", Seal::new(&KEY).pass(&old))).await;
    assert_eq!(refused.status, 400);
    assert!(refused.error().starts_with("pass: it is too old"), "{}", refused.text);
    assert_eq!(bench.counter("stale").await, 2);
}

#[tokio::test]
async fn a_queue_ticket_admits_its_client_three_times_at_most_and_nobody_else() {
    let folder = Folder::new();
    let bench = behind_a_proxy(&folder, "reserve-percent = 0\n", hosts()).await;
    let mut client = bench.client().await;
    let seal = Seal::new(&KEY);
    let ticket = Ticket { first_ms: now_ms() - 60_000, leaves_ms: now_ms() + 60_000, id: 1, holder: network(OWNER) };
    let genuine = format!("?queue={}", seal.ticket(&ticket));
    let stolen = ask(&mut client, THIEF, &genuine).await;
    assert!(stolen.why().contains("it belongs to another account or network"), "{}", stolen.text);
    assert_eq!(bench.counter("stale").await, 1);
    for _ in 0..3 {
        let admitted = ask(&mut client, OWNER, &genuine).await;
        assert!(admitted.status == 200 && admitted.why().contains("it is the client's turn"), "{}", admitted.text);
    }
    assert_eq!(bench.counter("stale").await, 1);
    let again = ask(&mut client, OWNER, &genuine).await;
    assert!(again.why().contains("it was used"), "{}", again.text);
    assert_eq!(bench.counter("stale").await, 2);
    for (ticket, why) in [
        (Ticket { id: 2, leaves_ms: now_ms() - 1, ..ticket }, "the client asked too late"),
        (Ticket { id: 3, first_ms: now_ms() + 60_000, ..ticket }, "it is from the future"),
    ] {
        let answer = ask(&mut client, OWNER, &format!("?queue={}", seal.ticket(&ticket))).await;
        assert!(answer.why().contains(why), "{}", answer.text);
    }
    assert_eq!(bench.counter("stale").await, 4);
}
