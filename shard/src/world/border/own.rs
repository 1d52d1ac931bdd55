//! The entities of this host, as its cores have published them.

use super::seen::{Seen, Traits};
use crate::world::exchange::{Change, Exchange};
use crate::world::rewind::{NO_HITBOX, Part};
use crate::world::store::Rate;
use ringshard_world::{EntityId, Fields};
use std::sync::Arc;

/// The entities of all cores of this host.
#[derive(Debug)]
pub(super) struct Own<S> {
    entities: Vec<Option<(EntityId, Seen<S>)>>,
    /// Indices of entities that have changed since the last turn. Some may come twice.
    pub(super) changed: Vec<u16>,
    /// Number of entities that each core owns.
    share: usize,
}

impl<S: Fields> Own<S> {
    /// No entities, and room for those of the cores of this exchange.
    pub(super) fn new(exchange: &Exchange<S>) -> Self {
        let (first, share) = exchange.own();
        Own { entities: vec![None; first.into()], changed: Vec::new(), share }
    }

    /// Takes the changes of a core.
    pub(super) fn take(&mut self, changes: &[Change<S>]) {
        for change in changes {
            let index = change.id().index;
            let Some(entity) = self.entities.get_mut(usize::from(index)) else { continue };
            *entity = match *change {
                // Nobody sees it.
                Change::State { rate: Rate::Never, .. } | Change::Gone { .. } => None,
                Change::State { id, state, kind, rate } => {
                    Some((id, Seen { state, traits: Traits { kind, rate, hitbox: NO_HITBOX } }))
                }
            };
            self.changed.push(index);
        }
    }

    /// Looks up the hitboxes of the changed entities in the parts that the cores have recorded.
    pub(super) fn look_up_hitboxes<'a>(&mut self, parts: impl Iterator<Item = Option<&'a Arc<Part>>>) {
        let parts: Vec<_> = parts.collect();
        for &index in &self.changed {
            let (core, row) = (usize::from(index) / self.share, usize::from(index) % self.share);
            let Some((id, seen)) = &mut self.entities[usize::from(index)] else { continue };
            let sample = parts[core].and_then(|part| part.get(row)).filter(|it| it.generation == id.generation);
            seen.traits.hitbox = sample.map_or(NO_HITBOX, |sample| sample.hitbox);
        }
    }

    /// The entity at an index, if there is one that clients may see.
    #[inline]
    pub(super) fn get(&self, index: u16) -> Option<&(EntityId, Seen<S>)> {
        self.entities.get(usize::from(index))?.as_ref()
    }

    /// All indices.
    pub(super) fn indices(&self) -> impl Iterator<Item = u16> + use<S> {
        0..self.entities.len() as u16
    }
}
