//! What snapshots say of the player itself. A client that shows nobody else needs no more.

use super::error::ViewError;
use super::owners::Owners;
use crate::codec::Reader;
use crate::contract::Fields;
use crate::messages::{Owner, SnapshotHeader};
use crate::received::Received;

/// The player's own state and its body, and which snapshots were received.
#[derive(Debug)]
pub struct OwnView<O> {
    owners: Owners<O>,
    received: Received,
    newest: Option<SnapshotHeader>,
    /// The tick of the newest snapshot. It does not wrap at 2^32, as ticks on the wire do.
    tick: u64,
}

/// The start of a snapshot that is news, before [`OwnView::note`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Start<O> {
    header: SnapshotHeader,
    pub(super) tick: u64,
    owner: Owner<O>,
}

impl<O: Fields> OwnView<O> {
    /// Nothing received yet. The server's first snapshot has number `first` ([`Welcome`](crate::messages::Welcome));
    /// differences begin from `blank`.
    pub fn new(blank: O, first: u16) -> Self {
        OwnView { owners: Owners::new(blank), received: Received::before(first), newest: None, tick: 0 }
    }

    /// Forgets everything: another presence in the world begins with snapshot `first`.
    pub fn begin(&mut self, first: u16) {
        self.owners.clear();
        self.received = Received::before(first);
        (self.newest, self.tick) = (None, 0);
    }

    /// Takes a snapshot, and passes over its entries. False if the snapshot is older than the newest; it is then ignored.
    ///
    /// # Errors
    /// [`ViewError`]; the snapshot then counts as not received.
    pub fn take(&mut self, message: &[u8]) -> Result<bool, ViewError> {
        let start = self.read(&mut Reader::new(message))?;
        if let Some(start) = &start {
            self.note(start);
        }
        Ok(start.is_some())
    }

    /// Reads header and owner block; None if the snapshot is older than the newest. Changes nothing.
    pub(super) fn read(&self, reader: &mut Reader<'_>) -> Result<Option<Start<O>>, ViewError> {
        let header = SnapshotHeader::read(reader)?;
        if !self.received.is_news(header.number) {
            return Ok(None);
        }
        let base = self.owners.baseline(header.number, header.baseline).ok_or(ViewError::UnknownOwnerBaseline)?;
        let owner = header.read_owner(base, reader)?;
        Ok(Some(Start { tick: self.extend_tick(header.tick), header, owner }))
    }

    /// The snapshot was taken whole.
    pub(super) fn note(&mut self, start: &Start<O>) {
        let Start { header, tick, owner } = *start;
        self.owners.note(header.number, owner);
        self.received.note(header.number);
        (self.newest, self.tick) = (Some(header), tick);
    }

    /// Extends a tick of 32 bits: the one nearest to the newest tick that has `tick` as its lower half.
    fn extend_tick(&self, tick: u32) -> u64 {
        match self.newest {
            Some(newest) => self.tick.saturating_add_signed((tick.wrapping_sub(newest.tick) as i32).into()),
            None => tick.into(),
        }
    }

    /// The tick of the newest snapshot, which does not wrap at 2^32; 0 before the first.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// The newest snapshot's header.
    pub fn newest(&self) -> Option<SnapshotHeader> {
        self.newest
    }

    /// The player's own state and its body, as of the newest snapshot.
    pub fn owner(&self) -> &Owner<O> {
        self.owners.newest()
    }

    /// The owner block that is probably the baseline of the next snapshot, to be prefetched. Does not read it.
    pub fn next_baseline(&self) -> Option<&impl Sized> {
        let newest = self.newest?;
        Some(self.owners.place(newest.number.wrapping_add(1).wrapping_sub(newest.baseline)))
    }

    /// The acknowledgment of the snapshots received: the newest number, and a bit for each before it.
    pub fn received(&self) -> Option<(u16, u64)> {
        self.received.acknowledgment()
    }
}
