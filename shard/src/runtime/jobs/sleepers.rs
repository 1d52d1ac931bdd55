//! Which workers sleep. Waking one of them never waits, and no wake-up is lost.
//!
//! A worker looks for a job; announces that it sleeps; looks once more; and only then parks. Whoever gives a job first puts
//! it into its ring and then looks for a sleeper. Between the two steps of each side there is a sequentially consistent
//! fence, so at least one side sees what the other has done first:
//!
//! - the giver sees the announcement. It takes the announcement back and unparks that worker. A token of `unpark` lasts until
//!   the next `park`, so it counts even if the worker has not parked yet;
//! - or the worker sees the job when it looks once more, and does not park.
//!
//! A wake-up must not be spent on a worker that is already busy with another job while others sleep. So a worker that finds a
//! job when it looks once more withdraws its announcement; if a giver was faster, it wakes another worker in its place.
//!
//! Therefore no job waits while a worker sleeps and none is about to look. Let S be a worker that sleeps. When it looked once
//! more, it found nothing, so every job that waits was given after S announced itself. Until S wakes, each giver of such a job
//! finds a sleeper, and each wakes another one. Each of these workers takes a job, or finds that none is left.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::thread::Thread;

/// The workers that sleep, and whether all of them are to end.
#[derive(Debug)]
pub(super) struct Sleepers {
    /// A bit for each worker that sleeps or is about to.
    asleep: AtomicU64,
    /// The threads, by worker. Each sets its own before it first announces that it sleeps.
    threads: [OnceLock<Thread>; Sleepers::MAX],
    stopping: AtomicBool,
}

impl Sleepers {
    /// Most workers: one bit each.
    pub(super) const MAX: usize = u64::BITS as usize;

    /// Nobody sleeps.
    pub(super) fn new() -> Self {
        Sleepers {
            asleep: AtomicU64::new(0),
            threads: [const { OnceLock::new() }; Sleepers::MAX],
            stopping: AtomicBool::new(false),
        }
    }

    /// Introduces the present thread as this worker.
    pub(super) fn enter(&self, worker: usize) {
        let entered = self.threads[worker].set(std::thread::current());
        assert!(entered.is_ok(), "worker {worker} enters twice");
    }

    /// Waits until `look` finds something, or until the workers are to end: then None. `look` is what the worker has just
    /// done in vain.
    pub(super) fn sleep_unless<T>(&self, worker: usize, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let bit = 1 << worker;
        loop {
            self.asleep.fetch_or(bit, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            if let Some(found) = look() {
                let before = self.asleep.fetch_and(!bit, Ordering::SeqCst);
                if before & bit == 0 {
                    // A giver has chosen this worker for another job.
                    self.wake_one();
                }
                return Some(found);
            }
            if self.is_stopping() {
                self.asleep.fetch_and(!bit, Ordering::SeqCst);
                return None;
            }
            // A park can end without a cause, or by a token of an earlier wake-up.
            while self.asleep.load(Ordering::SeqCst) & bit != 0 {
                std::thread::park();
            }
        }
    }

    /// Wakes a worker that sleeps, if there is one. Call it after what it is to find can be found.
    pub(super) fn wake_one(&self) {
        fence(Ordering::SeqCst);
        let mut asleep = self.asleep.load(Ordering::SeqCst);
        while asleep != 0 {
            let worker = asleep.trailing_zeros() as usize;
            let bit = 1 << worker;
            // Another thread may wake the same worker at this moment. Only one of them may count on it.
            asleep = self.asleep.fetch_and(!bit, Ordering::SeqCst);
            if asleep & bit != 0 {
                self.threads[worker].get().expect("a worker enters before it sleeps").unpark();
                return;
            }
        }
    }

    /// Makes all workers end: those that sleep wake up.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let asleep = self.asleep.swap(0, Ordering::SeqCst);
        let is_asleep = |worker: &usize| asleep & 1 << worker != 0;
        for worker in (0..Sleepers::MAX).filter(is_asleep) {
            self.threads[worker].get().expect("a worker enters before it sleeps").unpark();
        }
    }

    /// Whether the workers are to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}
