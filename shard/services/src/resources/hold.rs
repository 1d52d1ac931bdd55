//! Bounds the memory of contents that open downloads hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many bytes open downloads hold, and may hold.
#[derive(Debug)]
pub struct Held {
    bytes: AtomicUsize,
    bytes_max: usize,
}

/// Bytes that one download holds, until it is closed.
#[derive(Debug)]
pub struct Hold {
    held: Arc<Held>,
    bytes: usize,
}

impl Held {
    /// At most `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Arc<Held> {
        Arc::new(Held { bytes: AtomicUsize::new(0), bytes_max })
    }

    /// Holds bytes; None if there are too many.
    pub fn take(self: &Arc<Self>, bytes: usize) -> Option<Hold> {
        let before = self.bytes.fetch_add(bytes, Relaxed);
        let hold = Hold { held: self.clone(), bytes };
        (before + bytes <= self.bytes_max).then_some(hold)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.bytes.fetch_sub(self.bytes, Relaxed);
    }
}
