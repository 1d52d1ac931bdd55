//! What a core serves.

use ringshard_engine::Endpoint;
use ringshard_engine::time::Instant;
use ringshard_engine::wire::{ConnectionId, DisconnectReason};

/// Takes what the connections of one core say, and answers through the endpoint. All of it runs inside the core's turn:
/// it must not block.
pub trait Service {
    /// A client has proved its keys.
    fn joined(&mut self, _now: Instant, _endpoint: &mut Endpoint, _id: ConnectionId) {}

    /// A connection is gone.
    fn left(&mut self, _now: Instant, _endpoint: &mut Endpoint, _id: ConnectionId, _reason: DisconnectReason) {}

    /// A message came.
    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: &[u8]);

    /// 60 times a second.
    fn tick(&mut self, _now: Instant, _endpoint: &mut Endpoint) {}
}

/// Sends every message back to where it came from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Service for Echo {
    #[inline]
    fn message(&mut self, _now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: &[u8]) {
        // A reply that is not taken was counted by the endpoint; an unreliable one is simply lost.
        let _ = endpoint.send(from, message);
    }
}
