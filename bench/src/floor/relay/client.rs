//! The sketch's clients. They must never be the slower side, so each sends one datagram that was sealed before the run, and
//! only one answer in a few is opened.

use super::datagram::{HEAD_BYTES, Sealer, client_of, datagram_bytes, key, split, write_head};
use crate::load::generator::{Outcome, Phase, Shared};
use crate::scenario::Scenario;
use core_affinity::CoreId;
use ringshard_link::socket::Socket;
use ringshard_link::uring::{Ring, UringLink};
use ringshard_protocol::crypto::{AeadKey, Suite};
use ringshard_protocol::link::{Link, Path, Wait};
use ringshard_protocol::time::{Duration, Instant};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// Answers per one that is opened.
const PER_OPENED: u64 = 256;
/// When a datagram in flight counts as lost, and its client sends again.
const GIVEN_UP_AFTER: Duration = Duration::from_millis(500);
const RECEIVE_BUDGET: usize = 4096;

/// Starts the clients of the scenario in a thread of their own.
pub fn start(scenario: &Scenario, server: SocketAddr, shared: &Arc<Shared>) -> JoinHandle<Result<Outcome, String>> {
    let (scenario, shared) = (scenario.clone(), shared.clone());
    std::thread::spawn(move || {
        core_affinity::set_for_current(CoreId { id: scenario.client_cpus[0] });
        let sockets: Result<Vec<_>, _> = (0..scenario.sockets).map(|_| Socket::connect(server)).collect();
        let ring = Ring::open().map_err(|error| error.to_string())?;
        let link =
            UringLink::new(ring, sockets.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
        Clients::new(&scenario, server, link).run(&shared)
    })
}

struct Clients {
    link: UringLink,
    server: SocketAddr,
    per_socket: usize,
    /// Their datagrams, one behind the other.
    datagrams: Vec<u8>,
    datagram_bytes: usize,
    /// When each sent; None: nothing is in flight.
    sent_at: Vec<Option<Instant>>,
    /// Under which the server seals.
    keys: Vec<AeadKey>,
    /// Clients whose answer has arrived.
    ready: Vec<usize>,
    swept_at: Instant,
    measured_since: Option<Instant>,
    answers: u64,
    bad_answers: u64,
    outcome: Outcome,
}

impl Clients {
    fn new(scenario: &Scenario, server: SocketAddr, mut link: UringLink) -> Self {
        let suite = scenario.cipher.suite();
        let datagram_bytes = datagram_bytes(scenario.payload_bytes);
        let mut datagrams = vec![0xA5; datagram_bytes * scenario.clients];
        for (client, datagram) in datagrams.chunks_exact_mut(datagram_bytes).enumerate() {
            seal_first(suite, client, datagram);
        }
        Clients {
            swept_at: link.now(),
            link,
            server,
            per_socket: scenario.clients.div_ceil(scenario.sockets),
            datagrams,
            datagram_bytes,
            sent_at: vec![None; scenario.clients],
            keys: (0..scenario.clients).map(|client| key(suite, client, Sealer::Server)).collect(),
            ready: (0..scenario.clients).collect(),
            measured_since: None,
            answers: 0,
            bad_answers: 0,
            outcome: Outcome::new(),
        }
    }

    fn run(mut self, shared: &Shared) -> Result<Outcome, String> {
        shared.connected.fetch_add(self.sent_at.len() as u64, Ordering::Relaxed);
        loop {
            let (phase, now) = (shared.phase(), self.link.now());
            if phase == Phase::Stop {
                break;
            }
            if phase == Phase::Measure {
                self.measured_since.get_or_insert(now);
            }
            let answered = self.receive(now);
            shared.received.fetch_add(answered, Ordering::Relaxed);
            self.give_up_lost(now);
            if matches!(phase, Phase::WarmUp | Phase::Measure) {
                self.send(now, phase == Phase::Measure);
            }
            let until = now + Duration::from_millis(5);
            self.link.park(Wait { until, gather: Duration::from_micros(100), enough: 32 });
        }
        match self.bad_answers {
            0 => Ok(self.outcome),
            bad => Err(format!("{bad} answers do not open")),
        }
    }

    /// Takes the answers that have arrived; gives their number.
    fn receive(&mut self, now: Instant) -> u64 {
        let Clients { link, sent_at, keys, ready, measured_since, answers, bad_answers, outcome, .. } = self;
        let before = *answers;
        link.receive(RECEIVE_BUDGET, |mut arrival| {
            for index in 0..arrival.count() {
                let datagram = arrival.datagram(index);
                let Some(client) = client_of(datagram).filter(|&client| client < sent_at.len()) else { continue };
                let Some(sent) = sent_at[client].take() else { continue };
                if measured_since.is_some_and(|since| sent >= since) {
                    outcome.received += 1;
                    outcome.round_trip.saturating_record(now.since(sent).as_nanos() as u64);
                }
                *answers += 1;
                if answers.is_multiple_of(PER_OPENED) {
                    *bad_answers += u64::from(!opens(&keys[client], datagram));
                }
                ready.push(client);
            }
        });
        *answers - before
    }

    fn send(&mut self, now: Instant, measured: bool) {
        let Clients { link, server, per_socket, datagrams, datagram_bytes: len, sent_at, ready, outcome, .. } = self;
        let mut sent = 0;
        for &client in ready.iter() {
            let path = Path::new((client / *per_socket) as u32, *server);
            let Some(room) = link.reserve(path, *len) else { break };
            room.copy_from_slice(&datagrams[client * *len..][..*len]);
            sent_at[client] = Some(now);
            sent += 1;
        }
        ready.drain(..sent);
        outcome.sent += if measured { sent as u64 } else { 0 };
    }

    /// Clients whose datagram or answer was lost send again.
    fn give_up_lost(&mut self, now: Instant) {
        if now.since(self.swept_at) < GIVEN_UP_AFTER / 5 {
            return;
        }
        self.swept_at = now;
        for (client, sent_at) in self.sent_at.iter_mut().enumerate() {
            if sent_at.take_if(|sent_at| now.since(*sent_at) >= GIVEN_UP_AFTER).is_some() {
                self.ready.push(client);
            }
        }
    }
}

/// Seals a client's only datagram.
fn seal_first(suite: Suite, client: usize, datagram: &mut [u8]) {
    let (head, body) = split(datagram).expect("a datagram has a head and a tag");
    write_head(head, client, 1);
    key(suite, client, Sealer::Client).seal(*head, head, body);
}

fn opens(key: &AeadKey, datagram: &mut [u8]) -> bool {
    split(datagram).is_some_and(|(head, sealed)| key.open(*head, &head[..HEAD_BYTES], sealed).is_ok())
}
