//! Fetches the neighbours of tiles in advance: one at a time, the newest first, and only while no client waits for a provider.

use super::cache::Key;
use super::counters::Counters;
use super::sets::{Shared, Tiles};
use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Tiles that wait, at most. The oldest ones give way.
const QUEUE_MAX: usize = 64;
/// After this time, the view of the client has probably moved on.
const AGE_MAX: Duration = Duration::from_secs(5);

/// Tiles to fetch in advance.
#[derive(Default)]
pub struct Prefetch {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Key, Instant)>,
    is_running: bool,
}

impl Prefetch {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tiles {
    /// Puts the neighbours of a tile into the queue.
    pub(super) fn prefetch_around(&self, key: &Key) {
        let shared = &self.shared;
        if !shared.has_cache() {
            return;
        }
        let around = key.tile.neighbours().into_iter().map(|tile| Key { set: Arc::clone(&key.set), tile });
        let wanted: Vec<Key> = around.filter(|key| !shared.is_known(key)).collect();
        if wanted.is_empty() {
            return;
        }
        let mut queue = shared.prefetch.queue();
        for key in wanted {
            queue.waiting.retain(|(other, _)| *other != key);
            if queue.waiting.len() == QUEUE_MAX {
                queue.waiting.pop_front();
                Counters::count(&shared.counters.prefetch_dropped);
            }
            queue.waiting.push_back((key, Instant::now()));
        }
        if !queue.is_running {
            queue.is_running = true;
            tokio::spawn(drain(Arc::clone(shared)));
        }
    }
}

async fn drain(shared: Arc<Shared>) {
    let _running = Running(&shared.prefetch);
    let dropped = |count: usize| drop(shared.counters.prefetch_dropped.fetch_add(count as u64, Relaxed));
    loop {
        let next = shared.prefetch.queue().waiting.pop_back();
        let Some((key, queued)) = next else { return };
        if shared.waiting() > 0 || queued.elapsed() > AGE_MAX {
            // What waits longer is older still.
            dropped(1 + shared.prefetch.queue().waiting.drain(..).count());
            continue;
        }
        if shared.is_known(&key) {
            continue;
        }
        let Ok((key, provider)) = shared.find(&key.set, key.tile) else { continue };
        match shared.begin(&key, &provider).await {
            Ok(_) => count(&shared.counters.prefetched),
            // A provider in trouble is left alone.
            Err(_) => dropped(1 + shared.prefetch.queue().waiting.drain(..).count()),
        }
    }
}

fn count(counter: &AtomicU64) {
    Counters::count(counter);
}

/// Says that nobody drains the queue any more, however the task ends.
struct Running<'a>(&'a Prefetch);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.queue().is_running = false;
    }
}
