//! Load on a login door: a storm of logins from many addresses, or calls of an action over HTTPS.
//!
//! ```text
//! cargo run --release -p ringshard-services --example door-load -- ADDRESS CERTIFICATE storm LOGINS ADDRESSES THREADS
//! cargo run --release -p ringshard-services --example door-load -- ADDRESS CERTIFICATE calls THREADS SECONDS PATH JSON
//! ```
//! The storm logs in as `player-N@example.com`, N from 0 on, with the password `correct horse battery`, each from an address
//! 127.1.0.0/16. A login that gets a time to wait waits so long and tries again.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use socket2::{Domain, Socket, Type};
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

type Stream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// The door, and how to trust it.
#[derive(Clone)]
struct Door {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
}

impl Door {
    fn new(address: &str, certificate: &str) -> Result<Door, Box<dyn Error>> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate)?)?;
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Door { address: address.parse()?, tls: Arc::new(tls) })
    }

    fn connect(&self, from: Option<SocketAddr>) -> Result<Stream, Box<dyn Error>> {
        let socket = Socket::new(Domain::for_address(self.address), Type::STREAM, None)?;
        if let Some(from) = from {
            socket.bind(&from.into())?;
        }
        socket.connect(&self.address.into())?;
        let tls = ClientConnection::new(self.tls.clone(), ServerName::try_from("localhost")?)?;
        Ok(BufReader::new(StreamOwned::new(tls, socket.into())))
    }
}

/// Posts JSON; gives the status and the body of the answer.
fn post(stream: &mut Stream, path: &str, body: &str) -> Result<(u16, String), Box<dyn Error>> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.get_mut().write_all(request.as_bytes())?;
    let (mut line, mut length, mut status) = (String::new(), 0, 0);
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err("the door has closed the connection".into());
        }
        let header = line.trim_end().to_ascii_lowercase();
        if let Some(rest) = header.strip_prefix("http/1.1 ") {
            status = rest.split(' ').next().unwrap_or_default().parse()?;
        } else if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        } else if header.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((status, String::from_utf8(body)?))
}

#[derive(Default)]
struct Tally {
    next: AtomicU64,
    waits: AtomicU64,
    failed: AtomicU64,
    times: Mutex<Vec<Duration>>,
}

fn storm(door: &Door, logins: u64, addresses: u64, threads: usize) {
    let (tally, began) = (Tally::default(), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = tally.next.fetch_add(1, Ordering::Relaxed);
                    if number >= logins {
                        return;
                    }
                    if let Err(error) = log_in(door, number, addresses, &tally) {
                        tally.failed.fetch_add(1, Ordering::Relaxed);
                        eprintln!("login {number}: {error}");
                    }
                }
            });
        }
    });
    print(&tally, "logins", began.elapsed());
    println!("told to wait {} times, failed {}", tally.waits.into_inner(), tally.failed.into_inner());
}

fn log_in(door: &Door, number: u64, addresses: u64, tally: &Tally) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let host = number % addresses;
    let from = SocketAddr::from(([127, 1, (host / 250) as u8, (host % 250 + 1) as u8], 0));
    let body = format!("{{\"email\":\"player-{number}@example.com\",\"password\":\"correct horse battery\"}}");
    loop {
        // A refused connection carries no answer: the login tries again, as a browser would.
        let answer = door.connect(Some(from)).and_then(|mut stream| post(&mut stream, "/v1/login", &body));
        let wait = match answer {
            Ok((200, _)) => break,
            Ok((429 | 503, body)) => wait_of(&body).unwrap_or(1_000),
            Ok((status, body)) => return Err(format!("{status} {body}").into()),
            Err(_) if began.elapsed() < Duration::from_secs(600) => 500,
            Err(error) => return Err(error),
        };
        tally.waits.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(wait));
    }
    tally.times.lock().expect("no thread panics").push(began.elapsed());
    Ok(())
}

fn wait_of(body: &str) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(body).ok()?.get("wait_ms")?.as_u64()
}

fn calls(door: &Door, threads: usize, time: Duration, path: &str, body: &str) {
    let (tally, began) = (Tally::default(), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut stream = door.connect(None).expect("the door is open");
                let mut times = Vec::new();
                while began.elapsed() < time {
                    let asked = Instant::now();
                    match post(&mut stream, path, body).expect("the door answers") {
                        (200, _) => times.push(asked.elapsed()),
                        (429 | 503, _) => _ = tally.waits.fetch_add(1, Ordering::Relaxed),
                        (status, body) => panic!("{status} {body}"),
                    }
                }
                tally.times.lock().expect("no thread panics").extend(times);
            });
        }
    });
    print(&tally, "calls", began.elapsed());
    println!("refused {}", tally.waits.into_inner());
}

fn print(tally: &Tally, what: &str, time: Duration) {
    let mut times = tally.times.lock().expect("no thread panics").clone();
    times.sort_unstable();
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or_default();
    let rate = times.len() as f64 / time.as_secs_f64();
    println!("{} {what} in {time:.1?}: {rate:.0}/s, p50 {:.1?}, p99 {:.1?}", times.len(), at(0.5), at(0.99));
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [address, certificate, "storm", logins, addresses, threads] => {
            storm(&Door::new(address, certificate)?, logins.parse()?, addresses.parse()?, threads.parse()?);
        }
        [address, certificate, "calls", threads, seconds, path, body] => {
            let time = Duration::from_secs(seconds.parse()?);
            calls(&Door::new(address, certificate)?, threads.parse()?, time, path, body);
        }
        _ => return Err("see the head of this file for the arguments".into()),
    }
    Ok(())
}
