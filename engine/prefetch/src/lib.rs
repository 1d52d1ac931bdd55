//! Prefetches memory that is about to be used into the CPU's cache.
//!
//! With thousands of connections, the memory of a connection is rarely in the cache when its datagram arrives. A prefetch
//! while the previous datagram is decrypted hides most of the latency. On CPUs other than x86-64 it does nothing.

#![deny(unsafe_code)]

use core::ops::Range;

/// Bytes in a cache line.
#[cfg(target_arch = "x86_64")]
const LINE_BYTES: usize = 64;

/// Prefetches every cache line of `value`.
#[inline]
pub fn prefetch<T>(value: &T) {
    prefetch_part(value, 0..size_of::<T>());
}

/// Prefetches the cache lines of these bytes of `value`. What lies past its end is ignored.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline]
pub fn prefetch_part<T>(value: &T, bytes: Range<usize>) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    let start = core::ptr::from_ref(value).cast::<i8>();
    for offset in (bytes.start..bytes.end.min(size_of::<T>())).step_by(LINE_BYTES) {
        // SAFETY: a prefetch has no effect on memory and never faults; every address is inside `value`.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(offset)) };
    }
}

/// Does nothing on this CPU.
#[cfg(not(target_arch = "x86_64"))]
pub fn prefetch_part<T>(_value: &T, _bytes: Range<usize>) {}
