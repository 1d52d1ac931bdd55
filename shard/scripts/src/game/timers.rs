//! Functions of a script that wait for their tick.

use mlua::Function;
use std::collections::BTreeMap;

/// Most timers of a script that may wait.
pub const TIMERS_MAX: usize = 4_096;

/// A function, and when it runs.
#[derive(Clone, Debug)]
struct Timer {
    function: Function,
    /// It runs again after so many ticks; 0 for one that runs once.
    period: u64,
}

/// The timers of a script.
#[derive(Default, Debug)]
pub struct Timers {
    /// By tick, and then by number: those of a tick run in the order in which they were made.
    waiting: BTreeMap<(u64, u64), Timer>,
    /// The tick for which each waits.
    due: BTreeMap<u64, u64>,
    made: u64,
}

impl Timers {
    /// Adds a timer that runs at `tick`, and again each `period` ticks unless that is 0. Gives its number; none if there are
    /// [`TIMERS_MAX`] already.
    pub fn add(&mut self, tick: u64, period: u64, function: Function) -> Option<u64> {
        if self.waiting.len() >= TIMERS_MAX {
            return None;
        }
        self.made += 1;
        self.insert(self.made, tick, Timer { function, period });
        Some(self.made)
    }

    fn insert(&mut self, number: u64, tick: u64, timer: Timer) {
        self.waiting.insert((tick, number), timer);
        self.due.insert(number, tick);
        assert_eq!(self.waiting.len(), self.due.len(), "each timer waits for one tick");
    }

    /// Removes a timer; false if there is none with this number.
    pub fn cancel(&mut self, number: u64) -> bool {
        self.due.remove(&number).is_some_and(|tick| self.waiting.remove(&(tick, number)).is_some())
    }

    /// Whether a function is due at `tick`.
    pub fn is_due(&self, tick: u64) -> bool {
        self.waiting.first_key_value().is_some_and(|((due, _), _)| *due <= tick)
    }

    /// The next function that is due at `tick`. One with a period waits for its next tick.
    pub fn next_due(&mut self, tick: u64) -> Option<Function> {
        let (&(due, number), _) = self.waiting.first_key_value().filter(|((due, _), _)| *due <= tick)?;
        let timer = self.waiting.remove(&(due, number)).expect("it was there a moment ago");
        self.due.remove(&number);
        let function = timer.function.clone();
        if timer.period > 0 {
            self.insert(number, tick + timer.period, timer);
        }
        Some(function)
    }
}
