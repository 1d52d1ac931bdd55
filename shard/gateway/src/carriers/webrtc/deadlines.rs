//! When peers want to be looked at again: one heap for all peers of a thread, so that one timer is enough.

use super::PeerId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Entries that are no longer right stay until their time, and are then ignored.
#[derive(Default)]
pub(super) struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, PeerId)>>,
}

/// One peer's deadline.
#[derive(Default)]
pub(super) struct Deadline {
    at: Option<Instant>,
    /// The earliest entry of this peer in the heap.
    queued: Option<Instant>,
}

impl Deadlines {
    /// The peer wants to be looked at at `at`, and not before.
    pub(super) fn set(&mut self, id: PeerId, deadline: &mut Deadline, at: Instant) {
        deadline.at = Some(at);
        if deadline.queued.is_none_or(|queued| at < queued) {
            deadline.queued = Some(at);
            self.heap.push(Reverse((at, id)));
        }
    }

    /// When the next peer is due, at the earliest.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the first entry that is due. Ask [`Deadlines::is_due`] whether its peer is.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Instant, PeerId)> {
        let due = self.next().is_some_and(|at| at <= now);
        if due { self.heap.pop().map(|Reverse(entry)| entry) } else { None }
    }

    /// Whether the peer of an entry is due. If its deadline is later by now, that is queued instead.
    pub(super) fn is_due(&mut self, id: PeerId, deadline: &mut Deadline, entry: Instant, now: Instant) -> bool {
        if deadline.queued != Some(entry) {
            return false;
        }
        deadline.queued = None;
        match deadline.at {
            Some(at) if at > now => {
                self.set(id, deadline, at);
                false
            }
            at => at.is_some(),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}
