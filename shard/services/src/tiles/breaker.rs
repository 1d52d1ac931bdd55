//! Stops asking a provider that is out of order.

use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row that open the breaker.
const FAILURES: u32 = 5;
/// For how long it is open at first, and at most.
const WAIT_FIRST: Duration = Duration::from_secs(2);
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Closed: requests pass. Open: none passes until a wait is over. Then one passes: if it succeeds, the breaker closes; if it
/// fails, the wait doubles.
#[derive(Debug)]
pub struct Breaker {
    failures: u32,
    wait: Duration,
    open_until: Option<Instant>,
    probing: bool,
}

impl Breaker {
    /// Closed.
    pub fn new() -> Breaker {
        Breaker { failures: 0, wait: WAIT_FIRST, open_until: None, probing: false }
    }

    /// Whether a request may pass.
    ///
    /// # Errors
    /// How long to wait.
    pub fn pass(&mut self, now: Instant) -> Result<(), Duration> {
        let Some(until) = self.open_until else { return Ok(()) };
        if now < until {
            return Err(until - now);
        }
        if self.probing {
            return Err(WAIT_FIRST);
        }
        self.probing = true;
        Ok(())
    }

    /// A request succeeded.
    pub fn succeeded(&mut self) {
        // The provider may have said how long to leave it alone.
        if self.open_until.is_none() || self.probing {
            *self = Breaker::new();
        }
    }

    /// A request failed.
    pub fn failed(&mut self, now: Instant) {
        self.failures += 1;
        if self.probing || (self.open_until.is_none() && self.failures >= FAILURES) {
            self.open_until = Some(now + self.wait);
            self.wait = (self.wait * 2).min(WAIT_MAX);
            self.probing = false;
        }
    }

    /// A request was given up before it had an end.
    pub fn abandoned(&mut self) {
        self.probing = false;
    }

    /// The provider said for how long it wants to be left alone.
    pub fn hold(&mut self, now: Instant, wait: Duration) {
        let until = now + wait.min(WAIT_MAX);
        self.open_until = Some(self.open_until.map_or(until, |it| it.max(until)));
        self.probing = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_probes_with_one_request() {
        let (mut breaker, start) = (Breaker::new(), Instant::now());
        for _ in 0..4 {
            breaker.failed(start);
        }
        breaker.succeeded();
        (0..4).for_each(|_| breaker.failed(start));
        assert_eq!(breaker.pass(start), Ok(()), "four in a row do not open it");
        breaker.failed(start);
        assert_eq!(breaker.pass(start), Err(WAIT_FIRST));
        let later = start + WAIT_FIRST;
        assert_eq!(breaker.pass(later), Ok(()));
        assert!(breaker.pass(later).is_err(), "one probe at a time");
        breaker.failed(later);
        assert_eq!(breaker.pass(later), Err(WAIT_FIRST * 2), "the wait doubles");
        let much_later = later + WAIT_FIRST * 2;
        assert_eq!(breaker.pass(much_later), Ok(()));
        breaker.abandoned();
        assert_eq!(breaker.pass(much_later), Ok(()), "an abandoned probe does not lock it");
        breaker.succeeded();
        assert_eq!((breaker.pass(much_later), breaker.pass(much_later)), (Ok(()), Ok(())));
    }

    #[test]
    fn a_hold_outlasts_the_success_of_an_earlier_request() {
        let (mut breaker, start) = (Breaker::new(), Instant::now());
        breaker.hold(start, Duration::from_secs(7));
        breaker.succeeded();
        assert_eq!(breaker.pass(start), Err(Duration::from_secs(7)));
        breaker.hold(start, Duration::from_secs(86_400));
        assert_eq!(breaker.pass(start), Err(WAIT_MAX), "a provider cannot ask for a day");
    }
}
