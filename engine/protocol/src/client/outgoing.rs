//! Datagrams that a client has composed and not sealed yet.

use crate::limits::FRAMES_BYTES_MAX;
use crate::time::{Duration, Instant};
use crate::wire::DisconnectReason;
use std::collections::VecDeque;

/// Datagrams that are composed and not yet sealed.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Frames of the open datagram, which still takes messages.
    pub(super) frames: Box<[u8; FRAMES_BYTES_MAX]>,
    pub(super) used: usize,
    /// Its sequence number, once it has frames.
    pub(super) sequence: u64,
    /// Datagrams that were full before it.
    pub(super) full: VecDeque<FullDatagram>,
    /// Copies of Disconnect that are left to send.
    pub(super) disconnects: usize,
    pub(super) disconnect_reason: DisconnectReason,
    /// When the next copy leaves, and the time to the one after it.
    pub(super) disconnect_at: Instant,
    pub(super) disconnect_interval: Duration,
}

/// A datagram that is full and waits to be sealed.
#[derive(Debug)]
pub(super) struct FullDatagram {
    pub(super) sequence: u64,
    pub(super) frames: Vec<u8>,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        Outgoing {
            frames: Box::new([0; FRAMES_BYTES_MAX]),
            used: 0,
            sequence: 0,
            full: VecDeque::new(),
            disconnects: 0,
            disconnect_reason: DisconnectReason::Closed,
            disconnect_at: Instant::ZERO,
            disconnect_interval: Duration::ZERO,
        }
    }

    /// Whether the connection ends with the copies of Disconnect that are left to send.
    pub(super) fn is_disconnecting(&self) -> bool {
        self.disconnects > 0
    }

    /// Whether a copy of Disconnect leaves now, if nothing is in front of it.
    pub(super) fn disconnect_is_due(&self, now: Instant) -> bool {
        self.is_disconnecting() && self.disconnect_at <= now
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used == 0 && self.full.is_empty() && !self.is_disconnecting()
    }

    pub(super) fn clear(&mut self) {
        self.used = 0;
        self.full.clear();
        self.disconnects = 0;
    }
}
