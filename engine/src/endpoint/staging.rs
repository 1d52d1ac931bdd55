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
    used: Box<[u16]>,
    free: Vec<StageIndex>,
    queue: VecDeque<(ConnectionId, StageIndex)>,
    /// Connections to forget once the queue, as it was when they were closed, has gone out.
    retiring: VecDeque<ConnectionId>,
}

/// A composed datagram.
pub(super) struct Staged<'a> {
    pub(super) id: ConnectionId,
    pub(super) index: StageIndex,
    pub(super) frames: &'a [u8],
}

impl Staging {
    pub(super) fn new() -> Self {
        Staging {
            bytes: vec![0; STAGED_DATAGRAMS * FRAMES_BYTES_MAX].into_boxed_slice(),
            used: vec![0; STAGED_DATAGRAMS].into_boxed_slice(),
            free: (0..STAGED_DATAGRAMS).rev().map(|index| index as StageIndex).collect(),
            queue: VecDeque::with_capacity(STAGED_DATAGRAMS),
            retiring: VecDeque::new(),
        }
    }

    /// Writes a frame into the datagram that `open` names, or where it does not fit, into a new one, which `open` then
    /// names. False when no buffer is free.
    #[inline]
    pub(super) fn compose(
        &mut self,
        id: ConnectionId,
        open: &mut Option<StageIndex>,
        write: impl Fn(&mut FrameWriter<'_>) -> bool,
    ) -> bool {
        if let Some(index) = *open
            && self.write(index, &write)
        {
            return true;
        }
        let Some(index) = self.free.pop() else { return false };
        self.used[usize::from(index)] = 0;
        self.queue.push_back((id, index));
        *open = Some(index);
        let written = self.write(index, write);
        assert!(written, "every frame fits an empty datagram");
        true
    }

    #[inline]
    fn write(&mut self, index: StageIndex, write: impl Fn(&mut FrameWriter<'_>) -> bool) -> bool {
        let index = usize::from(index);
        let buffer = &mut self.bytes[index * FRAMES_BYTES_MAX..][..FRAMES_BYTES_MAX];
        let mut frames = FrameWriter::new(buffer, self.used[index].into());
        let written = write(&mut frames);
        self.used[index] = frames.used() as u16;
        written
    }

    #[inline]
    pub(super) fn front(&self) -> Option<Staged<'_>> {
        let &(id, index) = self.queue.front()?;
        let at = usize::from(index);
        let frames = &self.bytes[at * FRAMES_BYTES_MAX..][..self.used[at].into()];
        Some(Staged { id, index, frames })
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

    pub(super) fn retire_later(&mut self, id: ConnectionId) {
        self.retiring.push_back(id);
    }

    pub(super) fn next_retired(&mut self) -> Option<ConnectionId> {
        self.retiring.pop_front()
    }
}
