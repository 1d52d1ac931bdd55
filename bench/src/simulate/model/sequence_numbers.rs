//! Sequence numbers under one key: none may be used twice.

/// How far behind the newest number a datagram may leave: more than can be queued.
const WINDOW: u64 = 1 << 15;

/// The numbers that one end has used on one connection.
#[derive(Debug)]
pub struct SequenceNumbers {
    newest: u64,
    used: Box<[u64]>,
}

impl Default for SequenceNumbers {
    fn default() -> Self {
        SequenceNumbers { newest: 0, used: vec![0; (WINDOW / 64) as usize].into_boxed_slice() }
    }
}

impl SequenceNumbers {
    /// A datagram leaves with `number`.
    ///
    /// # Errors
    /// Says what is wrong with the number.
    pub fn used(&mut self, number: u64) -> Result<(), String> {
        if number + WINDOW <= self.newest {
            return Err(format!("is so far behind the newest, {}, that it may have been used", self.newest));
        }
        if number > self.newest + WINDOW {
            return Err(format!("is so far ahead of the newest, {}, that thousands were skipped", self.newest));
        }
        (self.newest + 1..=number).for_each(|passed| *self.word(passed) &= !bit(passed));
        self.newest = self.newest.max(number);
        assert!(self.newest - number < WINDOW, "the window does not hold {number}");
        let word = self.word(number);
        if *word & bit(number) != 0 {
            return Err("was used before".to_owned());
        }
        *word |= bit(number);
        Ok(())
    }

    fn word(&mut self, number: u64) -> &mut u64 {
        &mut self.used[(number % WINDOW / 64) as usize]
    }
}

fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_used_once_whatever_the_order() {
        let mut numbers = SequenceNumbers::default();
        for number in [1, 2, 5, 4, 3, WINDOW, WINDOW + 3] {
            assert_eq!(numbers.used(number), Ok(()));
        }
        for number in [3, 5, WINDOW, WINDOW + 3, 2 * WINDOW + 4] {
            assert!(numbers.used(number).is_err(), "{number}");
        }
        assert_eq!(numbers.used(6), Ok(()));
    }
}
