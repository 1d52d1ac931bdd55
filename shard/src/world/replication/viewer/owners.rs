//! The owner blocks of the last snapshots: what the player's own state was in each. The next block is a difference from the
//! newest that the client is known to have.

use super::ring::Ring;
use ringshard_prefetch::prefetch;
use ringshard_world::Fields;
use ringshard_world::limits::OWNER_BASELINE_MAX;
use ringshard_world::messages::Owner;
use std::mem::offset_of;

/// Owner blocks that are kept at first: more than a client's round trip has ticks, and few, so that they stay in the cache.
const KEPT_FIRST: usize = 8;
/// Most owner blocks that are kept.
const KEPT_MAX: usize = OWNER_BASELINE_MAX as usize + 1;

const _: () = assert!(KEPT_FIRST.is_power_of_two() && KEPT_MAX.is_power_of_two(), "numbers wrap, and index the blocks");

/// A block, and the number of its snapshot.
type Kept<O> = Option<(u16, Owner<O>)>;

/// A ring of owner blocks. It grows with the client's round trip.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Owners<O> {
    blank: Owner<O>,
    kept: Ring<Kept<O>, KEPT_FIRST>,
}

impl<O: Fields> Owners<O> {
    /// So many bytes come before the blocks.
    pub(super) const FRONT: usize = offset_of!(Owners<O>, kept) + size_of::<Vec<Kept<O>>>();

    pub(super) fn new(blank: O) -> Self {
        Owners { blank: Owner { body: None, own: blank }, kept: Ring::new(None) }
    }

    /// Prefetches what writing and recording the block of snapshot `number` needs.
    #[inline]
    pub(super) fn prefetch(&self, number: u16, acknowledged: Option<u16>) {
        prefetch(self.kept.at(number));
        if let Some(acknowledged) = acknowledged {
            prefetch(self.kept.at(acknowledged));
        }
    }

    /// What the block of snapshot `number` becomes a difference from, and how many snapshots back that is: 0 for a blank
    /// one.
    #[inline]
    pub(super) fn baseline(&self, number: u16, acknowledged: Option<u16>) -> (u16, &Owner<O>) {
        let blank = (0, &self.blank);
        let Some(acknowledged) = acknowledged else { return blank };
        let distance = number.wrapping_sub(acknowledged);
        match self.kept.at(acknowledged) {
            Some((kept, owner)) if *kept == acknowledged && (1..=OWNER_BASELINE_MAX).contains(&distance) => {
                (distance, owner)
            }
            _ => blank,
        }
    }

    /// Keeps the block of snapshot `number`.
    #[inline]
    pub(super) fn record(&mut self, number: u16, acknowledged: Option<u16>, owner: &Owner<O>) {
        let distance = acknowledged.map_or(0, |acknowledged| number.wrapping_sub(acknowledged));
        if usize::from(distance) >= self.kept.len() && self.kept.len() < KEPT_MAX {
            self.kept.grow(number, None);
        }
        *self.kept.at_mut(number) = Some((number, *owner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ringshard_world::wire! {
        pub struct Counted { pub count: u32 }
    }

    /// A baseline that the ring has overwritten would cost a client with a long round trip its differences; one that is wrong
    /// would cost it its state.
    #[test]
    fn once_the_ring_has_grown_every_baseline_in_reach_is_found() {
        for round_trip in 1..40_u16 {
            let mut owners = Owners::new(Counted::default());
            let mut found = 0;
            for number in 65_500..65_700_u32 {
                let acknowledged =
                    (number >= 65_500 + u32::from(round_trip)).then(|| (number as u16).wrapping_sub(round_trip));
                let (distance, owner) = owners.baseline(number as u16, acknowledged);
                if distance != 0 {
                    assert_eq!((distance, owner.own.count), (round_trip, number - u32::from(round_trip)));
                    found += 1;
                }
                owners.record(number as u16, acknowledged, &Owner { body: None, own: Counted { count: number } });
            }
            let late = if round_trip < KEPT_FIRST as u16 { round_trip } else { 3 * round_trip };
            let expected = if round_trip <= OWNER_BASELINE_MAX { 200 - late } else { 0 };
            assert!(found >= expected, "round trip {round_trip}: {found} of {expected}");
        }
    }
}
