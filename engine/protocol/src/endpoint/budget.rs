//! How much a client may send on its connection: messages and bytes per second, in bursts of up to a second's worth
//! (PROTOCOL.md#budgets).

use super::policy::Policy;
use crate::time::{Duration, Instant};

/// The largest burst, as time at the rate.
const BURST: Duration = Duration::from_secs(1);
/// What a frame costs that is delimited but not understood, in messages: no client sends one by mistake.
const BAD_FRAME_MESSAGES: u64 = 100;
/// Resolution of the price of a byte, in parts of a nanosecond.
const PARTS: u64 = 1 << 10;

/// What messages and bytes cost, as time at the rate; 0 without a limit.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Prices {
    message_nanos: u64,
    byte_parts: u64,
}

impl Prices {
    pub(super) fn of(policy: &Policy) -> Self {
        let price = |second: u64, rate: Option<u64>| rate.map_or(0, |rate| (second / rate.max(1)).max(1));
        Prices {
            message_nanos: price(1_000_000_000, policy.connection_messages_per_second),
            byte_parts: price(1_000_000_000 * PARTS, policy.connection_bytes_per_second),
        }
    }
}

/// What a client has used, as the times until which its messages and bytes last at its rates (the virtual scheduling algorithm
/// of ITU-T I.371). One datagram may overdraw it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Budget {
    messages_until: Instant,
    bytes_until: Instant,
}

impl Budget {
    /// Whether another datagram is accepted.
    #[inline]
    pub(super) fn allows(&self, now: Instant) -> bool {
        self.messages_until.max(self.bytes_until) <= now + BURST
    }

    /// Charges a datagram with this many messages, frames that were not understood, and bytes.
    #[inline]
    pub(super) fn charge(&mut self, now: Instant, prices: &Prices, messages: u64, bad_frames: u64, bytes: usize) {
        let messages = messages + bad_frames * BAD_FRAME_MESSAGES;
        let later = |until: Instant, nanos: u64| until.max(now) + Duration::from_nanos(nanos);
        self.messages_until = later(self.messages_until, messages * prices.message_nanos);
        self.bytes_until = later(self.bytes_until, bytes as u64 * prices.byte_parts / PARTS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Datagrams accepted in the third second of sending one per millisecond.
    fn through(policy: Policy, messages: u64, bad_frames: u64, bytes: usize) -> usize {
        let (prices, mut budget, mut through) = (Prices::of(&policy), Budget::default(), 0);
        for millis in 0..3000 {
            let now = Instant::ZERO + Duration::from_millis(millis);
            if budget.allows(now) {
                budget.charge(now, &prices, messages, bad_frames, bytes);
                through += usize::from(millis >= 2000);
            }
        }
        through
    }

    #[test]
    fn each_limit_holds_by_itself() {
        let limits = |messages, bytes| Policy {
            connection_messages_per_second: messages,
            connection_bytes_per_second: bytes,
            ..Policy::default()
        };
        assert_eq!(through(limits(None, None), 700, 3, 1472), 1000, "no limit");
        assert_eq!(through(limits(Some(500), None), 1, 0, 1472), 500);
        assert_eq!(through(limits(Some(500), None), 10, 0, 64), 50);
        assert_eq!(through(limits(None, Some(100_000)), 9, 0, 1000), 100);
        assert_eq!(through(limits(Some(500), Some(100_000)), 1, 0, 200), 500);
        assert_eq!(
            through(limits(Some(500), None), 0, 1, 64),
            5,
            "frames that are not understood cost a hundred messages"
        );
        assert_eq!(
            through(limits(Some(2000), Some(1 << 20)), 1, 0, 200),
            1000,
            "a thousand per second are within the default"
        );
    }
}
