//! The rings between cores: each core publishes the changes of its entities to all others, and sends commands to the owners
//! of other entities and events to the cores of other players.
//!
//! | module | for |
//! |---|---|
//! | [`change`], [`command`] | what is exchanged |
//! | `batch` | the changes of a tick, which all other cores read |
//! | `ring` | the rings of one pair of cores |
//! | `outbox` | commands that wait for room in a ring |
//! | [`stats`] | what the exchange counts |
//!
//! A core writes the changes of a tick once, into a batch, and passes a reference to each of the others. So what a core spends
//! on publishing does not grow with the number of cores. There is one ring for each ordered pair of cores, for batches and for
//! commands each. A full ring never blocks. If a batch finds no room, the core remembers which entities the other one has
//! missed; they are published again, as they then are, in a batch for that core alone. Commands wait in the outbox of their core.

mod batch;
pub mod change;
pub mod command;
mod outbox;
mod ring;
pub mod stats;

pub use change::Change;
pub use command::{COMMAND_BYTES_MAX, Command, Purpose};
pub use outbox::CommandError;
pub(crate) use outbox::Outbox;
pub use stats::ExchangeStats;

use crate::world::rewind::Part;
use batch::BatchPool;
use ring::{Incoming, Outgoing};
use ringshard_protocol::time::Instant;
use ringshard_world::Fields;
use std::sync::Arc;

/// One core's ends of all rings.
pub struct Exchange<S> {
    core: usize,
    /// The participant that is the border, if there is one: the last.
    border: Option<usize>,
    /// Number of entities that each core owns.
    share: usize,
    /// To each core; none to itself.
    outgoing: Vec<Option<Outgoing<S>>>,
    /// From each core; none from itself.
    incoming: Vec<Option<Incoming<S>>>,
    /// Of each core: the places of its entities, as it has published them last.
    parts: Vec<Option<Arc<Part>>>,
    batches: BatchPool<S>,
    /// Counters.
    pub stats: ExchangeStats,
}

/// How many of `entities` entities each of `cores` cores owns.
pub fn share_of(entities: usize, cores: usize) -> usize {
    entities / cores
}

impl<S: Fields> Exchange<S> {
    /// The ends of `cores` cores, in their order, in a world of at most `entities` entities.
    ///
    /// # Panics
    /// When there are fewer entities than cores, or no core.
    pub fn between(cores: usize, entities: usize) -> Vec<Self> {
        let share = share_of(entities, cores);
        let mut ends: Vec<Self> = (0..cores)
            .map(|core| Exchange {
                core,
                border: None,
                share,
                outgoing: (0..cores).map(|_| None).collect(),
                incoming: (0..cores).map(|_| None).collect(),
                parts: vec![None; cores],
                batches: BatchPool::new(),
                stats: ExchangeStats::default(),
            })
            .collect();
        for from in 0..cores {
            for to in (0..cores).filter(|&to| to != from) {
                let (outgoing, incoming) = ring::rings(share);
                ends[from].outgoing[to] = Some(outgoing);
                ends[to].incoming[from] = Some(incoming);
            }
        }
        ends
    }

    /// The ends of `cores` cores, in their order, and one more for the [border](crate::world::border) of the host: it takes part
    /// as if it were a core, and owns as many entities.
    ///
    /// # Panics
    /// When there are fewer entities than cores and the border.
    pub fn with_border(cores: usize, entities: usize) -> (Vec<Self>, Self) {
        let mut ends = Exchange::between(cores + 1, entities);
        ends.iter_mut().for_each(|end| end.border = Some(cores));
        let border = ends.pop().expect("the border has an end");
        (ends, border)
    }

    /// The number that the border has among the cores, if there is one.
    pub fn border(&self) -> Option<usize> {
        self.border
    }

    /// The number of this core.
    pub fn core(&self) -> usize {
        self.core
    }

    /// The number of cores, and one more if there is a border.
    pub fn cores(&self) -> usize {
        self.outgoing.len()
    }

    /// The core that owns the entity at `index`.
    #[inline]
    pub fn owner(&self, index: u16) -> usize {
        usize::from(index) / self.share
    }

    /// The first index that this core owns, and how many it owns.
    pub fn own(&self) -> (u16, usize) {
        ((self.core * self.share) as u16, self.share)
    }

    /// Publishes the changes of this tick, and where this core's entities are, to every other core. Without `part`, the others
    /// keep the former one. `again` describes an entity, by index, of which a core has missed a change.
    pub fn publish(
        &mut self,
        now: Instant,
        changes: &[Change<S>],
        part: Option<Arc<Part>>,
        mut again: impl FnMut(u16) -> Change<S>,
    ) {
        let first = self.own().0;
        let Exchange { core, outgoing, parts, batches, stats, .. } = self;
        if part.is_some() {
            parts[*core] = part;
        }
        let part = parts[*core].as_ref();
        let row_of = |index: u16| {
            assert!(index >= first, "a core publishes its own entities only");
            usize::from(index - first)
        };
        let mut batch = None;
        for outgoing in outgoing.iter_mut().flatten() {
            if !outgoing.is_behind() {
                let batch =
                    batch.get_or_insert_with(|| batches.take(now, part, |copied| copied.extend_from_slice(changes)));
                if outgoing.send(batch) {
                    stats.published += changes.len() as u64;
                    continue;
                }
            }
            changes.iter().for_each(|change| outgoing.miss(row_of(change.id().index)));
            if !outgoing.has_room() {
                stats.overflowed += changes.len() as u64;
                continue;
            }
            let missed = batches.take(now, part, |missed| {
                outgoing.take_missed(|row| missed.push(again(first + row as u16)));
            });
            stats.published += missed.changes.len() as u64;
            let sent = outgoing.send(&missed);
            assert!(sent, "the ring has room for a batch");
        }
    }

    /// Takes the changes that other cores have published, batch by batch. Calls `arrived` for each batch with changes, with the
    /// time of its publication and their number. Returns the number of all changes.
    pub fn receive(&mut self, mut take: impl FnMut(&[Change<S>]), mut arrived: impl FnMut(Instant, u64)) -> usize {
        let mut received = 0;
        for (incoming, part) in self.incoming.iter_mut().zip(&mut self.parts) {
            let Some(incoming) = incoming else { continue };
            incoming.batches(|batch| {
                if batch.part.is_some() {
                    part.clone_from(&batch.part);
                }
                if !batch.changes.is_empty() {
                    arrived(batch.at, batch.changes.len() as u64);
                    take(&batch.changes);
                    received += batch.changes.len();
                }
            });
        }
        self.stats.received += received as u64;
        received
    }

    /// Of each core, in their order: the places of its entities, as it has published them last.
    pub fn parts(&self) -> impl Iterator<Item = Option<&Arc<Part>>> {
        self.parts.iter().map(Option::as_ref)
    }

    /// Sends a command to a core; false if that is this core, if there is no such core, or if the ring is full.
    pub fn command(&mut self, core: usize, command: Command) -> bool {
        match self.outgoing.get_mut(core) {
            Some(Some(outgoing)) => outgoing.command(command),
            _ => false,
        }
    }

    /// Whether [`Self::command`] would send a command to that core now.
    pub fn has_room_for_command(&self, core: usize) -> bool {
        self.outgoing.get(core).and_then(Option::as_ref).is_some_and(Outgoing::has_room_for_command)
    }

    /// Takes the commands that have arrived.
    pub fn commands(&mut self, mut take: impl FnMut(&Command)) {
        self.incoming.iter_mut().flatten().for_each(|incoming| incoming.commands(&mut take));
    }
}
