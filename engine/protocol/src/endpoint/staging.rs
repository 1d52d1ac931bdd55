//! Datagrams that are being composed: where messages to one connection gather until the next flush (R6).
//!
//! A fixed pool of buffers, handed out last-in first-out so that the few in use stay in the cache, and a queue of those
//! with something in them, in the order they were opened.

use crate::limits::{FRAMES_BYTES_MAX, STAGED_DATAGRAMS};
use crate::wire::{ConnectionId, FrameWriter};
use std::collections::VecDeque;

/// Names a buffer of the pool.
pub(super) type StageIndex = u16;
const _: () = assert!(STAGED_DATAGRAMS <= 1 << 16);

#[derive(Debug)]
pub(super) struct Staging {
    bytes: Box<[u8]>,
    datagrams: Box<[Composed]>,
    free: Vec<StageIndex>,
    queue: VecDeque<(ConnectionId, StageIndex)>,
    /// Slots of connections to forget once the queue, as it was when they were closed, has gone out.
    retiring: VecDeque<u16>,
}

/// State of one buffer.
#[derive(Clone, Copy, Debug, Default)]
struct Composed {
    /// Number of the datagram.
    sequence: u64,
    used: u16,
    /// As many bytes of frames as the path carries.
    limit: u16,
}

/// A composed datagram.
pub(super) struct Staged<'a> {
    pub(super) id: ConnectionId,
    pub(super) index: StageIndex,
    pub(super) sequence: u64,
    pub(super) frames: &'a [u8],
}

impl Staging {
    pub(super) fn new() -> Self {
        Staging {
            bytes: vec![0; STAGED_DATAGRAMS * FRAMES_BYTES_MAX].into_boxed_slice(),
            datagrams: vec![Composed::default(); STAGED_DATAGRAMS].into_boxed_slice(),
            free: (0..STAGED_DATAGRAMS).rev().map(|index| index as StageIndex).collect(),
            queue: VecDeque::with_capacity(STAGED_DATAGRAMS),
            retiring: VecDeque::new(),
        }
    }

    /// An empty buffer for a datagram with at most `limit` bytes of frames. It is not queued yet: fill it, then
    /// [`Self::enqueue`] or [`Self::put_back`] it. None when no buffer is free.
    #[inline]
    pub(super) fn begin(&mut self, limit: usize) -> Option<StageIndex> {
        let index = self.free.pop()?;
        self.datagrams[usize::from(index)] = Composed { sequence: 0, used: 0, limit: limit as u16 };
        Some(index)
    }

    /// Lets what was begun leave, as datagram `sequence` of the connection.
    #[inline]
    pub(super) fn enqueue(&mut self, id: ConnectionId, index: StageIndex, sequence: u64) {
        self.datagrams[usize::from(index)].sequence = sequence;
        self.queue.push_back((id, index));
    }

    /// Takes back what was begun and stayed empty.
    pub(super) fn put_back(&mut self, index: StageIndex) {
        self.free.push(index);
    }

    /// Lets `write` append frames to a datagram; gives what it gives.
    #[inline]
    pub(super) fn write<T>(&mut self, index: StageIndex, write: impl FnOnce(&mut FrameWriter<'_>) -> T) -> T {
        let at = usize::from(index);
        let datagram = &mut self.datagrams[at];
        let buffer = &mut self.bytes[at * FRAMES_BYTES_MAX..][..usize::from(datagram.limit)];
        let mut frames = FrameWriter::new(buffer, datagram.used.into());
        let written = write(&mut frames);
        datagram.used = frames.used() as u16;
        written
    }

    /// Number and bytes of a datagram that is being composed.
    pub(super) fn composed(&self, index: StageIndex) -> (u64, usize) {
        let Composed { sequence, used, .. } = self.datagrams[usize::from(index)];
        (sequence, used.into())
    }

    #[inline]
    pub(super) fn front(&self) -> Option<Staged<'_>> {
        let &(id, index) = self.queue.front()?;
        let at = usize::from(index);
        let Composed { sequence, used, .. } = self.datagrams[at];
        Some(Staged { id, index, sequence, frames: &self.bytes[at * FRAMES_BYTES_MAX..][..used.into()] })
    }

    /// Whose datagram is so many behind the front.
    #[inline]
    pub(super) fn ahead(&self, distance: usize) -> Option<ConnectionId> {
        self.queue.get(distance).map(|&(id, _)| id)
    }

    #[inline]
    pub(super) fn pop(&mut self) {
        if let Some((_, index)) = self.queue.pop_front() {
            self.free.push(index);
        }
    }

    pub(super) fn has_room_for(&self, datagrams: usize) -> bool {
        self.free.len() >= datagrams
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn retire_later(&mut self, slot: u16) {
        self.retiring.push_back(slot);
    }

    pub(super) fn next_retired(&mut self) -> Option<u16> {
        self.retiring.pop_front()
    }
}
