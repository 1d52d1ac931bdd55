//! The generator: one thread that never sleeps. A request is due at a fixed time, whether or not others are answered; its latency
//! counts from that time.

use crate::fleet;
use hdrhistogram::Histogram;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Connections that stay.
const CONNECTIONS: usize = 200;
/// Different requests.
const REQUESTS: u32 = 3_000;
/// Time to wait for the last answers.
const LAST: Duration = Duration::from_secs(2);

pub(crate) struct Outcome {
    pub(crate) asked: u64,
    /// Answers that are no host.
    pub(crate) wrong: u64,
    /// Of all answers, in nanoseconds.
    pub(crate) latency: Histogram<u64>,
    /// From the first request to the last answer.
    pub(crate) time: Duration,
}

impl Outcome {
    pub(crate) fn rate(&self) -> f64 {
        self.latency.len() as f64 / self.time.as_secs_f64().max(1e-9)
    }
}

struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
    due: Instant,
}

/// Asks `rate` times per second, for a time.
pub(crate) fn run(to: SocketAddr, rate: u32, time: Duration) -> Outcome {
    let requests: Vec<Vec<u8>> = (0..REQUESTS).map(request).collect();
    let mut connections: Vec<Connection> = (0..CONNECTIONS).map(|_| connect(to)).collect();
    let mut idle: Vec<usize> = (0..CONNECTIONS).collect();
    let mut busy: Vec<usize> = Vec::new();
    let count = u64::from(rate) * time.as_secs();
    let every = Duration::from_secs(1) / rate;
    let mut outcome = Outcome {
        asked: 0,
        wrong: 0,
        latency: Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are sound"),
        time: Duration::ZERO,
    };
    let began = Instant::now();
    while (outcome.asked < count || !busy.is_empty()) && began.elapsed() < time + LAST {
        let due = began + every * outcome.asked as u32;
        if outcome.asked < count
            && Instant::now() >= due
            && let Some(number) = idle.pop()
        {
            let connection = &mut connections[number];
            connection.due = due;
            let request = &requests[outcome.asked as usize % requests.len()];
            connection.stream.write_all(request).expect("a request fits the socket");
            busy.push(number);
            outcome.asked += 1;
        }
        busy.retain(|number| {
            let connection = &mut connections[*number];
            let Some(is_host) = connection.read() else { return true };
            outcome.wrong += u64::from(!is_host);
            outcome.latency.saturating_record(connection.due.elapsed().as_nanos() as u64);
            outcome.time = began.elapsed();
            idle.push(*number);
            false
        });
    }
    outcome
}

fn request(number: u32) -> Vec<u8> {
    let path = fleet::path(number, 20);
    // Any address but those that are for special purposes.
    let address = std::net::Ipv4Addr::from_bits(0x0100_0000 + number.wrapping_mul(0x9e37_79b9) % 0xd000_0000);
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: {address}\r\n\r\n").into_bytes()
}

fn connect(to: SocketAddr) -> Connection {
    let stream = TcpStream::connect(to).expect("the balancer listens");
    stream.set_nodelay(true).expect("the option exists");
    stream.set_nonblocking(true).expect("the option exists");
    Connection { stream, answer: Vec::new(), due: Instant::now() }
}

impl Connection {
    /// Whether the answer has a host. None: it is not there yet.
    fn read(&mut self) -> Option<bool> {
        let mut bytes = [0; 4_096];
        match self.stream.read(&mut bytes) {
            Ok(0) => panic!("the balancer closed a connection: {}", String::from_utf8_lossy(&self.answer)),
            Ok(read) => self.answer.extend_from_slice(&bytes[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("a connection failed: {error}"),
        }
        let text = str::from_utf8(&self.answer).expect("answers are text");
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("answers have a length").parse().expect("a length is a number");
        if body.len() < length {
            return None;
        }
        let is_host = head.starts_with("HTTP/1.1 200 ");
        self.answer.clear();
        Some(is_host)
    }
}
