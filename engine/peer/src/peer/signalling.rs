//! When a description is due: until the peer has heard the newest one, and once as the answer to each new one.

use crate::limits::{DESCRIPTION_RETRY_FIRST, DESCRIPTION_RETRY_MAX};
use ringshard_protocol::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Signalling {
    /// Number of the newest description of this end.
    number: u32,
    /// The newest of them that the peer has heard.
    acknowledged: u32,
    /// The newest description of the peer that was heard.
    heard: u32,
    next_at: Instant,
    wait: Duration,
}

/// What a description of the peer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    /// It says something new.
    New,
    /// It was heard before.
    Known,
    /// A newer one was heard before.
    Old,
}

impl Signalling {
    /// The first description is due at once.
    pub(super) fn new(now: Instant) -> Self {
        Signalling { number: 1, acknowledged: 0, heard: 0, next_at: now, wait: DESCRIPTION_RETRY_FIRST }
    }

    /// What this end says has changed.
    pub(super) fn changed(&mut self, now: Instant) {
        self.number += 1;
        self.next_at = now;
        self.wait = DESCRIPTION_RETRY_FIRST;
    }

    /// The peer has begun anew: what it had heard counts no more.
    pub(super) fn reset_peer(&mut self) {
        (self.acknowledged, self.heard) = (0, 0);
    }

    /// A description of the peer has come.
    pub(super) fn heard(&mut self, now: Instant, number: u32, acknowledged: u32, answer_wanted: bool) -> News {
        let news = match number.cmp(&self.heard) {
            core::cmp::Ordering::Greater => News::New,
            core::cmp::Ordering::Equal => News::Known,
            core::cmp::Ordering::Less => return News::Old,
        };
        self.heard = number;
        if acknowledged <= self.number {
            self.acknowledged = self.acknowledged.max(acknowledged);
        }
        if news == News::New || answer_wanted {
            self.next_at = now;
        } else if self.is_acknowledged() {
            self.next_at = Instant::NEVER;
        }
        news
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.acknowledged == self.number
    }

    /// The numbers of the next description: its own, and the newest heard.
    pub(super) fn numbers(&self) -> (u32, u32) {
        (self.number, self.heard)
    }

    /// The description has left.
    pub(super) fn sent(&mut self, now: Instant) {
        if self.is_acknowledged() {
            self.next_at = Instant::NEVER;
            return;
        }
        self.next_at = now + self.wait;
        self.wait = (self.wait * 2).min(DESCRIPTION_RETRY_MAX);
    }

    /// When a description is due.
    pub(super) fn deadline(&self) -> Instant {
        self.next_at
    }
}
