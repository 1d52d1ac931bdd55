//! The rings between cores: each core publishes the changes of its entities to all others, and sends commands to the owners
//! of other entities and events to the cores of other players.
//!
//! | module | for |
//! |---|---|
//! | [`change`], [`command`] | what is exchanged |
//! | `ring` | the rings of one pair of cores |
//! | `outbox` | commands that wait for room in a ring |
//! | [`stats`] | what the exchange counts |
//!
//! There is one ring for each ordered pair of cores, for changes and for commands each. A full ring never blocks. A change
//! that finds no room is remembered by its entity; the entity is published again, as it then is, before anything new. Commands
//! wait in the outbox of their core.

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

use ring::{Incoming, Outgoing};
use ringshard_protocol::time::Instant;
use ringshard_world::Fields;

/// One core's ends of all rings.
pub struct Exchange<S> {
    core: usize,
    /// Number of entities that each core owns.
    share: usize,
    /// To each core; none to itself.
    outgoing: Vec<Option<Outgoing<S>>>,
    /// From each core; none from itself.
    incoming: Vec<Option<Incoming<S>>>,
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
                share,
                outgoing: (0..cores).map(|_| None).collect(),
                incoming: (0..cores).map(|_| None).collect(),
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

    /// The number of this core.
    pub fn core(&self) -> usize {
        self.core
    }

    /// The number of cores.
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

    /// Publishes the changes of this tick to every other core. `again` describes an entity, by index, of which a core has
    /// missed a change.
    pub fn publish(&mut self, now: Instant, changes: &[Change<S>], mut again: impl FnMut(u16) -> Change<S>) {
        let first = self.own().0;
        let stats = &mut self.stats;
        for outgoing in self.outgoing.iter_mut().flatten() {
            outgoing.catch_up(now, first, &mut again, stats);
            outgoing.publish(now, first, changes, stats);
        }
    }

    /// Takes the changes that other cores have published. Calls `arrived` for each core, with the time of its oldest change
    /// and their number. Returns the number of all changes.
    pub fn receive(&mut self, mut take: impl FnMut(&Change<S>), mut arrived: impl FnMut(Instant, u64)) -> usize {
        let incoming = self.incoming.iter_mut().flatten();
        let received = incoming.map(|incoming| incoming.receive(&mut take, &mut arrived)).sum();
        self.stats.received += received as u64;
        received
    }

    /// Sends a command to a core; false if that is this core, if there is no such core, or if the ring is full.
    pub fn command(&mut self, core: usize, command: Command) -> bool {
        match self.outgoing.get_mut(core) {
            Some(Some(outgoing)) => outgoing.command(command),
            _ => false,
        }
    }

    /// Takes the commands that have arrived.
    pub fn commands(&mut self, mut take: impl FnMut(&Command)) {
        self.incoming.iter_mut().flatten().for_each(|incoming| incoming.commands(&mut take));
    }
}
