//! Stops asking a service that does not answer.

use std::time::{Duration, Instant};

/// Failures in a row until it opens.
const FAILURES: u32 = 5;
/// How long it stays open.
const OPEN: Duration = Duration::from_secs(10);

/// Opens after some failures in a row. While open, all requests are refused at once, except one after each 10 s, which tells
/// whether the service is back.
#[derive(Default, Debug)]
pub(super) struct Breaker {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    /// How long it stays open; None: a request may be sent.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let wait = self.open_until?.saturating_duration_since(now);
        (!wait.is_zero()).then_some(wait)
    }

    /// Asks to send a request.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(wait) = self.wait(now) {
            return Err(wait);
        }
        if self.open_until.is_some() {
            // This one request tries; the others wait for its end.
            self.open_until = Some(now + OPEN);
        }
        Ok(())
    }

    /// A request ended.
    pub(super) fn record(&mut self, answered: bool, now: Instant) {
        if answered {
            *self = Breaker::default();
            return;
        }
        self.failures += 1;
        if self.failures >= FAILURES {
            self.open_until = Some(now + OPEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_request_try() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES - 1 {
            breaker.admit(start).unwrap();
            breaker.record(false, start);
        }
        breaker.record(true, start);
        for _ in 0..FAILURES {
            breaker.admit(start).unwrap();
            breaker.record(false, start);
        }
        assert_eq!(breaker.admit(start), Err(OPEN));
        let later = start + OPEN;
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.admit(later), Err(OPEN), "one is enough");
        breaker.record(false, later);
        assert!(breaker.admit(later).is_err());
        assert_eq!(breaker.admit(later + OPEN), Ok(()));
        breaker.record(true, later + OPEN);
        assert!((0..9).all(|_| breaker.admit(later + OPEN).is_ok()));
    }
}
