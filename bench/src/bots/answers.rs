//! How long inputs take to come back in a snapshot.

use super::observations::Observations;
use ringshard_protocol::time::Instant;
use std::collections::VecDeque;

/// Inputs that wait for an answer at once.
const WAITING_MAX: usize = 256;

/// The inputs of a bot whose ticks no snapshot has shown yet.
#[derive(Default)]
pub struct Answers {
    /// Ticks, and when each input was made.
    waiting: VecDeque<(u64, Instant)>,
}

impl Answers {
    /// An input for `tick` was made.
    pub fn expect(&mut self, tick: u64, made: Instant) {
        if self.waiting.len() == WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back((tick, made));
    }

    /// A snapshot has shown `tick`, whose input arrived in time.
    pub fn answered(&mut self, tick: u64, now: Instant, mut observations: Option<&mut Observations>) {
        while let Some(&(waiting, made)) = self.waiting.front()
            && waiting <= tick
        {
            self.waiting.pop_front();
            if waiting == tick
                && let Some(observations) = &mut observations
            {
                observations.round_trip.saturating_record(now.since(made).as_nanos() as u64);
            }
        }
    }
}
