//! When to list, watch and start again. It does no I/O: [`follow`](super::follow) carries out its steps.

use super::{Backoff, Roster};
use crate::store::{Listing, StoreError, WatchEvent};
use std::time::Duration;

/// Time between two questions whether the watch still reports everything.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// A watch that does not answer such a question for this long is broken.
const CHECK_TIMEOUT: Duration = Duration::from_secs(4);
/// Longest wait between two attempts to list.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// List everything, and report by [`Follower::listed`].
    List,
    /// Drop the former watch, start one from this revision, and report by [`Follower::watching`].
    Watch(u64),
    /// Wait for the watch until this time, and report by [`Follower::heard`] what it says.
    Hear(Duration),
    /// Ask the watch for its progress.
    Ask,
    /// Drop the watch, and do nothing until this time.
    Wait(Duration),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Listing,
    Starting,
    Watching { ask_at: Duration },
    Waiting { until: Duration },
}

/// Keeps a [`Roster`] current.
#[derive(Clone, Debug)]
pub struct Follower {
    roster: Roster,
    phase: Phase,
    backoff: Backoff,
    /// When the roster was last known to be the latest.
    current_at: Option<Duration>,
    /// When the question was asked that is not answered yet: for a list, or for progress.
    asked_at: Option<Duration>,
    /// How often it started again.
    resyncs: u64,
}

impl Follower {
    /// Keeps this roster current. `seed` spreads its waits.
    pub fn new(roster: Roster, seed: u64) -> Self {
        let backoff = Backoff::new(BACKOFF_MAX, seed);
        Follower { roster, phase: Phase::Listing, backoff, current_at: None, asked_at: None, resyncs: 0 }
    }

    /// The records.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// When the roster was last known to be the latest. None: never.
    pub fn current_at(&self) -> Option<Duration> {
        self.current_at
    }

    /// How often a watch was broken, so that everything was listed again.
    pub fn resyncs(&self) -> u64 {
        self.resyncs
    }

    /// What to do now.
    pub fn next(&mut self, now: Duration) -> Step {
        match self.phase {
            Phase::Waiting { until } if now < until => Step::Wait(until),
            Phase::Waiting { .. } | Phase::Listing => {
                self.phase = Phase::Listing;
                self.asked_at = Some(now);
                Step::List
            }
            Phase::Starting => Step::Watch(self.roster.revision() + 1),
            Phase::Watching { ask_at } => match self.asked_at {
                Some(asked_at) if now >= asked_at + CHECK_TIMEOUT => {
                    self.retry(now);
                    self.next(now)
                }
                Some(asked_at) => Step::Hear(asked_at + CHECK_TIMEOUT),
                None if now < ask_at => Step::Hear(ask_at),
                None => {
                    self.asked_at = Some(now);
                    Step::Ask
                }
            },
        }
    }

    /// The answer to [`Step::List`].
    pub fn listed(&mut self, now: Duration, answer: Result<Listing, StoreError>) {
        match answer {
            Ok(listing) => {
                self.roster.load(&listing);
                // What happened after the question was asked may be missing.
                self.current_at = self.asked_at.take().or(Some(now));
                self.phase = Phase::Starting;
            }
            Err(_) => self.retry(now),
        }
    }

    /// The answer to [`Step::Watch`].
    pub fn watching(&mut self, now: Duration, answer: Result<(), StoreError>) {
        match answer {
            Ok(()) => {
                self.asked_at = None;
                self.phase = Phase::Watching { ask_at: now + CHECK_INTERVAL };
            }
            Err(_) => self.retry(now),
        }
    }

    /// What the watch says. Gives whether the directory may differ.
    pub fn heard(&mut self, now: Duration, answer: Result<WatchEvent, StoreError>) -> bool {
        match answer {
            Ok(WatchEvent::Changed(changes)) => {
                self.roster.apply(&changes);
                true
            }
            // Its revision is of no use: etcd before 3.4.26 may report progress ahead of changes.
            Ok(WatchEvent::Progress { .. }) => {
                self.backoff.reset();
                // What happened after the question was asked may still be on its way.
                self.current_at = self.asked_at.or(self.current_at);
                self.asked_at = None;
                self.phase = Phase::Watching { ask_at: now + CHECK_INTERVAL };
                false
            }
            Err(StoreError::Compacted(_)) => {
                self.resyncs += 1;
                self.phase = Phase::Listing;
                false
            }
            Err(_) => {
                self.retry(now);
                false
            }
        }
    }

    fn retry(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Watching { .. } | Phase::Starting) {
            self.resyncs += 1;
        }
        self.asked_at = None;
        self.phase = Phase::Waiting { until: now + self.backoff.wait() };
    }
}
