//! Strangers: whoever has no connection yet.
//!
//! Receiving one only queues work in bounded queues; the work is done at the end of a flush, within its budget. A reply
//! is never larger than the Connect it answers, and each Connect gets one at most, so bytes out never exceed bytes in.

use super::buckets::{Bucket, Buckets, Rate};
use super::budget::Budget;
use super::fair_queue::FairQueue;
use super::observer::{Observer, show};
use super::offenders::{Offence, Offenders};
use super::policy::{Policy, customer, neighbours};
use super::resumption::{Resumption, Token};
use super::table::{Entry, Phase, Table};
use crate::connection::{Connection, ConnectionConfig, HeartbeatConfig, Role, TransportConfig, draw_secret};
use crate::crypto::noise::{MESSAGE_2_OVERHEAD_BYTES, Responder};
use crate::crypto::{CookieSigner, CookieVerdict, Csprng, PreSharedKey, PublicKey, SecretKey, Suite, Suites};
use crate::limits::*;
use crate::link::{Link, Path};
use crate::stats::{Drops, EndpointStats};
use crate::time::Instant;
use crate::wire::{
    Accepted, Connect, ConnectionId, ConnectionParameters, Cookie, Denied, DeniedReason, UnencryptedPacket,
    decode_unencrypted,
};
use core::hash::Hasher;
use rand_chacha::rand_core::Rng;
use std::collections::VecDeque;
use std::hash::DefaultHasher;

#[derive(Debug)]
pub(super) struct Strangers {
    random: Csprng,
    cookies: CookieSigner,
    secret: SecretKey,
    public: PublicKey,
    suites: Suites,
    pre_shared: Option<PreSharedKey>,
    heartbeat: HeartbeatConfig,
    transport: TransportConfig,
    shutting_down: bool,
    /// Answers to key exchanges: they go before all others, as most of the work for them is done.
    accepted: VecDeque<(Path, Reply)>,
    replies: FairQueue<(Path, Reply)>,
    handshakes: FairQueue<(Path, Connect)>,
    /// Clients of this flush for which no slot was free.
    unseated: VecDeque<(Path, Connect)>,
    /// Key exchanges that each address may still have; it has shown that it is there.
    exchanges_by_address: Buckets,
    /// How much nonsense may still come from each address.
    patience_by_address: Buckets,
    /// Key exchanges that may still be done.
    exchanges: Bucket,
    /// Until then, the key exchanges that wait must.
    held_back_until: Option<Instant>,
    /// Share of its time that the endpoint's core has to spare, 0 to 1.
    spare: f32,
    /// Who addresses share a queue with, is for nobody to know.
    neighbourhood_secret: u64,
}

/// What strangers touch of their endpoint.
pub(super) struct Surroundings<'a> {
    pub(super) policy: &'a Policy,
    pub(super) table: &'a mut Table,
    pub(super) resumption: &'a Resumption,
    pub(super) stats: &'a mut EndpointStats,
    pub(super) drops: &'a mut Drops,
    pub(super) offenders: &'a mut Offenders,
    pub(super) observer: &'a mut Option<Observer>,
}

/// Key exchanges go at their full rate while a quarter of the core's time is left, and ever more slowly below that.
const SPARE_FOR_ALL: f32 = 4.0;
/// The share of their rate that they keep when nothing is left.
const EXCHANGES_LEAST: f32 = 0.1;

/// Nonsense that is borne with of an address; while it comes faster, its Connects without a cookie are the first that are
/// not answered when there are too many.
const PATIENCE: Rate = Rate { per_second: 20, at_once: 200 };

/// What a client wants that knows the server's key.
pub(super) struct Opened {
    suite: Suite,
    responder: Responder,
    /// The session that it names.
    pub(super) token: Token,
}

/// A reply that costs no key exchange.
#[derive(Debug)]
enum Reply {
    Cookie { tag: u64, client_key: [u8; 32] },
    Denied(Denied),
    Repeat(ConnectionId),
}

impl Strangers {
    pub(super) fn new(
        now: Instant,
        mut random: Csprng,
        secret: SecretKey,
        suites: Suites,
        pre_shared: Option<PreSharedKey>,
        heartbeat: HeartbeatConfig,
        transport: TransportConfig,
    ) -> Self {
        Strangers {
            cookies: CookieSigner::new(now, &mut random),
            exchanges_by_address: Buckets::new(&mut random),
            patience_by_address: Buckets::new(&mut random),
            exchanges: Bucket::default(),
            held_back_until: None,
            spare: 1.0,
            neighbourhood_secret: random.next_u64(),
            random,
            public: secret.public(),
            secret,
            suites,
            pre_shared,
            heartbeat,
            transport,
            shutting_down: false,
            accepted: VecDeque::with_capacity(2 * HANDSHAKES_PER_FLUSH),
            replies: FairQueue::new(STRANGER_REPLIES_WAITING_MAX),
            handshakes: FairQueue::new(HANDSHAKES_WAITING_MAX),
            unseated: VecDeque::with_capacity(HANDSHAKES_PER_FLUSH),
        }
    }

    /// Notes how much of its time the endpoint's core has to spare.
    pub(super) fn set_spare(&mut self, spare: f32) {
        self.spare = spare;
    }

    pub(super) fn refuse_all(&mut self) {
        self.shutting_down = true;
    }

    /// Whether there is something to do for them right now.
    pub(super) fn are_waiting(&self) -> bool {
        let exchanges = !self.handshakes.is_empty() && self.held_back_until.is_none();
        exchanges || !self.replies.is_empty() || !self.accepted.is_empty()
    }

    /// When there is something to do for those that must wait until then.
    pub(super) fn deadline(&self) -> Instant {
        self.held_back_until.filter(|_| !self.handshakes.is_empty()).unwrap_or(Instant::NEVER)
    }

    /// A datagram of a stranger: what it asks for waits in a queue, or is dropped and counted.
    pub(super) fn receive(&mut self, now: Instant, path: Path, datagram: &[u8], around: &mut Surroundings<'_>) {
        around.stats.stranger_bytes_in += datagram.len() as u64;
        if around.policy.denies(path.peer.ip()) {
            return refuse(around, Offence::Denied, path);
        }
        match decode_unencrypted(datagram) {
            Ok(UnencryptedPacket::Connect(connect)) => {
                around.stats.connects_in += 1;
                self.connect(now, path, connect, around);
            }
            Ok(UnencryptedPacket::ForeignConnect { tag, .. }) => {
                around.stats.connects_in += 1;
                self.first_word(now, path, denied(tag, DeniedReason::WrongVersion), around);
            }
            Ok(_) => self.nonsense(now, path, Offence::Unexpected, around),
            Err(_) => self.nonsense(now, path, Offence::Malformed, around),
        }
    }

    fn nonsense(&mut self, now: Instant, path: Path, offence: Offence, around: &mut Surroundings<'_>) {
        self.patience_by_address.take(now, customer(path.peer.ip()), PATIENCE);
        refuse(around, offence, path);
    }

    fn connect(&mut self, now: Instant, path: Path, connect: Connect, around: &mut Surroundings<'_>) {
        let (tag, client_key) = (connect.tag, *connect.client_key());
        if self.cookies.verify(now, path.peer, &client_key, &connect.cookie) != CookieVerdict::Valid {
            return self.first_word(now, path, Reply::Cookie { tag, client_key }, around);
        }
        // From here on its address is its own.
        if let Some(id) = around.table.of_client(path.peer, &client_key) {
            // The same Connect again: its Accepted was lost, or is late.
            around.stats.handshakes_repeated += 1;
            return self.reply(path, Reply::Repeat(id), around);
        }
        if self.shutting_down {
            return self.reply(path, denied(tag, DeniedReason::ShuttingDown), around);
        }
        if connect.options.pre_shared_key != self.pre_shared.is_some() {
            return self.reply(path, denied(tag, DeniedReason::PreSharedKeyMismatch), around);
        }
        let limit = Rate {
            per_second: around.policy.address_handshakes_per_second,
            at_once: around.policy.address_handshakes_at_once,
        };
        if !around.policy.allowed.contain(path.peer.ip())
            && !self.exchanges_by_address.take(now, customer(path.peer.ip()), limit)
        {
            refuse(around, Offence::AddressBudget, path);
            return self.reply(path, denied(tag, DeniedReason::Busy), around);
        }
        let lane = self.lane(path);
        if let Some((displaced, Connect { tag, .. })) = self.handshakes.push(lane, (path, connect)) {
            refuse(around, Offence::HandshakeQueueFull, displaced);
            self.reply(displaced, denied(tag, DeniedReason::Busy), around);
        }
    }

    /// The answer to who has not shown yet that its address is its own.
    fn first_word(&mut self, now: Instant, path: Path, reply: Reply, around: &mut Surroundings<'_>) {
        // Addresses can be forged: what nonsense comes from one counts against it only where others wait for what it takes.
        if self.replies.is_full()
            && !self.patience_by_address.has(now, customer(path.peer.ip()), PATIENCE)
            && !around.policy.allowed.contain(path.peer.ip())
        {
            return refuse(around, Offence::IllBehaved, path);
        }
        self.reply(path, reply, around);
    }

    fn reply(&mut self, path: Path, reply: Reply, around: &mut Surroundings<'_>) {
        let lane = self.lane(path);
        if let Some((displaced, _)) = self.replies.push(lane, (path, reply)) {
            refuse(around, Offence::StrangerBudget, displaced);
        }
    }

    /// The lane of a queue that an address shares with its neighbours, and with some others that nobody can choose.
    fn lane(&self, path: Path) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.neighbourhood_secret);
        hasher.write_u128(neighbours(path.peer.ip()));
        hasher.finish()
    }

    /// Does the work that waits, as far as the budget goes and the link has room.
    pub(super) fn flush(&mut self, now: Instant, link: &mut impl Link, around: &mut Surroundings<'_>) {
        self.exchange_keys(now, around);
        let mut room = STRANGER_REPLIES_PER_FLUSH;
        while room > 0
            && let Some((path, reply)) = self.accepted.pop_front().or_else(|| self.replies.pop())
        {
            room -= 1;
            if !self.answer(now, path, reply, link, around) {
                refuse(around, Offence::StrangerBudget, path);
            }
        }
        let stats = &around.stats;
        assert!(stats.stranger_bytes_out <= stats.stranger_bytes_in, "a server never amplifies");
    }

    /// Does the key exchanges that wait, as far as the budgets go.
    fn exchange_keys(&mut self, now: Instant, around: &mut Surroundings<'_>) {
        // They take what time there is, and players do not have to wait for strangers; but never nothing.
        let share = (self.spare * SPARE_FOR_ALL).clamp(EXCHANGES_LEAST, 1.0);
        let per_second = (around.policy.handshakes_per_second as f64 * f64::from(share)) as u64;
        let limit = Rate { per_second, at_once: (per_second / 10).max(HANDSHAKES_PER_FLUSH as u64) };
        self.held_back_until = None;
        let exchanges_before = around.stats.handshakes;
        while !self.handshakes.is_empty() && around.stats.handshakes - exchanges_before < HANDSHAKES_PER_FLUSH as u64 {
            if !self.exchanges.has(now, limit) {
                self.held_back_until = Some(self.exchanges.ready_at(limit));
                return;
            }
            if let Some((path, connect)) = self.handshakes.pop()
                && self.handshake(now, path, &connect, around)
            {
                self.exchanges.take(now, limit);
            }
        }
    }

    /// Sends one answer; false when the link has no room.
    fn answer(
        &mut self,
        now: Instant,
        path: Path,
        reply: Reply,
        link: &mut impl Link,
        around: &mut Surroundings<'_>,
    ) -> bool {
        let Surroundings { table, stats, drops, offenders, observer, .. } = around;
        match reply {
            Reply::Cookie { tag, client_key } => {
                let cookie = self.cookies.sign(now, path.peer, &client_key, &mut self.random);
                let sent = send(link, path, &Cookie { tag, cookie }.encode(), stats, observer);
                stats.cookies_out += u64::from(sent);
                sent
            }
            Reply::Denied(denied) => {
                let sent = send(link, path, &denied.encode(), stats, observer);
                if sent {
                    stats.denied_out += 1;
                    let (counter, offence) = denial(stats, denied.reason);
                    *counter += 1;
                    offenders.note(offence, path.peer);
                }
                sent
            }
            Reply::Repeat(id) => match table.get(id).map(|connection| &connection.phase) {
                Some(Phase::HalfOpen { reply, .. }) => {
                    let sent = send(link, path, reply.as_slice(), stats, observer);
                    table.await_proof(now, id);
                    sent
                }
                // Its client has long had the Accepted: this is a late copy.
                _ => {
                    drops.unexpected += 1;
                    true
                }
            },
        }
    }

    /// The key exchange; false when there is none to do any more. Its reply is among the first of this flush.
    fn handshake(&mut self, now: Instant, path: Path, connect: &Connect, around: &mut Surroundings<'_>) -> bool {
        if around.policy.denies(path.peer.ip()) {
            // Since it began to wait.
            refuse(around, Offence::Denied, path);
            return false;
        }
        if let Some(id) = around.table.of_client(path.peer, connect.client_key()) {
            // Two copies waited in the queue.
            around.stats.handshakes_repeated += 1;
            self.reply(path, Reply::Repeat(id), around);
            return false;
        }
        if self.shutting_down {
            self.reply(path, denied(connect.tag, DeniedReason::ShuttingDown), around);
            return false;
        }
        if around.table.is_full() && !around.table.is_crowded(now) {
            match self.unseated.len() < HANDSHAKES_PER_FLUSH {
                true => self.unseated.push_back((path, connect.clone())),
                false => self.refuse_unseated(path, connect, around),
            }
            return true;
        }
        around.stats.handshakes += 1;
        match self.open(connect) {
            Ok(opened) => self.seat(now, path, connect, opened, around),
            Err(reason) => self.accepted.push_back((path, denied(connect.tag, reason))),
        }
        true
    }

    /// A client for which there was no slot.
    pub(super) fn next_unseated(&mut self) -> Option<(Path, Connect)> {
        self.unseated.pop_front()
    }

    /// Tells a client that the server is full.
    pub(super) fn refuse_unseated(&mut self, path: Path, connect: &Connect, around: &mut Surroundings<'_>) {
        self.reply(path, denied(connect.tag, DeniedReason::ServerFull), around);
    }

    /// Reads what a client for which there was no slot wants. None when it is refused, and told so.
    pub(super) fn open_unseated(
        &mut self,
        path: Path,
        connect: &Connect,
        around: &mut Surroundings<'_>,
    ) -> Option<Opened> {
        around.stats.handshakes += 1;
        self.open(connect).map_err(|reason| self.reply(path, denied(connect.tag, reason), around)).ok()
    }

    /// The first half of a key exchange: what the client wants, if it knows the server's key.
    fn open(&self, connect: &Connect) -> Result<Opened, DeniedReason> {
        let suite = self.suites.agree(Suites::from_bits(connect.suites)).ok_or(DeniedReason::NoCommonSuite)?;
        let prologue = crate::connection::prologue(connect.suites, connect.options);
        let (responder, token) =
            Responder::read(&self.secret, &self.public, &prologue, self.pre_shared.clone(), &connect.noise)
                .map_err(|_| DeniedReason::WrongKey)?;
        Ok(Opened { suite, responder, token })
    }

    /// Gives a client a connection, and lets the answer leave among the first of the next flush.
    pub(super) fn seat(
        &mut self,
        now: Instant,
        path: Path,
        connect: &Connect,
        opened: Opened,
        around: &mut Surroundings<'_>,
    ) {
        let reply = match self.accept(now, path, connect, opened, around) {
            Ok(id) => Reply::Repeat(id),
            Err(reason) => denied(connect.tag, reason),
        };
        self.accepted.push_back((path, reply));
    }

    fn accept(
        &mut self,
        now: Instant,
        path: Path,
        connect: &Connect,
        Opened { suite, responder, token }: Opened,
        around: &mut Surroundings<'_>,
    ) -> Result<ConnectionId, DeniedReason> {
        let Surroundings { policy, table, resumption, stats, .. } = around;
        if table.is_crowded(now) {
            // Whoever does not come to prove its keys must not keep out those who would.
            stats.half_open_displaced += u64::from(table.displace_half_open());
        }
        let id = table.vacancy().ok_or(DeniedReason::ServerFull)?;
        // Who shows a token has yet to prove that it knows the session's secret: nothing is done with the session before.
        let resumes = resumption.key_of(&token);
        let parameters = ConnectionParameters {
            connection: id,
            suite: suite as u8,
            resumed: resumes.is_some(),
            datagram_bytes_max: DATAGRAM_BYTES_MAX as u16,
            heartbeat: self.heartbeat.interval,
            timeout: self.heartbeat.timeout,
        };
        let ephemeral = draw_secret(&mut self.random);
        let mut noise = [0; ConnectionParameters::BYTES + MESSAGE_2_OVERHEAD_BYTES];
        let secrets =
            responder.write(&ephemeral, &parameters.encode(), &mut noise).map_err(|_| DeniedReason::WrongKey)?;
        let secrets = match &resumes {
            Some(key) => secrets.resuming(key),
            None => secrets,
        };
        let reply = Accepted { tag: connect.tag, connection: id, noise }.encode();
        let config = ConnectionConfig {
            id,
            role: Role::Server,
            suite,
            secrets,
            heartbeat: self.heartbeat,
            transport: self.transport,
        };
        let mut session = Connection::new(config, now, &mut self.random);
        session.cap_rate(now, policy.connection_send_bytes_per_second);
        let connection = Entry {
            path,
            born: now,
            budget: Budget::default(),
            candidate: None,
            born_at: path.peer,
            client_key: *connect.client_key(),
            phase: Phase::HalfOpen { reply: Box::new(reply), until: now, resumes },
            staged: None,
            is_active: false,
            session_id: None,
            alias: None,
            challenge_at: Instant::NEVER,
            lost_counted: 0,
            session,
        };
        table.insert(now, connection);
        Ok(id)
    }
}

/// Counts a datagram that is dropped, and notes whose it was.
fn refuse(around: &mut Surroundings<'_>, offence: Offence, path: Path) {
    let drops = &mut *around.drops;
    *match offence {
        Offence::Denied => &mut drops.denied_address,
        Offence::Unexpected => &mut drops.unexpected,
        Offence::IllBehaved => &mut drops.ill_behaved,
        Offence::AddressBudget => &mut drops.address_budget,
        Offence::StrangerBudget => &mut drops.stranger_budget,
        Offence::HandshakeQueueFull => &mut drops.handshake_queue_full,
        _ => &mut drops.malformed,
    } += 1;
    around.offenders.note(offence, path.peer);
}

/// The counter of refusals for this reason, and under which name the address is noted.
fn denial(stats: &mut EndpointStats, reason: DeniedReason) -> (&mut u64, Offence) {
    match reason {
        DeniedReason::WrongVersion => (&mut stats.denied_version, Offence::DeniedVersion),
        DeniedReason::ServerFull => (&mut stats.denied_full, Offence::DeniedFull),
        DeniedReason::WrongKey => (&mut stats.denied_key, Offence::DeniedKey),
        DeniedReason::NoCommonSuite => (&mut stats.denied_cipher, Offence::DeniedCipher),
        DeniedReason::ShuttingDown => (&mut stats.denied_draining, Offence::DeniedDraining),
        DeniedReason::PreSharedKeyMismatch => (&mut stats.denied_pre_shared_key, Offence::DeniedPreSharedKey),
        DeniedReason::Busy => (&mut stats.denied_busy, Offence::DeniedBusy),
    }
}

fn denied(tag: u64, reason: DeniedReason) -> Reply {
    let wait_ms = match reason {
        DeniedReason::ServerFull | DeniedReason::Busy => BUSY_WAIT.as_millis() as u16,
        _ => 0,
    };
    Reply::Denied(Denied { tag, reason, server_version: PROTOCOL_VERSION, wait_ms })
}

fn send(
    link: &mut impl Link,
    path: Path,
    datagram: &[u8],
    stats: &mut EndpointStats,
    observer: &mut Option<Observer>,
) -> bool {
    let Some(room) = link.reserve(path, datagram.len()) else { return false };
    room.copy_from_slice(datagram);
    show(observer, false, path, datagram);
    stats.stranger_bytes_out += datagram.len() as u64;
    stats.datagrams_out += 1;
    stats.bytes_out += datagram.len() as u64;
    true
}
