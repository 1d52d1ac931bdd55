//! A client that shows up at another address (W13): the new path is challenged before anything else is sent there.

use crate::limits::{PATH_CHALLENGE_PERIOD, PATH_CHALLENGES_MAX};
use crate::link::Path;
use crate::time::Instant;

/// Bytes sent to a path that is not validated, for each byte that came from it (RFC 9000, section 8.1).
const AMPLIFICATION_MAX: u64 = 3;

/// A path that the client may have moved to. A connection has one at most: a newer one takes its place.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) path: Path,
    /// What the client must send back from there.
    pub(super) value: u64,
    bytes_in: u64,
    bytes_out: u64,
    challenges: u32,
    next_at: Instant,
}

impl Candidate {
    /// A path that a datagram of `bytes` came from.
    pub(super) fn new(path: Path, value: u64, now: Instant, bytes: usize) -> Self {
        Candidate { path, value, bytes_in: bytes as u64, bytes_out: 0, challenges: 0, next_at: now }
    }

    /// Another datagram came from it.
    pub(super) fn heard(&mut self, bytes: usize) {
        self.bytes_in += bytes as u64;
    }

    /// Whether a challenge is due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next_at <= now
    }

    /// Whether `bytes` more may be sent to it.
    pub(super) fn allows(&self, bytes: usize) -> bool {
        self.bytes_out + bytes as u64 <= AMPLIFICATION_MAX * self.bytes_in
    }

    /// A challenge was due; `bytes` of it left, 0 where none could.
    pub(super) fn challenged(&mut self, now: Instant, bytes: usize) {
        self.bytes_out += bytes as u64;
        self.challenges += 1;
        self.next_at = now + PATH_CHALLENGE_PERIOD;
        assert!(self.bytes_out <= AMPLIFICATION_MAX * self.bytes_in, "nobody is flooded through a server");
    }

    /// Whether it was challenged often enough.
    pub(super) fn is_given_up(&self, now: Instant) -> bool {
        self.challenges >= PATH_CHALLENGES_MAX && self.next_at <= now
    }

    /// When the next challenge is due.
    pub(super) fn deadline(&self) -> Instant {
        self.next_at
    }
}
