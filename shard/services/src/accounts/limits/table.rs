//! A table of bounded size, for keys that anybody can make up.

use std::hash::{BuildHasher, Hash, RandomState};

/// Entries that share a place.
const WAYS: usize = 8;

/// Values by key. Its size is fixed; where it is full, a new key replaces the least important entry of its set.
///
/// It keeps 64 bits of a secret hash instead of the key. So nobody can choose keys that share a set, and two keys share an
/// entry by accident only once in thousands of millions of times.
#[derive(Debug)]
pub(super) struct Table<V> {
    entries: Vec<(u64, V)>,
    hasher: RandomState,
}

impl<V: Copy + Default> Table<V> {
    /// A table of `sets` times 8 entries.
    pub(super) fn new(sets: usize) -> Self {
        assert!(sets.is_power_of_two(), "the number of sets is no power of two");
        Table { entries: vec![(0, V::default()); sets * WAYS], hasher: RandomState::new() }
    }

    /// The value of a key, which is the default at first. `importance` decides which entry a new one replaces: the least.
    pub(super) fn entry<I: Ord>(&mut self, key: impl Hash, importance: impl Fn(&V) -> I) -> &mut V {
        let (mark, set) = self.place(key);
        let set = &mut self.entries[set..set + WAYS];
        let at = match set.iter().position(|(of, _)| *of == mark) {
            Some(at) => at,
            None => {
                let rank = |at: &usize| (set[*at].0 != 0, importance(&set[*at].1));
                let least = (0..WAYS).min_by_key(rank).expect("a set has entries");
                set[least] = (mark, V::default());
                least
            }
        };
        &mut set[at].1
    }

    /// The value of a key, if it has one.
    pub(super) fn get_mut(&mut self, key: impl Hash) -> Option<&mut V> {
        let (mark, set) = self.place(key);
        self.entries[set..set + WAYS].iter_mut().find(|(of, _)| *of == mark).map(|(_, value)| value)
    }

    /// What is kept of a key, and where its set begins.
    fn place(&self, key: impl Hash) -> (u64, usize) {
        let hash = self.hasher.hash_one(key);
        let sets = self.entries.len() / WAYS;
        // 0 marks a free entry.
        (hash.max(1), (hash as usize & (sets - 1)) * WAYS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_set_gives_up_its_least_important_entry() {
        let mut table: Table<u32> = Table::new(1);
        for key in 0..8 {
            *table.entry(key, |value| *value) = 10 + key;
        }
        *table.entry("new", |value| *value) = 99;
        assert_eq!(table.get_mut(0), None, "that was the least");
        assert!((1..8).all(|key| table.get_mut(key).copied() == Some(10 + key)));
        assert_eq!(table.get_mut("new"), Some(&mut 99));
    }

    #[test]
    fn an_important_entry_survives_a_flood_of_other_keys() {
        let mut table: Table<u32> = Table::new(16);
        *table.entry("victim", |value| *value) = 7;
        for key in 0..100_000 {
            *table.entry(key, |value| *value) += 1;
        }
        assert_eq!(table.get_mut("victim"), Some(&mut 7));
    }
}
