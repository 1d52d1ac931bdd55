//! Datagrams that are composed and not yet sealed. Messages to one connection share a datagram until the next flush.
//!
//! The queue has a fixed pool of buffers, reused last-in first-out so that the few in use stay in the cache, and the
//! order in which datagrams leave.

use crate::limits::{FRAMES_BYTES_MAX, SEND_QUEUE_DATAGRAMS};
use crate::wire::{ConnectionId, FrameWriter};
use std::collections::VecDeque;

/// Names a buffer of the pool.
pub(super) type BufferIndex = u16;
const _: () = assert!(SEND_QUEUE_DATAGRAMS <= 1 << 16);

#[derive(Debug)]
pub(super) struct SendQueue {
    bytes: Box<[u8]>,
    buffers: Box<[Buffer]>,
    free: Vec<BufferIndex>,
    queue: VecDeque<(ConnectionId, BufferIndex)>,
    /// Slots of closing connections. They end once the datagrams that were queued before have left.
    closing: VecDeque<u16>,
}

/// State of one buffer.
#[derive(Clone, Copy, Debug, Default)]
struct Buffer {
    /// Sequence number of the datagram.
    sequence: u64,
    /// Bytes of frames in it.
    used: u16,
    /// Bytes of frames that the path carries.
    limit: u16,
    /// Bytes of frames that it is padded to, if there are fewer.
    padded: u16,
}

impl Buffer {
    /// Bytes of frames, padding that was asked for included.
    #[inline]
    fn padded(&self) -> usize {
        self.used.max(self.padded).into()
    }
}

/// The datagram that leaves next.
pub(super) struct QueuedDatagram<'a> {
    pub(super) id: ConnectionId,
    pub(super) index: BufferIndex,
    pub(super) sequence: u64,
    pub(super) frames: &'a [u8],
    /// Bytes of frames that it is padded to.
    pub(super) padded: usize,
}

impl SendQueue {
    pub(super) fn new() -> Self {
        SendQueue {
            bytes: vec![0; SEND_QUEUE_DATAGRAMS * FRAMES_BYTES_MAX].into_boxed_slice(),
            buffers: vec![Buffer::default(); SEND_QUEUE_DATAGRAMS].into_boxed_slice(),
            free: (0..SEND_QUEUE_DATAGRAMS).rev().map(|index| index as BufferIndex).collect(),
            queue: VecDeque::with_capacity(SEND_QUEUE_DATAGRAMS),
            closing: VecDeque::new(),
        }
    }

    /// Takes a buffer for a datagram of at most `limit` bytes of frames. It is not queued yet: write to it, then
    /// [`Self::enqueue`] or [`Self::discard`] it. None if no buffer is free.
    #[inline]
    pub(super) fn begin(&mut self, limit: usize) -> Option<BufferIndex> {
        debug_assert!(limit <= FRAMES_BYTES_MAX, "a datagram fits its buffer");
        let index = self.free.pop()?;
        self.buffers[usize::from(index)] = Buffer { limit: limit as u16, ..Buffer::default() };
        Some(index)
    }

    /// Queues the buffer as datagram `sequence` of the connection. It may still be written to.
    #[inline]
    pub(super) fn enqueue(&mut self, id: ConnectionId, index: BufferIndex, sequence: u64) {
        debug_assert!(self.queue.len() + self.free.len() < SEND_QUEUE_DATAGRAMS, "a queued buffer is not free");
        self.buffers[usize::from(index)].sequence = sequence;
        self.queue.push_back((id, index));
    }

    /// Takes back a buffer that stayed empty and is not queued.
    pub(super) fn discard(&mut self, index: BufferIndex) {
        assert!(self.buffers[usize::from(index)].used == 0, "frames are not thrown away");
        assert!(self.queue.len() + self.free.len() < SEND_QUEUE_DATAGRAMS, "a buffer is freed once");
        self.free.push(index);
    }

    /// Appends frames to a datagram through `write`, and returns its result.
    #[inline]
    pub(super) fn write<T>(&mut self, index: BufferIndex, write: impl FnOnce(&mut FrameWriter<'_>) -> T) -> T {
        let at = usize::from(index);
        let buffer = &mut self.buffers[at];
        let room = &mut self.bytes[at * FRAMES_BYTES_MAX..][..usize::from(buffer.limit)];
        let mut frames = FrameWriter::new(room, buffer.used.into());
        let written = write(&mut frames);
        debug_assert!(frames.used() <= usize::from(buffer.limit), "a writer stays inside its buffer");
        buffer.used = frames.used() as u16;
        written
    }

    /// Pads a datagram to this many bytes of frames, as far as the path carries them.
    #[inline]
    pub(super) fn pad(&mut self, index: BufferIndex, bytes: usize) {
        let buffer = &mut self.buffers[usize::from(index)];
        buffer.padded = buffer.padded.max(bytes.min(buffer.limit.into()) as u16);
    }

    /// Sequence number of a datagram, and the bytes of frames in it, padding that was asked for included.
    #[inline]
    pub(super) fn contents(&self, index: BufferIndex) -> (u64, usize) {
        let buffer = &self.buffers[usize::from(index)];
        (buffer.sequence, buffer.padded())
    }

    #[inline]
    pub(super) fn front(&self) -> Option<QueuedDatagram<'_>> {
        let &(id, index) = self.queue.front()?;
        let at = usize::from(index);
        let buffer = &self.buffers[at];
        let frames = &self.bytes[at * FRAMES_BYTES_MAX..][..buffer.used.into()];
        Some(QueuedDatagram { id, index, sequence: buffer.sequence, frames, padded: buffer.padded() })
    }

    /// The connection of the datagram `distance` places behind the front.
    #[inline]
    pub(super) fn ahead(&self, distance: usize) -> Option<ConnectionId> {
        self.queue.get(distance).map(|&(id, _)| id)
    }

    #[inline]
    pub(super) fn pop(&mut self) {
        if let Some((_, index)) = self.queue.pop_front() {
            debug_assert!(self.queue.len() + self.free.len() < SEND_QUEUE_DATAGRAMS, "a buffer is freed once");
            self.free.push(index);
        }
    }

    pub(super) fn has_room_for(&self, datagrams: usize) -> bool {
        self.free.len() >= datagrams
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Notes that the connection in `slot` ends once the datagrams that are queued now have left.
    pub(super) fn close_after_flush(&mut self, slot: u16) {
        self.closing.push_back(slot);
    }

    /// The next slot whose connection ends now. Call it when the queue is empty.
    #[inline]
    pub(super) fn next_closing(&mut self) -> Option<u16> {
        assert!(self.queue.is_empty(), "a connection ends after its last datagram");
        self.closing.pop_front()
    }
}
