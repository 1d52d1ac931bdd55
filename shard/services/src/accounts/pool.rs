//! Threads with a bounded queue of jobs.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// The queue is full. Until there is room, it takes about this time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Full(pub(super) Duration);

/// Threads that work on a bounded queue. Each has a state of its own, such as a connection to the database.
///
/// Dropping it runs what is queued, and waits for the threads.
pub(super) struct Pool<S> {
    shared: Arc<Shared<S>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<S> {
    queue: Mutex<Queue<S>>,
    ready: Condvar,
    capacity: usize,
    threads: u64,
    /// Moving average of what a job takes, in microseconds.
    job_micros: AtomicU64,
}

struct Queue<S> {
    jobs: VecDeque<Job<S>>,
    closed: bool,
}

impl<S: Send + 'static> Pool<S> {
    /// Starts a thread for each state. At most `capacity` jobs wait.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub(super) fn start(name: &str, capacity: usize, states: Vec<S>) -> std::io::Result<Self> {
        assert!(!states.is_empty(), "a pool needs a thread");
        let queue = Mutex::new(Queue { jobs: VecDeque::new(), closed: false });
        let threads = states.len() as u64;
        let shared = Shared { queue, ready: Condvar::new(), capacity, threads, job_micros: AtomicU64::new(0) };
        let mut pool = Pool { shared: Arc::new(shared), threads: Vec::new() };
        for state in states {
            let shared = Arc::clone(&pool.shared);
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || shared.work(state))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Runs a job and returns what it returns. If the caller stops waiting before the job has begun, it does not run.
    ///
    /// # Errors
    /// [`Full`].
    ///
    /// # Panics
    /// If the job panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, Full> {
        self.run_within(self.shared.capacity, job).await
    }

    /// Like [`Pool::run`], but leaves a quarter of the queue to it: for those who may be attackers.
    pub(super) async fn run_last<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, Full> {
        self.run_within(self.shared.capacity - self.shared.capacity / 4, job).await
    }

    async fn run_within<T: Send + 'static>(
        &self,
        capacity: usize,
        job: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, Full> {
        let (sender, receiver) = oneshot::channel();
        let job: Job<S> = Box::new(move |state| {
            if !sender.is_closed() {
                // If the caller stopped waiting meanwhile, nobody misses it.
                let _ = sender.send(job(state));
            }
        });
        self.shared.push(capacity, job)?;
        Ok(receiver.await.expect("a job of a pool panicked"))
    }

    /// Queues a job whose end nobody waits for.
    ///
    /// # Errors
    /// [`Full`].
    pub(super) fn post(&self, job: impl FnOnce(&mut S) + Send + 'static) -> Result<(), Full> {
        self.shared.push(self.shared.capacity, Box::new(job))
    }

    /// Jobs that wait.
    pub(super) fn waiting(&self) -> usize {
        self.shared.queue().jobs.len()
    }
}

impl<S> Shared<S> {
    fn queue(&self) -> MutexGuard<'_, Queue<S>> {
        // No code that can panic runs while it is locked.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, capacity: usize, job: Job<S>) -> Result<(), Full> {
        let mut queue = self.queue();
        let waiting = queue.jobs.len();
        if waiting >= capacity {
            let micros = self.job_micros.load(Relaxed) * waiting as u64 / self.threads;
            // At least a second: callers round to seconds, and a shorter wait would only add load.
            return Err(Full(Duration::from_micros(micros).max(Duration::from_secs(1))));
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.ready.notify_one();
        Ok(())
    }

    fn work(&self, mut state: S) {
        while let Some(job) = self.next() {
            let began = Instant::now();
            job(&mut state);
            let micros = began.elapsed().as_micros() as u64;
            let average = self.job_micros.load(Relaxed);
            self.job_micros.store(average - average / 8 + micros / 8, Relaxed);
        }
    }

    /// The next job; None once the pool is closed and the queue is empty.
    fn next(&self) -> Option<Job<S>> {
        let mut queue = self.queue();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<S> Drop for Pool<S> {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.ready.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has told so.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::task::{Context, Waker};

    /// A pool of one thread which is busy until the sender is dropped.
    fn busy(capacity: usize) -> (Pool<u32>, mpsc::Sender<()>) {
        let pool = Pool::start("test", capacity, vec![0]).unwrap();
        let (sender, receiver) = mpsc::channel::<()>();
        pool.post(move |_| _ = receiver.recv()).unwrap();
        while pool.waiting() > 0 {
            std::thread::yield_now();
        }
        (pool, sender)
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_says_how_long_to_wait() {
        let (pool, busy) = busy(2);
        pool.post(|count| *count += 1).unwrap();
        pool.post(|count| *count += 1).unwrap();
        let Full(wait) = pool.run(|_| ()).await.unwrap_err();
        assert!(wait >= Duration::from_secs(1));
        drop(busy);
        while pool.waiting() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(|count| *count).await, Ok(2));
    }

    #[tokio::test]
    async fn a_quarter_of_the_queue_is_kept_for_those_who_are_known() {
        let (pool, busy) = busy(4);
        (0..3).for_each(|_| pool.post(|_| ()).unwrap());
        assert!(pool.run_last(|_| ()).await.is_err());
        let mut known = Box::pin(pool.run(|_| ()));
        assert!(known.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(busy);
        assert_eq!(known.await, Ok(()));
    }

    #[tokio::test]
    async fn a_job_whose_caller_has_gone_does_not_run() {
        let (pool, busy) = busy(9);
        let mut abandoned = Box::pin(pool.run(|count| *count += 1));
        assert!(abandoned.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(abandoned);
        drop(busy);
        assert_eq!(pool.run(|count| *count).await, Ok(0));
    }

    #[test]
    fn dropping_a_pool_runs_what_is_queued() {
        let (pool, busy) = busy(9);
        let (sender, receiver) = mpsc::channel();
        pool.post(move |_| sender.send(7).unwrap()).unwrap();
        drop(busy);
        drop(pool);
        assert_eq!(receiver.recv(), Ok(7));
    }
}
