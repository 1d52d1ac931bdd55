//! Locks accounts whose password is guessed at.

use super::table::Table;
use std::hash::Hash;
use std::time::Duration;

/// Failures by account. After some of them, the account waits before each further attempt, twice as long each time.
///
/// An attempt counts as a failure when it begins, so that many at once are no way around.
///
/// Emails without an account count too: otherwise, a wait would tell that an email has one.
#[derive(Debug)]
pub(super) struct LockOut {
    accounts: Table<Failures>,
    failures: u32,
    first_wait: u64,
    longest_wait: u64,
}

#[derive(Clone, Copy, Default, Debug)]
struct Failures {
    count: u32,
    /// When it began to fail for the last time, in microseconds since the start.
    last: u64,
}

/// How often the wait can double.
const DOUBLINGS_MAX: u32 = 32;

impl LockOut {
    /// After `failures`, an account waits for `first_wait`, doubling up to `longest_wait`. Failures are forgotten after 4 times
    /// the longest wait, or if more than `accounts_max` fail: those with the fewest failures first.
    pub(super) fn new(failures: u32, first_wait: Duration, longest_wait: Duration, accounts_max: usize) -> Self {
        LockOut {
            accounts: Table::new((accounts_max / 8).next_power_of_two()),
            failures: failures.max(1),
            first_wait: first_wait.as_micros() as u64,
            longest_wait: longest_wait.as_micros() as u64,
        }
    }

    /// Begins an attempt at `now`, in microseconds since the start.
    ///
    /// # Errors
    /// How long the account is locked.
    pub(super) fn begin(&mut self, now: u64, account: impl Hash) -> Result<(), Duration> {
        let keep = self.longest_wait.saturating_mul(4);
        let is_old = |failures: &Failures| now.saturating_sub(failures.last) > keep;
        let importance = |failures: &Failures| (!is_old(failures), failures.count, failures.last);
        let entry = self.accounts.entry(account, importance);
        if is_old(entry) {
            *entry = Failures::default();
        }
        let open_at = match entry.count.checked_sub(self.failures) {
            None => 0,
            Some(beyond) => {
                let wait = self.first_wait.saturating_mul(1 << beyond.min(DOUBLINGS_MAX));
                entry.last.saturating_add(wait.min(self.longest_wait))
            }
        };
        if now < open_at {
            return Err(Duration::from_micros(open_at - now));
        }
        *entry = Failures { count: entry.count.saturating_add(1), last: now };
        Ok(())
    }

    /// The attempt was right: all failures are forgotten.
    pub(super) fn succeed(&mut self, account: impl Hash) {
        if let Some(entry) = self.accounts.get_mut(account) {
            *entry = Failures::default();
        }
    }

    /// The attempt was not checked: it does not count.
    pub(super) fn take_back(&mut self, account: impl Hash) {
        if let Some(entry) = self.accounts.get_mut(account) {
            entry.count = entry.count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const SECOND: u64 = 1_000_000;

    fn lock_out() -> LockOut {
        LockOut::new(5, Duration::from_secs(5), Duration::from_secs(60), 1024)
    }

    #[test]
    fn the_wait_begins_after_five_failures_doubles_and_has_a_longest() {
        let mut locks = lock_out();
        assert!((0..5).all(|_| locks.begin(0, "a").is_ok()));
        let mut now = 0;
        for expected in [5, 10, 20, 40, 60, 60] {
            let wait = locks.begin(now, "a").unwrap_err();
            assert_eq!(wait, Duration::from_secs(expected));
            assert!(locks.begin(now, "a").is_err(), "a refused attempt neither counts nor opens");
            now += expected * SECOND;
            assert_eq!(locks.begin(now, "a"), Ok(()));
        }
        assert_eq!(locks.begin(now, "b"), Ok(()));
    }

    #[test]
    fn success_and_time_forget_failures() {
        let mut locks = lock_out();
        assert!((0..5).all(|_| locks.begin(0, "a").is_ok()));
        locks.succeed("a");
        assert!((0..5).all(|_| locks.begin(0, "a").is_ok()));
        assert!(locks.begin(0, "a").is_err());
        let later = 241 * SECOND;
        assert!((0..5).all(|_| locks.begin(later, "a").is_ok()));
        assert!(locks.begin(later, "a").is_err());
    }

    #[test]
    fn an_attempt_that_was_not_checked_does_not_count() {
        let mut locks = lock_out();
        for _ in 0..100 {
            locks.begin(0, "a").unwrap();
            locks.take_back("a");
        }
        assert!((0..5).all(|_| locks.begin(0, "a").is_ok()));
    }

    #[test]
    fn a_flood_of_other_emails_does_not_unlock_an_account() {
        let mut locks = lock_out();
        assert!((0..5).all(|_| locks.begin(0, "victim").is_ok()));
        for other in 0..50_000 {
            locks.begin(1, other).unwrap();
        }
        assert!(locks.begin(2, "victim").is_err());
    }
}
