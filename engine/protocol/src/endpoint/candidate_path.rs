//! A path that a client may have moved to: the server challenges it before it sends anything else there
//! (PROTOCOL.md#migration).

use super::sender::Sender;
use crate::limits::{PATH_CHALLENGE_PERIOD, PATH_CHALLENGES_MAX};
use crate::time::Instant;

/// Bytes that may be sent to a path before it is validated, per byte that came from it (RFC 9000, section 8.1).
const AMPLIFICATION_MAX: u64 = 3;

/// The candidate path of a connection, which has at most one. A newer one replaces it.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Where the client's newest datagram over the path came from.
    pub(super) sender: Sender,
    /// What the client must echo over the path.
    pub(super) value: u64,
    bytes_in: u64,
    bytes_out: u64,
    challenges: u32,
    next_at: Instant,
}

impl Candidate {
    /// A path from which a datagram of `bytes` bytes arrived.
    pub(super) fn new(sender: Sender, value: u64, now: Instant, bytes: usize) -> Self {
        Candidate { sender, value, bytes_in: bytes as u64, bytes_out: 0, challenges: 0, next_at: now }
    }

    /// Counts another datagram from the path. Only the first ones name the address behind a gateway.
    pub(super) fn heard(&mut self, sender: Sender, bytes: usize) {
        if sender.origin.is_some() {
            self.sender = sender;
        }
        self.bytes_in += bytes as u64;
    }

    /// Whether a challenge is due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next_at <= now
    }

    /// Whether `bytes` more may be sent to the path.
    pub(super) fn allows(&self, bytes: usize) -> bool {
        self.bytes_out + bytes as u64 <= AMPLIFICATION_MAX * self.bytes_in
    }

    /// Counts a challenge that was due. `bytes` is its size, or 0 if it could not be sent.
    pub(super) fn challenged(&mut self, now: Instant, bytes: usize) {
        assert!(self.is_due(now), "challenges keep their distance");
        self.bytes_out += bytes as u64;
        self.challenges += 1;
        self.next_at = now + PATH_CHALLENGE_PERIOD;
        assert!(self.bytes_out <= AMPLIFICATION_MAX * self.bytes_in, "the server amplifies no attack");
    }

    /// Whether all challenges went unanswered.
    pub(super) fn is_given_up(&self, now: Instant) -> bool {
        self.challenges >= PATH_CHALLENGES_MAX && self.next_at <= now
    }

    /// When the next challenge is due.
    pub(super) fn deadline(&self) -> Instant {
        self.next_at
    }
}
