//! Which messages of a neighbour have arrived.

/// Messages before the newest one that are remembered.
pub(super) const WINDOW: u64 = 64;

/// Which numbered messages have arrived: the newest, and [`WINDOW`] before it. Numbers begin with 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Window {
    /// The newest; 0 if none has arrived.
    pub(super) newest: u64,
    /// Those before it: bit 0 stands for the one directly before.
    pub(super) earlier: u64,
}

/// What a message is, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Novelty {
    /// It has not arrived before.
    New,
    /// It has arrived before.
    Repeated,
    /// It is older than all that are remembered.
    Stale,
}

impl Window {
    /// Notes that a message has arrived.
    pub(super) fn note(&mut self, number: u64) -> Novelty {
        if number > self.newest {
            let ahead = number - self.newest;
            let shifted = self.earlier.checked_shl(ahead.min(u32::MAX.into()) as u32).unwrap_or(0);
            let was_newest = if self.newest > 0 && ahead <= WINDOW { 1 << (ahead - 1) } else { 0 };
            *self = Window { newest: number, earlier: shifted | was_newest };
            return Novelty::New;
        }
        match self.newest - number {
            0 => Novelty::Repeated,
            back @ 1..=WINDOW if number > 0 => {
                let bit = 1 << (back - 1);
                let novelty = if self.earlier & bit == 0 { Novelty::New } else { Novelty::Repeated };
                self.earlier |= bit;
                novelty
            }
            _ => Novelty::Stale,
        }
    }

    /// Whether a message has arrived. None if the window does not reach back so far.
    pub(super) fn has(&self, number: u64) -> Option<bool> {
        match self.newest.checked_sub(number) {
            None => Some(false),
            Some(0) => Some(true),
            Some(back @ 1..=WINDOW) => Some(self.earlier >> (back - 1) & 1 != 0),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_agrees_with_a_set(numbers in prop::collection::vec(1..300_u64, 1..200)) {
            let (mut window, mut all, mut newest) = (Window::default(), BTreeSet::new(), 0);
            for number in numbers {
                let expected = match number {
                    number if number + WINDOW < newest => Novelty::Stale,
                    number if all.contains(&number) => Novelty::Repeated,
                    _ => Novelty::New,
                };
                prop_assert_eq!(window.note(number), expected);
                if expected == Novelty::New {
                    all.insert(number);
                }
                newest = newest.max(number);
                for number in newest.saturating_sub(WINDOW).max(1)..=newest + 1 {
                    prop_assert_eq!(window.has(number), Some(all.contains(&number)));
                }
            }
        }
    }

    #[test]
    fn a_leap_forgets_all_before() {
        let mut window = Window::default();
        window.note(3);
        assert_eq!(window.note(u64::MAX), Novelty::New);
        assert_eq!((window.earlier, window.note(3), window.has(3)), (0, Novelty::Stale, None));
        assert_eq!(window.note(0), Novelty::Stale);
    }
}
