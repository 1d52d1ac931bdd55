//! What no correct client does: refused, counted, and without effect on others.

use super::*;

#[tokio::test]
async fn forged_tickets_and_receipts_have_no_effect_and_are_counted() {
    let folder = Folder::new();
    let full: Vec<Host> = hosts().into_iter().map(|host| Host { players: 100, ..host }).collect();
    let bench = Bench::start(Settings { tokens: Some(folder.tokens()), ..settings() }, full).await;
    let other = Bench::start(settings(), hosts().into_iter().map(|host| Host { players: 100, ..host })).await;
    let mut client = bench.client().await;
    let own = client.get("/v1/route").await.json()["queue"]["ticket"].as_str().unwrap().to_owned();
    sleep(Duration::from_millis(5)).await;
    let foreign = other.client().await.get("/v1/route").await.json()["queue"]["ticket"].as_str().unwrap().to_owned();
    let changed = format!("{}{}", &own[..20], own[20..].chars().rev().collect::<String>());
    for (number, ticket) in (1..).zip([foreign.as_str(), &changed, "AAAA", "%00", &"A".repeat(3_000)]) {
        let answer = client.get(&format!("/v1/route?queue={ticket}")).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        assert!(
            answer.json()["queue"]["position"].as_u64().unwrap() > 1,
            "the forger stands at the end: {}",
            answer.text
        );
        assert_eq!(bench.counter("forged").await, number);
    }
    client.get("/v1/route?failed=AAAA,BBBB").await;
    assert_eq!((bench.counter("forged").await, bench.counter("failures_reported").await), (7, 0));
    assert_eq!(client.get(&format!("/v1/route?queue={own}")).await.json()["queue"]["position"], 1);
}

#[tokio::test]
async fn a_ticket_of_another_network_or_token_does_not_count() {
    let full: Vec<Host> = hosts().into_iter().map(|host| Host { players: 100, ..host }).collect();
    let trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let bench = Bench::start(Settings { trusted_proxies, ..settings() }, full).await;
    let mut client = bench.client().await;
    let mut ask = async |headers: &str, query: &str| client.ask("GET", &format!("/v1/route{query}"), headers, "").await;
    let first = ask("x-forwarded-for: 192.0.2.1\r\n", "").await.json()["queue"]["ticket"].as_str().unwrap().to_owned();
    sleep(Duration::from_millis(5)).await;
    for thief in ["x-forwarded-for: 192.0.2.2\r\n", "x-forwarded-for: 192.0.2.1\r\nauthorization: Bearer other\r\n"] {
        let answer = ask(thief, &format!("?queue={first}")).await;
        assert!(answer.json()["queue"]["position"].as_u64().unwrap() > 1, "{}", answer.text);
        assert!(answer.why().contains("it belongs to another account or network"), "{}", answer.why());
    }
}

#[tokio::test]
async fn long_addresses_wrong_fields_and_wrong_bodies_are_refused() {
    let folder = Folder::new();
    let bench = Bench::start(Settings { tokens: Some(folder.tokens()), ..settings() }, hosts()).await;
    let mut client = bench.client().await;
    assert_eq!(client.get(&format!("/v1/route?account={}", "a".repeat(5_000))).await.status, 414);
    let wrong = client.get("/v1/route?regon=eu").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.error().starts_with("regon: there is no such field"), "{}", wrong.text);
    assert_eq!(client.get("/v1/route?address=192.0.2.1").await.status, 400, "only operators look for others");
    assert_eq!(bench.counter("requests_malformed").await, 3);
    assert_eq!(client.get("/v1/nothing").await.status, 404);
    assert_eq!(client.ask("DELETE", "/v1/route", "", "").await.status, 405);
    for (body, status) in
        [("", 400), ("{", 400), (r#"{"on": 1}"#, 400), (r#"{"on": true, "x": 1}"#, 400), (&"[".repeat(10_000), 400)]
    {
        assert_eq!(
            client.send_as(WRITER, "POST", "/v1/hosts/eu-1/maintenance", body).await.status,
            status,
            "{body:.20}"
        );
    }
    let long = client.send_as(WRITER, "PUT", "/v1/policy", &" ".repeat(300 << 10)).await;
    assert_eq!(long.status, 413, "{}", long.text);
    assert_eq!(bench.counter("bodies_refused").await, 6);
}

#[tokio::test]
async fn floods_of_headers_end_the_connection() {
    let folder = Folder::new();
    let bench = Bench::start(Settings { tokens: Some(folder.tokens()), ..settings() }, hosts()).await;
    let many = (0..100).map(|number| format!("x-{number}: 1\r\n")).collect::<String>();
    let long = format!("x-long: {}\r\n", "a".repeat(40_000));
    for headers in [many, long] {
        let mut client = bench.client().await;
        client.send(format!("GET /v1/route HTTP/1.1\r\nhost: a\r\n{headers}\r\n").as_bytes()).await;
        let answer = timeout(Duration::from_secs(30), client.read()).await.expect("the connection ends");
        assert!(answer.is_none_or(|answer| answer.status == 431));
    }
    let mut client = bench.client().await;
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n").await;
    assert!(
        timeout(Duration::from_secs(30), client.read())
            .await
            .expect("it ends")
            .is_none_or(|answer| answer.status == 400)
    );
    assert_eq!(bench.counter("connections_failed").await, 3);
    assert_eq!(bench.client().await.get("/v1/route").await.status, 200, "others are served");
}

#[tokio::test]
async fn an_address_that_asks_too_fast_or_connects_too_often_is_refused() {
    let limits = LimitSettings { requests_per_second: 1, connections_per_address: 3, ..strict() };
    let bench = Bench::start(Settings { limits, ..settings() }, hosts()).await;
    let mut client = bench.client().await;
    let mut refused = 0;
    for _ in 0..60 {
        let answer = client.get("/v1/regions").await;
        if answer.status == 429 {
            refused += 1;
            assert!(answer.head.contains("retry-after: 1"));
        }
    }
    assert!((1..=50).contains(&refused), "ten at once, then one per second: {refused} refused");
    let (mut second, mut third) = (bench.client().await, bench.client().await);
    second.get("/ready").await;
    third.get("/ready").await;
    let mut fourth = bench.client().await;
    fourth.send(b"GET /ready HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(timeout(Duration::from_secs(30), fourth.read()).await.expect("it is closed").is_none());
}

#[tokio::test]
async fn clients_do_not_choose_their_address() {
    let limits = LimitSettings { requests_per_second: 1, ..strict() };
    let bench = Bench::start(Settings { limits, ..settings() }, hosts()).await;
    let mut client = bench.client().await;
    let mut refused = 0;
    for number in 0..60 {
        let headers = format!("x-forwarded-for: 192.0.2.{number}\r\n");
        refused += u32::from(client.ask("GET", "/v1/regions", &headers, "").await.status == 429);
    }
    assert!(refused > 0, "the header changes nothing");
}
