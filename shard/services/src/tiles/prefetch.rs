//! Fetches the neighbours of tiles in advance: one at a time, the newest first, and only while no client waits for a provider.

use super::cache::Key;
use super::sets::{Shared, Tiles};
use crate::counters::count;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

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
        dropped(shared, shared.queue.push(wanted));
        if shared.queue.start() {
            tokio::spawn(drain(Arc::clone(shared)));
        }
    }
}

async fn drain(shared: Arc<Shared>) {
    let _running = shared.queue.running();
    while let Some(key) = shared.queue.next() {
        if shared.waiting() > 0 {
            dropped(&shared, 1 + shared.queue.clear());
            return;
        }
        if shared.is_known(&key) {
            continue;
        }
        let Ok((key, provider)) = shared.find(&key.set, key.tile) else { continue };
        match shared.begin(&key, &provider).await {
            Ok(_) => count(&shared.counters.prefetched),
            // A provider in trouble is left alone.
            Err(_) => dropped(&shared, 1 + shared.queue.clear()),
        }
    }
    // What is too old, and what is older still.
    dropped(&shared, shared.queue.clear());
}

fn dropped(shared: &Shared, count: usize) {
    shared.counters.prefetch_dropped.fetch_add(count as u64, Relaxed);
}
