//! Between cores: what each publishes of its entities, and commands to the owners of others (A6).
//!
//! One ring for each ordered pair of cores and each sort. A full ring never blocks: a change that found no room is
//! remembered by its entity and published again, as it then is, before anything new; commands wait in the outbox of
//! their core.

mod outbox;

pub use outbox::CommandError;
pub(crate) use outbox::Outbox;

use crate::world::store::Rate;
use ringshard_protocol::time::Instant;
use ringshard_world::limits::VARIABLES;
use ringshard_world::{EntityId, State};
use rtrb::chunks::ChunkError;
use rtrb::{Consumer, Producer, RingBuffer};

/// Bytes that a command carries at most.
pub const COMMAND_BYTES_MAX: usize = 112;
/// Changes that tell all of an entity, at most: its state, and every variable.
const ENTITY_CHANGES_MAX: usize = 1 + VARIABLES;
/// Commands that a ring holds.
const COMMANDS: usize = 1024;

/// What has changed of an entity.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Change {
    /// Its state is this now; it may be new.
    State {
        /// Which.
        id: EntityId,
        /// Now.
        state: State,
        /// How often clients may be told of it.
        rate: Rate,
    },
    /// One of its variables is this now.
    Variable {
        /// Whose.
        id: EntityId,
        /// Which.
        number: u8,
        /// Now.
        value: i32,
    },
    /// It is gone.
    Gone {
        /// Which.
        id: EntityId,
    },
}

impl Change {
    /// Whom it is about.
    #[inline]
    pub fn id(&self) -> EntityId {
        match *self {
            Change::State { id, .. } | Change::Variable { id, .. } | Change::Gone { id } => id,
        }
    }
}

/// A message to the owner of an entity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Command {
    /// Whom it is to. The owner may find that it is gone.
    pub to: EntityId,
    /// Whom it is from.
    pub from: EntityId,
    /// What the bytes mean is the game's.
    pub kind: u8,
    len: u8,
    bytes: [u8; COMMAND_BYTES_MAX],
}

impl Command {
    /// A command; None when it is longer than [`COMMAND_BYTES_MAX`].
    pub fn new(to: EntityId, from: EntityId, kind: u8, content: &[u8]) -> Option<Command> {
        let mut bytes = [0; COMMAND_BYTES_MAX];
        bytes.get_mut(..content.len())?.copy_from_slice(content);
        Some(Command { to, from, kind, len: content.len() as u8, bytes })
    }

    /// What it carries.
    pub fn content(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// A change on its way, with the moment it was published.
#[derive(Clone, Copy, Debug)]
struct Published {
    at: Instant,
    change: Change,
}

/// To one other core.
struct Outgoing {
    changes: Producer<Published>,
    commands: Producer<Command>,
    /// Entities, by place, of which that core has missed something.
    behind: Vec<u64>,
    /// How many those are.
    behind_count: usize,
    /// The word of them to go on with: whoever receives too seldom is told of everybody in turn.
    next: usize,
}

/// From one other core.
struct Incoming {
    changes: Consumer<Published>,
    commands: Consumer<Command>,
}

/// What the exchange counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExchangeStats {
    /// Changes published, to each core.
    pub published: u64,
    /// Changes taken in.
    pub received: u64,
    /// Changes that found a ring full, and were published again later.
    pub overflowed: u64,
}

/// One core's ends.
pub struct Exchange {
    core: usize,
    /// Entities of each core.
    share: usize,
    outgoing: Vec<Option<Outgoing>>,
    incoming: Vec<Option<Incoming>>,
    /// Counters.
    pub stats: ExchangeStats,
}

/// Places of entities that each of `cores` cores owns, of `entities` in all.
pub fn share_of(entities: usize, cores: usize) -> usize {
    entities / cores
}

impl Exchange {
    /// The ends of `cores` cores, in their order, in a world of at most `entities` entities.
    pub fn between(cores: usize, entities: usize) -> Vec<Exchange> {
        let share = share_of(entities, cores);
        // Everything may change in a tick, and the other side may be a tick late. What was missed of an entity must fit.
        let capacity = (2 * share).max(2 * ENTITY_CHANGES_MAX);
        let mut ends: Vec<Exchange> = (0..cores)
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
                let (changes, changes_end) = RingBuffer::new(capacity);
                let (commands, commands_end) = RingBuffer::new(COMMANDS);
                let behind = vec![0; share.div_ceil(64)];
                ends[from].outgoing[to] = Some(Outgoing { changes, commands, behind, behind_count: 0, next: 0 });
                ends[to].incoming[from] = Some(Incoming { changes: changes_end, commands: commands_end });
            }
        }
        ends
    }

    /// Which core this is.
    pub fn core(&self) -> usize {
        self.core
    }

    /// How many cores there are.
    pub fn cores(&self) -> usize {
        self.outgoing.len()
    }

    /// The core that owns the entity at `index`.
    #[inline]
    pub fn owner(&self, index: u16) -> usize {
        usize::from(index) / self.share
    }

    /// The first place of this core's entities, and how many it owns.
    pub fn own(&self) -> (u16, usize) {
        ((self.core * self.share) as u16, self.share)
    }

    /// Publishes what has changed in this tick to every other core. `again` gives what there is to say of an entity, by
    /// index, that a core has missed something of.
    pub fn publish(&mut self, now: Instant, changes: &[Change], mut again: impl FnMut(u16, &mut dyn FnMut(Change))) {
        let first = self.own().0;
        let stats = &mut self.stats;
        for outgoing in self.outgoing.iter_mut().flatten() {
            outgoing.catch_up(now, first, &mut again, stats);
            outgoing.publish(now, first, changes, stats);
        }
    }

    /// Takes in what other cores have published; `came` is told when the oldest of each was, and how many they are.
    pub fn receive(&mut self, mut take: impl FnMut(&Change), mut came: impl FnMut(Instant, u64)) -> usize {
        let mut received = 0;
        for incoming in self.incoming.iter_mut().flatten() {
            let waiting = incoming.changes.slots();
            if let Ok(&Published { at, .. }) = incoming.changes.peek() {
                came(at, waiting as u64);
                let chunk = incoming.changes.read_chunk(waiting).expect("so many wait");
                chunk.into_iter().for_each(|Published { change, .. }| take(&change));
                received += waiting;
            }
        }
        self.stats.received += received as u64;
        received
    }

    /// Sends a command to the owner of whom it is to; false when that is this core, or its ring is full.
    pub fn command(&mut self, command: Command) -> bool {
        let owner = self.owner(command.to.index);
        match self.outgoing.get_mut(owner) {
            Some(Some(outgoing)) => outgoing.commands.push(command).is_ok(),
            _ => false,
        }
    }

    /// Takes the commands that came.
    pub fn commands(&mut self, mut take: impl FnMut(&Command)) {
        for incoming in self.incoming.iter_mut().flatten() {
            // No more than were there: whoever answers at once does not keep this up for ever.
            for _ in 0..incoming.commands.slots() {
                let Ok(command) = incoming.commands.pop() else { break };
                take(&command);
            }
        }
    }
}

impl Outgoing {
    fn publish(&mut self, now: Instant, first: u16, changes: &[Change], stats: &mut ExchangeStats) {
        let fits = match self.changes.write_chunk_uninit(changes.len()) {
            Ok(chunk) => chunk.fill_from_iter(changes.iter().map(|&change| Published { at: now, change })),
            Err(ChunkError::TooFewSlots(room)) => {
                let chunk = self.changes.write_chunk_uninit(room).expect("there is so much room");
                chunk.fill_from_iter(changes.iter().map(|&change| Published { at: now, change }))
            }
        };
        stats.published += fits as u64;
        for change in &changes[fits..] {
            stats.overflowed += 1;
            self.miss(first, change.id().index);
        }
    }

    fn miss(&mut self, first: u16, index: u16) {
        let place = usize::from(index - first);
        let (word, bit) = (&mut self.behind[place / 64], 1 << (place % 64));
        self.behind_count += usize::from(*word & bit == 0);
        *word |= bit;
    }

    /// Tells anew of what was missed, as far as there is room.
    fn catch_up(
        &mut self,
        now: Instant,
        first: u16,
        again: &mut impl FnMut(u16, &mut dyn FnMut(Change)),
        stats: &mut ExchangeStats,
    ) {
        while self.behind_count > 0 {
            let word = &mut self.behind[self.next];
            if *word == 0 {
                self.next = (self.next + 1) % self.behind.len();
                continue;
            }
            if self.changes.slots() < ENTITY_CHANGES_MAX {
                return;
            }
            let bit = word.trailing_zeros();
            *word &= *word - 1;
            self.behind_count -= 1;
            let index = first + (self.next * 64) as u16 + bit as u16;
            again(index, &mut |change| {
                self.changes.push(Published { at: now, change }).expect("there is room for all of an entity");
                stats.published += 1;
            });
        }
    }
}
