//! Memory for messages that must be kept: reliable ones until they are acknowledged, and those that arrived too early
//! or in pieces until they can be delivered.
//!
//! There is one pool per core, or per client. Buffer sizes are powers of two, and buffers return to their pool: after
//! warm-up, nothing is allocated. The sum is bounded.

use crate::limits::{MESSAGE_BYTES_MAX, MESSAGE_MEMORY_BYTES_LOW, MESSAGE_MEMORY_BYTES_MIN};
use ringshard_prefetch::prefetch;

/// Smallest buffer, as a power of two: 64 bytes.
const SMALLEST: u32 = 6;
/// Largest buffer, as a power of two: a message of the largest size.
const LARGEST: u32 = MESSAGE_BYTES_MAX.ilog2();
const CLASSES: usize = (LARGEST - SMALLEST + 1) as usize;

/// Memory lent by a [`MessagePool`]. It must be given back to that pool.
#[derive(Debug)]
#[must_use = "give it back to its pool"]
pub struct Buffer {
    bytes: Box<[u8]>,
    len: usize,
}

impl Buffer {
    /// Its contents.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Its contents.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }

    /// Bytes of contents.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no contents.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Shortens the contents to the first `len` bytes.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn truncate(&mut self, len: usize) {
        assert!(len <= self.len, "a buffer only gets shorter");
        self.len = len;
    }
}

/// Lends buffers, within a bound.
#[derive(Debug)]
pub struct MessagePool {
    free: [Vec<Box<[u8]>>; CLASSES],
    free_bytes: usize,
    lent_bytes: usize,
    bytes_max: usize,
}

impl MessagePool {
    /// An empty pool. The buffers that it holds and lends are bounded by `bytes_max` together, which is raised to
    /// [`MESSAGE_MEMORY_BYTES_MIN`].
    pub fn new(bytes_max: usize) -> Self {
        let bytes_max = bytes_max.max(MESSAGE_MEMORY_BYTES_MIN);
        MessagePool { free: [const { Vec::new() }; CLASSES], free_bytes: 0, lent_bytes: 0, bytes_max }
    }

    /// A buffer of `len` bytes with arbitrary contents. None if the bound is reached.
    ///
    /// # Panics
    /// When `len` is over [`MESSAGE_BYTES_MAX`].
    pub fn take(&mut self, len: usize) -> Option<Buffer> {
        assert!(len <= MESSAGE_BYTES_MAX, "a message has at most {MESSAGE_BYTES_MAX} bytes");
        let (class, size) = class_of(len);
        let bytes = match self.free[class].pop() {
            Some(bytes) => {
                self.free_bytes -= size;
                bytes
            }
            None => {
                if self.lent_bytes + size > self.bytes_max {
                    return None;
                }
                self.shrink_to(self.bytes_max - size - self.lent_bytes);
                vec![0; size].into_boxed_slice()
            }
        };
        self.lent_bytes += size;
        assert!(self.lent_bytes + self.free_bytes <= self.bytes_max, "a pool keeps its bound");
        assert!(bytes.len() == size && len <= size, "a buffer is of its class");
        Some(Buffer { bytes, len })
    }

    /// A buffer with a copy of `message`. None if the bound is reached.
    pub fn copy(&mut self, message: &[u8]) -> Option<Buffer> {
        let mut buffer = self.take(message.len())?;
        buffer.bytes_mut().copy_from_slice(message);
        Some(buffer)
    }

    /// Takes a buffer back.
    ///
    /// # Panics
    /// When less than the buffer is lent: it belongs to another pool.
    pub fn give_back(&mut self, buffer: Buffer) {
        let size = buffer.bytes.len();
        assert!(size <= self.lent_bytes, "a buffer goes back to the pool that lent it");
        self.lent_bytes -= size;
        self.free_bytes += size;
        self.free[class_of(size).0].push(buffer.bytes);
    }

    /// Bytes that are lent right now.
    pub fn lent_bytes(&self) -> usize {
        self.lent_bytes
    }

    /// Prefetches what [`Self::is_low`] reads.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch(&self.bytes_max);
        prefetch(&self.lent_bytes);
    }

    /// Whether less than [`MESSAGE_MEMORY_BYTES_LOW`] is left: then only messages that need not be kept are accepted.
    #[inline]
    pub fn is_low(&self) -> bool {
        self.bytes_max - self.lent_bytes < MESSAGE_MEMORY_BYTES_LOW
    }

    /// Whether less than half of that is left.
    pub fn is_exhausted(&self) -> bool {
        self.bytes_max - self.lent_bytes < MESSAGE_MEMORY_BYTES_LOW / 2
    }

    /// Frees unused buffers, largest first, until they take at most `bytes_max`.
    fn shrink_to(&mut self, bytes_max: usize) {
        for class in (0..CLASSES).rev() {
            while self.free_bytes > bytes_max && self.free[class].pop().is_some() {
                self.free_bytes -= 1 << (class as u32 + SMALLEST);
            }
        }
    }
}

/// The buffer size for `len` bytes: its class, and its bytes.
fn class_of(len: usize) -> (usize, usize) {
    let size = len.max(1 << SMALLEST).next_power_of_two();
    ((size.ilog2() - SMALLEST) as usize, size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returned_buffer_is_lent_again() {
        let mut pool = MessagePool::new(0);
        let buffer = pool.copy(b"message").unwrap();
        let address = buffer.bytes().as_ptr();
        assert_eq!((buffer.bytes(), pool.lent_bytes()), (&b"message"[..], 64));
        pool.give_back(buffer);
        assert_eq!(pool.lent_bytes(), 0);
        let again = pool.take(64).unwrap();
        assert_eq!(again.bytes().as_ptr(), address);
        pool.give_back(again);
    }

    #[test]
    fn keeps_its_bound_and_frees_one_size_for_another() {
        let mut pool = MessagePool::new(MESSAGE_MEMORY_BYTES_MIN);
        let small: Vec<_> = std::iter::from_fn(|| pool.take(64)).collect();
        assert_eq!(small.len(), MESSAGE_MEMORY_BYTES_MIN / 64);
        assert!(pool.is_low());
        small.into_iter().for_each(|buffer| pool.give_back(buffer));
        assert!(!pool.is_low());
        let large: Vec<_> = std::iter::from_fn(|| pool.take(MESSAGE_BYTES_MAX)).collect();
        assert_eq!(large.len(), MESSAGE_MEMORY_BYTES_MIN / MESSAGE_BYTES_MAX);
        assert_eq!(pool.free_bytes, 0, "unused buffers made room");
        large.into_iter().for_each(|buffer| pool.give_back(buffer));
    }

    #[test]
    fn every_size_fits_its_class() {
        for len in [0, 1, 63, 64, 65, 128, 129, 1170, 4096, 65_535, MESSAGE_BYTES_MAX] {
            let (class, size) = class_of(len);
            assert!(class < CLASSES && size >= len && size == 1 << (class as u32 + SMALLEST));
        }
    }
}
