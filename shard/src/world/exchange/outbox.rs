//! Commands on their way out: accepted, and not yet in the ring to their owner's core.
//!
//! What is accepted here arrives. A ring that is full holds nothing up but the commands to that core, which wait in their
//! order; when too many wait, the next one is refused to its sender.

use super::{Command, Exchange};
use std::collections::VecDeque;

/// Commands that may wait, over all cores.
const WAITING_MAX: usize = 16_384;
/// Commands to one core that may wait at least, however many cores there are.
const WAITING_MIN: usize = 1_024;

/// A command that was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommandError {
    /// It carries more than [`COMMAND_BYTES_MAX`](super::COMMAND_BYTES_MAX) bytes.
    #[error("a command carries at most {} bytes", super::COMMAND_BYTES_MAX)]
    TooLong,
    /// No core owns the entity at that index.
    #[error("the world has no entity at that index")]
    NoSuchEntity,
    /// Too many commands to that core wait already: try again in the next tick, or do without.
    #[error("too many commands to that core wait already")]
    Busy,
}

/// Commands to each core, in the order of sending.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Entities of each core.
    share: usize,
    waiting_max: usize,
    waiting: Vec<VecDeque<Command>>,
    /// Commands that were refused, ever.
    pub(crate) refused: u64,
}

impl Outbox {
    pub(crate) fn new(exchange: &Exchange) -> Self {
        let cores = exchange.cores();
        Outbox {
            share: exchange.own().1,
            waiting_max: (WAITING_MAX / cores).max(WAITING_MIN),
            waiting: (0..cores).map(|_| VecDeque::new()).collect(),
            refused: 0,
        }
    }

    /// Takes a command, which then arrives.
    pub(crate) fn push(&mut self, command: Option<Command>) -> Result<(), CommandError> {
        let pushed = command.ok_or(CommandError::TooLong).and_then(|command| {
            let owner = usize::from(command.to.index) / self.share;
            let waiting = self.waiting.get_mut(owner).ok_or(CommandError::NoSuchEntity)?;
            if waiting.len() >= self.waiting_max {
                return Err(CommandError::Busy);
            }
            waiting.push_back(command);
            Ok(())
        });
        self.refused += u64::from(pushed.is_err());
        pushed
    }

    /// Hands on what waits, as far as there is room: to this core's own `commands`, and to the rings of the others.
    pub(crate) fn hand_on(&mut self, exchange: &mut Exchange, commands: &mut Vec<Command>) {
        for (core, waiting) in self.waiting.iter_mut().enumerate() {
            if core == exchange.core() {
                commands.extend(waiting.drain(..));
                continue;
            }
            while let Some(command) = waiting.front()
                && exchange.command(*command)
            {
                waiting.pop_front();
            }
        }
    }
}
