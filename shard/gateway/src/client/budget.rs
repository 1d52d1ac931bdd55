//! What a client may send per second.
//!
//! Both meters are token buckets that hold one second's worth, kept as the time at which they are full again.

use crate::clock::{Nanos, SECOND};
use crate::limits::Debt;

/// Meters for datagrams and for bytes.
#[derive(Debug)]
pub(super) struct Budget {
    datagrams: Meter,
    bytes: Meter,
}

#[derive(Debug)]
struct Meter {
    /// Time that one unit costs.
    unit: Nanos,
    full_at: Nanos,
}

impl Budget {
    /// # Panics
    /// If a rate is 0.
    pub(super) fn new(datagrams_per_second: u32, bytes_per_second: u32) -> Budget {
        Budget { datagrams: Meter::new(datagrams_per_second), bytes: Meter::new(bytes_per_second) }
    }

    /// Charges a datagram of `bytes`, unless it is too much.
    pub(super) fn charge(&mut self, bytes: usize, now: Nanos) -> bool {
        let fits = self.datagrams.fits(1, now) && self.bytes.fits(bytes as u64, now);
        if fits {
            self.datagrams.charge(1, now);
            self.bytes.charge(bytes as u64, now);
        }
        fits
    }

    /// What is used now.
    pub(super) fn debt(&self, now: Nanos) -> Debt {
        Debt { datagrams: self.datagrams.full_at.saturating_sub(now), bytes: self.bytes.full_at.saturating_sub(now) }
    }

    /// So much is used already.
    pub(super) fn owe(&mut self, debt: Debt, now: Nanos) {
        self.datagrams.full_at = self.datagrams.full_at.max(now + debt.datagrams);
        self.bytes.full_at = self.bytes.full_at.max(now + debt.bytes);
    }
}

impl Meter {
    fn new(per_second: u32) -> Meter {
        assert!(per_second > 0, "a rate is at least 1");
        Meter { unit: (SECOND / u64::from(per_second)).max(1), full_at: 0 }
    }

    fn fits(&self, units: u64, now: Nanos) -> bool {
        self.full_at.max(now) + units * self.unit <= now + SECOND
    }

    fn charge(&mut self, units: u64, now: Nanos) {
        self.full_at = self.full_at.max(now) + units * self.unit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_send_a_seconds_worth_at_once_and_then_its_rate() {
        let mut budget = Budget::new(100, 1 << 20);
        let burst = (0..200).filter(|_| budget.charge(50, 7)).count();
        assert_eq!(burst, 100);
        let later = 7 + SECOND / 10;
        assert_eq!((0..200).filter(|_| budget.charge(50, later)).count(), 10);
    }

    #[test]
    fn bytes_are_bounded_even_when_datagrams_are_few() {
        let mut budget = Budget::new(1_000, 10_000);
        assert_eq!((0..100).filter(|_| budget.charge(1_000, SECOND)).count(), 10);
    }

    #[test]
    fn a_refused_datagram_costs_nothing() {
        let mut budget = Budget::new(1_000, 1_000);
        assert!(budget.charge(900, 0));
        assert!(!budget.charge(200, 0));
        assert!(budget.charge(100, 0));
    }
}
