//! The owner blocks of the last snapshots: the server sends differences from one of them.

use crate::contract::Fields;
use crate::limits::OWNER_BASELINE_MAX;
use crate::messages::Owner;

/// Owner blocks that are kept.
const KEPT: usize = OWNER_BASELINE_MAX as usize + 1;

/// The number of a snapshot, and its owner block.
type Kept<O> = Option<(u16, Owner<O>)>;

/// The owner blocks of the last snapshots, by number.
#[derive(Debug)]
pub(super) struct Owners<O> {
    blank: Owner<O>,
    newest: Owner<O>,
    /// Beside the rest, so that what every snapshot needs lies together.
    kept: Box<[Kept<O>; KEPT]>,
}

impl<O: Fields> Owners<O> {
    pub(super) fn new(blank: O) -> Self {
        let blank = Owner { body: None, own: blank };
        Owners { blank, newest: blank, kept: Box::new([None; KEPT]) }
    }

    pub(super) fn clear(&mut self) {
        (*self.kept, self.newest) = ([None; KEPT], self.blank);
    }

    /// What the block of snapshot `number` is a difference from; None if that is not kept.
    pub(super) fn baseline(&self, number: u16, distance: u16) -> Option<Owner<O>> {
        if distance == 0 {
            return Some(self.blank);
        }
        let wanted = number.wrapping_sub(distance);
        let (kept, owner) = self.kept[usize::from(wanted) % KEPT]?;
        (kept == wanted).then_some(owner)
    }

    /// The block that stands in the place of snapshot `number`. Does not read it.
    pub(super) fn place(&self, number: u16) -> &impl Sized {
        &self.kept[usize::from(number) % KEPT]
    }

    pub(super) fn note(&mut self, number: u16, owner: Owner<O>) {
        self.kept[usize::from(number) % KEPT] = Some((number, owner));
        self.newest = owner;
    }

    pub(super) fn newest(&self) -> &Owner<O> {
        &self.newest
    }
}
