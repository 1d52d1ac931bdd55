//! Memory that the kernel reads and writes asynchronously.
#![allow(unsafe_code)]

use std::io;
use std::ptr::NonNull;

/// Anonymous, zeroed, page-aligned memory. Pages become resident when they are first used.
///
/// It is handled by raw pointer, because the kernel owns parts of it at times. The caller that makes a slice of a part
/// vouches that neither the kernel nor another slice uses that part.
#[derive(Debug)]
pub(super) struct Region {
    start: NonNull<u8>,
    len: usize,
}

impl Region {
    pub(super) fn new(len: usize) -> io::Result<Self> {
        assert!(len > 0, "a region has bytes");
        // SAFETY: an anonymous private mapping at an address of the kernel's choice overlaps no memory in use.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).expect("the kernel maps nothing at zero");
        Ok(Region { start, len })
    }

    /// The address of the byte at `offset`.
    pub(super) fn at(&self, offset: usize) -> *mut u8 {
        assert!(offset <= self.len, "inside the region");
        // SAFETY: `offset` is inside the mapping, or one past its end, by the assertion.
        unsafe { self.start.as_ptr().add(offset) }
    }

    /// A part of the region as a slice.
    ///
    /// # Safety
    /// While the slice lives, neither the kernel nor any other slice may use that part.
    #[allow(clippy::mut_from_ref, reason = "exclusiveness is the caller's promise")]
    pub(super) unsafe fn slice(&self, offset: usize, len: usize) -> &mut [u8] {
        assert!(offset.checked_add(len).is_some_and(|end| end <= self.len), "inside the region");
        // SAFETY: the part is inside the mapping, by the assertion, initialised, since mappings start as zeros, and
        // exclusive, by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.at(offset), len) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: this is the mapping made in `new`, of that length, and no reference to it remains.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
