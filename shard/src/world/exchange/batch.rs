//! What a core publishes at the end of a tick: one batch, which all other cores read.

use super::change::Change;
use crate::world::rewind::Part;
use ringshard_protocol::time::Instant;
use std::sync::Arc;

/// The changes of a tick.
#[derive(Debug)]
pub(super) struct Batch<S> {
    /// When it was published.
    pub(super) at: Instant,
    pub(super) changes: Vec<Change<S>>,
    /// The places of all entities of the core, for rewinds.
    pub(super) part: Option<Arc<Part>>,
}

/// The batches of one core. A batch that every core has taken is used again, so that nothing is allocated once warm.
#[derive(Debug)]
pub(super) struct BatchPool<S>(Vec<Arc<Batch<S>>>);

impl<S> BatchPool<S> {
    pub(super) fn new() -> Self {
        BatchPool(Vec::new())
    }

    /// A batch that `fill` fills. The rings bound how many there are.
    pub(super) fn take(
        &mut self,
        at: Instant,
        part: Option<&Arc<Part>>,
        fill: impl FnOnce(&mut Vec<Change<S>>),
    ) -> Arc<Batch<S>> {
        let free = self.0.iter_mut().position(|batch| Arc::get_mut(batch).is_some());
        let free = free.unwrap_or_else(|| {
            self.0.push(Arc::new(Batch { at, changes: Vec::new(), part: None }));
            self.0.len() - 1
        });
        let batch = Arc::get_mut(&mut self.0[free]).expect("nobody else has it");
        (batch.at, batch.part) = (at, part.cloned());
        batch.changes.clear();
        fill(&mut batch.changes);
        self.0[free].clone()
    }
}
