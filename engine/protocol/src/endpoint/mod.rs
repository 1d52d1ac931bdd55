//! All connections of one core, and the stateless answers to strangers.
//!
//! Nothing that a datagram says moves a timer, an address, a window or a counter of a connection before it was found
//! authentic. A stranger costs no memory until its cookie came back, and no key exchange beyond the budget of a flush:
//! players come first.

mod buckets;
mod budget;
mod enforcement;
mod fair_queue;
mod inspection;
mod life;
mod memory;
mod migration;
mod observer;
mod offenders;
mod policy;
mod resumption;
mod staging;
mod strangers;
mod table;
mod timers;
mod vacancy;

use self::budget::Prices;
use self::life::{Departure, Life};
use self::migration::Candidate;
use self::observer::show;
use self::offenders::Offence;
use self::resumption::Resumption;
use self::staging::Staging;
use self::strangers::{Strangers, Surroundings};
use self::table::{Entry, Phase, Table};
use crate::connection::{
    ChannelQuality, CongestionControl, ConnectionEvent, HeartbeatConfig, Ingested, Refused, Resources, TransportConfig,
    sealed_len,
};
use crate::crypto::{Csprng, PreSharedKey, SecretKey, Suites};
use crate::limits::*;
use crate::link::{Link, Path};
use crate::stats::{Drops, EndpointStats};
use crate::time::{Duration, Instant};
use crate::wire::{Channel, ConnectionId, Delivery, DisconnectReason, FrameWriter, Header, Messages};
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::VecDeque;
use std::sync::Arc;

pub use self::inspection::{ConnectionInfo, Standing};
pub use self::life::{EndCause, Event, SessionId};
pub use self::observer::{Observer, Sighting};
pub use self::offenders::Offenders;
pub use self::policy::{Network, Networks, Policy};
pub use crate::connection::{SendError, TrafficSecrets};

/// What a client's new path counts for, in messages: it is challenged over it, with a datagram of its own.
const CANDIDATE_MESSAGES: u64 = 10;
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
    /// How reliable messages are carried.
    pub transport: TransportConfig,
    /// Memory for messages that are kept, in bytes, at least [`MESSAGE_MEMORY_BYTES_MIN`].
    pub message_bytes_max: usize,
    /// How clients' integrity is checked, if it is.
    pub integrity: Option<IntegrityConfig>,
}

/// A periodic check that clients are unaltered (S7). It is a sign, never a proof.
#[derive(Clone)]
pub struct IntegrityConfig {
    /// The table that this version's clients hold, too: 1 to 256 entries, of which each check names one.
    pub keys: Arc<[[u8; 32]]>,
    /// Time between two checks of a client.
    pub period: Duration,
}

impl core::fmt::Debug for IntegrityConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IntegrityConfig({} keys, each {:?})", self.keys.len(), self.period)
    }
}

/// What a datagram came to.
#[derive(Debug)]
pub enum Received<'a> {
    /// Messages of a connection, in the order they were sent; perhaps none. When `more` is set, others wait in
    /// [`Endpoint::read`], to be read before the next datagram is handed in.
    Messages {
        /// Whose.
        id: ConnectionId,
        /// Those that lie in the datagram.
        messages: Messages<'a>,
        /// Whether others wait.
        more: bool,
    },
    /// It belongs to a connection of this other core, untouched.
    Elsewhere(u8, &'a mut [u8]),
    /// Nothing for the caller. It was used or dropped, and counted either way.
    Nothing,
}

/// All connections of one core.
#[derive(Debug)]
pub struct Endpoint {
    core: u8,
    cores: usize,
    table: Table,
    staging: Staging,
    strangers: Strangers,
    resumption: Resumption,
    life: Life,
    resources: Resources,
    integrity: Option<IntegrityConfig>,
    policy: Policy,
    /// What the policy has connections pay.
    prices: Prices,
    /// The slot at which the policy goes on being brought to bear on connections that were there before it.
    enforced_up_to: Option<usize>,
    /// What is sent to a connection was limited otherwise before the policy. Where it was not, the rates that the game has
    /// set stay.
    cap_changed: bool,
    /// When the connection that holds the most memory may be sought again.
    relief_at: Instant,
    /// When silent connections may be sought again.
    vacate_at: Instant,
    offenders: Offenders,
    observer: Option<Observer>,
    /// Slots of connections that may have something to say: names can change while they wait.
    active: VecDeque<u16>,
    /// Slots of connections whose candidate path wants to be challenged.
    challenges: VecDeque<u16>,
    stats: EndpointStats,
}

impl Endpoint {
    /// An endpoint without connections. All its randomness comes from `seed`, which must be secret and fresh.
    ///
    /// # Panics
    /// When `connections_max`, `cores` or the number of integrity keys is out of range.
    pub fn new(config: EndpointConfig, now: Instant, seed: [u8; 32]) -> Self {
        assert!((1..=CONNECTIONS_PER_CORE_MAX).contains(&config.connections_max), "connections_max is 1 to 65,536");
        assert!((usize::from(config.core) + 1..=CORES_MAX).contains(&config.cores), "a core is one of the cores");
        let keys = config.integrity.as_ref().map_or(1, |integrity| integrity.keys.len());
        assert!((1..=256).contains(&keys), "a table of integrity keys has 1 to 256 entries");
        let mut random = Csprng::from_seed(seed);
        let strangers_random = Csprng::from_rng(&mut random);
        Endpoint {
            core: config.core,
            cores: config.cores,
            table: Table::new(config.core, config.connections_max, now, &mut random),
            staging: Staging::new(),
            strangers: Strangers::new(
                now,
                strangers_random,
                config.secret,
                config.suites,
                config.pre_shared,
                config.heartbeat,
                config.transport,
            ),
            resumption: Resumption::new(config.connections_max),
            life: Life::new(config.connections_max),
            resources: Resources::new(config.message_bytes_max, random),
            integrity: config.integrity,
            policy: Policy::default(),
            prices: Prices::default(),
            enforced_up_to: None,
            cap_changed: false,
            relief_at: now,
            vacate_at: now,
            offenders: Offenders::default(),
            observer: None,
            active: VecDeque::with_capacity(config.connections_max),
            challenges: VecDeque::new(),
            stats: EndpointStats::default(),
        }
    }

    /// Takes a datagram, which is opened in place. What it made of connections is in [`Self::poll_event`], and comes before
    /// its messages: they may be of one that has just joined, or is called otherwise since.
    #[inline]
    pub fn receive<'a>(&mut self, now: Instant, path: Path, datagram: &'a mut [u8]) -> Received<'a> {
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += datagram.len() as u64;
        show(&mut self.observer, true, path, datagram);
        let Ok(header) = Header::decode(datagram) else {
            self.resources.drops.bad_size += 1;
            self.offenders.note(Offence::BadSize, path.peer);
            return Received::Nothing;
        };
        if header.connection.generation() == 0 {
            return self.receive_stranger(now, path, &header, datagram);
        }
        if header.connection.core() != self.core {
            return self.elsewhere(path, header.connection.core(), datagram);
        }
        let Some(mut connection) = self.table.get_mut(header.connection) else {
            return self.not_connected(now, path, header.connection);
        };
        if !connection.session.has_id(header.connection) {
            return self.unknown_connection(path);
        }
        if connection.is_closing() {
            // The server has said its last word to this client, and delivers nothing more of it.
            self.stats.late_in += 1;
            return Received::Nothing;
        }
        let bytes = datagram.len();
        let plaintext = match connection.session.open(now, &header, datagram) {
            Ok(plaintext) => plaintext,
            Err(refused) => return self.refused(path, refused),
        };
        if !connection.budget.allows(now) {
            connection.session.stats.over_budget += 1;
            return self.refused(path, Refused::OverBudget);
        }
        if connection.is_half_open() {
            // Before anything in it is taken in: the session that goes on is the one it is meant for.
            self.confirm(now, header.connection);
            let Some(confirmed) = self.table.get_mut(header.connection).filter(|it| !it.is_closing()) else {
                return Received::Nothing;
            };
            connection = confirmed;
        }
        let (bad_frames, work) = (self.resources.drops.bad_frame, self.resources.frame_cost);
        let ingested = match connection.session.ingest(now, &header, bytes, plaintext, &mut self.resources) {
            Ok(ingested) => ingested,
            Err(refused) => {
                // It was opened and looked through all the same.
                connection.budget.charge(now, &self.prices, 1, 0, bytes);
                return self.refused(path, refused);
            }
        };
        let (bad_frames, work) = (self.resources.drops.bad_frame - bad_frames, self.resources.frame_cost - work);
        let messages = match ingested {
            Ingested::Messages(messages) | Ingested::PathResponse(messages, _) => messages,
            Ingested::PeerLeft(_) | Ingested::End(_) => 0,
        };
        connection.budget.charge(now, &self.prices, work + u64::from(messages), bad_frames, bytes);
        let id = header.connection;
        if connection.path == path
            && let Ingested::Messages(messages) = ingested
            && connection.is_plain()
        {
            self.stats.messages_in += u64::from(messages);
            return Received::Messages { id, messages: Messages::new(plaintext), more: false };
        }
        if connection.path != path {
            self.came_from_elsewhere(now, id, path, &header, bytes);
        }
        // The caller knows it by its newest name, whichever the client still uses.
        let id = self.table.occupant(id.slot().into()).unwrap_or(id);
        self.ingested(now, path, id, ingested, plaintext)
    }

    fn receive_stranger<'a>(
        &mut self,
        now: Instant,
        path: Path,
        header: &Header,
        datagram: &'a mut [u8],
    ) -> Received<'a> {
        // A core that the server had before it was started anew: any other will do.
        let core = header.connection.core();
        if header.connection != ConnectionId::NONE && core != self.core && usize::from(core) < self.cores {
            return self.elsewhere(path, core, datagram);
        }
        let (strangers, mut around) = self.strangers();
        strangers.receive(now, path, datagram, &mut around);
        Received::Nothing
    }

    /// The strangers, and what they touch.
    fn strangers(&mut self) -> (&mut Strangers, Surroundings<'_>) {
        let Endpoint { strangers, policy, table, resumption, stats, resources, offenders, observer, .. } = self;
        let drops = &mut resources.drops;
        (strangers, Surroundings { policy, table, resumption, stats, drops, offenders, observer })
    }

    /// Counts a datagram whose connection is not there: it was late, or there never was such a connection.
    #[cold]
    fn not_connected(&mut self, now: Instant, path: Path, id: ConnectionId) -> Received<'static> {
        if !self.table.has_just_ended(now, id) {
            return self.unknown_connection(path);
        }
        self.stats.late_in += 1;
        Received::Nothing
    }

    #[cold]
    fn unknown_connection(&mut self, path: Path) -> Received<'static> {
        self.resources.drops.unknown_connection += 1;
        self.offenders.note(Offence::UnknownConnection, path.peer);
        Received::Nothing
    }

    /// Counts a datagram of a connection that was not taken in, and notes whose it was.
    #[cold]
    fn refused(&mut self, path: Path, refused: Refused) -> Received<'static> {
        *self.resources.drops.counter_of(refused) += 1;
        let offence = match refused {
            Refused::WrongFlags => Offence::WrongFlags,
            Refused::Replayed => Offence::Replayed,
            Refused::NotAuthentic => Offence::NotAuthentic,
            Refused::OverBudget => Offence::OverBudget,
            // Not its sender's fault.
            Refused::NoMemory => return Received::Nothing,
        };
        self.offenders.note(offence, path.peer);
        Received::Nothing
    }

    /// Does what an authentic datagram asks for, and gives its messages.
    fn ingested<'a>(
        &mut self,
        now: Instant,
        path: Path,
        id: ConnectionId,
        ingested: Ingested,
        plaintext: &'a [u8],
    ) -> Received<'a> {
        let (id, messages) = match ingested {
            Ingested::Messages(messages) => (id, messages),
            Ingested::PathResponse(messages, value) => {
                self.path_response(now, path, id, value);
                // It may have another name since.
                (self.table.occupant(id.slot().into()).unwrap_or(id), messages)
            }
            Ingested::PeerLeft(reason) => {
                self.leave(now, id, Departure::Client(reason));
                return Received::Nothing;
            }
            Ingested::End(reason) => {
                self.disconnect(id, reason);
                return Received::Nothing;
            }
        };
        self.stats.messages_in += u64::from(messages);
        let more = self.attend(now, id);
        Received::Messages { id, messages: Messages::new(plaintext), more }
    }

    /// Sees to what a datagram has left to do: something to say, a timer, an event. Gives whether messages wait to be
    /// read.
    fn attend(&mut self, now: Instant, id: ConnectionId) -> bool {
        let Some(connection) = self.table.get_mut(id) else { return false };
        self.stats.packets_lost += connection.newly_lost();
        let session = &mut connection.session;
        let more = session.has_ready();
        let event = session.poll_event();
        self.activate(now, id);
        self.table.schedule(id);
        if let Some(ConnectionEvent::IntegrityAnswer(right)) = event {
            self.stats.integrity_wrong += u64::from(!right);
            self.life.note(Event::Integrity(id, right));
        }
        more
    }

    /// Puts the connection among those that have something to say, if it does.
    fn activate(&mut self, now: Instant, id: ConnectionId) {
        if let Some(connection) = self.table.get_mut(id)
            && !connection.is_active
            && (connection.session.wants_datagram(now) || connection.staged.is_some())
        {
            connection.is_active = true;
            self.active.push_back(id.slot());
        }
    }

    /// The next message of `id` that did not lie in the last datagram ready to be delivered: it came in pieces, or too
    /// early, or compressed. It is put into `message`; gives its channel.
    pub fn read(&mut self, id: ConnectionId, message: &mut Vec<u8>) -> Option<Channel> {
        let connection = self.table.get_mut(id).filter(|connection| !connection.is_closing())?;
        match connection.session.read(message, &mut self.resources) {
            Ok(None) => None,
            Ok(Some(channel)) => {
                self.stats.messages_in += 1;
                Some(channel)
            }
            Err(reason) => {
                self.disconnect(id, reason);
                None
            }
        }
    }

    /// Asks the processor for a connection that something is about to be received from, or sent to.
    #[inline]
    pub fn prefetch(&self, id: ConnectionId) {
        self.table.prefetch(id);
    }

    fn elsewhere<'a>(&mut self, path: Path, core: u8, datagram: &'a mut [u8]) -> Received<'a> {
        if usize::from(core) >= self.cores {
            return self.unknown_connection(path);
        }
        Received::Elsewhere(core, datagram)
    }

    /// Counts a datagram of another core that could not be passed on.
    pub fn count_misrouted(&mut self) {
        self.resources.drops.misrouted += 1;
    }

    /// An authentic datagram came over another path than the connection's (W13).
    #[cold]
    fn came_from_elsewhere(&mut self, now: Instant, id: ConnectionId, path: Path, header: &Header, bytes: usize) {
        if self.policy.denies(path.peer.ip()) {
            // It is heard, but does not move there.
            self.resources.drops.denied_address += 1;
            self.offenders.note(Offence::Denied, path.peer);
            return;
        }
        self.stats.path_changed += 1;
        let value = self.resources.random.next_u64();
        let Some(connection) = self.table.get_mut(id) else { return };
        match &mut connection.candidate {
            Some(candidate) if candidate.path == path => candidate.heard(bytes),
            // A datagram that was overtaken says where the client was, not where it is.
            _ if !connection.session.is_newest(header.sequence) => return,
            candidate => {
                *candidate = Some(Box::new(Candidate::new(path, value, now, bytes)));
                connection.budget.charge(now, &self.prices, CANDIDATE_MESSAGES, 0, 0);
            }
        }
        self.challenges.push_back(id.slot());
        self.table.schedule(id);
    }

    /// The client has answered a challenge. The path is its own if the answer came over it.
    fn path_response(&mut self, now: Instant, path: Path, id: ConnectionId, value: u64) {
        let Some(connection) = self.table.get_mut(id) else { return };
        let answers = |candidate: &Candidate| candidate.path == path && candidate.value == value;
        if !connection.candidate.as_deref().is_some_and(answers) || self.policy.denies(path.peer.ip()) {
            return;
        }
        connection.candidate = None;
        connection.path = path;
        connection.session.path_changed(now);
        self.stats.migrated += 1;
        if connection.session.is_changing_id() {
            return;
        }
        let Some(renamed) = self.table.rename(id) else { return };
        let Some(connection) = self.table.get_mut(renamed) else { return };
        connection.session.announce_id(now, renamed);
        self.resumption.rename(&connection.session.resume_key().token, renamed);
        self.life.note(Event::Renamed { id: renamed, former: id });
    }

    /// Takes a message for `id`. Unreliable ones share the next datagram as far as they fit (R6); reliable ones leave as
    /// the path allows.
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken.
    #[inline]
    pub fn send(&mut self, now: Instant, id: ConnectionId, channel: Channel, message: &[u8]) -> Result<(), SendError> {
        let Some(connection) = self.table.get_mut(id).filter(|connection| !connection.is_closing()) else {
            return Err(SendError::NotConnected);
        };
        let plain = channel.delivery() == Delivery::Unreliable && message.len() <= COMPRESSION_BYTES_MIN;
        if plain && connection.session.is_unlimited() {
            if !compose(&mut self.staging, connection, &mut self.resources.random, |frames| {
                frames.message(channel, message)
            }) {
                self.resources.drops.stage_full += 1;
                return Err(SendError::Full);
            }
            self.stats.messages_out += 1;
            return Ok(());
        }
        let sent = match channel.delivery().is_reliable() {
            true => self.send_reliable(now, id, channel, message),
            false => self.send_unreliable(now, id, channel, message),
        };
        match sent {
            Ok(()) => self.stats.messages_out += 1,
            Err(SendError::Full) => self.resources.drops.stage_full += 1,
            Err(SendError::RateLimited) => self.resources.drops.rate_limited += 1,
            Err(SendError::Overflow) => {
                self.stats.overflowed += 1;
                self.disconnect(id, DisconnectReason::Overflow);
            }
            Err(_) => {}
        }
        sent
    }

    fn send_reliable(
        &mut self,
        now: Instant,
        id: ConnectionId,
        channel: Channel,
        message: &[u8],
    ) -> Result<(), SendError> {
        let connection = self.table.get_mut(id).ok_or(SendError::NotConnected)?;
        connection.session.send_reliable(now, channel, message, &mut self.resources)?;
        if !connection.is_active {
            connection.is_active = true;
            self.active.push_back(id.slot());
        }
        Ok(())
    }

    fn send_unreliable(
        &mut self,
        now: Instant,
        id: ConnectionId,
        channel: Channel,
        message: &[u8],
    ) -> Result<(), SendError> {
        let Endpoint { table, staging, resources: Resources { compressor, random, .. }, .. } = self;
        let connection = table.get_mut(id).ok_or(SendError::NotConnected)?;
        let message = connection.session.send_unreliable(now, channel, message, compressor)?;
        let composed = (0..message.frames())
            .all(|index| compose(staging, connection, random, |frames| message.write(index, frames)));
        let in_pieces = message.frames() > 1;
        if in_pieces {
            // It may want to find out whether larger datagrams pass.
            self.activate(now, id);
        }
        if composed { Ok(()) } else { Err(SendError::Full) }
    }

    /// Bytes of reliable messages that can still be queued for `id`; each costs its size and [`MESSAGE_COST_BYTES`]. More
    /// than that ends the connection (R7).
    pub fn send_room(&self, id: ConnectionId) -> usize {
        self.table.get(id).map_or(0, |connection| connection.session.send_room())
    }

    /// How a channel of `id` is treated from now on (R5).
    pub fn set_channel_quality(&mut self, now: Instant, id: ConnectionId, channel: Channel, quality: ChannelQuality) {
        if let Some(connection) = self.table.get_mut(id) {
            connection.session.set_channel_quality(now, channel, quality);
            self.activate(now, id);
        }
    }

    /// Bytes of messages a second to `id`, over all channels; None for as many as there are (R5).
    pub fn set_rate(&mut self, now: Instant, id: ConnectionId, bytes_per_second: Option<u64>) {
        if let Some(connection) = self.table.get_mut(id) {
            connection.session.set_rate(now, bytes_per_second);
            self.activate(now, id);
        }
    }

    /// Which congestion control holds for `id` from now on (R4).
    pub fn set_congestion(&mut self, now: Instant, id: ConnectionId, algorithm: CongestionControl) {
        if let Some(connection) = self.table.get_mut(id) {
            connection.session.set_congestion(now, algorithm);
        }
    }

    /// Changes the traffic keys of `id`, unless they have just changed (S5).
    pub fn rekey(&mut self, now: Instant, id: ConnectionId) {
        if let Some(connection) = self.table.get_mut(id) {
            connection.session.rekey(now, &mut self.resources);
            self.activate(now, id);
        }
    }

    /// Notes the share of its time that whoever drives this has to spare, 0 to 1: key exchanges with strangers, which are
    /// dear, then leave players theirs. Without a word of it, all is taken to be spare.
    pub fn set_spare(&mut self, spare: f32) {
        self.strangers.set_spare(spare);
    }

    /// Lets time pass for the connections whose time has come: pings, probes and acknowledgments that are due go out, the
    /// silent ones end.
    pub fn sweep(&mut self, now: Instant) {
        while let Some(id) = self.table.expired(now) {
            self.time_passed(now, id);
        }
        self.relieve_memory(now);
        self.expire_suspended(now);
        if let Some(slot) = self.enforced_up_to {
            self.enforce_policy(now, slot);
        }
    }

    /// When [`Self::sweep`] wants to be called next, at the latest.
    pub fn deadline(&self) -> Instant {
        self.table.next_deadline().min(self.resumption.deadline()).min(self.strangers.deadline())
    }

    fn time_passed(&mut self, now: Instant, id: ConnectionId) {
        let Some(connection) = self.table.get_mut(id) else { return };
        match connection.phase {
            Phase::HalfOpen { until, .. } if until <= now => {
                self.stats.half_open_expired += 1;
                self.forget(id);
            }
            Phase::HalfOpen { .. } => self.table.schedule(id),
            Phase::Closing(_) => {}
            Phase::Established => match connection.session.advance(now, &mut self.resources) {
                Some(DisconnectReason::TimedOut) => {
                    self.stats.timed_out += 1;
                    self.leave(now, id, Departure::Silent { spare: None });
                }
                Some(reason) => self.disconnect(id, reason),
                None => self.still_there(now, id),
            },
        }
    }

    /// A connection whose time has come, and that is not over.
    fn still_there(&mut self, now: Instant, id: ConnectionId) {
        let Some(connection) = self.table.get_mut(id) else { return };
        self.stats.packets_lost += connection.newly_lost();
        if let Some(integrity) = &self.integrity
            && connection.challenge_at <= now
        {
            connection.challenge_at = now + integrity.period;
            let index = self.resources.random.next_u32() as usize % integrity.keys.len();
            let key = integrity.keys[index];
            let fresh = connection.session.challenge_integrity(now, index as u8, key, &mut self.resources);
            self.stats.integrity_checks += u64::from(fresh);
            self.stats.integrity_unanswered += u64::from(!fresh);
        }
        if let Some(candidate) = &connection.candidate {
            if candidate.is_given_up(now) {
                connection.candidate = None;
            } else if candidate.deadline() <= now {
                self.challenges.push_back(id.slot());
            }
        }
        self.activate(now, id);
        self.table.schedule(id);
    }

    /// What happened since the last call, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.life.next_event()
    }

    /// Seals what was composed into the link's memory; then, within the budget of a flush, answers strangers.
    ///
    /// What the link has no room for waits for the next flush.
    pub fn flush(&mut self, now: Instant, link: &mut impl Link) {
        self.compose_active(now);
        self.challenge_paths(now, link);
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
            if connection.session.seal(staged.sequence, staged.frames, datagram).is_err() {
                // The room is reserved and must hold something that no peer takes: an empty header.
                datagram.fill(0);
                let id = staged.id;
                self.staging.pop();
                self.leave(now, id, Departure::Server(DisconnectReason::KeyExhausted));
                continue;
            }
            show(&mut self.observer, false, connection.path, datagram);
            self.stats.datagrams_out += 1;
            self.stats.bytes_out += len as u64;
            self.staging.pop();
        }
        while let Some(slot) = self.staging.next_retired() {
            let Some(id) = self.table.occupant(slot.into()) else { continue };
            if let Some(Phase::Closing(reason)) = self.table.get(id).map(|connection| connection.phase.clone()) {
                self.leave(now, id, Departure::Server(reason));
            }
        }
        let (strangers, mut around) = self.strangers();
        strangers.flush(now, link, &mut around);
        self.seat_unseated(now);
    }

    /// Lets the connections that have something to say write it: each as much as its path allows, behind what is in its
    /// open datagram.
    fn compose_active(&mut self, now: Instant) {
        for _ in 0..self.active.len() {
            let Some(slot) = self.active.pop_front() else { break };
            let Some(id) = self.table.occupant(slot.into()) else { continue };
            let Some(connection) = self.table.get_mut(id) else { continue };
            connection.is_active = false;
            if connection.is_closing() {
                continue;
            }
            let done = fill(now, connection, &mut self.staging, &mut self.resources.random);
            self.table.schedule(id);
            if !done {
                // No buffer is free: it is the first to go on at the next flush.
                if let Some(connection) = self.table.get_mut(id) {
                    connection.is_active = true;
                    self.active.push_front(id.slot());
                }
                break;
            }
        }
    }

    /// Sends the challenges that are due, each over the path that it is about.
    fn challenge_paths(&mut self, now: Instant, link: &mut impl Link) {
        while let Some(slot) = self.challenges.pop_front() {
            let Some(id) = self.table.occupant(slot.into()) else { continue };
            let Some(Entry { candidate: Some(candidate), session, .. }) = self.table.get_mut(id) else { continue };
            let mut frames = [0; 16];
            let mut writer = FrameWriter::new(&mut frames, 0);
            writer.path_challenge(candidate.value);
            let used = writer.used();
            let len = sealed_len(used);
            if !candidate.is_due(now) {
                continue;
            }
            let room = if candidate.allows(len) { link.reserve(candidate.path, len) } else { None };
            candidate.challenged(now, if room.is_some() { len } else { 0 });
            let Some(datagram) = room else {
                self.table.schedule(id);
                continue;
            };
            let sequence = session.begin_datagram(&mut self.resources.random);
            if session.seal(sequence, &frames[..used], datagram).is_err() {
                datagram.fill(0);
            }
            show(&mut self.observer, false, candidate.path, datagram);
            self.stats.datagrams_out += 1;
            self.stats.bytes_out += len as u64;
            self.table.schedule(id);
        }
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

    /// Memory that messages are kept in right now, in bytes.
    pub fn message_bytes(&self) -> usize {
        self.resources.pool.lent_bytes()
    }

    /// What it did so far.
    pub fn stats(&self) -> &EndpointStats {
        &self.stats
    }

    /// Whose datagrams it dropped last, by reason.
    pub fn offenders(&self) -> &Offenders {
        &self.offenders
    }

    /// Reliable messages, and pieces of them, that came again after they had arrived.
    pub fn duplicates(&self) -> u64 {
        self.resources.duplicates
    }

    /// What it dropped so far, and why.
    pub fn drops(&self) -> &Drops {
        &self.resources.drops
    }
}

/// Appends a frame to the connection's open datagram, or to a new one where it does not fit. False when no buffer is
/// free.
#[inline]
fn compose(
    staging: &mut Staging,
    connection: &mut Entry,
    random: &mut Csprng,
    write: impl Fn(&mut FrameWriter<'_>) -> bool,
) -> bool {
    if let Some(index) = connection.staged
        && staging.write(index, &write)
    {
        return true;
    }
    let session = &mut connection.session;
    let Some(index) = staging.begin(session.frames_max()) else { return false };
    staging.enqueue(session.id(), index, session.begin_datagram(random));
    connection.staged = Some(index);
    let written = staging.write(index, write);
    assert!(written, "every frame fits an empty datagram");
    true
}

/// Lets a session write what is due: first behind what is in its open datagram, then into fresh ones. False when no
/// buffer is free.
fn fill(now: Instant, connection: &mut Entry, staging: &mut Staging, random: &mut Csprng) -> bool {
    let Entry { session, staged, .. } = connection;
    if let Some(index) = *staged {
        let carried = staging.write(index, |frames| session.fill(now, frames, false));
        let (sequence, used) = staging.composed(index);
        session.sent(now, sequence, used, carried);
    }
    while session.wants_datagram(now) {
        let Some(index) = staging.begin(session.fresh_frames_max(now)) else { return false };
        let carried = staging.write(index, |frames| session.fill(now, frames, true));
        let (_, used) = staging.composed(index);
        if used == 0 {
            staging.put_back(index);
            break;
        }
        let sequence = session.begin_datagram(random);
        staging.enqueue(session.id(), index, sequence);
        session.sent(now, sequence, used, carried);
        *staged = Some(index);
    }
    true
}

impl Drops {
    pub(crate) fn counter_of(&mut self, refused: Refused) -> &mut u64 {
        match refused {
            Refused::WrongFlags => &mut self.wrong_flags,
            Refused::Replayed => &mut self.replayed,
            Refused::NotAuthentic => &mut self.not_authentic,
            Refused::NoMemory => &mut self.no_memory,
            Refused::OverBudget => &mut self.over_budget,
        }
    }
}
