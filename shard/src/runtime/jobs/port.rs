//! The end of a core: gives jobs, takes results. It never waits and never allocates.

use super::sleepers::Sleepers;
use ringshard_protocol::counters;
use rtrb::{Consumer, Producer};
use std::sync::Arc;

counters! {
    /// The jobs of one core.
    JobStats {
        /// Jobs that were given to the workers.
        given,
        /// Jobs that were refused.
        refused,
        /// Jobs whose results were taken.
        done,
        /// Jobs that were given and whose results were not taken yet.
        outstanding,
    }
}

/// A refused job: too many are outstanding, or there are no workers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many jobs are outstanding, or there are no workers")]
pub struct Busy<J>(pub J);

/// The end of one core.
#[derive(Debug)]
pub struct JobPort<J, D> {
    /// None if there are no workers.
    rings: Option<Rings<J, D>>,
    given: u64,
    refused: u64,
    done: u64,
}

#[derive(Debug)]
struct Rings<J, D> {
    jobs: Producer<J>,
    results: Consumer<D>,
    sleepers: Arc<Sleepers>,
    per_core: usize,
}

impl<J, D> JobPort<J, D> {
    pub(super) fn new(jobs: Producer<J>, results: Consumer<D>, sleepers: Arc<Sleepers>, per_core: usize) -> Self {
        let rings = Rings { jobs, results, sleepers, per_core };
        JobPort { rings: Some(rings), given: 0, refused: 0, done: 0 }
    }

    pub(super) fn closed() -> Self {
        JobPort { rings: None, given: 0, refused: 0, done: 0 }
    }

    /// Gives a job to the workers. Its result comes with [`Self::take`]. If a worker sleeps, this wakes it: a system call.
    ///
    /// # Errors
    /// [`Busy`], with the job: too many are outstanding, there are no workers, or they are stopping.
    pub fn give(&mut self, job: J) -> Result<(), Busy<J>> {
        let outstanding = self.outstanding();
        let free = |rings: &&mut Rings<J, D>| outstanding < rings.per_core && !rings.sleepers.is_stopping();
        let Some(rings) = self.rings.as_mut().filter(free) else {
            self.refused += 1;
            return Err(Busy(job));
        };
        assert!(rings.jobs.push(job).is_ok(), "a ring has a slot for every job that may be outstanding");
        rings.sleepers.wake_one();
        self.given += 1;
        Ok(())
    }

    /// The next result, if one is ready.
    pub fn take(&mut self) -> Option<D> {
        let result = self.rings.as_mut()?.results.pop().ok()?;
        self.done += 1;
        assert!(self.done <= self.given, "each result is that of a job");
        Some(result)
    }

    /// Jobs that were given and whose results were not taken yet.
    pub fn outstanding(&self) -> usize {
        (self.given - self.done) as usize
    }

    /// The counters.
    pub fn stats(&self) -> JobStats {
        let &JobPort { given, refused, done, .. } = self;
        JobStats { given, refused, done, outstanding: self.outstanding() as u64 }
    }
}
