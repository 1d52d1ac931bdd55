//! How many messages a WebSocket may send.

use std::time::Duration;
use tokio::time::Instant;

/// Messages per second, over a longer time.
const EVERY: Duration = Duration::from_millis(100);
/// Messages at once.
const BURST: u32 = 40;
/// Messages refused one after the other until the WebSocket is closed.
const STRIKES_MAX: u32 = 200;

/// Counts the messages of one WebSocket.
#[derive(Debug)]
pub(super) struct Pace {
    full_at: Instant,
    strikes: u32,
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Accept,
    /// It is refused; the next one is accepted after this time.
    TooFast(Duration),
    /// The WebSocket is closed.
    Close,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Pace {
        Pace { full_at: now, strikes: 0 }
    }

    pub(super) fn message(&mut self, now: Instant) -> Verdict {
        let full_at = self.full_at.max(now) + EVERY;
        let latest = now + EVERY * BURST;
        if full_at <= latest {
            (self.full_at, self.strikes) = (full_at, 0);
            return Verdict::Accept;
        }
        self.strikes += 1;
        if self.strikes > STRIKES_MAX { Verdict::Close } else { Verdict::TooFast(full_at - latest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_accepted_then_refused_with_the_exact_wait_then_closed() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        let accepted = (0..100).take_while(|_| pace.message(now) == Verdict::Accept).count();
        assert_eq!(accepted, BURST as usize);
        assert_eq!(pace.message(now + EVERY / 4), Verdict::TooFast(EVERY * 3 / 4));
        assert_eq!(pace.message(now + EVERY), Verdict::Accept);
        for _ in 0..STRIKES_MAX {
            assert!(matches!(pace.message(now + EVERY), Verdict::TooFast(_)));
        }
        assert_eq!(pace.message(now + EVERY), Verdict::Close);
    }
}
