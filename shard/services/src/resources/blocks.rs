//! A cache of blocks of blobs, bounded in bytes.

use super::blob::{Blob, BlobKey};
use super::counters::Counters;
use crate::counters::count;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};

/// Bytes of a block.
pub const BLOCK_BYTES: u64 = 256 * 1024;
/// How long a read may take: a mounted store may have vanished.
const READ_MAX: Duration = Duration::from_secs(10);

type Bytes = Arc<[u8]>;
type Key = (BlobKey, u64);

/// A cache of blocks, the most recently used ones. Several who want one block read it once.
#[derive(Debug)]
pub struct Blocks {
    blocks_max: usize,
    table: Mutex<Table>,
    /// Bounds the reads at a time. A read that hangs keeps its permit.
    reads: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Table {
    blocks: HashMap<Key, Entry>,
    /// Which block was used when, oldest first.
    uses: BTreeMap<u64, Key>,
    next_use: u64,
}

#[derive(Debug)]
struct Entry {
    used: u64,
    cell: Arc<OnceCell<Bytes>>,
}

impl Blocks {
    /// A cache of at most `bytes_max` bytes, and at least one block; `reads` bounds the reads at a time.
    pub fn new(bytes_max: usize, reads: Arc<Semaphore>) -> Blocks {
        let blocks_max = (bytes_max / BLOCK_BYTES as usize).max(1);
        Blocks { blocks_max, table: Mutex::default(), reads }
    }

    /// The block number `block` of `blob`.
    ///
    /// # Errors
    /// The read failed, or took longer than 10 s.
    pub async fn get(&self, blob: &Arc<Blob>, block: u64, counters: &Counters) -> io::Result<Bytes> {
        let key = (blob.key, block);
        let (cell, hit) = self.table.lock().expect("no thread panics with the lock").get(key, self.blocks_max);
        count(if hit { &counters.cache_hits } else { &counters.cache_misses });
        let bytes = cell.get_or_try_init(|| self.read(blob.clone(), block)).await.cloned();
        if bytes.is_err() {
            self.table.lock().expect("no thread panics with the lock").remove(key, &cell);
        }
        bytes
    }

    async fn read(&self, blob: Arc<Blob>, block: u64) -> io::Result<Bytes> {
        let read = async {
            let permit = self.reads.clone().acquire_owned().await.expect("the semaphore is never closed");
            let read = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                let offset = block * BLOCK_BYTES;
                let length = blob.size.saturating_sub(offset).min(BLOCK_BYTES);
                blob.read(offset, length as usize).map(Bytes::from)
            });
            read.await.map_err(io::Error::other)?
        };
        tokio::time::timeout(READ_MAX, read).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

impl Table {
    /// The cell of a block, and whether it was there.
    fn get(&mut self, key: Key, blocks_max: usize) -> (Arc<OnceCell<Bytes>>, bool) {
        let used = self.next_use;
        self.next_use += 1;
        self.uses.insert(used, key);
        if let Some(entry) = self.blocks.get_mut(&key) {
            self.uses.remove(&entry.used);
            entry.used = used;
            return (entry.cell.clone(), true);
        }
        let cell = Arc::<OnceCell<Bytes>>::default();
        self.blocks.insert(key, Entry { used, cell: cell.clone() });
        while self.blocks.len() > blocks_max {
            let (_, oldest) = self.uses.pop_first().expect("each block has a use");
            self.blocks.remove(&oldest);
        }
        (cell, false)
    }

    /// Forgets a block whose read failed.
    fn remove(&mut self, key: Key, cell: &Arc<OnceCell<Bytes>>) {
        if self.blocks.get(&key).is_some_and(|entry| Arc::ptr_eq(&entry.cell, cell) && !entry.cell.initialized()) {
            let entry = self.blocks.remove(&key).expect("it was found just now");
            self.uses.remove(&entry.used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_keeps_the_blocks_used_last_and_never_more_than_its_bound() {
        let mut table = Table::default();
        let key = |block| (BlobKey::default(), block);
        for block in 0..3 {
            assert!(!table.get(key(block), 3).1);
        }
        assert!(table.get(key(0), 3).1, "0 is used again");
        assert!(!table.get(key(3), 3).1, "takes the place of 1");
        assert!(table.get(key(0), 3).1);
        assert!(!table.get(key(1), 3).1, "takes the place of 2");
        assert!(!table.get(key(2), 3).1);
        assert_eq!((table.blocks.len(), table.uses.len()), (3, 3));
        let (cell, _) = table.get(key(2), 3);
        table.remove(key(2), &cell);
        assert_eq!((table.blocks.len(), table.uses.len()), (2, 2));
    }
}
