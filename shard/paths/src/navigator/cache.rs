//! Polygons of recent paths.

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// The polygons of a path, in order.
pub type Corridor = Arc<[u32]>;

/// How many queries a cache has answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CacheCounts {
    /// Queries that needed no search.
    pub hits: u64,
    /// Queries that needed one.
    pub misses: u64,
}

/// Keeps the corridors that were used last: at least half of `size`, at most `size`.
///
/// There are two halves. What is used moves to the new half. When that is full, it becomes the old half, and what was in the
/// old half is forgotten.
#[derive(Debug)]
pub struct Cache {
    size: usize,
    halves: Mutex<Halves>,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Debug, Default)]
struct Halves {
    new: HashMap<[u32; 2], Corridor>,
    old: HashMap<[u32; 2], Corridor>,
}

impl Halves {
    fn put(&mut self, ends: [u32; 2], corridor: Corridor, size: usize) {
        if self.new.len() >= size / 2 {
            self.old = mem::take(&mut self.new);
        }
        self.new.insert(ends, corridor);
    }
}

impl Cache {
    pub fn new(size: usize) -> Cache {
        Cache { size, halves: Mutex::default(), hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// The corridor between two polygons, if it was used lately.
    pub fn get(&self, from: u32, to: u32) -> Option<Corridor> {
        let ends = [from, to];
        let mut halves = self.halves.lock().expect("nothing panics while it holds the lock");
        let found = match halves.new.get(&ends) {
            Some(corridor) => Some(corridor.clone()),
            None => halves.old.remove(&ends).inspect(|corridor| halves.put(ends, corridor.clone(), self.size)),
        };
        let count = if found.is_some() { &self.hits } else { &self.misses };
        count.fetch_add(1, Relaxed);
        found
    }

    /// Keeps a corridor.
    pub fn put(&self, from: u32, to: u32, corridor: Vec<u32>) -> Corridor {
        let corridor = Corridor::from(corridor);
        let mut halves = self.halves.lock().expect("nothing panics while it holds the lock");
        halves.put([from, to], corridor.clone(), self.size);
        corridor
    }

    pub fn counts(&self) -> CacheCounts {
        CacheCounts { hits: self.hits.load(Relaxed), misses: self.misses.load(Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_cache_is_bounded() {
        let cache = Cache::new(8);
        for number in 0..100 {
            cache.put(0, number, vec![number]);
            assert_eq!(cache.get(0, 0).as_deref(), Some(&[0][..]), "it was used each time");
            let halves = cache.halves.lock().expect("nobody else has it");
            assert!(halves.new.len() + halves.old.len() <= 8);
        }
        assert!(cache.get(0, 50).is_none());
        assert_eq!(cache.counts(), CacheCounts { hits: 100, misses: 1 });
    }
}
