//! Clients that join during the flood, all from one address.

use super::addresses::JOINER_ADDRESS;
use crate::load::peer::{Peer, Transport};
use core_affinity::CoreId;
use ringshard::runtime::entropy::random_bytes;
use ringshard_link::mmsg::MmsgLink;
use ringshard_link::socket::Socket;
use ringshard_link::uring::{Ring, UringLink};
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent};
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::link::{Link, Path, Wait};
use ringshard_protocol::time::{Duration, Instant};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// The longest that they run if they are not stopped.
const LIFE_MAX: Duration = Duration::from_secs(4000);
/// Maximum time between two rounds.
const LOOK: Duration = Duration::from_millis(1);
/// How often they check whether to stop before they begin.
const WAIT: Duration = Duration::from_millis(20);
/// How long arrivals are batched.
const GATHER: Duration = Duration::from_micros(100);
/// Minimum datagrams to receive before sending. With more joiners, one each.
const RECEIVE_BUDGET: usize = 256;

/// Clients that join during a flood.
pub struct Joiners {
    shared: Arc<Shared>,
    thread: JoinHandle<Result<Joined, String>>,
}

#[derive(Default)]
struct Shared {
    /// Clients that have joined and heard from the server, or have failed.
    settled: AtomicUsize,
    stop: AtomicBool,
}

/// What became of them.
#[derive(Debug, Default)]
pub struct Joined {
    /// Join times, fastest first.
    pub times: Vec<Duration>,
    /// Clients that joined and lost their connection.
    pub lost: usize,
    /// Why the first client that failed did.
    pub why: Option<String>,
}

impl Joined {
    /// Clients that joined and stayed.
    pub fn joined(&self) -> usize {
        self.times.len() - self.lost
    }

    pub fn median(&self) -> Option<Duration> {
        self.times.get(self.times.len() / 2).copied()
    }

    pub fn slowest(&self) -> Option<Duration> {
        self.times.last().copied()
    }
}

impl Joiners {
    /// Starts `count` clients that connect at `begin`, each from its own port. Their keys are made before, as real
    /// clients have their own CPUs for that.
    pub fn start(server: SocketAddr, key: PublicKey, count: usize, cpu: usize, begin: std::time::Instant) -> Self {
        let shared = Arc::new(Shared::default());
        let ours = shared.clone();
        let thread = std::thread::spawn(move || {
            core_affinity::set_for_current(CoreId { id: cpu });
            if count == 0 {
                return Ok(Joined::default());
            }
            let sockets = (0..count).map(|_| Socket::listen((JOINER_ADDRESS, 0).into(), false));
            let sockets = sockets.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
            match Ring::open() {
                Ok(ring) => {
                    let link = UringLink::new(ring, sockets).map_err(|error| error.to_string())?;
                    Ok(Driver::new(link, server, key, count, begin).run(&ours))
                }
                Err(_) => {
                    let link = MmsgLink::new(sockets).map_err(|error| error.to_string())?;
                    Ok(Driver::new(link, server, key, count, begin).run(&ours))
                }
            }
        });
        Joiners { shared, thread }
    }

    /// Clients that have joined and heard from the server, or have failed.
    pub fn settled(&self) -> usize {
        self.shared.settled.load(Ordering::Relaxed)
    }

    /// Disconnects all clients.
    pub fn dismiss(self) -> Result<Joined, String> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the joiners' thread panicked")?
    }
}

struct Joiner {
    peer: Peer,
    joined_after: Option<Duration>,
    closed: bool,
}

impl Joiner {
    /// Whether the client is connected and has received an encrypted datagram. Only that proves that the server has
    /// received the client's.
    fn has_heard_server(&self) -> bool {
        match &self.peer.transport {
            Transport::Protocol(client) => client.connection().is_some_and(|session| session.stats.datagrams_in > 0),
            Transport::Plain => false,
        }
    }
}

/// Drives all of them.
struct Driver<L> {
    link: L,
    joiners: Vec<Joiner>,
    begin: Instant,
    why: Option<String>,
}

impl<L: Link> Driver<L> {
    fn new(mut link: L, server: SocketAddr, key: PublicKey, count: usize, begin: std::time::Instant) -> Self {
        let begin = link.now() + begin.saturating_duration_since(std::time::Instant::now());
        let joiners = (0..count as u32)
            .map(|socket| {
                // It does not reconnect by itself.
                let client =
                    Client::new(ClientConfig::new(key), begin, random_bytes()).expect("the server's key is valid");
                let path = Path::new(socket, server);
                let peer = Peer { transport: Transport::Protocol(client), path, in_flight: 0, last_sent: begin };
                Joiner { peer, joined_after: None, closed: false }
            })
            .collect();
        Driver { link, joiners, begin, why: None }
    }

    fn run(mut self, shared: &Shared) -> Joined {
        while !shared.stop.load(Ordering::Relaxed) {
            let now = self.link.now();
            if now < self.begin {
                self.link.park(Wait { until: self.begin.min(now + WAIT), gather: Duration::ZERO, enough: 1 });
                continue;
            }
            if now.since(self.begin) > LIFE_MAX {
                break;
            }
            self.receive(now);
            self.advance();
            let settled = self.joiners.iter().filter(|joiner| joiner.closed || joiner.has_heard_server()).count();
            shared.settled.store(settled, Ordering::Relaxed);
            self.link.park(Wait { until: now + LOOK, gather: GATHER, enough: 8 });
        }
        self.finish()
    }

    fn receive(&mut self, now: Instant) {
        let Driver { link, joiners, .. } = self;
        link.receive(RECEIVE_BUDGET.max(joiners.len()), |mut arrival| {
            let Some(joiner) = joiners.get_mut(arrival.path.socket as usize) else { return };
            let Transport::Protocol(client) = &mut joiner.peer.transport else { return };
            for index in 0..arrival.count() {
                client.receive(now, arrival.datagram(index));
            }
        });
    }

    fn advance(&mut self) {
        let Driver { link, joiners, begin, why } = self;
        for joiner in joiners {
            let now = link.now();
            joiner.peer.advance(now, link);
            while let Some(event) = joiner.peer.poll_event() {
                match event {
                    ClientEvent::Connected { .. } => joiner.joined_after = Some(now.since(*begin)),
                    ClientEvent::Moved { .. } => {}
                    ClientEvent::Closed(reason) | ClientEvent::Reconnecting(reason) => {
                        joiner.closed = true;
                        why.get_or_insert_with(|| reason.to_string());
                    }
                }
            }
        }
    }

    fn finish(mut self) -> Joined {
        let mut times: Vec<Duration> = self.joiners.iter().filter_map(|joiner| joiner.joined_after).collect();
        times.sort_unstable();
        let lost =
            self.joiners.iter().filter(|joiner| joiner.joined_after.is_some() && !joiner.has_heard_server()).count();
        let why = self.why.take().filter(|_| lost > 0 || times.len() < self.joiners.len());
        for joiner in &mut self.joiners {
            if let Transport::Protocol(client) = &mut joiner.peer.transport {
                client.disconnect();
            }
        }
        self.advance();
        self.link.submit();
        Joined { times, lost, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_lost_their_connection_have_not_joined() {
        let times: Vec<Duration> = (1..=5).map(Duration::from_secs).collect();
        let joined = Joined { times, lost: 2, why: None };
        assert_eq!(joined.joined(), 3);
        assert_eq!(joined.median(), Some(Duration::from_secs(3)));
        assert_eq!(joined.slowest(), Some(Duration::from_secs(5)));
        assert_eq!(Joined::default().median(), None);
    }
}
