//! The ends of the rings between this core and one other core.

use super::change::Change;
use super::command::Command;
use super::stats::ExchangeStats;
use ringshard_protocol::time::Instant;
use ringshard_world::Fields;
use rtrb::chunks::ChunkError;
use rtrb::{Consumer, Producer, RingBuffer};

/// Commands that a ring holds.
const COMMANDS: usize = 1024;

/// A change in a ring, with the time of its publication.
#[derive(Clone, Copy, Debug)]
struct Published<S> {
    at: Instant,
    change: Change<S>,
}

/// The rings to one other core.
pub(super) struct Outgoing<S> {
    changes: Producer<Published<S>>,
    commands: Producer<Command>,
    /// Entities of which that core has missed a change, one bit per row.
    behind: Vec<u64>,
    /// Number of bits that are set in `behind`.
    behind_count: usize,
    /// The word of `behind` to continue at: a core that receives too seldom gets all entities in turn.
    next: usize,
    /// The time of the last publication.
    published_at: Instant,
}

/// The rings from one other core.
pub(super) struct Incoming<S> {
    changes: Consumer<Published<S>>,
    commands: Consumer<Command>,
}

/// The rings from one core to another, in a world where each core owns `share` entities.
pub(super) fn rings<S: Fields>(share: usize) -> (Outgoing<S>, Incoming<S>) {
    assert!(share > 0, "each core owns an entity at least");
    // All entities may change in a tick, and the other core may be a tick late.
    let capacity = 2 * share;
    let (changes, changes_end) = RingBuffer::new(capacity);
    let (commands, commands_end) = RingBuffer::new(COMMANDS);
    let behind = vec![0; share.div_ceil(64)];
    let outgoing = Outgoing { changes, commands, behind, behind_count: 0, next: 0, published_at: Instant::ZERO };
    (outgoing, Incoming { changes: changes_end, commands: commands_end })
}

impl<S: Fields> Incoming<S> {
    /// Takes the changes that have arrived; calls `arrived` with the time of the oldest and their number. Returns that number.
    pub(super) fn receive(&mut self, mut take: impl FnMut(&Change<S>), mut arrived: impl FnMut(Instant, u64)) -> usize {
        let waiting = self.changes.slots();
        let Ok(&Published { at, .. }) = self.changes.peek() else { return 0 };
        arrived(at, waiting as u64);
        let chunk = self.changes.read_chunk(waiting).expect("so many wait");
        chunk.into_iter().for_each(|Published { change, .. }| take(&change));
        waiting
    }

    /// Takes the commands that have arrived, and none that arrive meanwhile: two cores that answer each other at once must not
    /// keep this busy for ever.
    pub(super) fn commands(&mut self, mut take: impl FnMut(&Command)) {
        for _ in 0..self.commands.slots() {
            let Ok(command) = self.commands.pop() else { break };
            take(&command);
        }
    }
}

impl<S: Fields> Outgoing<S> {
    /// Sends a command; false if the ring is full.
    pub(super) fn command(&mut self, command: Command) -> bool {
        self.commands.push(command).is_ok()
    }

    /// Publishes what fits. Changes that find no room are remembered by their entity.
    pub(super) fn publish(&mut self, now: Instant, first: u16, changes: &[Change<S>], stats: &mut ExchangeStats) {
        assert!(now >= self.published_at, "changes are published in the order of time");
        self.published_at = now;
        let fits = match self.changes.write_chunk_uninit(changes.len()) {
            Ok(chunk) => chunk.fill_from_iter(changes.iter().map(|&change| Published { at: now, change })),
            Err(ChunkError::TooFewSlots(room)) => {
                let chunk = self.changes.write_chunk_uninit(room).expect("the ring has that much room");
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
        assert!(index >= first, "a core publishes its own entities only");
        let row = usize::from(index - first);
        let (word, bit) = (&mut self.behind[row / 64], 1 << (row % 64));
        self.behind_count += usize::from(*word & bit == 0);
        *word |= bit;
    }

    /// Publishes again the entities of which the other core has missed a change, as far as there is room.
    pub(super) fn catch_up(
        &mut self,
        now: Instant,
        first: u16,
        again: &mut impl FnMut(u16) -> Change<S>,
        stats: &mut ExchangeStats,
    ) {
        let mut empty_words = 0;
        while self.behind_count > 0 {
            let word = &mut self.behind[self.next];
            if *word == 0 {
                empty_words += 1;
                assert!(empty_words <= self.behind.len(), "a core that is behind has missed an entity");
                self.next = (self.next + 1) % self.behind.len();
                continue;
            }
            if self.changes.slots() == 0 {
                return;
            }
            let bit = word.trailing_zeros();
            *word &= *word - 1;
            self.behind_count -= 1;
            empty_words = 0;
            let index = first + (self.next * 64) as u16 + bit as u16;
            let published = Published { at: now, change: again(index) };
            self.changes.push(published).expect("the ring has room for a change");
            stats.published += 1;
        }
    }
}
