//! Threads for handlers that block, such as those that use a database. Each group of actions has its own, so that a slow one
//! cannot take the others'.

use super::caller::Caller;
use super::outcome::Failure;
use ringshard_requests::message::status;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// When to try again after the pool was full.
const BUSY_WAIT: Duration = Duration::from_millis(500);

type Job = Box<dyn FnOnce() + Send>;

/// A number of threads, and a bounded queue of handlers that wait for one. Cheap to clone. The threads end when the last
/// clone is dropped and the queue is empty.
#[derive(Clone)]
pub struct Pool {
    jobs: SyncSender<Job>,
}

impl Pool {
    /// Starts `threads` threads, which are called `name`. `waiting` handlers may wait for one.
    ///
    /// # Panics
    /// If `threads` is 0, or the system cannot start a thread.
    pub fn new(name: &str, threads: usize, waiting: usize) -> Self {
        assert!(threads > 0, "the pool {name} has no threads");
        let (jobs, queue) = sync_channel(waiting);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = queue.clone();
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(move || work(&queue)).expect("the system starts a thread");
        }
        Pool { jobs }
    }

    /// Executes `work` on a thread of the pool, unless `caller` has given up by then.
    pub(super) async fn run<A: Send + 'static>(
        &self,
        caller: Caller,
        work: impl FnOnce(Caller) -> Result<A, Failure> + Send + 'static,
    ) -> Result<A, Failure> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            // Nobody waits any more: the caller got a timeout.
            if answer.is_closed() {
                return;
            }
            let result = may_begin(&caller).and_then(|()| work(caller));
            let _ = answer.send(result);
        });
        if self.jobs.try_send(job).is_err() {
            let failure = Failure::new(status::BUSY, "the server is busy with this; try again soon");
            return Err(failure.wait(BUSY_WAIT));
        }
        answered.await.unwrap_or_else(|_| Err(Failure::new(status::FAILED, "the server failed at this call")))
    }
}

fn may_begin(caller: &Caller) -> Result<(), Failure> {
    if caller.cancelled.is_cancelled() {
        return Err(Failure::new(status::CANCELLED, "the call was taken back"));
    }
    if caller.deadline <= Instant::now() {
        return Err(Failure::new(status::EXPIRED, "the deadline passed before the call began"));
    }
    Ok(())
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while this thread waits: the others wait for the lock instead.
        let job = queue.lock().expect("no thread panics with the lock").recv();
        let Ok(job) = job else { return };
        // A handler that panics ends its call, not the thread.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
    }
}
