use super::*;
use crate::location::fixture::{city, database};
use crate::model::HostState;

fn full(players: u32) -> Vec<Host> {
    vec![Host { players, ..host("eu-0", "eu") }]
}

#[tokio::test]
async fn a_client_gets_the_address_and_the_key_of_a_host_and_the_reasons() {
    let bench = Bench::start(settings(), hosts()).await;
    let mut client = bench.client().await;
    let answer = client.get("/v1/route?region=us").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let route = answer.json();
    assert_eq!(route["region"], "us");
    let host = route["host"].as_str().unwrap();
    assert_eq!(route["address"], format!("{host}.example:3565"));
    assert_eq!(route["key"], "ab".repeat(32));
    assert!(route.get("ticket").is_none() && route.get("gateway").is_none() && route.get("pass").is_none());
    assert!(
        answer.why().contains("the client wishes region us") && answer.why().contains("least loaded"),
        "{}",
        answer.why()
    );
    assert!(answer.head.contains("cache-control: no-store"));
}

#[tokio::test]
async fn the_nearest_region_is_that_of_the_round_trips_or_of_the_location() {
    let folder = Folder::new();
    std::fs::write(folder.path("policy.toml"), concat!(
        "[regions.eu]\nposition = { latitude = 50.1, longitude = 8.7 }\n",
        "[regions.us]\nposition = { latitude = 40.7, longitude = -74.0 }\ntitle = 'East'\nprobes = ['probe.example:3565']\n",
    )).unwrap();
    std::fs::write(
        folder.path("places.mmdb"),
        database(&[("203.0.113.0/24", city("US", 42.0, -71.0)), ("198.51.100.0/24", city("FR", 48.9, 2.3))]),
    )
    .unwrap();
    let (policy, location) = (Some(folder.path("policy.toml")), Some(folder.path("places.mmdb")));
    let trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let bench = Bench::start(Settings { policy, location, trusted_proxies, ..settings() }, hosts()).await;
    let mut client = bench.client().await;
    for (from, query, expected) in [
        ("203.0.113.9", "", "us"),
        ("198.51.100.9", "", "eu"),
        ("198.51.100.9", "?rtt=us:20,eu:90", "us"),
        ("198.51.100.9", "?rtt=us:20,eu:90&region=eu", "eu"),
        ("192.0.2.1", "", "eu"),
    ] {
        let answer = client.ask("GET", &format!("/v1/route{query}"), &format!("x-forwarded-for: {from}\r\n"), "").await;
        assert_eq!(answer.json()["region"], expected, "{from} {query}: {}", answer.text);
    }
    let regions = client.get("/v1/regions").await.json();
    assert_eq!(regions["regions"][0]["probes"].as_array().unwrap().len(), 2, "two of its hosts");
    assert_eq!(regions["regions"][1]["probes"], serde_json::json!(["probe.example:3565"]));
    assert_eq!(regions["regions"][1]["title"], "East");
    let explained = client.get("/v1/explain?address=203.0.113.9").await;
    assert_eq!(explained.status, 401, "a proxy is between, and there are no tokens");
}

#[tokio::test]
async fn a_party_meets_on_one_host_with_the_pass_of_its_founder() {
    let bench = Bench::start(settings(), hosts()).await;
    let mut client = bench.client().await;
    let founder = client.get("/v1/route?party=the%20four&size=4&region=us").await.json();
    let pass = founder["pass"].as_str().unwrap();
    for _ in 0..3 {
        let member = client.get(&format!("/v1/route?pass={pass}&region=eu")).await;
        assert_eq!(member.json()["host"], founder["host"], "{}", member.text);
        assert!(member.why().contains("the party's pass names host"));
    }
    let forged = client.get(&format!("/v1/route?pass={}", pass.to_lowercase())).await;
    assert_eq!((forged.status, forged.error().as_str()), (400, "pass: no balancer of this fleet made it"));
    let large = client.get("/v1/route?party=all&size=33").await;
    assert_eq!(large.status, 400);
    assert_eq!(large.error(), "size: a party of more than 32 needs the token of an account");
    let small = vec![Host { capacity: 20, ..host("eu-0", "eu") }];
    let bench = Bench::start(settings(), small).await;
    let large = bench.client().await.get("/v1/route?party=all&size=32").await;
    assert_eq!((large.status, large.json()["reason"].as_str()), (409, Some("party_too_large")));
}

#[tokio::test]
async fn a_client_waits_with_its_ticket_at_any_balancer_and_is_admitted_when_a_place_is_free() {
    let folder = Folder::new();
    let settings = Settings { key: Some([9; 32]), policy: Some(folder.path("policy.toml")), ..settings() };
    std::fs::write(folder.path("policy.toml"), "reserve-percent = 0\n").unwrap();
    let one = Bench::start(settings.clone(), full(100)).await;
    let other = Bench::start(settings, full(100)).await;
    let first = one.client().await.get("/v1/route").await;
    assert_eq!(first.status, 202, "{}", first.text);
    assert!(first.head.contains("retry-after: 5"));
    assert_eq!((first.json()["queue"]["position"].as_u64(), first.json()["retry_after"].as_u64()), (Some(1), Some(5)));
    let ticket = first.json()["queue"]["ticket"].as_str().unwrap().to_owned();
    // Within one millisecond, chance orders.
    sleep(Duration::from_millis(5)).await;
    let second = other.client().await.get("/v1/route").await;
    assert_eq!(second.json()["queue"]["position"], 1, "the other balancer has not seen the first client");
    let later = second.json()["queue"]["ticket"].as_str().unwrap().to_owned();
    // The first balancer dies; its client goes on at the other one.
    one.server.drain().await;
    let mut client = other.client().await;
    assert_eq!(client.get(&format!("/v1/route?queue={ticket}")).await.json()["queue"]["position"], 1);
    assert_eq!(client.get(&format!("/v1/route?queue={later}")).await.json()["queue"]["position"], 2);
    other.directory.send(Arc::new(directory(full(99)))).unwrap();
    until(&mut client, "", "/v1/fleet", "\"players\":99").await;
    assert_eq!(client.get(&format!("/v1/route?queue={later}")).await.status, 202, "another one is first");
    let admitted = client.get(&format!("/v1/route?queue={ticket}")).await;
    assert_eq!(admitted.status, 200, "{}", admitted.text);
    assert!(admitted.why().contains("it is the client's turn"));
}

#[tokio::test]
async fn a_host_that_clients_report_is_passed_over_by_them_and_then_by_all() {
    let folder = Folder::new();
    std::fs::write(folder.path("policy.toml"), "failure-reports = 2\n").unwrap();
    let trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let policy = Some(folder.path("policy.toml"));
    let two = vec![host("a", "eu"), Host { load: 0.5, ..host("b", "eu") }];
    let bench = Bench::start(Settings { trusted_proxies, policy, ..settings() }, two).await;
    let mut client = bench.client().await;
    let mut route = async |from: &str, query: &str| {
        client.ask("GET", &format!("/v1/route{query}"), &format!("x-forwarded-for: {from}\r\n"), "").await.json()
    };
    let first = route("192.0.2.1", "").await;
    assert_eq!(first["host"], "a");
    let receipt = |of: &serde_json::Value| format!("?failed={}", of["receipt"].as_str().unwrap());
    assert_eq!(route("192.0.2.1", &receipt(&first)).await["host"], "b");
    assert_eq!(route("192.0.2.2", &receipt(&first)).await["host"], "a", "it is the receipt of another network");
    assert_eq!(route("192.0.2.3", "").await["host"], "a", "one network is not enough");
    let second = route("192.0.2.4", "").await;
    assert_eq!(route("192.0.2.4", &receipt(&second)).await["host"], "b");
    assert_eq!(route("192.0.2.5", "").await["host"], "b", "two networks are enough");
}

#[tokio::test]
async fn refusals_say_why_and_when_to_try_again() {
    let host = Host { contract: "2".to_owned(), state: HostState::Ready, ..host("eu-0", "eu") };
    let bench = Bench::start(settings(), [host.clone()]).await;
    let mut client = bench.client().await;
    let answer = client.get("/v1/route?contract=1").await;
    assert_eq!((answer.status, answer.json()["reason"].as_str()), (409, Some("other_contract")));
    assert!(!answer.head.contains("retry-after"));
    bench.directory.send(Arc::new(directory([Host { state: HostState::Maintenance, ..host }]))).unwrap();
    until(&mut client, "", "/v1/fleet", "maintenance").await;
    let answer = client.get("/v1/route?contract=2").await;
    assert_eq!((answer.status, answer.json()["reason"].as_str()), (503, Some("unavailable")));
    assert!(answer.head.contains("retry-after: 10") && answer.why().contains("1 in maintenance"), "{answer:?}");
}

#[tokio::test]
async fn pages_of_listed_origins_may_ask_and_others_may_not() {
    let bench =
        Bench::start(Settings { origins: vec!["https://game.example".to_owned()], ..settings() }, hosts()).await;
    let mut client = bench.client().await;
    let answer = client.ask("GET", "/v1/route", "origin: https://game.example\r\n", "").await;
    assert!(answer.head.contains("access-control-allow-origin: https://game.example"), "{}", answer.head);
    let preflight = client.ask("OPTIONS", "/v1/route", "origin: https://game.example\r\n", "").await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.head.contains("access-control-allow-headers: authorization"));
    let other = client.ask("GET", "/v1/route", "origin: https://evil.example\r\n", "").await;
    assert!(!other.head.contains("access-control"), "{}", other.head);
    assert_eq!(client.ask("OPTIONS", "/v1/route", "origin: https://evil.example\r\n", "").await.status, 403);
    let fleet = client.ask("GET", "/v1/fleet", "origin: https://game.example\r\n", "").await;
    assert!(!fleet.head.contains("access-control"), "figures are for no page");
}

#[tokio::test]
async fn all_of_one_customers_ipv6_is_one_report() {
    let folder = Folder::new();
    std::fs::write(folder.path("policy.toml"), "failure-reports = 2\n").unwrap();
    let trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let policy = Some(folder.path("policy.toml"));
    let two = vec![host("a", "eu"), Host { load: 0.5, ..host("b", "eu") }];
    let bench = Bench::start(Settings { trusted_proxies, policy, ..settings() }, two).await;
    let mut client = bench.client().await;
    for (number, (from, expected)) in
        [("2001:db8:1:1::1", "a"), ("2001:db8:1:2::1", "a"), ("2001:db8:1:3::1", "a"), ("2001:db8:2:1::1", "b")]
            .into_iter()
            .enumerate()
    {
        let from = format!("x-forwarded-for: {from}\r\n");
        let receipt = client.ask("GET", "/v1/route", &from, "").await.json()["receipt"].as_str().unwrap().to_owned();
        client.ask("GET", &format!("/v1/route?failed={receipt}"), &from, "").await;
        let another = format!("x-forwarded-for: 192.0.2.{number}\r\n");
        assert_eq!(client.ask("GET", "/v1/route", &another, "").await.json()["host"], expected, "{from}");
    }
}

/// A door that knows one token, and counts what it is asked.
async fn login_door() -> (std::net::SocketAddr, tokio::sync::mpsc::Receiver<String>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(8);
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = String::new();
            while !request.contains("\r\n\r\n") || !request.ends_with('}') {
                let mut bytes = [0; 2_048];
                let read = stream.read(&mut bytes).await.unwrap();
                request.push_str(str::from_utf8(&bytes[..read]).unwrap());
            }
            let (status, body) = match request.contains("Bearer good") {
                true => ("200 OK", r#"{"address":"x","server_key":"y","ticket":"T","expires":7}"#),
                false => ("401 Unauthorized", r#"{"status":401,"error":"log in","wait_ms":0}"#),
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
            sender.send(request).await.unwrap();
        }
    });
    (address, receiver)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_its_token_gets_a_ticket_of_the_login_door_for_its_host() {
    let (door, mut asked) = login_door().await;
    let login = super::super::LoginSettings { url: format!("http://{door}"), certificate: None };
    let bench = Bench::start(Settings { login: Some(login), ..settings() }, hosts()).await;
    let mut client = bench.client().await;
    let route = client.get_as("good", "/v1/route").await.json();
    assert_eq!((route["ticket"].as_str(), route["ticket_expires"].as_u64()), (Some("T"), Some(7)));
    let request = asked.recv().await.unwrap();
    assert!(request.starts_with("POST /v1/ticket ") && request.contains(&"ab".repeat(32)), "{request}");
    let refused = client.get_as("bad", "/v1/route").await;
    assert_eq!(refused.status, 401);
    assert!(refused.error().contains("log in"), "{}", refused.text);
    assert!(client.get("/v1/route").await.json().get("ticket").is_none(), "without a token there is no ticket");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_keeps_its_turn_while_the_login_door_is_away() {
    let (door, _asked) = login_door().await;
    let folder = Folder::new();
    std::fs::write(folder.path("policy.toml"), "reserve-percent = 0\n").unwrap();
    let login = super::super::LoginSettings { url: format!("http://{door}"), certificate: None };
    let settings = Settings { login: Some(login), policy: Some(folder.path("policy.toml")), ..settings() };
    let bench = Bench::start(settings, full(100)).await;
    let mut client = bench.client().await;
    // The door refuses this token: to the balancer, that is as good as no answer.
    let first = client.get_as("bad", "/v1/route").await.json();
    let ticket = first["queue"]["ticket"].as_str().unwrap().to_owned();
    sleep(Duration::from_millis(5)).await;
    assert_eq!(client.get("/v1/route").await.status, 202, "another one waits, too");
    bench.directory.send(Arc::new(directory(full(99)))).unwrap();
    until(&mut client, "", "/v1/fleet", "\"players\":99").await;
    for _ in 0..5 {
        let answer = client.get_as("bad", &format!("/v1/route?queue={ticket}")).await;
        assert_eq!(answer.status, 401, "it is its turn, and the place is free: {}", answer.text);
    }
}

#[tokio::test]
async fn https_answers_as_http_does_and_a_failed_handshake_is_counted() {
    use ringshard_certificates::{CertificateSource, Certificates};
    let folder = Folder::new();
    let source = CertificateSource::Development { folder: folder.path(""), names: Vec::new() };
    Certificates::open(&source).unwrap();
    let (chain, key) = (folder.path("development.pem"), folder.path("development.key"));
    let certificate = Some(super::super::CertificateFiles { chain: chain.clone(), key });
    let bench = Bench::start(Settings { certificate, ..settings() }, hosts()).await;
    let mut client = Client::connect_tls(bench.server.address(), &chain).await;
    for _ in 0..3 {
        assert_eq!(client.get("/v1/route").await.status, 200);
    }
    let mut plain = bench.client().await;
    plain.send(b"GET /v1/route HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(plain.read().await.is_none(), "the port speaks TLS alone");
    let metrics = client.get("/metrics").await.text;
    assert!(metrics.contains("ringshard_balance_handshakes_failed_total 1\n"), "{metrics}");
}
