//! A client's view of the world: its own state, and the entities around its player, as its snapshots describe them.

mod error;
mod hasher;
mod own;
mod owners;
mod seen;

pub use error::ViewError;
pub use own::OwnView;
pub use seen::{Sample, Seen};

use self::hasher::IndexHasher;
use crate::codec::{Malformed, Reader};
use crate::contract::Rules;
use crate::entity::EntityId;
use crate::limits::WORLD_ENTITIES_MAX;
use crate::messages::{Head, Owner, SnapshotHeader};
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
type Entities<S> = HashMap<u16, Seen<S>, BuildHasherDefault<IndexHasher>>;

/// What a client knows of the world.
#[derive(Debug)]
pub struct View<R: Rules> {
    /// What full states are a difference from.
    blank: State<R::Shown>,
    entities: Entities<R::Shown>,
    /// Entities that have left the view. Their memory is used again.
    spare: Vec<Seen<R::Shown>>,
    own: OwnView<R::Own>,
    /// Versions are kept at least for so many ticks.
    history: u64,
    /// Reused by digests.
    order: Vec<EntityId>,
}

impl<R: Rules> View<R> {
    /// An empty view. The server's first snapshot has number `first` ([`Welcome`](crate::messages::Welcome)).
    pub fn new(rules: &R, first: u16) -> Self {
        View {
            blank: State::blank(rules.blank_shown()),
            entities: Entities::default(),
            spare: Vec::new(),
            own: OwnView::new(rules.blank_own(), first),
            history: 0,
            order: Vec::new(),
        }
    }

    /// Sets for how many ticks versions are kept at least, so that poses can be interpolated at a past tick. More are kept as
    /// long as the server may need them; without this, no others are.
    pub fn keep_history(&mut self, ticks: u64) {
        self.history = ticks;
    }

    /// Forgets everything: another presence in the world begins with snapshot `first`. Memory is kept.
    pub fn begin(&mut self, first: u16) {
        let View { entities, spare, .. } = self;
        spare.extend(entities.drain().map(|(_, seen)| seen));
        self.own.begin(first);
    }

    /// Takes a snapshot, and calls `changed` for each change of an entity. False if the snapshot is older than the newest;
    /// it is then ignored.
    ///
    /// # Errors
    /// [`ViewError`]; the snapshot then counts as not received, although the entries before the fault were applied.
    pub fn take(&mut self, message: &[u8], mut changed: impl FnMut(Change)) -> Result<bool, ViewError> {
        let reader = &mut Reader::new(message);
        let Some(start) = self.own.read(reader)? else { return Ok(false) };
        while reader.remaining() > 0 {
            let head = Head::read(reader)?;
            self.take_entry(start.tick, head, reader, &mut changed)?;
        }
        self.own.note(&start);
        assert!(self.entities.len() <= WORLD_ENTITIES_MAX, "an index names one entity");
        Ok(true)
    }

    /// The tick of the newest snapshot, which does not wrap at 2^32; 0 before the first.
    pub fn tick(&self) -> u64 {
        self.own.tick()
    }

    /// The newest snapshot's header.
    pub fn newest(&self) -> Option<SnapshotHeader> {
        self.own.newest()
    }

    /// The player's own state and its body, as of the newest snapshot.
    pub fn owner(&self) -> &Owner<R::Own> {
        self.own.owner()
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
                self.spare.push(gone);
            }
            return Ok(());
        }
        if head.is_full() {
            return self.take_full(tick, head, reader, changed);
        }
        let Some(seen) = self.entities.get_mut(&head.index) else {
            return Err(ViewError::UnknownBaseline(head.index));
        };
        seen.take_difference(tick, head, reader, self.history)?;
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
        let id = EntityId { index: head.index, generation: reader.u8()? };
        if id.generation == 0 {
            return Err(Malformed::UnknownValue.into());
        }
        let state = self.blank.read_difference(head.fields, reader)?;
        let known = self.entities.get_mut(&head.index);
        if let Some(seen) = known
            && seen.id() == id
        {
            seen.take_full(tick, head, state);
            changed(Change::Updated(id));
            return Ok(());
        }
        let seen = Seen::reusing(self.spare.pop(), id, head.version, tick, state);
        if let Some(former) = self.entities.insert(head.index, seen) {
            assert!(former.id() != id, "an entity enters once");
            changed(Change::Left(former.id()));
            self.spare.push(former);
        }
        changed(Change::Entered(id));
        Ok(())
    }

    /// The acknowledgment of the snapshots received: the newest number, and a bit for each before it.
    pub fn received(&self) -> Option<(u16, u64)> {
        self.own.received()
    }

    /// All entities in view, in no particular order.
    pub fn entities(&self) -> impl Iterator<Item = &Seen<R::Shown>> {
        self.entities.values()
    }

    /// An entity in view.
    pub fn entity(&self, id: EntityId) -> Option<&Seen<R::Shown>> {
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

    /// The digest (PROTOCOL.md#digest): CRC32C over the entities in view, by index. Two ends with equal digests have the
    /// same view.
    pub fn digest(&mut self) -> u32 {
        let View { order, entities, .. } = self;
        order.clear();
        order.extend(entities.values().map(Seen::id));
        order.sort_unstable();
        let states = order.iter().map(|id| (*id, entities[&id.index].state()));
        states.fold(0, |digest, (id, state)| digest_on(digest, id, state))
    }
}

/// The digest of a view with one more entity, the next by index.
pub fn digest_on<S: crate::contract::Fields>(digest: u32, id: EntityId, state: &State<S>) -> u32 {
    let digest = crc32c::crc32c_append(digest, &id.index.to_le_bytes());
    let digest = crc32c::crc32c_append(digest, &[id.generation]);
    state.digest_on(digest)
}
