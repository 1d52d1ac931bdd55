//! The figures of a peer, for the admin port.
//!
//! There is no round trip: an ICE-lite agent sends no checks that could measure it, and str0m does not tell that of SCTP.

use serde_json::{Value, json};
use std::cell::Cell;

/// The figures. The peer counts, and the admin port reads them through a shared pointer.
#[derive(Debug, Default)]
pub(super) struct Statistics {
    pub(super) packets_received: Count,
    pub(super) bytes_received: Count,
    pub(super) packets_sent: Count,
    pub(super) bytes_sent: Count,
    /// Bytes that SCTP held for the peer at the last look, which is at most [`CHECK_EVERY`](super::bounds::CHECK_EVERY) ago.
    pub(super) buffered_bytes: Cell<usize>,
    /// Times that SCTP had no room, so that datagrams had to wait.
    pub(super) stalls: Count,
    /// Addresses that the peer had in its life.
    pub(super) addresses: Count,
    /// From the offer to the open channel.
    pub(super) opening_ms: Count,
}

/// A number that grows.
#[derive(Debug, Default)]
pub(super) struct Count(Cell<u64>);

impl Count {
    pub(super) fn add(&self, amount: u64) {
        self.0.set(self.0.get() + amount);
    }
}

impl Statistics {
    pub(super) fn received(&self, bytes: usize) {
        self.packets_received.add(1);
        self.bytes_received.add(bytes as u64);
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.packets_sent.add(1);
        self.bytes_sent.add(bytes as u64);
    }

    /// As `/connections` shows them.
    pub(super) fn show(&self) -> Value {
        json!({
            "packets_received": self.packets_received.0.get(),
            "bytes_received": self.bytes_received.0.get(),
            "packets_sent": self.packets_sent.0.get(),
            "bytes_sent": self.bytes_sent.0.get(),
            "buffered_bytes": self.buffered_bytes.get(),
            "stalls": self.stalls.0.get(),
            "addresses": self.addresses.0.get(),
            "opening_ms": self.opening_ms.0.get(),
        })
    }
}
