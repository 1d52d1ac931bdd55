//! The ring of receive buffers that the kernel fills.
//!
//! A buffer belongs to the kernel from [`ReceiveBuffers::publish`] until a completion names it, and to the link from then,
//! [`ReceiveBuffers::claim`], until [`ReceiveBuffers::give_back`].
//!
//! The kernel fills the buffers in turn. So it gets only as many as turns need: few buffers stay in the cache. It gets more
//! when they ran out, and fewer when turns have taken few for a while.

use crate::buffer::Region;
use crate::message::{CONTROL_BYTES, NAME_BYTES};
use io_uring::IoUring;
use io_uring::types::BufRingEntry;
use ringshard_protocol::limits::HEADER_BYTES;
use std::io;
use std::mem::size_of;
use std::sync::atomic::{AtomicU16, Ordering};

/// Buffers that the kernel may have at most.
pub(super) const COUNT: usize = 512;
const _: () = assert!(COUNT.is_power_of_two() && COUNT <= 32_768);
/// Buffers that the kernel has at least.
const IN_PLAY_MIN: usize = 64;
/// Turns after which the kernel gets fewer buffers, if none of them has taken many.
const TURNS: u32 = 1_024;

/// The kernel's header of each arrival: four u32, lengths of name, control and payload, and flags.
const OUT_BYTES: usize = 16;
const NAME_AT: usize = OUT_BYTES;
const CONTROL_AT: usize = NAME_AT + NAME_BYTES;
const PAYLOAD_AT: usize = CONTROL_AT + CONTROL_BYTES;
/// A run that GRO merged has up to 64 KiB.
const BUFFER_BYTES: usize = PAYLOAD_AT + 65_536;
/// Three cache lines more than a power of two, so that the starts of the buffers fall into different cache sets.
const STRIDE: usize = 65_536 + 192;
const _: () = assert!(BUFFER_BYTES <= STRIDE && STRIDE.is_multiple_of(64));

/// An arrival in its buffer.
pub(super) struct Arrived<'a> {
    pub(super) name: &'a [u8],
    pub(super) control: &'a [u8],
    pub(super) bytes: &'a mut [u8],
    pub(super) truncated: bool,
}

pub(super) struct ReceiveBuffers {
    entries: Region,
    memory: Region,
    /// Buffers given to the kernel since the start, modulo 2^16.
    given: u16,
    /// Those of them that the kernel can see.
    published: u16,
    /// Which buffers belong to the link.
    ours: Box<[bool]>,
    /// Those of them that are kept back.
    spare: Vec<u16>,
    /// How many are not kept back, and the least that may be.
    in_play: usize,
    required: usize,
    /// Buffers claimed in this turn, the most in a turn of this period, and the turns of it.
    claimed: usize,
    claimed_max: usize,
    turns: u32,
}

impl ReceiveBuffers {
    pub(super) fn new() -> io::Result<Self> {
        let mut buffers = ReceiveBuffers {
            entries: Region::new(COUNT * size_of::<BufRingEntry>())?,
            memory: Region::new(COUNT * STRIDE)?,
            given: 0,
            published: 0,
            ours: vec![true; COUNT].into_boxed_slice(),
            spare: (0..COUNT as u16).rev().collect(),
            in_play: 0,
            required: 0,
            claimed: 0,
            claimed_max: 0,
            turns: 0,
        };
        buffers.require(IN_PLAY_MIN);
        Ok(buffers)
    }

    /// Registers the buffers with `ring`, which they must outlive.
    pub(super) fn register(&self, ring: &IoUring, group: u16) -> io::Result<()> {
        // SAFETY: the entries are page-aligned and initialised, and live in `self`, which the link drops only after the
        // ring.
        unsafe { ring.submitter().register_buf_ring_with_flags(self.entries.at(0) as u64, COUNT as u16, group, 0) }
    }

    /// Notes that a completion has named `buffer`: it belongs to the link until [`Self::give_back`].
    ///
    /// # Panics
    /// When the kernel did not have it: it would write into memory that the link reads.
    pub(super) fn claim(&mut self, buffer: u16) {
        let ours = &mut self.ours[usize::from(buffer)];
        assert!(!*ours, "the kernel names a buffer that it has");
        *ours = true;
        self.claimed += 1;
    }

    /// The arrival in a claimed buffer, `len` bytes of it by its completion; None if its lengths are impossible.
    pub(super) fn lend(&mut self, buffer: u16, len: usize) -> Option<Arrived<'_>> {
        let index = usize::from(buffer);
        assert!(self.ours[index], "a buffer is claimed before it is lent");
        // SAFETY: the buffer was claimed from the kernel, and `&mut self` excludes other slices.
        let whole = unsafe { self.memory.slice(index * STRIDE, BUFFER_BYTES.min(len)) };
        let (head, bytes) = whole.split_at_mut_checked(PAYLOAD_AT)?;
        let word = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let name = &head[NAME_AT..][..(word(0) as usize).min(NAME_BYTES)];
        let control = &head[CONTROL_AT..][..(word(4) as usize).min(CONTROL_BYTES)];
        let truncated = word(12) & libc::MSG_TRUNC as u32 != 0;
        Some(Arrived { name, control, bytes, truncated })
    }

    /// The header of the arrival in `buffer`, whose completion is known and which is not claimed yet.
    pub(super) fn peek(&self, buffer: u16, len: usize) -> Option<[u8; HEADER_BYTES]> {
        let index = usize::from(buffer);
        assert!(!self.ours[index], "only the arrival after the claimed one is looked at");
        if len < PAYLOAD_AT + HEADER_BYTES {
            return None;
        }
        // SAFETY: a completion has named this buffer, so the kernel does not write to it, and no slice of it exists before it
        // is claimed.
        unsafe { self.memory.slice(index * STRIDE + PAYLOAD_AT, HEADER_BYTES) }.first_chunk().copied()
    }

    /// Buffers that the kernel has, or that completions name.
    pub(super) fn in_play(&self) -> usize {
        self.in_play
    }

    /// The kernel never gets fewer than `count` buffers, or than [`COUNT`], from now on.
    pub(super) fn require(&mut self, count: usize) {
        self.required = count.min(COUNT);
        self.provide(self.required);
    }

    /// The kernel gets `count` buffers, at most [`COUNT`], if it has fewer.
    fn provide(&mut self, count: usize) {
        self.in_play = self.in_play.max(count.min(COUNT));
        while COUNT - self.spare.len() < self.in_play {
            let buffer = self.spare.pop().expect("what is not in play is spare");
            self.give(buffer);
        }
        self.publish();
    }

    /// The kernel found no buffer: it gets twice as many.
    pub(super) fn ran_out(&mut self) {
        self.provide(self.in_play * 2);
        self.turns = 0;
    }

    /// A turn has ended. If no turn has claimed many buffers for a while, the kernel gets fewer.
    pub(super) fn end_turn(&mut self) {
        self.claimed_max = self.claimed_max.max(self.claimed);
        self.claimed = 0;
        self.turns += 1;
        if self.turns >= TURNS {
            let wanted = (self.claimed_max * 2).next_power_of_two().max(self.required);
            self.in_play = self.in_play.min(wanted);
            (self.turns, self.claimed_max) = (0, 0);
        }
    }

    /// Gives a claimed buffer to the kernel, which sees it after the next [`Self::publish`], or keeps it back.
    ///
    /// # Panics
    /// When the buffer is not claimed: the kernel would have it twice.
    pub(super) fn give_back(&mut self, buffer: u16) {
        assert!(self.ours[usize::from(buffer)], "a buffer is given back once");
        if COUNT - self.spare.len() > self.in_play {
            self.spare.push(buffer);
        } else {
            self.give(buffer);
        }
    }

    fn give(&mut self, buffer: u16) {
        let index = usize::from(buffer);
        assert!(self.ours[index], "a buffer is given back once");
        self.ours[index] = false;
        let at = usize::from(self.given) % COUNT;
        let entry = self.entries.at(at * size_of::<BufRingEntry>()).cast::<BufRingEntry>();
        // SAFETY: the entry is inside the region and behind the published tail, so the kernel does not read it yet. Only
        // these fields are written, because the first entry holds the tail in its reserved field.
        unsafe {
            (*entry).set_addr(self.memory.at(index * STRIDE) as u64);
            (*entry).set_len(BUFFER_BYTES as u32);
            (*entry).set_bid(buffer);
        }
        self.given = self.given.wrapping_add(1);
        assert!(usize::from(self.given.wrapping_sub(self.published)) <= COUNT, "the ring has a place for each buffer");
    }

    /// Makes the buffers that were given back visible to the kernel.
    pub(super) fn publish(&mut self) {
        if self.published == self.given {
            return;
        }
        self.published = self.given;
        // SAFETY: the tail is an aligned u16 inside the first entry, at the offset that the kernel defines. This is its only
        // writer, and both sides access it atomically.
        unsafe {
            let tail = BufRingEntry::tail(self.entries.at(0).cast()).cast_mut();
            AtomicU16::from_ptr(tail).store(self.published, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_gets_more_buffers_when_they_run_out_and_fewer_after_calm_turns() {
        let mut buffers = ReceiveBuffers::new().unwrap();
        assert_eq!((buffers.in_play(), buffers.spare.len()), (IN_PLAY_MIN, COUNT - IN_PLAY_MIN));
        buffers.ran_out();
        assert_eq!((buffers.in_play(), buffers.spare.len()), (2 * IN_PLAY_MIN, COUNT - 2 * IN_PLAY_MIN));
        (0..TURNS).for_each(|_| buffers.end_turn());
        assert_eq!(buffers.in_play(), IN_PLAY_MIN);
        for buffer in 0..2 * IN_PLAY_MIN as u16 {
            buffers.claim(buffer);
            buffers.give_back(buffer);
        }
        assert_eq!(buffers.spare.len(), COUNT - IN_PLAY_MIN, "those beyond are kept back as they come back");
        buffers.require(COUNT + 1);
        assert!(buffers.spare.is_empty());
    }
}
