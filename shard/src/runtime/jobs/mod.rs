//! Jobs: work that may block, such as a database query, on worker threads beside the cores.
//!
//! | module | for |
//! |---|---|
//! | `port` | [`JobPort`]: the end of a core, which gives jobs and takes results |
//! | `sleepers` | which workers sleep, and waking them |
//! | `workers` | [`JobWorkers`]: the threads, from their first job to the last |
//!
//! ```text
//! core 0 --ring of jobs--> +---------+ --ring of results--> core 0
//! core 1 --ring of jobs--> | workers | --ring of results--> core 1
//! ```
//!
//! Each core has two SPSC rings of its own, so neither giving a job nor taking a result waits for another thread. Workers
//! share the other ends of the rings behind locks: workers may wait for each other. They take the jobs of the cores in turn,
//! so a busy core does not starve the others.
//!
//! A core has at most [`JobSettings::per_core`] jobs outstanding. Both rings have that many slots. Therefore an accepted job
//! always finds room, and so does its result. Jobs of one core are begun in the order of giving; their results come back in
//! any order.

mod port;
mod sleepers;
mod workers;

pub use port::{Busy, JobPort, JobStats};
pub use workers::{JobWorkers, Stopped};

use sleepers::Sleepers;
use workers::Shared;

/// Most workers.
pub const WORKERS_MAX: usize = Sleepers::MAX;

/// How many workers and jobs there are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobSettings {
    /// Worker threads, from 1 to [`WORKERS_MAX`].
    pub workers: usize,
    /// Most jobs of one core that are outstanding: given, and their results not taken. At least 1.
    pub per_core: usize,
    /// CPUs for the workers, which are pinned to one each, in turn. Empty: they run where the system puts them.
    pub cpus: Vec<usize>,
}

/// Starts the workers for the jobs of a server.
#[derive(Clone, Copy, Debug)]
pub struct Jobs;

impl Jobs {
    /// Starts the workers; `work` does a job on a worker's thread. Returns a port for each of `cores` cores, in order.
    ///
    /// If `work` panics and the process goes on, that job has no result, and its worker is gone.
    ///
    /// # Errors
    /// A thread cannot be started. No worker runs then.
    ///
    /// # Panics
    /// When `cores` is 0, or a value of `settings` is out of its range.
    pub fn start<J: Send + 'static, D: Send + 'static>(
        cores: usize,
        settings: &JobSettings,
        work: impl Fn(J) -> D + Send + Sync + 'static,
    ) -> std::io::Result<(Vec<JobPort<J, D>>, JobWorkers)> {
        let &JobSettings { workers, per_core, .. } = settings;
        assert!(cores > 0, "jobs come from at least one core");
        assert!((1..=WORKERS_MAX).contains(&workers), "{workers} workers; there are 1 to {WORKERS_MAX}");
        assert!(per_core > 0, "a core has at least one job outstanding");
        let (shared, ends) = Shared::between(cores, per_core);
        let ports = ends.into_iter().map(|(jobs, results)| JobPort::new(jobs, results, shared.waker(), per_core));
        let ports = ports.collect();
        let workers = workers::start(settings, shared, work)?;
        Ok((ports, workers))
    }

    /// Ports that refuse every job: there are no workers.
    pub fn none<J, D>(cores: usize) -> Vec<JobPort<J, D>> {
        (0..cores).map(|_| JobPort::closed()).collect()
    }
}

/// The job of a game that has none. No value of this type exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoJob {}

/// The work of a game without jobs.
pub fn no_jobs(job: NoJob) -> NoJob {
    match job {}
}

/// The CPUs that this process may use and that no core is pinned to.
pub fn spare_cpus(cores: &[usize]) -> Vec<usize> {
    let allowed = core_affinity::get_core_ids().unwrap_or_default();
    allowed.iter().map(|cpu| cpu.id).filter(|cpu| !cores.contains(cpu)).collect()
}

#[cfg(test)]
mod tests;
