//! Players who talk directly (PROTOCOL.md#peers): a STUN server, and a relay for those who find no direct path. Both share one
//! UDP port and one thread. The relay needs the gateway key, under which the game's server makes tickets.
//!
//! A socket at the IPv6 wildcard address takes IPv4, too, as IPv4-mapped addresses. STUN and the relay see none of these: each
//! host has one address for them, whichever family it is of.

use crate::clock::Clock;
use crate::counters::Counters;
use crate::limits::{Limits, arrivals, network_of};
use crate::settings::Settings;
use ringshard_operation::admission::Arrivals;
use ringshard_peer::limits::RELAY_BYTES_MAX;
use ringshard_peer::relay::{self, Relay, RelayLimits, RelayStats};
use ringshard_peer::stun;
use ringshard_protocol::gateway::GatewayKey;
use ringshard_protocol::time::Instant;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, UNIX_EPOCH};

/// Room for every datagram that can be carried, and more: a longer one is cut and dropped.
const DATAGRAM_BYTES: usize = 2_048;
/// How long the thread waits for a datagram before it looks whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(250);
/// STUN requests and Registers of one network per second. Ten times as many may come at once.
const REQUESTS_PER_SECOND: u32 = 20;
/// Datagrams after which the counters are brought up to date.
const COUNT_EVERY: u32 = 64;

/// The running thread. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Peers {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread and others tell each other.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    stops: AtomicBool,
    drains: AtomicBool,
    channels: AtomicUsize,
}

impl Shared {
    /// No Register is answered any more. Channels go on until their time is over, at most a minute: their owners notice, and
    /// their guests keep their path meanwhile.
    pub(crate) fn drain(&self) {
        self.drains.store(true, Ordering::Relaxed);
    }

    /// Channels of the relay.
    pub(crate) fn channels(&self) -> usize {
        self.channels.load(Ordering::Relaxed)
    }
}

impl Peers {
    /// Starts the thread on a bound socket.
    pub(crate) fn start(
        socket: UdpSocket,
        settings: &Settings,
        limits: Arc<Limits>,
        counters: Arc<Counters>,
    ) -> io::Result<Peers> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let address = socket.local_addr()?;
        let relay = settings.key.as_ref().map(relay).transpose()?;
        let shared = Arc::new(Shared::default());
        let work = Work {
            socket,
            is_ipv6: address.is_ipv6(),
            relay,
            arrivals: arrivals(REQUESTS_PER_SECOND),
            limits,
            counters,
            counted: RelayStats::default(),
            uncounted: 0,
            clock: Clock::start(),
            shared: Arc::clone(&shared),
        };
        let thread = thread::Builder::new().name("gateway-peers".to_owned()).spawn(move || work.run())?;
        Ok(Peers { address, shared, thread: Some(thread) })
    }

    /// What others can ask of the thread.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The address of the port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn relay(key: &GatewayKey) -> io::Result<Relay> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Relay::new(vec![key.clone()], RelayLimits::default(), secret))
}

/// The address without the form in which an IPv6 socket shows IPv4.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

struct Work {
    socket: UdpSocket,
    /// Whether the socket sends to IPv6 addresses alone, IPv4-mapped ones included.
    is_ipv6: bool,
    relay: Option<Relay>,
    arrivals: Arrivals,
    limits: Arc<Limits>,
    counters: Arc<Counters>,
    /// What of the relay's counters the gateway's have already.
    counted: RelayStats,
    uncounted: u32,
    clock: Clock,
    shared: Arc<Shared>,
}

impl Work {
    fn run(mut self) {
        let mut datagram = [0; DATAGRAM_BYTES];
        let mut out = [0; DATAGRAM_BYTES + RELAY_BYTES_MAX];
        while !self.shared.stops.load(Ordering::Relaxed) {
            match self.socket.recv_from(&mut datagram) {
                Ok((len, from)) if len < DATAGRAM_BYTES => self.take(canonical(from), &datagram[..len], &mut out),
                Ok(_) => self.counters.peers_invalid.add(1),
                Err(_) => self.count(),
            }
        }
    }

    fn take(&mut self, from: SocketAddr, datagram: &[u8], out: &mut [u8]) {
        let is_relayed = relay::is_relayed(datagram);
        if (!is_relayed || relay::is_register(datagram)) && !self.admits(from) {
            return;
        }
        let answer = if is_relayed { self.relay(from, datagram, out) } else { self.stun(from, datagram, out) };
        if let Some((to, len)) = answer
            && self.socket.send_to(&out[..len], self.for_socket(to)).is_err()
        {
            self.counters.peers_unsent.add(1);
        }
    }

    /// The address in the form that the socket takes.
    fn for_socket(&self, to: SocketAddr) -> SocketAddr {
        match to.ip() {
            IpAddr::V4(ip) if self.is_ipv6 => SocketAddr::new(ip.to_ipv6_mapped().into(), to.port()),
            _ => to,
        }
    }

    /// Whether a request of this address is answered.
    fn admits(&mut self, from: SocketAddr) -> bool {
        let ip = from.ip();
        if self.limits.denies(ip) || !self.arrivals.arrive(network_of(ip), Duration::from_nanos(self.clock.now())) {
            self.counters.peers_limited.add(1);
            return false;
        }
        true
    }

    fn stun(&mut self, from: SocketAddr, datagram: &[u8], out: &mut [u8]) -> Option<(SocketAddr, usize)> {
        let answer = out.first_chunk_mut::<{ stun::ANSWER_BYTES_MAX }>().expect("the buffer is larger");
        let Some(len) = stun::answer(datagram, from, answer) else {
            self.counters.peers_invalid.add(1);
            return None;
        };
        self.counters.stun_answered.add(1);
        Some((from, len))
    }

    fn relay(&mut self, from: SocketAddr, datagram: &[u8], out: &mut [u8]) -> Option<(SocketAddr, usize)> {
        let Some(relay) = &mut self.relay else {
            self.counters.relay_refused.add(1);
            return None;
        };
        if relay::is_register(datagram) && self.shared.drains.load(Ordering::Relaxed) {
            self.counters.relay_refused.add(1);
            return None;
        }
        let unix = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
        let answer = relay.receive(Instant::from_nanos(self.clock.now()), unix, from, datagram, out);
        self.uncounted += 1;
        if self.uncounted >= COUNT_EVERY {
            self.count();
        }
        answer
    }

    /// Brings the gateway's counters up to date with the relay's.
    fn count(&mut self) {
        self.uncounted = 0;
        let Some(relay) = &mut self.relay else { return };
        relay.sweep(Instant::from_nanos(self.clock.now()));
        self.shared.channels.store(relay.channels(), Ordering::Relaxed);
        let (now, before) = (*relay.stats(), std::mem::replace(&mut self.counted, *relay.stats()));
        let counters = &self.counters;
        counters.relay_opened.add(now.opened - before.opened);
        counters.relay_closed.add(now.closed - before.closed);
        counters.relay_carried.add(now.carried - before.carried);
        counters.relay_carried_bytes.add(now.carried_bytes - before.carried_bytes);
        let refused = |stats: &RelayStats| stats.tickets_refused + stats.full;
        counters.relay_refused.add(refused(&now) - refused(&before));
        counters.relay_limited.add(now.limited - before.limited);
        let dropped = |stats: &RelayStats| stats.unknown + stats.malformed;
        counters.relay_dropped.add(dropped(&now) - dropped(&before));
    }
}
