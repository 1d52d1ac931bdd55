//! The windows of a connection's reliable messages, shared by its channels (PROTOCOL.md#windows).

use super::reassembly::Reassembly;
use crate::limits::{
    FRAGMENTED_BYTES_MAX, FRAGMENTED_OPEN_MAX, MESSAGE_COST_BYTES, RELIABLE_WINDOW_BYTES, WHOLE_MESSAGE_BYTES_MAX,
};

/// What a message of `len` bytes costs either endpoint, in bytes.
pub(super) fn message_cost(len: usize) -> usize {
    len + MESSAGE_COST_BYTES
}

/// What a connection has sent of reliable messages and the peer has not acknowledged.
#[derive(Debug, Default)]
pub(super) struct SendWindow {
    /// Cost of the messages from each channel's oldest unacknowledged one to its newest sent one.
    cost: usize,
    /// Unacknowledged messages that went in pieces and that no path of the usual size carries whole, and their bytes.
    fragmented: usize,
    fragmented_bytes: usize,
}

impl SendWindow {
    /// Whether another message of this cost may be sent.
    pub(super) fn admits(&self, cost: usize) -> bool {
        self.cost == 0 || self.cost + cost <= RELIABLE_WINDOW_BYTES
    }

    /// Whether another message of `bytes` may go in pieces.
    pub(super) fn admits_fragmented(&self, bytes: usize) -> bool {
        bytes <= WHOLE_MESSAGE_BYTES_MAX
            || self.fragmented < FRAGMENTED_OPEN_MAX && self.fragmented_bytes + bytes <= FRAGMENTED_BYTES_MAX
    }

    /// A message of `bytes` is sent for the first time.
    pub(super) fn enter(&mut self, bytes: usize) {
        debug_assert!(self.admits(message_cost(bytes)), "the window was checked before");
        self.cost += message_cost(bytes);
    }

    /// Its channel's oldest unacknowledged message is behind this one of `bytes`.
    pub(super) fn leave(&mut self, bytes: usize) {
        self.cost = remove(self.cost, message_cost(bytes));
    }

    /// A message of `bytes` goes in pieces for the first time.
    pub(super) fn enter_fragmented(&mut self, bytes: usize) {
        assert!(self.admits_fragmented(bytes), "the window was checked before");
        if bytes > WHOLE_MESSAGE_BYTES_MAX {
            self.fragmented += 1;
            self.fragmented_bytes += bytes;
        }
    }

    /// A message of `bytes` that went in pieces is acknowledged.
    pub(super) fn leave_fragmented(&mut self, bytes: usize) {
        if bytes > WHOLE_MESSAGE_BYTES_MAX {
            self.fragmented = remove(self.fragmented, 1);
            self.fragmented_bytes = remove(self.fragmented_bytes, bytes);
        }
    }

    #[cfg(test)]
    pub(super) fn sums(&self) -> (usize, usize, usize) {
        (self.cost, self.fragmented, self.fragmented_bytes)
    }
}

/// The peer sent beyond a window, which no correct endpoint does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::connection) struct Violation;

/// Shared by all reliable channels of a connection.
#[derive(Debug, Default)]
pub(super) struct ReceiveWindow {
    /// Cost of complete messages that wait, and of incomplete ones that a path of the usual size carries whole.
    cost: usize,
    /// Larger incomplete messages, and their bytes.
    fragmented: usize,
    fragmented_bytes: usize,
}

impl ReceiveWindow {
    /// A complete message of `bytes` waits for earlier ones.
    pub(super) fn hold(&mut self, bytes: usize) {
        self.cost += message_cost(bytes);
    }

    /// A complete message of `bytes` waits no longer.
    pub(super) fn unhold(&mut self, bytes: usize) {
        self.cost = remove(self.cost, message_cost(bytes));
    }

    /// # Errors
    /// [`Violation`] if what waits costs too much.
    pub(super) fn check(&self) -> Result<(), Violation> {
        if self.cost > RELIABLE_WINDOW_BYTES { Err(Violation) } else { Ok(()) }
    }

    /// The first piece of a message of `bytes` arrives.
    ///
    /// # Errors
    /// [`Violation`] if too much is incomplete.
    pub(super) fn open(&mut self, bytes: usize) -> Result<(), Violation> {
        if bytes <= WHOLE_MESSAGE_BYTES_MAX {
            self.cost += message_cost(bytes);
        } else {
            self.fragmented += 1;
            self.fragmented_bytes += bytes;
        }
        let within = self.cost <= RELIABLE_WINDOW_BYTES
            && self.fragmented <= FRAGMENTED_OPEN_MAX
            && self.fragmented_bytes <= FRAGMENTED_BYTES_MAX;
        if within { Ok(()) } else { Err(Violation) }
    }

    /// A message is complete, or given up.
    pub(super) fn close(&mut self, message: &Reassembly) {
        if message.len() <= WHOLE_MESSAGE_BYTES_MAX {
            self.cost = remove(self.cost, message_cost(message.len()));
        } else {
            self.fragmented = remove(self.fragmented, 1);
            self.fragmented_bytes = remove(self.fragmented_bytes, message.len());
        }
    }

    /// Memory reserved for buffered messages.
    pub(super) fn bytes(&self) -> usize {
        self.cost + self.fragmented_bytes
    }

    /// Larger messages with missing pieces.
    pub(super) fn fragmented(&self) -> usize {
        self.fragmented
    }

    #[cfg(test)]
    pub(super) fn sums(&self) -> (usize, usize, usize) {
        (self.cost, self.fragmented, self.fragmented_bytes)
    }
}

fn remove(sum: usize, part: usize) -> usize {
    sum.checked_sub(part).expect("what leaves the window was counted when it entered")
}
