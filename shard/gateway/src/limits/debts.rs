//! What clients that have left had used of their budgets. The next client of the same network begins with that, so that a
//! client gains nothing when it connects again.

use crate::clock::{Nanos, SECOND};
use std::collections::HashMap;
use std::net::IpAddr;

/// Networks that are remembered. A debt is over within a second, so only a flood from as many networks has more.
const NETWORKS_MAX: usize = 8_192;
/// Clients that have used less of their budgets leave no debt.
const DEBT_MIN: Nanos = SECOND / 10;

/// What a client has used of its budgets, as the time after which each is whole again. At most a second each.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Debt {
    pub(crate) datagrams: Nanos,
    pub(crate) bytes: Nanos,
}

/// The debts of networks: of each, the largest.
#[derive(Default, Debug)]
pub(super) struct Debts {
    until: HashMap<IpAddr, Debt>,
}

impl Debts {
    /// A client of this network has left.
    pub(super) fn note(&mut self, network: IpAddr, debt: Debt, now: Nanos) {
        if debt.datagrams.max(debt.bytes) < DEBT_MIN {
            return;
        }
        if self.until.len() >= NETWORKS_MAX {
            self.until.retain(|_, until| until.datagrams.max(until.bytes) > now);
        }
        if self.until.len() < NETWORKS_MAX || self.until.contains_key(&network) {
            let until = self.until.entry(network).or_default();
            until.datagrams = until.datagrams.max(now + debt.datagrams);
            until.bytes = until.bytes.max(now + debt.bytes);
        }
    }

    /// What a client of this network begins with.
    pub(super) fn of(&self, network: IpAddr, now: Nanos) -> Debt {
        let until = self.until.get(&network).copied().unwrap_or_default();
        Debt { datagrams: until.datagrams.saturating_sub(now), bytes: until.bytes.saturating_sub(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    #[test]
    fn the_largest_debt_of_a_network_shrinks_with_time_and_no_other_network_has_it() {
        let mut debts = Debts::default();
        debts.note(network(1), Debt { datagrams: SECOND, bytes: SECOND / 2 }, 7 * SECOND);
        debts.note(network(1), Debt { datagrams: SECOND / 4, bytes: SECOND / 4 }, 7 * SECOND);
        let later = 7 * SECOND + SECOND / 4;
        assert_eq!(debts.of(network(1), later), Debt { datagrams: 3 * SECOND / 4, bytes: SECOND / 4 });
        assert_eq!(debts.of(network(2), later), Debt::default());
        assert_eq!(debts.of(network(1), 9 * SECOND), Debt::default());
    }

    #[test]
    fn memory_is_bounded_and_debts_that_are_over_make_room() {
        let mut debts = Debts::default();
        let debt = Debt { datagrams: SECOND, bytes: 0 };
        (0..20_000).for_each(|number| debts.note(network(number), debt, SECOND));
        assert_eq!(debts.until.len(), NETWORKS_MAX);
        debts.note(network(1 << 24), debt, 3 * SECOND);
        assert_eq!(debts.until.len(), 1);
    }
}
