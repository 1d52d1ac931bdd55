//! The replay window: which of the last 1024 sequences were received (PROTOCOL.md#replay-window).

use crate::limits::REPLAY_WINDOW;

const WORDS: usize = (REPLAY_WINDOW / 64) as usize;

/// A ring of 1024 bits below the highest sequence received. Sequence 0 is never sent and never fresh.
///
/// A sequence is checked before its datagram is opened, and committed afterwards: a forged datagram moves nothing.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct ReplayWindow {
    highest: u64,
    received: [u64; WORDS],
}

impl Default for ReplayWindow {
    fn default() -> Self {
        ReplayWindow { highest: 0, received: [0; WORDS] }
    }
}

impl ReplayWindow {
    /// Whether `sequence` was not received, and is not too old to tell.
    #[inline]
    pub fn is_fresh(&self, sequence: u64) -> bool {
        if sequence > self.highest {
            return true;
        }
        // The bit of sequence 0 is clear in a young window, so it needs a check of its own.
        sequence != 0 && self.highest - sequence < REPLAY_WINDOW && self.received[word(sequence)] & bit(sequence) == 0
    }

    /// Marks `sequence` as received. Call it only for an authentic datagram.
    ///
    /// # Panics
    /// If `sequence` is not fresh.
    #[inline]
    pub fn commit(&mut self, sequence: u64) {
        assert!(self.is_fresh(sequence), "a sequence is checked before it is committed");
        if sequence > self.highest {
            self.advance(sequence);
        }
        self.received[word(sequence)] |= bit(sequence);
        debug_assert!(!self.is_fresh(sequence) && self.received[word(self.highest)] & bit(self.highest) != 0);
    }

    /// The highest sequence committed; 0 before the first.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// Lengths of the runs of received, missing, received... sequences downwards from the one below the highest, over
    /// at most `positions` of them. The first may be 0.
    pub fn runs(&self, positions: u64) -> impl Iterator<Item = u64> {
        let mut at = self.highest.saturating_sub(1);
        let end = self.highest.saturating_sub(1 + positions.min(REPLAY_WINDOW - 1));
        let mut seen = true;
        core::iter::from_fn(move || {
            if at <= end {
                return None;
            }
            let run = self.run_length(at, end, seen);
            debug_assert!(run <= at - end, "a run ends inside the positions asked for");
            at -= run;
            seen = !seen;
            Some(run)
        })
    }

    /// How many sequences from `at` down to above `end` are all received, or all missing. Works a word at a time.
    fn run_length(&self, at: u64, end: u64, seen: bool) -> u64 {
        let mut run = 0;
        while run < at - end {
            let from = at - run;
            let bits = if seen { self.received[word(from)] } else { !self.received[word(from)] };
            let available = from % 64 + 1;
            let same = u64::from((bits << (64 - available)).leading_ones()).min(available);
            run += same;
            if same < available {
                break;
            }
        }
        run.min(at - end)
    }

    /// Moves the window up to `sequence` and clears the positions that enter it.
    #[inline]
    fn advance(&mut self, sequence: u64) {
        debug_assert!(sequence > self.highest, "the window only moves up");
        let step = sequence - self.highest;
        if step >= REPLAY_WINDOW {
            self.received = [0; WORDS];
        } else if step == 1 {
            self.received[word(sequence)] &= !bit(sequence);
        } else {
            self.clear_between(self.highest + 1, sequence);
        }
        self.highest = sequence;
    }

    /// Clears the positions of `first..=last`, a word at a time.
    fn clear_between(&mut self, first: u64, last: u64) {
        assert!(first <= last && last - first < REPLAY_WINDOW, "fewer positions than the window has");
        let mut from = first;
        loop {
            let to = last.min(from | 63);
            let mask = (u64::MAX << (from % 64)) & (u64::MAX >> (63 - to % 64));
            self.received[word(from)] &= !mask;
            if to == last {
                return;
            }
            from = to + 1;
        }
    }
}

#[inline]
fn word(sequence: u64) -> usize {
    (sequence % REPLAY_WINDOW / 64) as usize
}

#[inline]
fn bit(sequence: u64) -> u64 {
    1 << (sequence % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn sequence_zero_is_never_fresh() {
        let mut window = ReplayWindow::default();
        assert!(!window.is_fresh(0));
        window.commit(1);
        assert!(!window.is_fresh(0));
    }

    #[test]
    fn the_window_is_exactly_1024_long() {
        let mut window = ReplayWindow::default();
        window.commit(5000);
        assert!(window.is_fresh(5000 - 1023));
        assert!(!window.is_fresh(5000 - 1024));
    }

    #[test]
    fn the_last_sequence_of_all_is_taken() {
        let mut window = ReplayWindow::default();
        window.commit(u64::MAX - 1);
        window.commit(u64::MAX);
        assert!(!window.is_fresh(u64::MAX));
        assert!(window.is_fresh(u64::MAX - 2));
    }

    proptest! {
        /// Against a model that remembers everything.
        #[test]
        fn agrees_with_a_set(steps in prop::collection::vec((0u64..3, 0u64..3000), 1..600)) {
            let mut window = ReplayWindow::default();
            let mut seen = HashSet::new();
            let mut highest = 0u64;
            for (kind, amount) in steps {
                let sequence = match kind {
                    0 => highest + amount,
                    1 => highest.saturating_sub(amount),
                    _ => highest + amount % 3,
                };
                let fresh = sequence != 0 && !seen.contains(&sequence) && sequence + REPLAY_WINDOW > highest;
                prop_assert_eq!(window.is_fresh(sequence), fresh);
                if fresh {
                    window.commit(sequence);
                    seen.insert(sequence);
                    highest = highest.max(sequence);
                }
            }
        }
    }

    #[test]
    fn runs_are_those_of_a_plain_list() {
        for density in [1_u64, 2, 3, 10, 200] {
            let mut window = ReplayWindow::default();
            let mut numbers = std::collections::HashSet::new();
            let mut state = density;
            for sequence in 1..3000_u64 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if (state >> 33) % (density + 1) != 0 {
                    window.commit(sequence);
                    numbers.insert(sequence);
                }
                if sequence % 97 != 0 || window.highest() == 0 {
                    continue;
                }
                let lowest = window.highest().saturating_sub(500).max(1);
                let mut expected = vec![0];
                let mut seen = true;
                for number in (lowest..window.highest()).rev() {
                    if numbers.contains(&number) != seen {
                        seen = !seen;
                        expected.push(0);
                    }
                    *expected.last_mut().unwrap() += 1;
                }
                let runs: Vec<u64> = window.runs(500).collect();
                let nothing = expected == [0] && runs.is_empty();
                assert!(nothing || runs == expected, "{runs:?} is not {expected:?}");
            }
        }
    }
}
