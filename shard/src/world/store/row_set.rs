//! Sets of rows, one bit each: iterating over a sparse set skips 64 absent rows at a time.

/// A set of the rows `0 .. capacity`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowSet {
    words: Vec<u64>,
    capacity: usize,
}

impl RowSet {
    /// The empty set of rows below `capacity`.
    pub fn new(capacity: usize) -> RowSet {
        RowSet { words: vec![0; capacity.div_ceil(64)], capacity }
    }

    /// Whether the set contains `row`.
    #[inline]
    pub fn contains(&self, row: usize) -> bool {
        self.words[row / 64] >> (row % 64) & 1 != 0
    }

    /// Adds `row`.
    ///
    /// # Panics
    /// When `row` is not below the capacity.
    #[inline]
    pub fn insert(&mut self, row: usize) {
        assert!(row < self.capacity, "row {row} is beyond the capacity of {}", self.capacity);
        self.words[row / 64] |= 1 << (row % 64);
    }

    /// Removes `row`.
    ///
    /// # Panics
    /// When `row` is not below the capacity.
    #[inline]
    pub fn remove(&mut self, row: usize) {
        assert!(row < self.capacity, "row {row} is beyond the capacity of {}", self.capacity);
        self.words[row / 64] &= !(1 << (row % 64));
    }

    /// The rows of the set, in ascending order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| bits(word).map(move |bit| at * 64 + bit))
    }
}

/// The numbers of the bits that are set in `word`, in ascending order.
#[inline]
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_iterated_in_ascending_order_until_they_are_removed() {
        let mut set = RowSet::new(130);
        for row in [129, 0, 64, 63, 0, 127] {
            set.insert(row);
        }
        set.remove(64);
        set.remove(1);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 127, 129]);
        assert!(set.contains(127) && !set.contains(64));
        [0, 63, 127, 129].into_iter().for_each(|row| set.remove(row));
        assert_eq!(set, RowSet::new(130));
    }
}
