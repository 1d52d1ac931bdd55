//! What a core serves.

use crate::runtime::stages::Stages;
use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{ConnectionId, Message};

/// Takes what the connections of one core say, and answers through the endpoint. All of it runs inside the core's turn:
/// it must not block.
pub trait Service {
    /// Something happened to a connection or its session; [`ringshard_protocol::endpoint::Event`] says in which order what
    /// can happen. An integrity answer is only counted unless this does more.
    fn happened(&mut self, _now: Instant, _endpoint: &mut Endpoint, _event: Event) {}

    /// The server is going down: nobody new is let in, and those who are there may stay for as long as it was told to wait.
    fn draining(&mut self, _now: Instant, _endpoint: &mut Endpoint) {}

    /// A message came.
    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>);

    /// A message of that connection may come soon: asks the processor for what it takes.
    #[inline]
    fn prefetch(&self, _from: ConnectionId) {}

    /// Takes what other cores sent; gives how much that was.
    fn exchange(&mut self, _now: Instant, _stages: &mut Stages) -> usize {
        0
    }

    /// 60 times a second.
    fn tick(&mut self, _now: Instant, _endpoint: &mut Endpoint) {}

    /// Every turn: says what is due to be said; gives whether anything was.
    fn replicate(&mut self, _now: Instant, _endpoint: &mut Endpoint) -> bool {
        false
    }

    /// When [`Self::replicate`] has something to do again.
    fn deadline(&self) -> Instant {
        Instant::NEVER
    }

    /// Adds its own counters to a report.
    fn count(&self, _counters: &mut ServiceCounters) {}
}

/// Counters that a service may report.
pub const SERVICE_COUNTERS_MAX: usize = 48;

/// The counters of a service, by name. They have a fixed place in a report: a core allocates nothing to fill it.
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
    /// When there are [`SERVICE_COUNTERS_MAX`] already.
    pub fn push(&mut self, name: &'static str, count: u64) {
        assert!(self.len < SERVICE_COUNTERS_MAX, "a service has at most {SERVICE_COUNTERS_MAX} counters");
        self.entries[self.len] = (name, count);
        self.len += 1;
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// All of them, in the order in which they were added.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.entries[..self.len].iter().copied()
    }
}

/// Sends every message back to where it came from, on the channel it came by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Service for Echo {
    #[inline]
    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>) {
        // A reply that is not taken was counted by the endpoint: an unreliable one is lost, a reliable one beyond what may
        // wait has ended the connection.
        let _ = endpoint.send(now, from, message.channel, message.bytes);
    }
}
