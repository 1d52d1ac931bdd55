//! Providers over HTTP that hang, refuse, redirect and give rubbish.

use super::tile;
use crate::tiles::{Remote, RemoteSettings, Secret, TileError, TileFormat, TileProvider};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

/// A server that answers each request with what `answer` says, and keeps the requests.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&requests), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), kept, answer) = (stream, Arc::clone(&kept), Arc::clone(&answer)) else { return };
                std::thread::spawn(move || serve(stream, &kept, &*answer));
            }
        });
        Server { address, requests }
    }

    fn provider(&self) -> Remote {
        let mut settings = RemoteSettings::new(format!("{}/{{z}}/{{x}}/{{y}}.png", self.address), TileFormat::Png);
        settings.token = Some(Secret("hush".into()));
        settings.timeout = Duration::from_millis(400);
        Remote::new(&settings).unwrap()
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<String>>, answer: &dyn Fn(&str) -> Option<Vec<u8>>) {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
    }
    kept.lock().unwrap().push(request.clone());
    match answer(&request) {
        Some(bytes) => drop(reader.get_mut().write_all(&bytes)),
        None => std::thread::sleep(Duration::from_secs(2)),
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_tile_is_fetched_with_the_token() {
    let server = Server::new(|_| Some(answer("200 OK", "", PNG)));
    let found = server.provider().fetch(tile(5, 3, 9)).await.unwrap().unwrap();
    assert_eq!(&found[..], PNG);
    let request = server.requests.lock().unwrap().remove(0);
    assert!(request.starts_with("GET /5/3/9.png HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains("authorization: bearer hush\r\n"), "{request}");
}

#[tokio::test]
async fn each_answer_that_is_no_tile_has_its_end() {
    let big = vec![b'x'; crate::tiles::TILE_BYTES_MAX + 1];
    let absent = [answer("404 Not Found", "", b"no"), answer("204 No Content", "", b"")];
    for bytes in absent {
        let server = Server::new(move |_| Some(bytes.clone()));
        assert_eq!(server.provider().fetch(tile(1, 0, 0)).await, Ok(None));
    }
    let wrong = [
        (answer("200 OK", "", b"<html>sorry</html>"), 500, "that is no Png tile"),
        (answer("200 OK", "", b""), 500, "that is no Png tile"),
        (answer("200 OK", "", &big), 500, "more than 4194304 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n\x89PNG\r\n\x1a\n".to_vec(), 503, "stops in the middle"),
        (b"rubbish\r\n\r\n".to_vec(), 503, "does not answer"),
        (b"".to_vec(), 503, "does not answer"),
        (answer("500 Oops", "", b""), 503, "answers with status 500"),
        (answer("401 No", "", b""), 503, "refuses the token: status 401"),
        (answer("302 Found", "Location: http://127.0.0.1:1/elsewhere\r\n", b""), 503, "does not answer"),
        (answer("302 Found", "Location: /again\r\n", b""), 503, "the provider of tiles"),
    ];
    for (bytes, status, reason) in wrong {
        let server = Server::new(move |_| Some(bytes.clone()));
        let error = server.provider().fetch(tile(1, 0, 0)).await.unwrap_err();
        assert!(error.status() == status && error.to_string().contains(reason), "{reason}: {error:?}");
        assert!(!error.to_string().contains("hush"));
    }
}

#[tokio::test]
async fn a_provider_that_hangs_is_given_up_and_then_left_alone() {
    let server = Server::new(|_| None);
    let provider = Arc::new(server.provider());
    let began = Instant::now();
    let asked: Vec<_> = (0..8)
        .map(|x| {
            let provider = Arc::clone(&provider);
            tokio::spawn(async move { provider.fetch(tile(5, x, 0)).await })
        })
        .collect();
    for answer in asked {
        assert!(matches!(answer.await.unwrap(), Err(TileError::NotNow { .. })));
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let asked = server.requests.lock().unwrap().len();
    let error = provider.fetch(tile(5, 9, 0)).await.unwrap_err();
    assert!(error.to_string().contains("out of order") && error.wait().is_some(), "{error}");
    assert_eq!(server.requests.lock().unwrap().len(), asked, "the breaker is open");
}

#[tokio::test]
async fn a_provider_says_when_to_come_again() {
    let server = Server::new(|_| Some(answer("429 Too Many Requests", "Retry-After: 7\r\n", b"")));
    let provider = server.provider();
    let error = provider.fetch(tile(1, 0, 0)).await.unwrap_err();
    assert_eq!((error.status(), error.wait()), (503, Some(Duration::from_secs(7))));
    let wait = provider.fetch(tile(1, 1, 0)).await.unwrap_err().wait().unwrap();
    assert!(wait > Duration::from_secs(5) && wait <= Duration::from_secs(7), "{wait:?}");
    assert_eq!(server.requests.lock().unwrap().len(), 1);
}
