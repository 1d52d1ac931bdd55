//! Commands that were accepted and are not yet in the ring to their core.
//!
//! An accepted command arrives. A full ring delays only the commands to that core, which wait in their order. When too many
//! wait, the next one is refused.

use super::Exchange;
use super::command::Command;
use std::collections::VecDeque;

/// Most commands that wait, over all cores.
const WAITING_MAX: usize = 16_384;
/// Commands to one core that may wait, however many cores there are.
const WAITING_MIN: usize = 1_024;

/// Why a command was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommandError {
    /// The content exceeds [`COMMAND_BYTES_MAX`](super::command::COMMAND_BYTES_MAX) bytes.
    #[error("a command carries at most {} bytes", super::command::COMMAND_BYTES_MAX)]
    TooLong,
    /// No core owns the entity at that index.
    #[error("the world has no entity at that index")]
    NoSuchEntity,
    /// Too many commands to that core wait already. Try again in the next tick, or drop the command.
    #[error("too many commands to that core wait already")]
    Busy,
}

/// Commands that wait, by core, in the order of sending.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Number of entities that each core owns.
    share: usize,
    waiting_max: usize,
    waiting: Vec<VecDeque<Command>>,
    /// Commands refused since the start.
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

    /// Accepts a command, or refuses it. `command` is None if it was too long.
    pub(crate) fn push(&mut self, command: Option<Command>) -> Result<(), CommandError> {
        let pushed = command.ok_or(CommandError::TooLong).and_then(|command| {
            let owner = usize::from(command.to.index) / self.share;
            let waiting = self.waiting.get_mut(owner).ok_or(CommandError::NoSuchEntity)?;
            if waiting.len() >= self.waiting_max {
                return Err(CommandError::Busy);
            }
            waiting.push_back(command);
            assert!(waiting.len() <= self.waiting_max, "a queue keeps its limit");
            Ok(())
        });
        self.refused += u64::from(pushed.is_err());
        pushed
    }

    /// Moves waiting commands to the rings of other cores, as far as there is room, and this core's own to `commands`.
    pub(crate) fn flush(&mut self, exchange: &mut Exchange, commands: &mut Vec<Command>) {
        assert_eq!(self.waiting.len(), exchange.cores(), "there is a queue for each core");
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
