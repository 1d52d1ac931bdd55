//! The border's own share of the world's entities: a row for each replica.
//!
//! A freed row goes to the end of a queue, so that its index is used again as late as possible.

use super::area::NeighbourId;
use super::seen::Seen;
use crate::world::exchange::{Change, Exchange};
use crate::world::rewind::{Part, Sample};
use ringshard_world::{EntityId, Fields};
use std::collections::VecDeque;

/// The replicas of neighbours' entities.
#[derive(Debug)]
pub(super) struct Rows<S> {
    first: u16,
    free: VecDeque<u16>,
    rows: Vec<Row<S>>,
    /// Rows that have changed since the last publication.
    changed: Vec<u16>,
    /// Replicas that are visible.
    visible: usize,
}

#[derive(Clone, Copy, Debug)]
struct Row<S> {
    /// The generation of the present or last replica; 0 if there was none yet.
    generation: u8,
    /// Whose entity it is.
    owner: Option<(NeighbourId, EntityId)>,
    /// What is seen of it. None: it has a name here, for answers, and is not seen.
    seen: Option<Seen<S>>,
    is_changed: bool,
}

impl<S: Fields> Rows<S> {
    pub(super) fn new(exchange: &Exchange<S>) -> Self {
        let (first, share) = exchange.own();
        Rows {
            first,
            free: (0..share as u16).collect(),
            rows: vec![Row { generation: 0, owner: None, seen: None, is_changed: false }; share],
            changed: Vec::new(),
            visible: 0,
        }
    }

    /// A free row for an entity of a neighbour.
    pub(super) fn take(&mut self, owner: (NeighbourId, EntityId)) -> Option<u16> {
        let row = self.free.pop_front()?;
        let taken = &mut self.rows[usize::from(row)];
        assert!(taken.owner.is_none(), "a free row has no owner");
        taken.generation = taken.generation.checked_add(1).unwrap_or(1);
        taken.owner = Some(owner);
        Some(row)
    }

    /// Shows the entity of a row.
    pub(super) fn show(&mut self, row: u16, seen: Seen<S>) {
        let shown = &mut self.rows[usize::from(row)];
        assert!(shown.owner.is_some(), "a shown row has an owner");
        if shown.seen != Some(seen) {
            self.visible += usize::from(shown.seen.is_none());
            shown.seen = Some(seen);
            self.change(row);
        }
    }

    /// Frees a row: the entity vanishes.
    pub(super) fn free(&mut self, row: u16) {
        let freed = &mut self.rows[usize::from(row)];
        assert!(freed.owner.take().is_some(), "a row is freed once");
        let was_visible = freed.seen.take().is_some();
        self.free.push_back(row);
        if was_visible {
            self.visible -= 1;
            self.change(row);
        }
    }

    fn change(&mut self, row: u16) {
        let changed = &mut self.rows[usize::from(row)].is_changed;
        if !std::mem::replace(changed, true) {
            self.changed.push(row);
        }
    }

    /// What the replica of a row is called here.
    pub(super) fn id(&self, row: u16) -> EntityId {
        EntityId { index: self.first + row, generation: self.rows[usize::from(row)].generation }
    }

    /// Whose entity a replica is. None if `id` is no replica, or one that is gone.
    pub(super) fn owner(&self, id: EntityId) -> Option<(NeighbourId, EntityId)> {
        let row = self.rows.get(usize::from(id.index.checked_sub(self.first)?))?;
        row.owner.filter(|_| row.generation == id.generation)
    }

    /// Number of replicas that are visible.
    pub(super) fn visible(&self) -> usize {
        self.visible
    }

    /// Moves the changes since the last call to `changes`.
    pub(super) fn take_changes(&mut self, changes: &mut Vec<Change<S>>) {
        changes.clear();
        for row in std::mem::take(&mut self.changed) {
            self.rows[usize::from(row)].is_changed = false;
            changes.push(self.describe(row));
        }
    }

    /// What has become of the entity of a row.
    pub(super) fn describe(&self, row: u16) -> Change<S> {
        let id = self.id(row);
        match self.rows[usize::from(row)].seen {
            Some(Seen { state, traits }) => Change::State { id, state, kind: traits.kind, rate: traits.rate },
            None => Change::Gone { id },
        }
    }

    /// Records where all replicas are, for rewinds.
    pub(super) fn record(&self, part: &mut Part, hitboxes: usize) {
        let samples = self.rows.iter().enumerate().filter_map(|(row, Row { generation, seen, .. })| {
            let Seen { state, traits } = seen.as_ref()?;
            let ringshard_world::State { position, velocity, rotation, leap, .. } = *state;
            let (generation, hitbox) = (*generation, traits.hitbox);
            Some((row as u16, Sample { position, velocity, rotation, leap, generation, hitbox }))
        });
        part.record(samples, hitboxes);
    }
}
