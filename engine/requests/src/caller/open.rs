//! One call that has not ended, and when something is sent again.

use crate::limits::{CALL_RETRY_FIRST, CALL_RETRY_MAX};
use crate::message::Call;
use std::time::Duration;

/// A call that has not ended.
#[derive(Debug)]
pub(super) struct Open {
    pub path: Box<str>,
    pub value: Box<[u8]>,
    /// When the client gives up.
    pub deadline: Duration,
    /// The epoch that it was sent with. None: it was not sent.
    pub epoch: Option<u64>,
    pub cancelled: bool,
    pub retry: Retry,
}

impl Open {
    pub fn new(path: &str, value: &[u8], now: Duration, deadline: Duration) -> Self {
        let retry = Retry::due(now);
        Open { path: path.into(), value: value.into(), deadline, epoch: None, cancelled: false, retry }
    }

    /// How much of the deadline is left, as a call says it. 0: too little to send the call.
    pub fn units(&self, now: Duration) -> u16 {
        let left = self.deadline.saturating_sub(now).as_millis() / Call::DEADLINE_UNIT.as_millis();
        left.min(Call::DEADLINE_UNITS_MAX.into()) as u16
    }
}

/// When something is sent again.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Retry {
    at: Duration,
    tries: u32,
}

impl Retry {
    /// Sent at once.
    pub fn due(now: Duration) -> Self {
        Retry { at: now, tries: 0 }
    }

    pub fn at(self) -> Duration {
        self.at
    }

    pub fn is_due(self, now: Duration) -> bool {
        self.at <= now
    }

    /// It is sent now: the next time is later, by a quarter more or less, so that clients that began together spread.
    pub fn tried(&mut self, now: Duration, random: &mut u64) {
        let wait = CALL_RETRY_FIRST.saturating_mul(1 << self.tries.min(8)).min(CALL_RETRY_MAX);
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        let spread = wait * (*random >> 48) as u32 / (1 << 17);
        self.at = now + wait * 3 / 4 + spread;
        self.tries += 1;
    }
}
