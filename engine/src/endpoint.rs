//! All connections of one core, and the stateless answers to strangers.
//!
//! Nothing that a datagram says moves a timer, an address, a window or a counter of a connection before it was found
//! authentic. A stranger costs no memory until its cookie came back, and no key exchange beyond the budget of a flush:
//! players come first.

mod staging;
mod strangers;
mod table;

use self::staging::Staging;
use self::strangers::Strangers;
use self::table::{Connection, Phase, Table};
use crate::crypto::{Csprng, PreSharedKey, SecretKey, Suite, Suites};
use crate::limits::*;
use crate::link::{Link, Path};
use crate::session::{Due, HeartbeatConfig, Refused, sealed_len};
use crate::stats::{Drops, EndpointStats, SessionStats};
use crate::time::{Duration, Instant};
use crate::wire::{ConnectionId, DisconnectReason, Frame, Frames, Header, Messages};
use rand_chacha::rand_core::SeedableRng;
use std::collections::VecDeque;

/// How many datagrams ahead of the one being sealed the session is asked for.
const FLUSH_AHEAD: usize = 2;

/// What an endpoint is made with.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Number of this core: byte 0 of every connection id it gives.
    pub core: u8,
    /// Cores of the server; ids of a core beyond them belong to nobody.
    pub cores: usize,
    /// Connections at most, 1 to [`CONNECTIONS_PER_CORE_MAX`].
    pub connections_max: usize,
    /// AEADs that it agrees to.
    pub suites: Suites,
    /// Ping interval and timeout, given to every client.
    pub heartbeat: HeartbeatConfig,
    /// The server's static key.
    pub secret: SecretKey,
    /// Mixed into every handshake, when set.
    pub pre_shared: Option<PreSharedKey>,
}

/// Something that happened to a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Its client has proved that it holds the keys.
    Joined(ConnectionId),
    /// It is gone; its id is nobody's now.
    Left(ConnectionId, DisconnectReason),
}

/// What a datagram came to.
#[derive(Debug)]
pub enum Received<'a> {
    /// Messages of a connection, in the order they were sent; perhaps none.
    Messages(ConnectionId, Messages<'a>),
    /// It belongs to a connection of this other core, untouched.
    Elsewhere(u8, &'a mut [u8]),
    /// Nothing for the caller. It was used or dropped, and counted either way.
    Nothing,
}

/// A message that was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// Over [`MESSAGE_BYTES_MAX`].
    #[error("an unreliable message has at most {MESSAGE_BYTES_MAX} bytes")]
    TooLong,
    /// No such connection, or one that is gone.
    #[error("no such connection")]
    NotConnected,
    /// Too many datagrams are composed and not yet sent; unreliable messages are dropped then.
    #[error("too much waits to be sent")]
    Full,
}

/// What there is to know about a connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionInfo {
    /// Where it is.
    pub path: Path,
    /// The AEAD in use.
    pub suite: Suite,
    /// Smoothed round trip, from the heartbeat.
    pub round_trip: Option<Duration>,
    /// Share of the client's datagrams that never came.
    pub loss: f64,
    /// Counters.
    pub stats: SessionStats,
}

/// All connections of one core.
#[derive(Debug)]
pub struct Endpoint {
    core: u8,
    cores: usize,
    table: Table,
    staging: Staging,
    strangers: Strangers,
    events: VecDeque<Event>,
    swept_to: usize,
    swept_at: Instant,
    stats: EndpointStats,
    drops: Drops,
}

impl Endpoint {
    /// An endpoint without connections. All its randomness comes from `seed`, which must be secret and fresh.
    ///
    /// # Panics
    /// When `connections_max` or `cores` is out of range.
    pub fn new(config: EndpointConfig, now: Instant, seed: [u8; 32]) -> Self {
        assert!((1..=CONNECTIONS_PER_CORE_MAX).contains(&config.connections_max), "connections_max is 1 to 65,536");
        assert!((usize::from(config.core) + 1..=CORES_MAX).contains(&config.cores), "a core is one of the cores");
        let mut random = Csprng::from_seed(seed);
        Endpoint {
            core: config.core,
            cores: config.cores,
            table: Table::new(config.core, config.connections_max, &mut random),
            staging: Staging::new(),
            strangers: Strangers::new(now, random, config.secret, config.suites, config.pre_shared, config.heartbeat),
            events: VecDeque::with_capacity(EVENTS_RESERVED.max(2 * config.connections_max)),
            swept_to: 0,
            swept_at: now,
            stats: EndpointStats::default(),
            drops: Drops::default(),
        }
    }

    /// Takes a datagram, which is opened in place.
    #[inline]
    pub fn receive<'a>(&mut self, now: Instant, path: Path, datagram: &'a mut [u8]) -> Received<'a> {
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += datagram.len() as u64;
        let Ok(header) = Header::decode(datagram) else {
            self.drops.bad_size += 1;
            return Received::Nothing;
        };
        if header.connection == ConnectionId::NONE {
            self.strangers.receive(now, path, datagram, &mut self.table, &mut self.stats, &mut self.drops);
            return Received::Nothing;
        }
        if header.connection.core() != self.core {
            return self.elsewhere(header.connection.core(), datagram);
        }
        let Some(connection) = self.table.get_mut(header.connection) else {
            self.drops.unknown_connection += 1;
            return Received::Nothing;
        };
        let plaintext = match connection.session.open(now, &header, datagram) {
            Ok(plaintext) => plaintext,
            Err(refused) => {
                *self.drops.counter_of(refused) += 1;
                return Received::Nothing;
            }
        };
        if connection.path != path {
            // The way back moves only after the new path was challenged; until then answers keep to the old one.
            self.stats.path_changed += 1;
        }
        if connection.is_half_open() {
            self.confirm(header.connection);
        }
        self.apply(now, header.connection, plaintext)
    }

    /// Asks the processor for the connection that `datagram` belongs to, which is about to be received.
    #[inline]
    pub fn prefetch(&self, datagram: &[u8]) {
        if let Some(bits) = datagram.first_chunk() {
            self.table.prefetch(ConnectionId::from_bits(u32::from_le_bytes(*bits)));
        }
    }

    fn elsewhere<'a>(&mut self, core: u8, datagram: &'a mut [u8]) -> Received<'a> {
        if usize::from(core) >= self.cores {
            self.drops.unknown_connection += 1;
            return Received::Nothing;
        }
        Received::Elsewhere(core, datagram)
    }

    /// Counts a datagram of another core that could not be passed on.
    pub fn count_misrouted(&mut self) {
        self.drops.misrouted += 1;
    }

    fn confirm(&mut self, id: ConnectionId) {
        self.table.confirm(id);
        self.stats.joined += 1;
        self.events.push_back(Event::Joined(id));
    }

    /// Does what the frames of an authentic datagram ask for, and gives its messages.
    #[inline]
    fn apply<'a>(&mut self, now: Instant, id: ConnectionId, plaintext: &'a [u8]) -> Received<'a> {
        let mut messages = 0;
        for frame in Frames::new(plaintext) {
            match frame {
                Frame::Message(_) => messages += 1,
                Frame::Ping(value) => self.pong(id, value),
                Frame::Pong(value) => {
                    if let Some(connection) = self.table.get_mut(id) {
                        connection.session.stats.pongs_in += u64::from(connection.session.heartbeat.pong(now, value));
                    }
                }
                Frame::Disconnect(reason) => {
                    self.leave(id, reason);
                    return Received::Nothing;
                }
                Frame::Bad => self.drops.bad_frame += 1,
            }
        }
        self.stats.messages_in += messages;
        Received::Messages(id, Messages::new(plaintext))
    }

    fn pong(&mut self, id: ConnectionId, value: u64) {
        if !self.compose(id, |frames| frames.pong(value)) {
            self.drops.stage_full += 1;
        }
    }

    /// Takes a message for the next datagram to `id`; messages share datagrams as far as they fit (R6).
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken.
    #[inline]
    pub fn send(&mut self, id: ConnectionId, message: &[u8]) -> Result<(), SendError> {
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(SendError::TooLong);
        }
        if self.table.get(id).is_none_or(Connection::is_closing) {
            return Err(SendError::NotConnected);
        }
        if !self.compose(id, |frames| frames.message(message)) {
            self.drops.stage_full += 1;
            return Err(SendError::Full);
        }
        self.stats.messages_out += 1;
        Ok(())
    }

    /// Appends a frame to the connection's open datagram, or to a new one where it does not fit.
    #[inline]
    fn compose(&mut self, id: ConnectionId, write: impl Fn(&mut crate::wire::FrameWriter<'_>) -> bool) -> bool {
        let Some(connection) = self.table.get_mut(id) else { return false };
        self.staging.compose(id, &mut connection.staged, write)
    }

    /// Ends a connection: its client is told at the next flush, behind what was sent before. One whose client has yet to
    /// prove its keys is forgotten at once.
    pub fn disconnect(&mut self, id: ConnectionId, reason: DisconnectReason) {
        let Some(connection) = self.table.get_mut(id) else { return };
        match connection.phase {
            Phase::Closing(_) => return,
            Phase::HalfOpen { .. } => {
                self.table.remove(id);
                return;
            }
            Phase::Established => connection.phase = Phase::Closing(reason),
        }
        for _ in 0..DISCONNECT_COPIES {
            // Each copy in a datagram of its own. One that finds no room is as good as one that was lost: the client's
            // timeout covers both.
            let mut own = None;
            self.staging.compose(id, &mut own, |frames| frames.disconnect(reason));
        }
        self.staging.retire_later(id);
    }

    /// Refuses new connections from here on, and ends as many as there is room to tell. Call it, and flush, until it
    /// gives 0: the connections that are left.
    pub fn shut_down(&mut self) -> usize {
        self.strangers.refuse_all();
        for slot in 0..self.table.slots() {
            if !self.staging.has_room_for(DISCONNECT_COPIES) {
                break;
            }
            if let Some(id) = self.table.occupant(slot) {
                self.disconnect(id, DisconnectReason::ShuttingDown);
            }
        }
        self.table.len()
    }

    /// Lets time pass for a part of the connections, so that all are visited once in [`SWEEP_PERIOD`]: pings that are
    /// due go out, the silent ones end.
    pub fn sweep(&mut self, now: Instant) {
        let slots = self.table.slots();
        let elapsed = now.since(self.swept_at).as_nanos() as u64;
        let share = slots as u64 * elapsed / SWEEP_PERIOD.as_nanos() as u64;
        let visits = (share as usize).min(slots);
        if visits == 0 {
            if slots == 0 {
                self.swept_at = now;
            }
            return;
        }
        self.swept_at = now;
        for _ in 0..visits {
            self.swept_to = (self.swept_to + 1) % slots;
            if self.table.deadline(self.swept_to) <= now
                && let Some(id) = self.table.occupant(self.swept_to)
            {
                self.time_passed(now, id);
            }
        }
    }

    fn time_passed(&mut self, now: Instant, id: ConnectionId) {
        let Some(connection) = self.table.get_mut(id) else { return };
        match connection.phase {
            Phase::HalfOpen { .. } => {
                self.stats.half_open_expired += 1;
                self.table.remove(id);
            }
            Phase::Closing(_) => {}
            Phase::Established => match connection.session.heartbeat.due(now) {
                Due::TimedOut => {
                    self.stats.timed_out += 1;
                    self.leave(id, DisconnectReason::TimedOut);
                }
                Due::Ping(value) => {
                    // A ping that finds no room is asked for again at the next interval; silence still ends it.
                    self.compose(id, |frames| frames.ping(value));
                    self.table.schedule(id);
                }
                Due::Nothing => self.table.schedule(id),
            },
        }
    }

    fn leave(&mut self, id: ConnectionId, reason: DisconnectReason) {
        let Some(connection) = self.table.remove(id) else { return };
        if !connection.is_half_open() {
            self.stats.left += 1;
            self.events.push_back(Event::Left(id, reason));
        }
    }

    /// What happened since the last call, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Seals what was composed into the link's memory; then, within the budget of a flush, answers strangers.
    ///
    /// What the link has no room for waits for the next flush.
    pub fn flush(&mut self, now: Instant, link: &mut impl Link) {
        while let Some(staged) = self.staging.front() {
            if let Some(ahead) = self.staging.ahead(FLUSH_AHEAD) {
                self.table.prefetch(ahead);
            }
            let Some(connection) = self.table.get_mut(staged.id) else {
                self.staging.pop();
                continue;
            };
            let len = sealed_len(staged.frames.len());
            let Some(datagram) = link.reserve(connection.path, len) else { return };
            connection.close_staged(staged.index);
            if connection.session.seal(staged.frames, datagram).is_err() {
                // The room is reserved and must hold something that no peer takes: an empty header.
                datagram.fill(0);
                self.staging.pop();
                let id = connection.session.id();
                self.leave(id, DisconnectReason::KeyExhausted);
                continue;
            }
            self.stats.datagrams_out += 1;
            self.stats.bytes_out += len as u64;
            self.staging.pop();
        }
        while let Some(id) = self.staging.next_retired() {
            if let Some(Phase::Closing(reason)) = self.table.get(id).map(|connection| connection.phase.clone()) {
                self.leave(id, reason);
            }
        }
        self.strangers.flush(now, link, &mut self.table, &mut self.stats, &mut self.drops);
    }

    /// Whether everything composed has gone to the link.
    pub fn is_flushed(&self) -> bool {
        self.staging.is_empty()
    }

    /// Whether strangers wait for an answer that the budget of the last flush did not cover.
    pub fn has_strangers_waiting(&self) -> bool {
        self.strangers.are_waiting()
    }

    /// Connections right now, those of clients that have yet to prove their keys included.
    pub fn connections(&self) -> usize {
        self.table.len()
    }

    /// What there is to know about a connection.
    pub fn info(&self, id: ConnectionId) -> Option<ConnectionInfo> {
        self.table.get(id).map(|connection| ConnectionInfo {
            path: connection.path,
            suite: connection.session.suite(),
            round_trip: connection.session.heartbeat.round_trip(),
            loss: connection.session.loss(),
            stats: connection.session.stats,
        })
    }

    /// What it did so far.
    pub fn stats(&self) -> &EndpointStats {
        &self.stats
    }

    /// What it dropped so far, and why.
    pub fn drops(&self) -> &Drops {
        &self.drops
    }
}

impl Drops {
    pub(crate) fn counter_of(&mut self, refused: Refused) -> &mut u64 {
        match refused {
            Refused::WrongFlags => &mut self.wrong_flags,
            Refused::Replayed => &mut self.replayed,
            Refused::NotAuthentic => &mut self.not_authentic,
        }
    }
}
