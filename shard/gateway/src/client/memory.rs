//! What all queues of a thread hold together.
//!
//! A queue may grow to as much as is free. Many slow readers then share what there is, none of them takes all, and a client
//! that has little waiting always finds room. Buffers of network switches are shared by the same rule (dynamic thresholds).

use std::cell::Cell;

/// Bytes that a waiting datagram takes besides its own.
const OVERHEAD: usize = 64;

/// The memory of a thread's queues.
#[derive(Debug)]
pub(crate) struct QueueMemory {
    bytes_max: Cell<usize>,
    held: Cell<usize>,
}

impl QueueMemory {
    /// Memory for queues that hold at most `bytes_max` together, the overhead per datagram included.
    pub(crate) fn new(bytes_max: usize) -> QueueMemory {
        QueueMemory { bytes_max: Cell::new(bytes_max), held: Cell::new(0) }
    }

    /// Changes the bound. Queues that hold more shrink as datagrams come and go.
    pub(crate) fn limit(&self, bytes_max: usize) {
        self.bytes_max.set(bytes_max);
    }

    /// What a datagram of `bytes` takes.
    pub(super) fn cost(bytes: usize) -> usize {
        bytes + OVERHEAD
    }

    /// Whether a queue that holds `own` may take `cost` more.
    pub(super) fn admits(&self, own: usize, cost: usize) -> bool {
        own + cost <= self.bytes_max.get().saturating_sub(self.held.get())
    }

    pub(super) fn take(&self, cost: usize) {
        self.held.set(self.held.get() + cost);
    }

    pub(super) fn give_back(&self, cost: usize) {
        let held = self.held.get().checked_sub(cost);
        self.held.set(held.expect("queues give back what they took"));
    }

    /// What the queues hold now, the overhead per datagram included.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.held.get()
    }
}
