//! A client's view of the world: the entities around its player, as its snapshots describe them.

mod error;
mod hasher;
mod seen;

pub use error::ViewError;
pub use seen::{Pose, Seen};

use self::hasher::IndexHasher;
use crate::codec::Reader;
use crate::entity::EntityId;
use crate::limits::WORLD_ENTITIES_MAX;
use crate::messages::{Head, SnapshotHeader, read_identity};
use crate::received::Received;
use crate::state::State;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// What a snapshot changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// An entity came into view.
    Entered(EntityId),
    /// An entity in view has changed, or was confirmed.
    Updated(EntityId),
    /// An entity is gone, or too far away to be in view.
    Left(EntityId),
}

/// The entities in view, by index.
type Entities = HashMap<u16, Seen, BuildHasherDefault<IndexHasher>>;

/// What a client knows of the world.
#[derive(Debug, Default)]
pub struct View {
    entities: Entities,
    received: Received,
    /// The tick of the newest snapshot. It does not wrap at 2^32, as ticks on the wire do.
    tick: u64,
}

impl View {
    /// An empty view.
    pub fn new() -> Self {
        View::default()
    }

    /// Takes a snapshot, and calls `changed` for each change. False if the snapshot is older than the newest; it is then
    /// ignored.
    ///
    /// # Errors
    /// [`ViewError`]; the snapshot then counts as not received, although the entries before the fault were applied.
    pub fn take(&mut self, message: &[u8], mut changed: impl FnMut(Change)) -> Result<bool, ViewError> {
        let reader = &mut Reader::new(message);
        let header = SnapshotHeader::read(reader)?;
        if !self.received.is_news(header) {
            return Ok(false);
        }
        let tick = self.extend_tick(header.tick);
        while reader.remaining() > 0 {
            let head = Head::read(reader)?;
            self.take_entry(tick, head, reader, &mut changed)?;
        }
        self.tick = tick;
        self.received.note(header);
        assert!(self.entities.len() <= WORLD_ENTITIES_MAX, "an index names one entity");
        Ok(true)
    }

    /// Extends a tick of 32 bits: the one nearest to the newest tick that has `tick` as its lower half.
    fn extend_tick(&self, tick: u32) -> u64 {
        match self.received.newest() {
            Some(newest) => self.tick.saturating_add_signed((tick.wrapping_sub(newest.tick) as i32).into()),
            None => tick.into(),
        }
    }

    /// The tick of the newest snapshot, which does not wrap at 2^32; 0 before the first.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    fn take_entry(
        &mut self,
        tick: u64,
        head: Head,
        reader: &mut Reader<'_>,
        changed: &mut impl FnMut(Change),
    ) -> Result<(), ViewError> {
        if head.is_gone() {
            if let Some(gone) = self.entities.remove(&head.index) {
                changed(Change::Left(gone.id()));
            }
            return Ok(());
        }
        if head.is_full() {
            return self.take_full(tick, head, reader, changed);
        }
        let Some(seen) = self.entities.get_mut(&head.index) else {
            return Err(ViewError::UnknownBaseline(head.index));
        };
        seen.take_difference(tick, head, reader)?;
        changed(Change::Updated(seen.id()));
        Ok(())
    }

    fn take_full(
        &mut self,
        tick: u64,
        head: Head,
        reader: &mut Reader<'_>,
        changed: &mut impl FnMut(Change),
    ) -> Result<(), ViewError> {
        let (generation, kind, faction) = read_identity(reader)?;
        let state = State { kind, faction, ..State::NONE }.read_difference(head.fields, reader)?;
        let id = EntityId { index: head.index, generation };
        let known = self.entities.get_mut(&head.index);
        if let Some(seen) = known
            && seen.id() == id
        {
            seen.take_full(tick, head, state, reader)?;
            changed(Change::Updated(id));
            return Ok(());
        }
        let mut seen = Seen::new(id, head.version, tick, state);
        seen.take_variables(head, reader)?;
        if let Some(former) = self.entities.insert(head.index, seen) {
            assert!(former.id() != id, "an entity enters once");
            changed(Change::Left(former.id()));
        }
        changed(Change::Entered(id));
        Ok(())
    }

    /// The acknowledgment of the snapshots received: the newest number, and a bit for each before it.
    pub fn received(&self) -> Option<(u16, u64)> {
        self.received.acknowledgment()
    }

    /// The newest snapshot's header.
    pub fn newest(&self) -> Option<SnapshotHeader> {
        self.received.newest()
    }

    /// All entities in view, in no particular order.
    pub fn entities(&self) -> impl Iterator<Item = &Seen> {
        self.entities.values()
    }

    /// An entity in view.
    pub fn entity(&self, id: EntityId) -> Option<&Seen> {
        self.entities.get(&id.index).filter(|seen| seen.id() == id)
    }

    /// The number of entities in view.
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether nothing is in view.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// The digest (PROTOCOL.md#digest): CRC32C over the entities in view, by index, without variables. Two ends with equal
    /// digests have the same view.
    pub fn digest(&self) -> u32 {
        let mut all: Vec<_> = self.entities.values().map(|seen| (seen.id(), *seen.state())).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all.iter().fold(0, |digest, (id, state)| digest_on(digest, *id, state))
    }
}

/// The digest of a view with one more entity, the next by index.
pub fn digest_on(digest: u32, id: EntityId, state: &State) -> u32 {
    let digest = crc32c::crc32c_append(digest, &id.index.to_le_bytes());
    let digest = crc32c::crc32c_append(digest, &[id.generation]);
    crc32c::crc32c_append(digest, &state.digest_bytes())
}
