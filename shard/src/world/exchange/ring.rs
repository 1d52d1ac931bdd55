//! The ends of the rings between this core and one other core.

use super::batch::Batch;
use super::command::Command;
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;

/// Commands that a ring holds.
const COMMANDS: usize = 1024;
/// Batches that a ring holds: a core may be a few ticks late.
const BATCHES: usize = 8;

/// The rings to one other core.
pub(super) struct Outgoing<S> {
    batches: Producer<Arc<Batch<S>>>,
    commands: Producer<Command>,
    /// Entities of which that core has missed a change, one bit per row.
    behind: Vec<u64>,
    /// Whether it has missed any.
    is_behind: bool,
}

/// The rings from one other core.
pub(super) struct Incoming<S> {
    batches: Consumer<Arc<Batch<S>>>,
    commands: Consumer<Command>,
}

/// The rings from one core to another, in a world where each core owns `share` entities.
pub(super) fn rings<S>(share: usize) -> (Outgoing<S>, Incoming<S>) {
    assert!(share > 0, "each core owns an entity at least");
    let (batches, batches_end) = RingBuffer::new(BATCHES);
    let (commands, commands_end) = RingBuffer::new(COMMANDS);
    let outgoing = Outgoing { batches, commands, behind: vec![0; share.div_ceil(64)], is_behind: false };
    (outgoing, Incoming { batches: batches_end, commands: commands_end })
}

impl<S> Incoming<S> {
    /// Takes the batches that have arrived, and none that arrive meanwhile.
    pub(super) fn batches(&mut self, mut take: impl FnMut(&Batch<S>)) {
        for _ in 0..self.batches.slots() {
            let Ok(batch) = self.batches.pop() else { break };
            take(&batch);
        }
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

impl<S> Outgoing<S> {
    /// Sends a command; false if the ring is full.
    pub(super) fn command(&mut self, command: Command) -> bool {
        self.commands.push(command).is_ok()
    }

    /// Whether there is room for a command.
    pub(super) fn has_room_for_command(&self) -> bool {
        !self.commands.is_full()
    }

    /// Whether there is room for a batch.
    pub(super) fn has_room(&self) -> bool {
        !self.batches.is_full()
    }

    /// Sends a batch; false if the ring is full.
    pub(super) fn send(&mut self, batch: &Arc<Batch<S>>) -> bool {
        self.batches.push(batch.clone()).is_ok()
    }

    /// Remembers that the other core misses a change of the entity in a row.
    pub(super) fn miss(&mut self, row: usize) {
        self.behind[row / 64] |= 1 << (row % 64);
        self.is_behind = true;
    }

    /// Whether the other core has missed a change.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Passes to `each` the rows of which the other core has missed a change, and forgets them.
    pub(super) fn take_missed(&mut self, mut each: impl FnMut(usize)) {
        self.is_behind = false;
        for (number, word) in self.behind.iter_mut().enumerate() {
            let mut left = std::mem::take(word);
            while left != 0 {
                each(number * 64 + left.trailing_zeros() as usize);
                left &= left - 1;
            }
        }
    }
}
