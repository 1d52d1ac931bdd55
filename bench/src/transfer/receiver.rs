//! A client that receives and checks every message.

use super::server::{HEADER_BYTES, SendOptions, body_of};
use crate::delivery_check::DeliveryCheck;
use crate::load::fleet::Workload;
use ringshard_protocol::client::{Client, ClientEvent};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts over all clients.
#[derive(Default)]
pub struct Counts {
    pub messages: AtomicU64,
    /// Clients that have received all messages.
    pub complete: AtomicU64,
}

pub struct Receiver {
    channel: Channel,
    bodies: Arc<Vec<Vec<u8>>>,
    id: ConnectionId,
    pub delivery: DeliveryCheck,
    /// Number of messages, once the last one has arrived.
    total: Option<u64>,
    is_complete: bool,
    /// Messages that are not yet in the shared count.
    uncounted: u64,
    messages_per_hint: u64,
    since_hint: u64,
    counts: Arc<Counts>,
}

impl Receiver {
    pub fn new(load: &SendOptions, bodies: Arc<Vec<Vec<u8>>>, counts: Arc<Counts>) -> Self {
        let channel = Channel::new(load.channel).expect("checked when it was parsed");
        Receiver {
            channel,
            bodies,
            id: ConnectionId::NONE,
            delivery: DeliveryCheck::new(channel.delivery()),
            total: None,
            is_complete: false,
            uncounted: 0,
            messages_per_hint: load.messages_per_hint(),
            since_hint: 0,
            counts,
        }
    }

    /// Counts missing messages as lost.
    pub fn close(&mut self) {
        self.delivery.faults.lost += match self.total {
            Some(total) => self.delivery.missing(total),
            // The last message is missing; how many others are is unknown.
            None => 1,
        };
    }

    /// The number of a correct message, and whether it is the last. None if it differs from what was sent.
    fn check(&self, channel: Channel, message: &[u8]) -> Option<(u64, bool)> {
        let number = u64::from_le_bytes(*message.first_chunk()?);
        let header = message.first_chunk::<HEADER_BYTES>()?;
        let connection = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        let body = &self.bodies[body_of(number, self.id)];
        let as_sent =
            channel == self.channel && connection == self.id.bits() && message[HEADER_BYTES..] == body[HEADER_BYTES..];
        as_sent.then_some((number, header[12] != 0))
    }
}

impl Workload for Receiver {
    fn on_message(&mut self, channel: Channel, message: &[u8]) {
        self.uncounted += 1;
        let Some((number, last)) = self.check(channel, message) else {
            self.delivery.faults.altered += 1;
            return;
        };
        self.delivery.record(number);
        if last {
            self.total = Some(number + 1);
        }
    }

    fn advance(&mut self, now: Instant, client: &mut Client) {
        if self.uncounted == 0 {
            return;
        }
        self.counts.messages.fetch_add(self.uncounted, Ordering::Relaxed);
        self.since_hint += self.uncounted;
        self.uncounted = 0;
        if self.since_hint >= self.messages_per_hint && client.send(now, Channel::UNRELIABLE, b"more").is_ok() {
            self.since_hint = 0;
        }
        if !self.is_complete && self.total.is_some_and(|total| self.delivery.missing(total) == 0) {
            self.is_complete = true;
            self.counts.complete.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn deadline(&self) -> Instant {
        Instant::NEVER
    }

    fn on_event(&mut self, event: ClientEvent) {
        if let ClientEvent::Connected { id, .. } = event {
            self.id = id;
        }
    }
}
