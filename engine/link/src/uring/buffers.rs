//! The ring of receive buffers that the kernel fills.
//!
//! A buffer is in one of two hands: the kernel's, from `publish` until a completion names it; ours, from then until
//! `give_back`.

use crate::buffer::Region;
use crate::message::{CONTROL_BYTES, NAME_BYTES};
use io_uring::IoUring;
use io_uring::types::BufRingEntry;
use ringshard_protocol::limits::HEADER_BYTES;
use std::io;
use std::mem::size_of;
use std::sync::atomic::{AtomicU16, Ordering};

/// Buffers in the ring.
pub(super) const COUNT: usize = 512;
const _: () = assert!(COUNT.is_power_of_two() && COUNT <= 32_768);

/// What the kernel writes in front of each arrival: four u32, lengths of name, control and payload, and flags.
const OUT_BYTES: usize = 16;
const NAME_AT: usize = OUT_BYTES;
const CONTROL_AT: usize = NAME_AT + NAME_BYTES;
const PAYLOAD_AT: usize = CONTROL_AT + CONTROL_BYTES;
/// A run that GRO merged has up to 64 KiB.
const BUFFER_BYTES: usize = PAYLOAD_AT + 65_536;
/// Three lines more than a power of two, so that the fronts of the buffers spread over the sets of the cache.
const STRIDE: usize = 65_536 + 192;
const _: () = assert!(BUFFER_BYTES <= STRIDE && STRIDE.is_multiple_of(64));

/// An arrival as it lies in its buffer.
pub(super) struct Arrived<'a> {
    pub(super) name: &'a [u8],
    pub(super) control: &'a [u8],
    pub(super) bytes: &'a mut [u8],
    pub(super) truncated: bool,
}

pub(super) struct ReceiveBuffers {
    entries: Region,
    memory: Region,
    /// Buffers ever given to the kernel; published or not.
    given: u16,
    published: u16,
    /// Which buffers are ours.
    lent: Box<[bool]>,
}

impl ReceiveBuffers {
    pub(super) fn new() -> io::Result<Self> {
        let mut buffers = ReceiveBuffers {
            entries: Region::new(COUNT * size_of::<BufRingEntry>())?,
            memory: Region::new(COUNT * STRIDE)?,
            given: 0,
            published: 0,
            lent: vec![true; COUNT].into_boxed_slice(),
        };
        for buffer in 0..COUNT as u16 {
            buffers.give_back(buffer);
        }
        buffers.publish();
        Ok(buffers)
    }

    /// Tells the kernel about the ring. It must outlive `ring`.
    pub(super) fn register(&self, ring: &IoUring, group: u16) -> io::Result<()> {
        // SAFETY: the entries are page-aligned, zeroed but for what was written, and live in `self`, which the link
        // drops only after the ring.
        unsafe { ring.submitter().register_buf_ring_with_flags(self.entries.at(0) as u64, COUNT as u16, group, 0) }
    }

    /// The arrival that a completion says is in `buffer`, `len` bytes of it; None when its lengths make no sense.
    pub(super) fn lend(&mut self, buffer: u16, len: usize) -> Option<Arrived<'_>> {
        let index = usize::from(buffer);
        assert!(!self.lent[index], "the kernel names a buffer that it has");
        self.lent[index] = true;
        // SAFETY: the completion has passed this buffer into our hands, and `&mut self` keeps other slices away.
        let whole = unsafe { self.memory.slice(index * STRIDE, BUFFER_BYTES.min(len)) };
        let (head, bytes) = whole.split_at_mut_checked(PAYLOAD_AT)?;
        let word = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let name = &head[NAME_AT..][..(word(0) as usize).min(NAME_BYTES)];
        let control = &head[CONTROL_AT..][..(word(4) as usize).min(CONTROL_BYTES)];
        let truncated = word(12) & libc::MSG_TRUNC as u32 != 0;
        Some(Arrived { name, control, bytes, truncated })
    }

    /// The header of the arrival in `buffer`, which is not lent yet.
    pub(super) fn peek(&self, buffer: u16, len: usize) -> Option<[u8; HEADER_BYTES]> {
        let index = usize::from(buffer);
        assert!(!self.lent[index], "an arrival is looked at before it is lent");
        if len < PAYLOAD_AT + HEADER_BYTES {
            return None;
        }
        // SAFETY: a completion has passed this buffer into our hands, and no slice of it is made before it is lent.
        unsafe { self.memory.slice(index * STRIDE + PAYLOAD_AT, HEADER_BYTES) }.first_chunk().copied()
    }

    /// Gives a buffer to the kernel, from the next `publish` on.
    pub(super) fn give_back(&mut self, buffer: u16) {
        let index = usize::from(buffer);
        // A completion that carried an error named the buffer without lending it.
        self.lent[index] = false;
        let at = usize::from(self.given) % COUNT;
        let entry = self.entries.at(at * size_of::<BufRingEntry>()).cast::<BufRingEntry>();
        // SAFETY: the entry is inside the region and behind the published tail, so the kernel does not read it yet.
        // Only the fields are written: the first entry holds the tail in its reserved field.
        unsafe {
            (*entry).set_addr(self.memory.at(index * STRIDE) as u64);
            (*entry).set_len(BUFFER_BYTES as u32);
            (*entry).set_bid(buffer);
        }
        self.given = self.given.wrapping_add(1);
    }

    /// Lets the kernel see what was given back.
    pub(super) fn publish(&mut self) {
        if self.published == self.given {
            return;
        }
        self.published = self.given;
        // SAFETY: the tail is a u16 at a place the kernel defined, aligned, inside the first entry; we are its only
        // writer, and both sides access it atomically.
        unsafe {
            let tail = BufRingEntry::tail(self.entries.at(0).cast()).cast_mut();
            AtomicU16::from_ptr(tail).store(self.published, Ordering::Release);
        }
    }
}
