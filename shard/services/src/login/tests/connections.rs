use super::client::{Client, Socket, request, tls, tls_over, trust};
use super::*;
use axum::body::Body;
use axum::http::{Method, Request};
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

const SHORT: Duration = Duration::from_millis(30);

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_an_open_one_goes_on() {
    let bench = Bench::open(|_| {}).await;
    let mut old = bench.client().await;
    assert_eq!(old.get("/v1/health", None).await.status, 200);
    let before = bench.door.certificates().fingerprint();

    std::fs::remove_file(bench.folder.certificate()).unwrap();
    let fresh = ringshard_certificates::Certificates::open(&development(&bench.folder.0)).unwrap();
    bench.door.reload().unwrap();
    assert_ne!(bench.door.certificates().fingerprint(), before);
    assert_eq!(bench.door.certificates().fingerprint(), fresh.fingerprint());

    assert_eq!(old.get("/v1/health", None).await.status, 200);
    assert!(Client::connect(bench.door.address(), &bench.tls).await.is_err(), "the old certificate is shown no more");
    let new = trust(&bench.folder.certificate(), &[]);
    assert_eq!(Client::connect(bench.door.address(), &new).await.unwrap().get("/v1/health", None).await.status, 200);
    assert_eq!(bench.count("certificates_loaded"), 1);
}

#[tokio::test]
async fn changed_certificate_files_are_noticed() {
    let bench = Bench::open(|settings| settings.certificate_check = SHORT).await;
    let before = bench.door.certificates().fingerprint();
    std::fs::write(bench.folder.certificate(), "no certificate").unwrap();
    moves(&bench.door.counters().certificates_failed).await;
    assert_eq!(bench.door.certificates().fingerprint(), before);
    std::fs::remove_file(bench.folder.certificate()).unwrap();
    ringshard_certificates::Certificates::open(&development(&bench.folder.0)).unwrap();
    moves(&bench.door.counters().certificates_loaded).await;
    assert_ne!(bench.door.certificates().fingerprint(), before);
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_handshake_is_cut() {
    let bench = Bench::open(|settings| settings.handshake = SHORT).await;
    let mut silent = TcpStream::connect(bench.door.address()).await.unwrap();
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0);
    assert_eq!(bench.count("handshakes_late"), 1);
    let mut plain = TcpStream::connect(bench.door.address()).await.unwrap();
    plain.write_all(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let _ = plain.read_to_end(&mut Vec::new()).await;
    moves(&bench.door.counters().handshakes_failed).await;
}

#[tokio::test]
async fn headers_that_drip_end_their_connection() {
    let bench = Bench::open(|settings| settings.headers = SHORT).await;
    let mut stream = tls(bench.door.address(), &bench.tls).await.unwrap();
    stream.write_all(b"GET /v1/health HTTP/1.1\r\nHost: loc").await.unwrap();
    // Each byte comes soon after the last, but the headers never end.
    let ended = loop {
        let mut byte = [0];
        tokio::select! {
            read = stream.read(&mut byte) => break read,
            () = tokio::time::sleep(SHORT / 10) => drop(stream.write_all(b"x").await),
        }
    };
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    moves(&bench.door.counters().headers_late).await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_refused() {
    let bench = Bench::open(|settings| settings.body = SHORT).await;
    let mut client = bench.client().await;
    let body = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let answer = client.ask(Method::POST, "/v1/login", None, body).await;
    assert_eq!(answer.body["status"], 408);
    assert_eq!(bench.count("bodies_late"), 1);
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let bench = Bench::open(|settings| settings.idle = SHORT).await;
    let config = trust(&bench.folder.certificate(), &[b"h2"]);
    let mut client = Client::connect(bench.door.address(), &config).await.unwrap();
    moves(&bench.door.counters().connections_idle).await;
    // The client is told to go: sooner or later it cannot send any more.
    while client.send(request(Method::GET, "/v1/health", None, Body::empty())).await.is_ok() {
        tokio::time::sleep(SHORT).await;
    }
}

#[tokio::test]
async fn connections_beyond_the_bounds_are_refused_until_others_end() {
    let bench = Bench::open(|settings| {
        settings.connections_per_network_max = 2;
        settings.connections_burst = u32::MAX;
    })
    .await;
    let first = bench.client().await;
    let mut second = bench.client().await;
    assert!(Client::connect(bench.door.address(), &bench.tls).await.is_err());
    assert_eq!(bench.count("connections_network_full"), 1);
    assert_eq!(second.get("/v1/health", None).await.status, 200);
    drop(first);
    let mut third = loop {
        match Client::connect(bench.door.address(), &bench.tls).await {
            Ok(client) => break client,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(third.get("/v1/health", None).await.status, 200);
}

#[tokio::test]
async fn a_network_that_connects_too_fast_is_refused() {
    let bench = Bench::open(|settings| {
        settings.connections_burst = 2;
        settings.connection_every = Duration::from_secs(3_600);
    })
    .await;
    let (_first, mut second) = (bench.client().await, bench.client().await);
    assert!(Client::connect(bench.door.address(), &bench.tls).await.is_err());
    assert_eq!(bench.count("connections_fast"), 1);
    assert_eq!(second.get("/v1/health", None).await.status, 200);
}

/// A header of the PROXY protocol for a client with this address.
fn proxy_header(client: [u8; 4]) -> Vec<u8> {
    let addresses = [&client[..], &[127, 0, 0, 1], &[0x12, 0x34, 1, 187]].concat();
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &addresses].concat()
}

#[tokio::test]
async fn behind_a_proxy_the_limits_count_the_addresses_of_the_clients() {
    let bench = Bench::open(|settings| {
        settings.proxies = vec!["127.0.0.0/8".parse().unwrap()];
        settings.connections_per_network_max = 1;
    })
    .await;
    let connect = async |client| {
        let mut stream = TcpStream::connect(bench.door.address()).await.unwrap();
        stream.write_all(&proxy_header(client)).await.unwrap();
        tls_over(stream, &bench.tls).await
    };
    let _one = connect([203, 0, 113, 7]).await.expect("the first of its network");
    assert!(connect([203, 0, 113, 7]).await.is_err(), "the second of its network");
    let _other = connect([203, 0, 113, 8]).await.expect("the first of another network");
    assert_eq!(bench.count("connections_network_full"), 1);
    assert!(Client::connect(bench.door.address(), &bench.tls).await.is_err(), "a proxy must send the header");
    assert_eq!(bench.count("proxy_headers_failed"), 1);
}

#[tokio::test]
async fn an_address_that_is_no_proxy_cannot_claim_another() {
    let bench = Bench::open(|settings| settings.proxies = vec!["198.51.100.7/32".parse().unwrap()]).await;
    let mut stream = TcpStream::connect(bench.door.address()).await.unwrap();
    stream.write_all(&proxy_header([203, 0, 113, 7])).await.unwrap();
    assert!(tls_over(stream, &bench.tls).await.is_err());
    moves(&bench.door.counters().handshakes_failed).await;
}

#[tokio::test]
async fn a_proxy_that_sends_no_header_in_time_is_cut() {
    let bench = Bench::open(|settings| {
        settings.proxies = vec!["127.0.0.1/32".parse().unwrap()];
        settings.handshake = SHORT;
    })
    .await;
    let mut silent = TcpStream::connect(bench.door.address()).await.unwrap();
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0);
    assert_eq!(bench.count("proxy_headers_failed"), 1);
}

#[tokio::test]
async fn a_websocket_keeps_its_place_among_the_connections() {
    let bench = Bench::open(|settings| {
        settings.connections_max = 2;
        settings.connections_burst = u32::MAX;
    })
    .await;
    let ann = bench.player("ann").await;
    let bearer = format!("Bearer {ann}");
    let open = async || Socket::open(bench.door.address(), &bench.tls, &[("authorization", bearer.as_str())]).await;
    let mut sockets = Vec::new();
    while sockets.len() < 2 {
        sockets.extend(open().await.ok());
    }
    for socket in &mut sockets {
        assert_eq!(socket.hear().await["type"], "ready");
    }
    assert!(open().await.is_err());
    assert!(bench.count("connections_full") >= 1);
}

/// A request whose body ends when `end` says so.
fn half_sent(number: u32, end: oneshot::Receiver<()>) -> Request<Body> {
    let text = json!({ "number": number }).to_string();
    let (begin, rest) = text.split_at(5);
    let begin: Result<_, std::io::Error> = Ok(begin.to_owned());
    let rest = rest.to_owned();
    let rest = stream::once(async move {
        let _ = end.await;
        Ok(rest)
    });
    request(Method::POST, "/v1/twice", None, Body::from_stream(stream::iter([begin]).chain(rest)))
}

#[tokio::test]
async fn closing_the_door_finishes_what_runs_and_says_goodbye_to_websockets() {
    let bench = Bench::open(|_| {}).await;
    let ann = bench.player("ann").await;
    let bearer = format!("Bearer {ann}");
    let headers = [("authorization", bearer.as_str())];
    let address = bench.door.address();
    let mut socket = Socket::open(address, &bench.tls, &headers).await.unwrap();
    assert_eq!(socket.hear().await["type"], "ready");
    let _idle = bench.client().await;
    let mut busy = bench.client().await;
    // The server has begun this request once it has answered the one before on the same connection.
    assert_eq!(busy.get("/v1/health", None).await.status, 200);
    let (finish, end) = oneshot::channel();
    let running = tokio::spawn(async move { busy.send(half_sent(21, end)).await });
    until(|| bench.door.open_requests() == 1).await;

    let closed = tokio::spawn(bench.door.close());
    assert_eq!(socket.end().await.1, Some(1001));
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    finish.send(()).unwrap();
    assert_eq!(running.await.unwrap().unwrap().body, json!({ "number": 42 }));
    assert_eq!(closed.await.unwrap().cut, 0);
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_when_the_time_to_drain_is_over() {
    let bench = Bench::open(|settings| settings.drain = SHORT).await;
    let mut busy = bench.client().await;
    let (_never, end) = oneshot::channel();
    let running = tokio::spawn(async move { busy.send(half_sent(1, end)).await.is_err() });
    until(|| bench.door.open_requests() == 1).await;
    assert_eq!(bench.door.close().await.cut, 1);
    assert!(running.await.unwrap());
}
