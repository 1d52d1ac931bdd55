//! Which snapshots a client has received, and its acknowledgment of them.

use crate::limits::SNAPSHOTS_ACKNOWLEDGED;

/// A window of received snapshots.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Number of the newest snapshot, or of the one before the first.
    newest: u16,
    /// Whether any was received.
    any: bool,
    /// A bit for each of the 64 before the newest; the lowest bit is the one right before.
    before: u64,
}

impl Received {
    /// Nothing received yet. The server's first snapshot has number `first`.
    pub fn before(first: u16) -> Self {
        Received { newest: first.wrapping_sub(1), any: false, before: 0 }
    }

    /// Whether a snapshot is newer than all received before. A client ignores older ones.
    pub fn is_news(&self, number: u16) -> bool {
        self.ahead(number) > 0
    }

    /// Notes that a snapshot was received whole.
    ///
    /// # Panics
    /// When it is not [news](Self::is_news).
    pub fn note(&mut self, number: u16) {
        let ahead = self.ahead(number);
        assert!(ahead > 0, "snapshot {number} is not newer than the last");
        self.before = match ahead as u32 {
            _ if !self.any => 0,
            ahead if ahead > SNAPSHOTS_ACKNOWLEDGED => 0,
            SNAPSHOTS_ACKNOWLEDGED => 1 << (ahead - 1),
            _ => self.before << ahead | 1 << (ahead - 1),
        };
        (self.newest, self.any) = (number, true);
    }

    /// How many numbers a snapshot is ahead of the newest. Numbers wrap at 2^16.
    fn ahead(&self, number: u16) -> i16 {
        number.wrapping_sub(self.newest) as i16
    }

    /// The acknowledgment: the number of the newest, and a bit for each before it.
    pub fn acknowledgment(&self) -> Option<(u16, u64)> {
        self.any.then_some((self.newest, self.before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Against a set of all snapshots, with numbers that do not wrap.
        #[test]
        fn an_acknowledgment_names_the_snapshots_received(
            first in any::<u16>(),
            ahead in vec(prop_oneof![1..4_u64, 60..70_u64, 1..32_768_u64], 0..80),
        ) {
            let mut received = Received::before(first);
            prop_assert_eq!(received.acknowledgment(), None);
            let mut newest = u64::from(first) + (1 << 20) - 1;
            let mut all = BTreeSet::new();
            for ahead in ahead {
                prop_assert!(!received.is_news(newest as u16), "the newest is no news");
                prop_assert!(!received.is_news((newest + 32_768) as u16), "that is half of all numbers ahead");
                newest += ahead;
                prop_assert!(received.is_news(newest as u16));
                received.note(newest as u16);
                all.insert(newest);
                let before = (0..64).filter(|bit| all.contains(&(newest - 1 - bit))).map(|bit| 1 << bit).sum();
                prop_assert_eq!(received.acknowledgment(), Some((newest as u16, before)));
            }
        }
    }

    #[test]
    #[should_panic(expected = "snapshot 4 is not newer")]
    fn an_old_snapshot_is_not_noted() {
        let mut received = Received::before(4);
        received.note(5);
        received.note(4);
    }
}
