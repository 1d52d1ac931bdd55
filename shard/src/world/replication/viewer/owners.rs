//! The owner blocks of the last snapshots: what the player's own state was in each. The next block is a difference from the
//! newest that the client is known to have.

use ringshard_prefetch::prefetch;
use ringshard_world::Fields;
use ringshard_world::limits::OWNER_BASELINE_MAX;
use ringshard_world::messages::Owner;

/// Owner blocks that are kept.
const KEPT: usize = OWNER_BASELINE_MAX as usize + 1;

/// A block, and the number of its snapshot.
type Kept<O> = Option<(u16, Owner<O>)>;

#[derive(Debug)]
pub(super) struct Owners<O> {
    blank: Owner<O>,
    kept: Box<[Kept<O>; KEPT]>,
}

impl<O: Fields> Owners<O> {
    pub(super) fn new(blank: O) -> Self {
        Owners { blank: Owner { body: None, own: blank }, kept: Box::new([None; KEPT]) }
    }

    /// Prefetches what writing and recording the block of snapshot `number` needs.
    #[inline]
    pub(super) fn prefetch(&self, number: u16, acknowledged: Option<u16>) {
        prefetch(&self.kept[usize::from(number) % KEPT]);
        if let Some(acknowledged) = acknowledged {
            prefetch(&self.kept[usize::from(acknowledged) % KEPT]);
        }
    }

    /// What the block of snapshot `number` becomes a difference from, and how many snapshots back that is: 0 for a blank
    /// one.
    pub(super) fn baseline(&self, number: u16, acknowledged: Option<u16>) -> (u16, &Owner<O>) {
        let blank = (0, &self.blank);
        let Some(acknowledged) = acknowledged else { return blank };
        let distance = number.wrapping_sub(acknowledged);
        match &self.kept[usize::from(acknowledged) % KEPT] {
            Some((kept, owner)) if *kept == acknowledged && (1..=OWNER_BASELINE_MAX).contains(&distance) => {
                (distance, owner)
            }
            _ => blank,
        }
    }

    pub(super) fn record(&mut self, number: u16, owner: &Owner<O>) {
        self.kept[usize::from(number) % KEPT] = Some((number, *owner));
    }
}
