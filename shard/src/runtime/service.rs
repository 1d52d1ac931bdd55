//! The service of a core: the trait that a game server implements, and the echo service.

use crate::runtime::load::Load;
use crate::runtime::path_record::PathRecord;
use crate::runtime::player_list::PlayerList;
use crate::runtime::stages::Stages;
use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{ConnectionId, Message};
use std::any::Any;
use std::fmt;

/// Handles the messages of one core's connections, and sends through the endpoint. All methods run inside the core's turn:
/// they must not block.
pub trait Service {
    /// A connection or its session changed. [`Event`] documents which events occur, in which order. The answer to an
    /// integrity check is already counted.
    fn event(&mut self, _now: Instant, _endpoint: &mut Endpoint, _event: Event) {}

    /// The server is draining: new clients are refused, and connected clients may stay for the configured time.
    fn draining(&mut self, _now: Instant, _endpoint: &mut Endpoint) {}

    /// The core ends: its clients have left, or did not answer in time. No other method but [`Self::count`] is called after this one.
    fn end(&mut self) {}

    /// Settings have changed while the server runs. Every service gets all of them, also those that it does not know.
    fn reload(&mut self, _settings: &LiveSettings) {}

    /// A message arrived.
    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>);

    /// A message of that connection may follow soon: prefetches what handling it needs.
    #[inline]
    fn prefetch(&self, _from: ConnectionId) {}

    /// Takes in what other cores sent; returns the number of items.
    fn exchange(&mut self, _now: Instant, _stages: &mut Stages) -> usize {
        0
    }

    /// How loaded the core is. Called before each tick.
    fn load(&mut self, _load: &Load) {}

    /// How far the service reduces what it does, because the core is overloaded: 0 not at all.
    fn shed_level(&self) -> u8 {
        0
    }

    /// Whether new clients are admitted. Clients that resume a session always are.
    fn admits(&self) -> bool {
        true
    }

    /// The tick, 60 times a second.
    fn tick(&mut self, _now: Instant, _endpoint: &mut Endpoint) {}

    /// Every turn: sends what is due; returns whether anything was.
    fn replicate(&mut self, _now: Instant, _endpoint: &mut Endpoint) -> bool {
        false
    }

    /// When [`Self::replicate`] has work again.
    fn deadline(&self) -> Instant {
        Instant::NEVER
    }

    /// Adds the counters of the service to a report.
    fn count(&self, _counters: &mut ServiceCounters) {}

    /// Names what a client must have alike to be served: clients with the same name fit. Empty: any client will do.
    fn contract(&self) -> String {
        String::new()
    }

    /// Lists the players in the next `slots` slots from `list.next_slot` on, and moves that on; returns whether those were the
    /// last ones. It allocates nothing.
    fn list_players(&self, _list: &mut PlayerList, _slots: usize) -> bool {
        true
    }

    /// Exchanges the record of a path for another one, or for none. The service records the path of its player in it, and
    /// allocates nothing.
    fn follow(&mut self, _record: &mut Option<Box<PathRecord>>) {}
}

/// Settings of a service that can change while it runs. The runtime carries them; their type is known to the service and to
/// the program that started it.
pub struct LiveSettings(Box<dyn Any + Send>);

impl LiveSettings {
    /// Settings of any type.
    pub fn new<T: Any + Send>(settings: T) -> Self {
        LiveSettings(Box::new(settings))
    }

    /// The settings, if they have this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for LiveSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LiveSettings(..)")
    }
}

/// Most counters that a service may report.
pub const SERVICE_COUNTERS_MAX: usize = 96;

/// The counters of a service, by name. The array has a fixed size, so that a core allocates nothing to fill it.
#[derive(Clone, Copy, Debug)]
pub struct ServiceCounters {
    entries: [(&'static str, u64); SERVICE_COUNTERS_MAX],
    len: usize,
}

impl Default for ServiceCounters {
    fn default() -> Self {
        ServiceCounters { entries: [("", 0); SERVICE_COUNTERS_MAX], len: 0 }
    }
}

impl ServiceCounters {
    /// Adds a counter.
    ///
    /// # Panics
    /// When there are [`SERVICE_COUNTERS_MAX`] already, or when `name` is empty. The first report panics when two counters
    /// have the same name.
    pub fn push(&mut self, name: &'static str, count: u64) {
        assert!(self.len < SERVICE_COUNTERS_MAX, "a service has at most {SERVICE_COUNTERS_MAX} counters");
        assert!(!name.is_empty(), "a counter has a name");
        self.entries[self.len] = (name, count);
        self.len += 1;
    }

    /// Removes all counters.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// All counters, in the order in which they were added.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.entries[..self.len].iter().copied()
    }
}

/// Sends every message back to its sender, on the channel it arrived on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Service for Echo {
    #[inline]
    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>) {
        // The endpoint counts a refused message: an unreliable one is lost; a reliable one that exceeds the send queue ends
        // the connection.
        let _ = endpoint.send(now, from, message.channel, message.bytes);
    }
}
