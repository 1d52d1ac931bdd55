//! The worker threads.

use super::JobSettings;
use super::sleepers::Sleepers;
use core_affinity::CoreId;
use rtrb::{Consumer, Producer, RingBuffer};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Time between two looks whether workers have ended.
const STOP_POLL: Duration = Duration::from_millis(1);
/// How long a worker that is in no job may take to notice that it must not begin another.
const NOTICE: Duration = Duration::from_millis(100);

/// A core's ends of its rings.
type CoreEnds<J, D> = (Producer<J>, Consumer<D>);

/// The workers' ends of all rings.
pub(super) struct Shared<J, D> {
    waiting: Mutex<Waiting<J>>,
    /// By core.
    results: Vec<Mutex<Producer<D>>>,
    sleepers: Arc<Sleepers>,
}

/// The jobs that wait, by core.
struct Waiting<J> {
    rings: Vec<Consumer<J>>,
    /// The core whose turn it is.
    next: usize,
}

impl<J, D> Shared<J, D> {
    /// The workers' ends, and those of each core.
    pub(super) fn between(cores: usize, per_core: usize) -> (Self, Vec<CoreEnds<J, D>>) {
        let (givers, rings): (Vec<_>, Vec<_>) = (0..cores).map(|_| RingBuffer::new(per_core)).unzip();
        let (results, takers): (Vec<_>, Vec<_>) = (0..cores).map(|_| RingBuffer::new(per_core)).unzip();
        let results = results.into_iter().map(Mutex::new).collect();
        let waiting = Mutex::new(Waiting { rings, next: 0 });
        (Shared { waiting, results, sleepers: Arc::new(Sleepers::new()) }, givers.into_iter().zip(takers).collect())
    }

    pub(super) fn waker(&self) -> Arc<Sleepers> {
        self.sleepers.clone()
    }

    /// The next job, with the core that it comes from.
    fn next(&self) -> Option<(usize, J)> {
        lock(&self.waiting).take()
    }

    fn answer(&self, core: usize, result: D) {
        let pushed = lock(&self.results[core]).push(result);
        assert!(pushed.is_ok(), "a ring has a slot for the result of every job");
    }
}

impl<J> Waiting<J> {
    /// The oldest job of the next core that has one.
    fn take(&mut self) -> Option<(usize, J)> {
        let cores = self.rings.len();
        for core in (self.next..cores).chain(0..self.next) {
            if let Ok(job) = self.rings[core].pop() {
                self.next = (core + 1) % cores;
                return Some((core, job));
            }
        }
        None
    }
}

/// The worker threads of a server. When it is dropped, they end after the jobs that wait.
pub struct JobWorkers {
    threads: Vec<JoinHandle<()>>,
    sleepers: Arc<Sleepers>,
    /// Set when workers must begin no more jobs.
    hurry: Arc<AtomicBool>,
    /// Drops the jobs that wait, and returns their number.
    clear: Box<dyn Fn() -> usize + Send + Sync>,
}

/// How the workers ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stopped {
    /// Jobs that were dropped, because the time was over before a worker could begin them.
    pub dropped: usize,
    /// The names of the workers that are stuck in a job. Their threads still run.
    pub stuck: Vec<String>,
}

/// Starts the threads. If one does not start, those that did end.
pub(super) fn start<J: Send + 'static, D: Send + 'static>(
    settings: &JobSettings,
    shared: Shared<J, D>,
    work: impl Fn(J) -> D + Send + Sync + 'static,
) -> io::Result<JobWorkers> {
    let (shared, work) = (Arc::new(shared), Arc::new(work));
    let clear = {
        let shared = shared.clone();
        Box::new(move || std::iter::from_fn(|| lock(&shared.waiting).take()).count())
    };
    let mut workers = JobWorkers { threads: Vec::new(), sleepers: shared.waker(), hurry: Arc::default(), clear };
    for number in 0..settings.workers {
        let (shared, work, hurry) = (shared.clone(), work.clone(), workers.hurry.clone());
        let cpu = settings.cpus.iter().cycle().nth(number).copied();
        let run = move || {
            pin(number, cpu);
            shared.sleepers.enter(number);
            run(number, &shared, &*work, &hurry);
        };
        workers.threads.push(std::thread::Builder::new().name(format!("worker-{number}")).spawn(run)?);
    }
    Ok(workers)
}

fn pin(worker: usize, cpu: Option<usize>) {
    if let Some(id) = cpu
        && !core_affinity::set_for_current(CoreId { id })
    {
        tracing::warn!(worker, cpu = id, "could not pin the worker to its processor; it runs where the system puts it");
    }
}

/// Does jobs until the workers are to end and none waits.
fn run<J, D>(number: usize, shared: &Shared<J, D>, work: impl Fn(J) -> D, hurry: &AtomicBool) {
    let next = || if hurry.load(Ordering::Relaxed) { None } else { shared.next() };
    while let Some((core, job)) = next().or_else(|| shared.sleepers.sleep_unless(number, next)) {
        shared.answer(core, work(job));
    }
}

impl JobWorkers {
    /// Lets the workers do the jobs that wait, for at most `patience`, and ends them. Ports refuse jobs from now on; results
    /// can still be taken. Call it when the cores have ended, so that their last jobs are done too.
    pub fn stop(mut self, patience: Duration) -> Stopped {
        self.sleepers.stop();
        self.wait_until(Instant::now() + patience);
        self.hurry.store(true, Ordering::Relaxed);
        self.wait_until(Instant::now() + NOTICE);
        let dropped = (self.clear)();
        let (ended, stuck): (Vec<_>, Vec<_>) = self.threads.drain(..).partition(JoinHandle::is_finished);
        for thread in ended {
            // A worker that has panicked has written its message.
            let _ = thread.join();
        }
        let name = |thread: &JoinHandle<()>| thread.thread().name().unwrap_or("(unnamed)").to_owned();
        Stopped { dropped, stuck: stuck.iter().map(name).collect() }
    }

    fn wait_until(&self, deadline: Instant) {
        while Instant::now() < deadline && !self.threads.iter().all(JoinHandle::is_finished) {
            std::thread::sleep(STOP_POLL);
        }
    }
}

impl Drop for JobWorkers {
    fn drop(&mut self) {
        self.sleepers.stop();
    }
}

/// A poisoned lock is no concern: nothing is left half done while one is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
