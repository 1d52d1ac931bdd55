//! Which connections a balancer without a certificate serves, and how it ends connections that send too little.

use super::*;

/// An address of this machine that is none of loopback. None: it has no network.
fn own_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    // It sends nothing: the kernel only chooses the address.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_loopback())
}

#[tokio::test]
async fn plain_http_is_spoken_over_loopback_and_with_proxies_alone() {
    let Some(own) = own_address() else {
        return eprintln!("skipped: this machine has no address but loopback");
    };
    let all = |trusted: &str| Settings {
        listen: ([0, 0, 0, 0], 0).into(),
        trusted_proxies: vec![trusted.parse().unwrap()],
        ..settings()
    };
    let bench = Bench::start(all("203.0.113.0/24"), hosts()).await;
    let port = bench.server.address().port();
    let mut local = Client::connect(([127, 0, 0, 1], port).into()).await;
    assert_eq!(local.get("/v1/route").await.status, 200);
    let mut other = Client::connect((own, port).into()).await;
    other.send(b"GET /v1/route HTTP/1.1\r\nhost: a\r\nauthorization: Bearer secret\r\n\r\n").await;
    assert!(timeout(Duration::from_secs(20), other.read()).await.expect("it is closed").is_none());
    let metrics = local.get("/metrics").await.text;
    assert!(metrics.contains("ringshard_balance_connections_exposed_total 1\n"), "{metrics}");
    let bench = Bench::start(all(&format!("{own}/32")), hosts()).await;
    let mut proxy = Client::connect((own, bench.server.address().port()).into()).await;
    assert_eq!(proxy.get("/v1/route").await.status, 200);
}

#[tokio::test]
async fn a_head_that_comes_too_slowly_is_a_failed_connection_and_an_idle_one_is_none() {
    let bench = Bench::start(Settings { head: Duration::from_secs(2), ..settings() }, hosts()).await;
    let ended = async |client: &mut Client| {
        assert!(timeout(Duration::from_secs(20), client.read()).await.expect("it ends").is_none());
    };
    let mut idle = bench.client().await;
    ended(&mut idle).await;
    let mut asked = bench.client().await;
    assert_eq!(asked.get("/v1/regions").await.status, 200);
    ended(&mut asked).await;
    let mut gone = bench.client().await;
    gone.send(b"GET /v1/ro").await;
    drop(gone);
    let mut slow = bench.client().await;
    slow.send(b"GET /v1/route HTTP/1.1\r\nhost:").await;
    ended(&mut slow).await;
    assert_eq!(bench.counter("connections_failed").await, 1);
}
