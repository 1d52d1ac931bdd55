//! Datagrams that are composed and not yet sealed. Messages to one connection share a datagram until the next flush.
//!
//! The queue is a ring of buffers, in the order in which datagrams leave. An empty queue begins at its first buffer, so that
//! the few in use stay in the cache.

use crate::limits::{FRAMES_BYTES_MAX, SEND_QUEUE_DATAGRAMS};
use crate::wire::{ConnectionId, FrameWriter};
use std::collections::VecDeque;

/// Names a buffer of the ring.
pub(super) type BufferIndex = u16;
const _: () = assert!(SEND_QUEUE_DATAGRAMS <= 1 << 16 && SEND_QUEUE_DATAGRAMS.is_power_of_two());

/// Room for the frames of a datagram, in whole cache lines.
const STRIDE: usize = FRAMES_BYTES_MAX.next_multiple_of(64);

#[derive(Debug)]
pub(super) struct SendQueue {
    bytes: Box<[u8]>,
    buffers: Box<[Buffer]>,
    /// The buffer that leaves next.
    first: usize,
    /// Queued buffers.
    len: usize,
    /// Slots of closing connections. They end once the datagrams that were queued before have left.
    closing: VecDeque<u16>,
}

/// State of one buffer.
#[derive(Clone, Copy, Debug, Default)]
struct Buffer {
    /// Sequence number of the datagram.
    sequence: u64,
    /// Its connection.
    id: ConnectionId,
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
            bytes: vec![0; SEND_QUEUE_DATAGRAMS * STRIDE].into_boxed_slice(),
            buffers: vec![Buffer::default(); SEND_QUEUE_DATAGRAMS].into_boxed_slice(),
            first: 0,
            len: 0,
            closing: VecDeque::new(),
        }
    }

    /// The buffer `distance` places behind the one that leaves next.
    #[inline]
    fn place(&self, distance: usize) -> usize {
        (self.first + distance) % SEND_QUEUE_DATAGRAMS
    }

    /// A buffer for a datagram of at most `limit` bytes of frames. It is not queued yet: write to it, then
    /// [`Self::enqueue`] it, or leave it for the next call. None if no buffer is free.
    #[inline]
    pub(super) fn begin(&mut self, limit: usize) -> Option<BufferIndex> {
        debug_assert!(limit <= FRAMES_BYTES_MAX, "a datagram fits its buffer");
        if self.len == SEND_QUEUE_DATAGRAMS {
            return None;
        }
        let index = self.place(self.len);
        self.buffers[index] = Buffer { limit: limit as u16, ..Buffer::default() };
        Some(index as BufferIndex)
    }

    /// Queues the buffer that was begun last as datagram `sequence` of the connection. It may still be written to.
    #[inline]
    pub(super) fn enqueue(&mut self, id: ConnectionId, index: BufferIndex, sequence: u64) {
        let at = usize::from(index);
        assert!(at == self.place(self.len), "the buffer was begun last");
        (self.buffers[at].id, self.buffers[at].sequence) = (id, sequence);
        self.len += 1;
    }

    /// Appends frames to a datagram through `write`, and returns its result.
    #[inline]
    pub(super) fn write<T>(&mut self, index: BufferIndex, write: impl FnOnce(&mut FrameWriter<'_>) -> T) -> T {
        let at = usize::from(index);
        let buffer = &mut self.buffers[at];
        let room = &mut self.bytes[at * STRIDE..][..usize::from(buffer.limit)];
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
        if self.len == 0 {
            return None;
        }
        let buffer = &self.buffers[self.first];
        Some(QueuedDatagram {
            id: buffer.id,
            index: self.first as BufferIndex,
            sequence: buffer.sequence,
            frames: &self.bytes[self.first * STRIDE..][..buffer.used.into()],
            padded: buffer.padded(),
        })
    }

    /// The connection of the datagram `distance` places behind the front.
    #[inline]
    pub(super) fn ahead(&self, distance: usize) -> Option<ConnectionId> {
        (distance < self.len).then(|| self.buffers[self.place(distance)].id)
    }

    /// Removes the datagram at the front.
    #[inline]
    pub(super) fn pop(&mut self) {
        assert!(self.len > 0, "a datagram leaves once");
        self.len -= 1;
        self.first = if self.len == 0 { 0 } else { self.place(1) };
    }

    pub(super) fn has_room_for(&self, datagrams: usize) -> bool {
        SEND_QUEUE_DATAGRAMS - self.len >= datagrams
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Notes that the connection in `slot` ends once the datagrams that are queued now have left.
    pub(super) fn close_after_flush(&mut self, slot: u16) {
        self.closing.push_back(slot);
    }

    /// The next slot whose connection ends now. Call it when the queue is empty.
    #[inline]
    pub(super) fn next_closing(&mut self) -> Option<u16> {
        assert!(self.is_empty(), "a connection ends after its last datagram");
        self.closing.pop_front()
    }
}
