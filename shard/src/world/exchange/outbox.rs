//! Commands that were accepted and are not yet in the ring to their core.
//!
//! An accepted command arrives. A full ring delays only the commands to that core, which wait in their order. When too many
//! wait, the next one is refused.

use super::Exchange;
use super::command::{Command, Purpose};
use ringshard_world::Fields;
use std::collections::VecDeque;

/// Most commands that wait, over all cores.
const WAITING_MAX: usize = 16_384;
/// Commands to one core that may wait, however many cores there are.
const WAITING_MIN: usize = 1_024;

/// Why a command or an event was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommandError {
    /// No core owns the entity at that index.
    #[error("the world has no entity at that index")]
    NoSuchEntity,
    /// Too many commands to a core wait already. Try again in the next tick, or drop the command.
    #[error("too many commands to a core wait already")]
    Busy,
}

/// Commands that wait, by core, in the order of sending.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Number of entities that each core owns.
    share: usize,
    /// The border, if there is one.
    border: Option<usize>,
    waiting_max: usize,
    waiting: Vec<VecDeque<Command>>,
    /// Commands refused since the start.
    pub(crate) refused: u64,
}

impl Outbox {
    pub(crate) fn new<S: Fields>(exchange: &Exchange<S>) -> Self {
        let cores = exchange.cores();
        Outbox {
            share: exchange.own().1,
            border: exchange.border(),
            waiting_max: (WAITING_MAX / cores).max(WAITING_MIN),
            waiting: (0..cores).map(|_| VecDeque::new()).collect(),
            refused: 0,
        }
    }

    /// Accepts a command to the owner of the entity that it concerns, or refuses it.
    pub(crate) fn push(&mut self, command: Command) -> Result<(), CommandError> {
        let owner = usize::from(command.to.index) / self.share;
        let pushed = match self.waiting.get(owner) {
            None => Err(CommandError::NoSuchEntity),
            Some(waiting) if waiting.len() >= self.waiting_max => Err(CommandError::Busy),
            Some(_) => Ok(()),
        };
        match pushed {
            Ok(()) => self.waiting[owner].push_back(command),
            Err(_) => self.refused += 1,
        }
        pushed
    }

    /// Whether the owner of the entity at `index` takes `count` commands more.
    pub(crate) fn has_room_for(&self, index: u16, count: usize) -> bool {
        let owner = usize::from(index) / self.share;
        self.waiting.get(owner).is_some_and(|waiting| waiting.len() + count <= self.waiting_max)
    }

    /// Accepts a command to every core but `own`, or refuses it for all of them. The border gets what is for viewers, if it has
    /// room: the cores do not wait for it.
    pub(crate) fn push_to_others(&mut self, own: usize, command: Command) -> Result<(), CommandError> {
        let waiting_max = self.waiting_max;
        let is_other = |core: usize| core != own && Some(core) != self.border;
        if self.waiting.iter().enumerate().any(|(core, waiting)| is_other(core) && waiting.len() >= waiting_max) {
            self.refused += 1;
            return Err(CommandError::Busy);
        }
        for (_, waiting) in self.waiting.iter_mut().enumerate().filter(|(core, _)| is_other(*core)) {
            waiting.push_back(command);
        }
        if let (Some(border), Purpose::ToViewers(_)) = (self.border, command.purpose) {
            let has_room = self.waiting[border].len() < waiting_max;
            self.refused += u64::from(!has_room);
            self.waiting[border].extend(has_room.then_some(command));
        }
        assert!(self.waiting.iter().all(|waiting| waiting.len() <= self.waiting_max), "a queue keeps its limit");
        Ok(())
    }

    /// Moves waiting commands to the rings of other cores, as far as there is room, and this core's own to `commands`.
    pub(crate) fn flush<S: Fields>(&mut self, exchange: &mut Exchange<S>, commands: &mut Vec<Command>) {
        assert_eq!(self.waiting.len(), exchange.cores(), "there is a queue for each core");
        for (core, waiting) in self.waiting.iter_mut().enumerate() {
            if core == exchange.core() {
                commands.extend(waiting.drain(..));
                continue;
            }
            while let Some(command) = waiting.front()
                && exchange.command(core, *command)
            {
                waiting.pop_front();
            }
        }
    }
}
