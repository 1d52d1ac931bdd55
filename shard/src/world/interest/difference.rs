//! The difference of two sets of entities: which enter, and which leave.

use ringshard_world::limits::WORLD_ENTITIES_MAX;

/// Compares sets of entities. One per core.
pub struct Difference {
    /// Per entity, the stamp of the comparison in which it was last wanted. A comparison has two stamps: the first for
    /// entities that enter, the second for those that stay.
    stamps: Vec<u32>,
    /// The last stamp that was given.
    stamp: u32,
}

impl Difference {
    /// For all indices of a world.
    pub fn new() -> Self {
        Difference { stamps: vec![0; WORLD_ENTITIES_MAX], stamp: 0 }
    }

    /// Entities of `wanted` that are not in `current` enter; entities of `current` that are not in `wanted` leave. Neither
    /// input contains an entity twice. Both outputs keep the order of their input.
    pub fn compare(
        &mut self,
        current: impl Iterator<Item = u16>,
        wanted: &[u16],
        entering: &mut Vec<u16>,
        leaving: &mut Vec<u16>,
    ) {
        entering.clear();
        leaving.clear();
        if self.stamp > u32::MAX - 2 {
            self.stamps.fill(0);
            self.stamp = 0;
        }
        let (is_wanted, stays) = (self.stamp + 1, self.stamp + 2);
        self.stamp = stays;
        for &index in wanted {
            self.stamps[usize::from(index)] = is_wanted;
        }
        for index in current {
            let stamp = &mut self.stamps[usize::from(index)];
            if *stamp == is_wanted {
                *stamp = stays;
            } else {
                leaving.push(index);
            }
        }
        entering.extend(wanted.iter().copied().filter(|&index| self.stamps[usize::from(index)] == is_wanted));
        assert!(entering.len() <= wanted.len(), "only wanted entities enter");
    }
}

impl Default for Difference {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    use std::collections::BTreeSet;

    fn compare(difference: &mut Difference, current: &[u16], wanted: &[u16]) -> (Vec<u16>, Vec<u16>) {
        let (mut entering, mut leaving) = (vec![9], vec![9]);
        difference.compare(current.iter().copied(), wanted, &mut entering, &mut leaving);
        (entering, leaving)
    }

    #[test]
    fn an_entity_that_stays_is_in_neither_output() {
        let mut difference = Difference::new();
        assert_eq!(compare(&mut difference, &[1, 65_535, 3], &[3, 0, 1]), (vec![0], vec![65_535]));
        assert_eq!(compare(&mut difference, &[], &[2, 1]), (vec![2, 1], vec![]));
        assert_eq!(compare(&mut difference, &[2, 1], &[]), (vec![], vec![2, 1]));
        assert_eq!(compare(&mut difference, &[2, 1], &[1, 2]), (vec![], vec![]));
    }

    #[test]
    fn stamps_begin_again_when_they_run_out() {
        let mut difference = Difference::new();
        compare(&mut difference, &[7], &[7, 8]);
        for stamp in u32::MAX - 4..=u32::MAX {
            difference.stamp = stamp;
            assert_eq!(compare(&mut difference, &[7], &[8]), (vec![8], vec![7]));
            assert_eq!(compare(&mut difference, &[7, 8], &[8, 9]), (vec![9], vec![7]));
        }
    }

    #[test]
    fn it_agrees_with_sets() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut difference = Difference::new();
        let mut current = BTreeSet::new();
        for _ in 0..1000 {
            let wanted: BTreeSet<u16> = (0..random.next_u32() % 80).map(|_| (random.next_u32() % 150) as u16).collect();
            let in_order: Vec<u16> = wanted.iter().rev().copied().collect();
            let (entering, leaving) = compare(&mut difference, &Vec::from_iter(current.iter().copied()), &in_order);
            assert_eq!(entering, in_order.iter().copied().filter(|index| !current.contains(index)).collect::<Vec<_>>());
            assert_eq!(leaving, current.difference(&wanted).copied().collect::<Vec<_>>());
            current = wanted;
        }
    }
}
