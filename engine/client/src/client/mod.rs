//! A client of a game: it enters the world, predicts the player's own state, and shows the others between snapshots.
//!
//! | module | for |
//! |---|---|
//! | `presence` | entering the world and leaving it |
//! | `snapshots` | what snapshots bring, and the clocks that follow them |
//! | `inputs` | which inputs are due, and sending them |
//! | `asks` | asks and their answers |
//! | `introductions` | what players say to each other over the server |
//! | `moves` | moving to another server |
//! | `service_messages` | messages to and from the server's services |
//! | `incoming` | datagrams, messages and events of the connection |
//! | [`Scene`] | the world as it is shown |
//! | [`News`] | news for the game |
//! | [`ClientStats`] | counts |

mod asks;
mod incoming;
mod inputs;
mod introductions;
mod moves;
mod news;
mod presence;
mod scene;
mod service_messages;
mod snapshots;
mod stats;

pub use news::{AskId, NEWS_MAX, News, Unanswered};
pub use scene::Scene;
pub use stats::{ClientStats, Clock};

use self::asks::Asks;
use self::introductions::Introductions;
use self::presence::Presence;
use self::service_messages::ServiceMessages;
use ringshard_protocol::client::Client as Connection;
use ringshard_protocol::client::ClientConfig;
use ringshard_protocol::crypto::NotAuthentic;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::time::Instant;
use ringshard_world::clock::{InputClock, ShownClock};
use ringshard_world::interpolation::Interpolation;
use ringshard_world::limits::{INPUT_MESSAGE_BYTES_MAX, TICKET_BYTES_MAX};
use ringshard_world::messages::{
    ASK_MESSAGE_BYTES_MAX, ChangeServer, EVENT_MESSAGE_BYTES_MAX, EnterRequest, INTRODUCTION_MESSAGE_BYTES_MAX,
};
use ringshard_world::prediction::{Prediction, Smoother, Smoothing};
use ringshard_world::{EntityId, Map, Pose, Rules, View};
use std::collections::VecDeque;

/// Why there is no client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NewClientError {
    /// The server's public key is no key that a server can have.
    #[error("the server's public key is not valid: copy it again from where the server prints it")]
    Key(#[from] NotAuthentic),
    /// The ticket is too long. Holds its length.
    #[error("the ticket has {0} bytes; a ticket has at most {TICKET_BYTES_MAX}")]
    Ticket(usize),
}

/// Room for the largest message that a client writes.
const MESSAGE_BYTES_MAX: usize = 1_200;
const _: () = {
    assert!(MESSAGE_BYTES_MAX >= EnterRequest::BYTES_MAX);
    assert!(MESSAGE_BYTES_MAX >= ASK_MESSAGE_BYTES_MAX);
    assert!(MESSAGE_BYTES_MAX >= EVENT_MESSAGE_BYTES_MAX);
    assert!(MESSAGE_BYTES_MAX >= INPUT_MESSAGE_BYTES_MAX);
    assert!(MESSAGE_BYTES_MAX >= INTRODUCTION_MESSAGE_BYTES_MAX);
};

/// A client of a game with these rules.
///
/// It does no I/O and reads no clock: the caller hands in datagrams and the time ([`Self::receive`], [`Self::advance`]), sends
/// what [`Self::transmit`] writes, and returns at [`Self::deadline`] or with the next frame. [`Udp`](crate::Udp) does that
/// over a socket. Once a client is in the world, it allocates nothing per frame.
///
/// # A frame
/// 1. [`Self::receive`] each datagram that has arrived.
/// 2. [`Self::news`] until there is none.
/// 3. [`Self::update`]: it asks the game for an input for each tick that is due.
/// 4. [`Self::transmit`] until it gives none.
/// 5. Draw [`Self::scene`].
pub struct Client<R: Rules> {
    rules: R,
    connection: Connection,
    now: Instant,
    /// When the last frame was shown.
    frame_at: Instant,
    presence: Presence,
    ticket: Vec<u8>,
    news: VecDeque<News<R>>,
    asks: Asks,
    introductions: Introductions,
    service_messages: ServiceMessages,
    /// How often the client has entered the world.
    presences: u64,
    map: Map,
    view: View<R>,
    /// A snapshot was refused after a part of it was applied: digests would be wrong.
    is_inexact: bool,
    prediction: Prediction<R>,
    body: Option<EntityId>,
    /// The own pose at the server that the session came from, until the first snapshot of this one.
    held_pose: Option<Pose>,
    /// The server that the session is to move to.
    change_of_server: Option<ChangeServer>,
    /// Whether the caller knows it.
    is_change_known: bool,
    smoother: Smoother,
    /// None until the first snapshot, and while the connection is lost.
    input_clock: Option<InputClock>,
    /// None until the first snapshot.
    shown_clock: Option<ShownClock>,
    /// Whether the newest snapshot had an entry of an entity.
    told: bool,
    /// Inputs that the game still owes for this frame.
    due: u32,
    /// Inputs that were made since the last input message.
    unsent: usize,
    digest_at: Instant,
    interpolation: Interpolation,
    smoothing: Smoothing,
    stats: ClientStats,
    worst_correction: f32,
    /// A reliable message being read, which arrived too early, in fragments or compressed.
    message: Vec<u8>,
    /// The message being written.
    outgoing: Box<[u8; MESSAGE_BYTES_MAX]>,
}

impl<R: Rules> Client<R> {
    /// A client that connects, and enters the world with `ticket`, which only the game understands: it has at most
    /// [`TICKET_BYTES_MAX`] bytes. All randomness of the connection comes from `seed`, which must be secret and fresh.
    ///
    /// # Errors
    /// [`NewClientError`]. A server that does not answer is no error here.
    pub fn new(
        rules: R,
        config: ClientConfig,
        ticket: &[u8],
        now: Instant,
        seed: [u8; 32],
    ) -> Result<Self, NewClientError> {
        if ticket.len() > TICKET_BYTES_MAX {
            return Err(NewClientError::Ticket(ticket.len()));
        }
        let connection = Connection::new(config, now, seed)?;
        Ok(Client {
            view: View::new(&rules, 0),
            rules,
            connection,
            now,
            frame_at: now,
            presence: Presence::Due,
            ticket: ticket.to_vec(),
            news: VecDeque::new(),
            asks: Asks::default(),
            introductions: Introductions::new(),
            service_messages: ServiceMessages::default(),
            presences: 0,
            map: Map::default(),
            is_inexact: false,
            prediction: Prediction::default(),
            body: None,
            held_pose: None,
            change_of_server: None,
            is_change_known: false,
            smoother: Smoother::default(),
            input_clock: None,
            shown_clock: None,
            told: false,
            due: 0,
            unsent: 0,
            digest_at: now,
            interpolation: Interpolation::default(),
            smoothing: Smoothing::default(),
            stats: ClientStats::default(),
            worst_correction: 0.0,
            message: Vec::new(),
            outgoing: Box::new([0; MESSAGE_BYTES_MAX]),
        })
    }

    /// Writes the next datagram for the server to the front of `datagram`; gives its size. Call it until it gives None.
    ///
    /// # Panics
    /// When `datagram` is shorter than [`DATAGRAM_BYTES_MAX`](ringshard_protocol::limits::DATAGRAM_BYTES_MAX).
    pub fn transmit(&mut self, now: Instant, datagram: &mut [u8]) -> Option<usize> {
        assert!(datagram.len() >= DATAGRAM_BYTES_MAX, "a datagram may have {DATAGRAM_BYTES_MAX} bytes");
        self.flush(now);
        let len = self.connection.poll_transmit(self.now, datagram);
        self.take_events();
        let len = len?;
        self.stats.datagrams_out += 1;
        self.stats.bytes_out += len as u64;
        Some(len)
    }

    /// Hands what is due to the connection. [`Self::transmit`] does it, too: this is for callers that take datagrams from
    /// [`Self::connection_mut`] themselves.
    pub fn flush(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.send_request();
        self.send_inputs();
    }

    /// When to call [`Self::advance`] and [`Self::transmit`] next, at the latest.
    pub fn deadline(&self) -> Instant {
        let clock = self.input_clock.as_ref().filter(|_| self.is_in_world());
        let due = clock.map_or(Instant::NEVER, |clock| match clock.tick().cmp(&self.prediction.newest()) {
            std::cmp::Ordering::Greater => self.now,
            _ => clock.next_tick_at(),
        });
        self.connection.deadline().min(due)
    }

    /// The client's own address has changed: the connection goes on from the new one at once.
    pub fn address_changed(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.connection.address_changed(self.now);
    }

    /// Leaves: the datagrams that [`Self::transmit`] then gives tell the server. [`News::Closed`] follows.
    pub fn close(&mut self) {
        self.connection.disconnect();
        self.take_events();
    }

    /// As [`Self::close`], for a client that is driven until [`News::Closed`], which follows within about 100 ms: the copies
    /// of the datagram that tells the server leave apart. [`Self::close`] sends the rest at once.
    pub fn close_spread(&mut self) {
        self.connection.disconnect_spread();
        self.take_events();
    }

    /// Whether the server has let the client into the world.
    pub fn is_in_world(&self) -> bool {
        self.presence == Presence::Inside
    }

    /// Whether there is no connection and will be none.
    pub fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// The oldest news that was not taken. Take all of them in each frame: while [`NEWS_MAX`] wait, nothing is received.
    pub fn news(&mut self) -> Option<News<R>> {
        self.news.pop_front()
    }

    /// The world as it is shown now.
    pub fn scene(&self) -> Scene<'_, R> {
        Scene::new(self)
    }

    /// The rules of the game.
    pub fn rules(&self) -> &R {
        &self.rules
    }

    /// The map of the world, once entered.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// Sets how others are shown.
    pub fn set_interpolation(&mut self, interpolation: Interpolation) {
        self.interpolation = interpolation;
    }

    /// Sets how corrections of the own pose are shown.
    pub fn set_smoothing(&mut self, smoothing: Smoothing) {
        self.smoothing = smoothing;
    }

    /// What the client knows of the world: the newest state of each entity in view, as it was received.
    pub fn view(&self) -> &View<R> {
        &self.view
    }

    /// The connection, to look at: round trip, counters, drops.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection, to set rates, the quality of channels, or congestion control. Messages that are read or sent past
    /// the client disturb it.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// What happened so far.
    pub fn stats(&self) -> &ClientStats {
        &self.stats
    }

    /// The farthest that a correction moved the own pose, in units.
    pub fn worst_correction(&self) -> f32 {
        self.worst_correction
    }

    /// The clocks, for graphs and tests. All zero before the first snapshot.
    pub fn clock(&self) -> Clock {
        let round_trip = self.round_trip();
        let (Some(inputs), Some(shown)) = (&self.input_clock, &self.shown_clock) else {
            return Clock { round_trip, ..Clock::default() };
        };
        let server = shown.arriving() + ringshard_world::clock::ticks_in(round_trip) / 2.0;
        Clock {
            server,
            shown: shown.ticks(),
            ahead: inputs.ticks() - server,
            rate: inputs.rate(),
            jitter: shown.jitter(),
            round_trip,
        }
    }
}

impl<R: Rules> std::fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Client");
        debug.field("presence", &self.presence).field("tick", &self.prediction.newest()).field("body", &self.body);
        debug.field("stats", &self.stats).finish_non_exhaustive()
    }
}
