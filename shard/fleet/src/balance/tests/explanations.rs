//! Explanations over HTTP: they agree with the answers that clients get, and they change nothing.

use super::*;

async fn with_policy(folder: &Folder, policy: &str, hosts: Vec<Host>) -> Bench {
    Bench::start(Settings { policy: Some(folder.replace("policy.toml", policy)), ..settings() }, hosts).await
}

#[tokio::test]
async fn an_explanation_names_every_host_and_takes_no_place() {
    let bench = Bench::start(settings(), hosts()).await;
    let mut client = bench.client().await;
    for _ in 0..50 {
        let explained = client.get("/v1/explain?account=7&region=us").await.json();
        assert_eq!(explained["regions"][0]["name"], "us");
        assert_eq!(explained["regions"][0]["hosts"].as_array().unwrap().len(), 10);
        assert_eq!(explained["regions"][0]["hosts"][0]["held"], 0);
    }
}

#[tokio::test]
async fn the_host_of_an_explanation_is_that_of_the_next_route() {
    let folder = Folder::new();
    let bench = with_policy(&folder, "strategy = 'weighted'\n", hosts()).await;
    let mut client = bench.client().await;
    for _ in 0..30 {
        let explained = client.get("/v1/explain?region=us").await.json();
        assert_eq!(explained["host"], client.get("/v1/route?region=us").await.json()["host"]);
    }
}

#[tokio::test]
async fn a_client_that_would_wait_is_told_so_and_does_not_wait() {
    let folder = Folder::new();
    let bench = with_policy(&folder, "reserve-percent = 0\n", vec![Host { players: 100, ..host("a", "eu") }]).await;
    let mut client = bench.client().await;
    let own = client.get("/v1/route").await.json()["queue"]["ticket"].as_str().unwrap().to_owned();
    sleep(Duration::from_millis(5)).await;
    // One place is free, and it is for the client that waits.
    bench.directory.send(Arc::new(directory([Host { players: 99, ..host("a", "eu") }]))).unwrap();
    until(&mut client, "", "/v1/fleet", "\"players\":99").await;
    for _ in 0..5 {
        let explained = client.get("/v1/explain").await.json();
        assert_eq!((explained["queue"]["position"].as_u64(), explained.get("host")), (Some(2), None), "{explained}");
    }
    let turn = client.get(&format!("/v1/explain?queue={own}")).await.json();
    assert_eq!(turn["host"], "a", "{turn}");
    let elsewhere = client.get(&format!("/v1/explain?queue={own}&address=192.0.2.1")).await.json();
    assert_eq!(elsewhere["host"], "a", "the holder of the ticket is meant: {elsewhere}");
    assert_eq!(client.get("/v1/fleet").await.json()["waiting"], 1);
    assert_eq!(client.get("/v1/route").await.json()["queue"]["position"], 2, "nobody else has come");
    assert_eq!(client.get(&format!("/v1/route?queue={own}")).await.status, 200, "its ticket has its three uses");
}

#[tokio::test]
async fn what_an_operator_shows_is_neither_counted_nor_a_report() {
    let folder = Folder::new();
    let two = vec![host("a", "eu"), Host { load: 0.5, ..host("b", "eu") }];
    let bench = with_policy(&folder, "failure-reports = 1\n", two).await;
    let mut client = bench.client().await;
    let route = client.get("/v1/route").await.json();
    assert_eq!(route["host"], "a");
    let failed = route["receipt"].as_str().unwrap();
    let explained = client.get(&format!("/v1/explain?failed={failed},AAAA&queue=AAAA")).await.json();
    assert_eq!(explained["host"], "b", "{explained}");
    assert_eq!(explained["regions"][0]["hosts"][0]["fit"], "not reached by this client");
    let elsewhere = client.get(&format!("/v1/explain?failed={failed}&address=192.0.2.1")).await.json();
    assert_eq!(elsewhere["host"], "a", "it is the receipt of another network");
    for name in ["forged", "stale", "failures_reported", "hosts_avoided"] {
        assert_eq!(bench.counter(name).await, 0, "{name}");
    }
    assert_eq!((bench.counter("routed").await, bench.counter("queued").await), (1, 0));
}

#[tokio::test]
async fn what_a_route_refuses_an_explanation_refuses() {
    let bench = Bench::start(settings(), hosts()).await;
    let mut client = bench.client().await;
    for query in ["party=all&size=33", "pass=AAAA", "rtt=eu", "size=3", "regon=eu"] {
        let explained = client.get(&format!("/v1/explain?{query}")).await;
        let route = client.get(&format!("/v1/route?{query}")).await;
        assert_eq!((explained.status, route.status), (400, 400), "{query}: {}", explained.text);
    }
    assert!(client.get("/v1/explain?regon=eu").await.error().ends_with("queue, address"));
    assert!(client.get("/v1/route?address=::1").await.error().ends_with("failed, queue"));
}
