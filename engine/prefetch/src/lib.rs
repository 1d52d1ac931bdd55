//! Prefetches memory that is about to be used into the CPU's cache.
//!
//! With thousands of connections, the memory of a connection is rarely in the cache when its datagram arrives. A prefetch
//! while the previous datagram is decrypted hides most of the latency. On CPUs other than x86-64 it does nothing.

#![deny(unsafe_code)]

/// Bytes in a cache line.
const LINE_BYTES: usize = 64;

/// Prefetches every cache line of `value`.
#[inline]
pub fn prefetch<T>(value: &T) {
    (0..size_of::<T>()).step_by(LINE_BYTES).for_each(|offset| prefetch_at(value, offset));
}

/// Prefetches the first cache line of `value`.
#[inline]
pub fn prefetch_front<T>(value: &T) {
    prefetch_at(value, 0);
}

/// Prefetches the cache line of the byte at `offset` of `value`.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline]
fn prefetch_at<T>(value: &T, offset: usize) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch has no effect on memory and never faults; the callers stay inside `value`.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(value).cast::<i8>().add(offset)) };
}

/// Does nothing on this CPU.
#[cfg(not(target_arch = "x86_64"))]
fn prefetch_at<T>(_value: &T, _offset: usize) {}
