//! One thread of the generator.

use super::outcome::Outcome;
use super::pace::Pace;
use super::shared::{Phase, Shared};
use crate::load::peer::{MessageHeader, Peer, Transport};
use crate::load::peer_table::PeerTable;
use crate::scenario::Scenario;
use ringshard::runtime::entropy::random_bytes;
use ringshard_link::conditioned::ConditionedLink;
use ringshard_link::conditions::NetworkSpec;
use ringshard_prefetch::prefetch;
use ringshard_protocol::client::{Client, ClientConfig, ClientEvent};
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::link::{Link, Path, Wait};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Header;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Maximum number of clients per thread in the handshake.
const CONNECTING_MAX: usize = 256;
/// When a message in flight is given up and the next one is sent.
const GIVEN_UP_AFTER: Duration = Duration::from_millis(500);
/// Time in which every peer's timers are checked once.
const SWEEP: Duration = Duration::from_millis(100);
/// Minimum datagrams to receive before sending again.
const RECEIVE_BUDGET: usize = 256;
/// If more was sent in a round, the next round receives this many times as many datagrams. So the backlog of answers
/// shrinks however far the generator is behind.
const RECEIVED_PER_SENT: usize = 2;
/// Datagrams that a thread's simulated network holds, each way: 0.1 s at 600,000 packets/s.
const HELD_MAX: usize = 65_536;
/// How long arrivals are batched.
const GATHER: Duration = Duration::from_micros(100);

/// One thread's share of the load.
pub struct Share<'a> {
    pub scenario: &'a Scenario,
    pub thread: usize,
    pub server: SocketAddr,
    pub key: Option<PublicKey>,
    pub clients: usize,
    pub shared: Arc<Shared>,
}

impl Share<'_> {
    /// Runs over the link itself, or over the simulated network.
    pub fn drive(self, link: impl Link) -> Outcome {
        let Some(network) = self.scenario.network else { return Generator::new(link, self).run().0 };
        // Threads draw different losses.
        let seed = network.seed.wrapping_add(self.thread as u64);
        let link = ConditionedLink::new(link, NetworkSpec { seed, ..network }, HELD_MAX);
        let (mut outcome, link) = Generator::new(link, self).run();
        outcome.network = link.conditioned_stats();
        outcome.health.dropped += outcome.network.not_held;
        outcome
    }
}

struct Generator<L> {
    link: L,
    key: Option<PublicKey>,
    shared: Arc<Shared>,
    peers: Vec<Peer>,
    /// Peers of one socket are consecutive.
    per_socket: usize,
    peer_table: PeerTable,
    /// Peers whose handshake has begun. The others follow as these complete.
    started: usize,
    connecting: Vec<u32>,
    connected: usize,
    failed: usize,
    pace: Pace,
    payload: Vec<u8>,
    swept_to: usize,
    swept_at: Instant,
    /// Headers of the answers of this round.
    answers: Vec<MessageHeader>,
    /// Messages sent in this round.
    sent: usize,
    /// The kernel's drops when the measurement began.
    dropped_before: Option<u64>,
    outcome: Outcome,
}

impl<L: Link> Generator<L> {
    fn new(mut link: L, share: Share<'_>) -> Self {
        let Share { scenario, server, key, clients, shared, .. } = share;
        let now = link.now();
        let threads = scenario.client_cpus.len().min(scenario.sockets);
        let sockets = scenario.sockets.div_ceil(threads).min(clients);
        let per_socket = clients.div_ceil(sockets);
        let pace = Pace::new(scenario, clients, clients.div_ceil(per_socket));
        let peers = (0..clients)
            .map(|peer| Peer {
                transport: Transport::Plain,
                path: Path::new((peer / per_socket) as u32, server),
                in_flight: 0,
                last_sent: now,
            })
            .collect();
        Generator {
            link,
            key,
            shared,
            peers,
            per_socket,
            peer_table: PeerTable::default(),
            started: 0,
            connecting: Vec::with_capacity(CONNECTING_MAX),
            connected: 0,
            failed: 0,
            pace,
            payload: vec![0xA5; scenario.payload_bytes],
            swept_to: 0,
            swept_at: now,
            answers: Vec::with_capacity(RECEIVE_BUDGET * 4),
            sent: 0,
            dropped_before: None,
            outcome: Outcome::new(),
        }
    }

    /// Runs until it is stopped. Returns the link.
    fn run(mut self) -> (Outcome, L) {
        loop {
            let phase = self.shared.phase();
            let now = self.link.now();
            self.note_drops(phase);
            self.receive(now, phase == Phase::Measure);
            self.connect(now);
            if self.connected + self.failed == self.peers.len() && matches!(phase, Phase::WarmUp | Phase::Measure) {
                self.send(phase == Phase::Measure);
            }
            self.sweep(now);
            if phase == Phase::Stop {
                self.disconnect_all();
                return (self.outcome, self.link);
            }
            let until = self.next_deadline();
            self.link.park(Wait { until, gather: GATHER, enough: 32 });
        }
    }

    /// Counts what the kernel dropped in the measured time.
    fn note_drops(&mut self, phase: Phase) {
        match (phase, self.dropped_before) {
            (Phase::Measure, None) => self.dropped_before = Some(self.link.stats().kernel_drops),
            (Phase::Drain | Phase::Stop, Some(before)) => {
                self.outcome.health.dropped = self.link.stats().kernel_drops.saturating_sub(before);
                self.dropped_before = None;
            }
            _ => {}
        }
    }

    /// Receives, and counts the answers.
    fn receive(&mut self, now: Instant, measured: bool) {
        let Generator { link, peers, peer_table, key, per_socket, answers, sent, outcome, .. } = self;
        answers.clear();
        let budget = RECEIVE_BUDGET.max(std::mem::take(sent) * RECEIVED_PER_SENT);
        link.receive(budget, |mut arrival| {
            if measured {
                outcome.health.note_read(now, &arrival);
            }
            let socket = arrival.path.socket as usize;
            let find = |datagram: &[u8]| match *per_socket {
                1 => Some(socket),
                _ => {
                    Header::decode(datagram).ok().and_then(|header| peer_table.find(&header)).map(|peer| peer as usize)
                }
            };
            for index in 0..arrival.count() {
                if key.is_none() {
                    answers.extend(MessageHeader::read(arrival.datagram(index)));
                    continue;
                }
                if let Some(ahead) = arrival.peek(index + 3).and_then(find).and_then(|peer| peers.get(peer)) {
                    prefetch(ahead);
                }
                let datagram = arrival.datagram(index);
                let Some(peer) = find(datagram).and_then(|peer| peers.get_mut(peer)) else { continue };
                if let Transport::Protocol(client) = &mut peer.transport
                    && let Some(messages) = client.receive(now, datagram)
                {
                    answers.extend(messages.filter_map(|message| MessageHeader::read(message.bytes)));
                }
            }
        });
        if self.answers.is_empty() {
            return;
        }
        let handled_at = self.link.now();
        let mut measured = 0;
        for stamp in &self.answers {
            if stamp.measured {
                measured += 1;
                self.outcome.round_trip.saturating_record(handled_at.since(stamp.intended).as_nanos() as u64);
            }
            let Some(peer) = self.peers.get_mut(stamp.sender as usize) else { continue };
            peer.in_flight = peer.in_flight.saturating_sub(1);
            if let Pace::Window { ready, .. } = &mut self.pace {
                ready.push(stamp.sender);
            }
        }
        self.outcome.received += measured;
        self.shared.received.fetch_add(self.answers.len() as u64, Ordering::Relaxed);
    }

    /// Starts handshakes, a few at a time, and drives the running ones.
    fn connect(&mut self, now: Instant) {
        if self.connected + self.failed == self.peers.len() {
            return;
        }
        let Some(key) = self.key else {
            self.connected = self.peers.len();
            self.shared.connected.fetch_add(self.connected as u64, Ordering::Relaxed);
            self.begin_sending();
            return;
        };
        while self.started < self.peers.len() && self.connecting.len() < CONNECTING_MAX {
            let config = ClientConfig::new(key);
            let client = Client::new(config, now, random_bytes()).expect("the server's key is valid");
            self.peer_table.by_tag.insert(client.handshake_tag(), self.started as u32);
            let peer = &mut self.peers[self.started];
            peer.transport = Transport::Protocol(client);
            peer.advance(now, &mut self.link);
            self.connecting.push(self.started as u32);
            self.started += 1;
        }
        let mut connecting = std::mem::take(&mut self.connecting);
        connecting.retain(|&number| {
            let number = number as usize;
            let peer = &mut self.peers[number];
            if let Transport::Protocol(client) = &peer.transport
                && client.deadline() <= now
            {
                peer.advance(now, &mut self.link);
            }
            self.poll_events(now, number);
            matches!(&self.peers[number].transport, Transport::Protocol(client) if !client.is_connected() && !client.is_closed())
        });
        self.connecting = connecting;
        if self.connected + self.failed == self.peers.len() {
            self.begin_sending();
        }
    }

    fn begin_sending(&mut self) {
        let now = self.link.now();
        self.pace.begin(now, self.peers.len());
    }

    fn poll_events(&mut self, now: Instant, number: usize) {
        let peer = &mut self.peers[number];
        while let Some(event) = peer.poll_event() {
            match event {
                ClientEvent::Connected { id, .. } => {
                    self.peer_table.insert(id, number as u32);
                    self.connected += 1;
                    self.shared.connected.fetch_add(1, Ordering::Relaxed);
                    // Proves the keys to the server.
                    peer.advance(now, &mut self.link);
                }
                ClientEvent::Moved { .. } => {}
                ClientEvent::Closed(reason) | ClientEvent::Reconnecting(reason) => {
                    self.failed += 1;
                    self.shared.failed.fetch_add(1, Ordering::Relaxed);
                    self.outcome.closed.get_or_insert_with(|| reason.to_string());
                }
            }
        }
    }

    fn send(&mut self, measured: bool) {
        let now = self.link.now();
        match &mut self.pace {
            Pace::Scheduled { .. } => self.send_scheduled(now, measured),
            Pace::Window { .. } => self.send_window(now, measured),
        }
    }

    /// Sends for every socket that is due. If the link has no room, the next round continues there, with the same
    /// intended time.
    fn send_scheduled(&mut self, now: Instant, measured: bool) {
        loop {
            let Pace::Scheduled { next_socket, next_peer, .. } = self.pace else { return };
            let intended = self.pace.scheduled_at();
            if intended > now {
                return;
            }
            let end = ((next_socket + 1) * self.per_socket).min(self.peers.len());
            if measured {
                self.outcome.health.note_done(now, intended, end - next_socket * self.per_socket - next_peer);
            }
            for number in next_socket * self.per_socket + next_peer..end {
                self.look_ahead(Some(number + 4), Some(number + 2));
                if !self.send_one(now, intended, number, measured) {
                    if let Pace::Scheduled { next_peer, .. } = &mut self.pace {
                        *next_peer = number - next_socket * self.per_socket;
                    }
                    return;
                }
            }
            self.pace.next_socket();
        }
    }

    fn send_window(&mut self, now: Instant, measured: bool) {
        let Pace::Window { ready, each } = &mut self.pace else { return };
        let (each, mut batch) = (*each, std::mem::take(ready));
        let mut unsent = 0;
        for at in 0..batch.len() {
            let number = batch[at] as usize;
            let ahead = |distance| batch.get(at + distance).map(|&peer: &u32| peer as usize);
            self.look_ahead(ahead(4), ahead(2));
            if self.peers[number].in_flight >= each {
                continue;
            }
            if !self.send_one(now, now, number, measured) {
                batch.copy_within(at.., 0);
                unsent = batch.len() - at;
                break;
            }
        }
        batch.truncate(unsent);
        if let Pace::Window { ready, .. } = &mut self.pace {
            *ready = batch;
        }
    }

    /// Prefetches a peer that sends soon, and the frames of one that sends sooner.
    #[inline]
    fn look_ahead(&self, soon: Option<usize>, sooner: Option<usize>) {
        if let Some(peer) = soon.and_then(|number| self.peers.get(number)) {
            prefetch(peer);
        }
        if let Some(peer) = sooner.and_then(|number| self.peers.get(number)) {
            peer.prefetch_frames();
        }
    }

    #[inline]
    fn send_one(&mut self, now: Instant, intended: Instant, number: usize, measured: bool) -> bool {
        let peer = &mut self.peers[number];
        if let Transport::Protocol(client) = &peer.transport
            && !client.is_connected()
        {
            return true;
        }
        MessageHeader { intended, measured, sender: number as u32 }.write(&mut self.payload);
        if !peer.send(now, &self.payload, &mut self.link) {
            return false;
        }
        peer.in_flight += 1;
        peer.last_sent = now;
        self.sent += 1;
        self.outcome.sent += u64::from(measured);
        true
    }

    /// Checks a part of the peers: timers, answers to pings, lost messages.
    fn sweep(&mut self, now: Instant) {
        let elapsed = now.since(self.swept_at).as_nanos() as usize;
        let visits = (self.peers.len() * elapsed / SWEEP.as_nanos() as usize).min(self.peers.len());
        if visits == 0 {
            return;
        }
        self.swept_at = now;
        for _ in 0..visits {
            self.swept_to = (self.swept_to + 1) % self.peers.len();
            let number = self.swept_to;
            if number >= self.started && self.key.is_some() {
                continue;
            }
            self.peers[number].advance(now, &mut self.link);
            self.poll_events(now, number);
            let peer = &mut self.peers[number];
            if let Pace::Window { each, ready } = &mut self.pace
                && peer.in_flight > 0
                && now.since(peer.last_sent) >= GIVEN_UP_AFTER
            {
                peer.in_flight = 0;
                peer.last_sent = now;
                ready.extend((0..*each).map(|_| number as u32));
            }
        }
    }

    fn next_deadline(&mut self) -> Instant {
        let sweep = self.swept_at + Duration::from_millis(5);
        match &self.pace {
            Pace::Scheduled { .. } => self.pace.scheduled_at().min(sweep),
            Pace::Window { ready, .. } if !ready.is_empty() && self.connected + self.failed == self.peers.len() => {
                self.link.now() + Duration::from_micros(200)
            }
            Pace::Window { .. } => sweep,
        }
    }

    fn disconnect_all(&mut self) {
        let now = self.link.now();
        for peer in &mut self.peers {
            if let Transport::Protocol(client) = &mut peer.transport {
                client.disconnect();
                peer.advance(now, &mut self.link);
                self.link.submit();
            }
        }
        self.link.submit();
    }
}
