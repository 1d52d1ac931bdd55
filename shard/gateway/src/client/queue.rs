//! Datagrams that wait for a client: bounded in bytes and number. A full queue drops its oldest, because newer datagrams
//! are worth more to a game.
//!
//! A datagram is a slice of a chunk that many clients share. A client that keeps slices keeps whole chunks. Therefore the
//! queue of a client that is behind owns what it holds: its datagrams are copied once they have waited for a round of
//! receiving.

use bytes::Bytes;
use std::collections::VecDeque;

/// Datagrams in a queue, whatever their sizes.
const DATAGRAMS_MAX: usize = 1_024;

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Bytes>,
    bytes: usize,
    /// How many at the front are copies.
    owned: usize,
    /// The round in which the last datagram came.
    round: u64,
}

impl Queue {
    /// Adds a datagram that arrived in this round of receiving. Returns how many old ones were dropped for it.
    pub(super) fn push(&mut self, datagram: Bytes, round: u64, bytes_max: usize) -> usize {
        if self.round != round {
            self.own();
            self.round = round;
        }
        let is_behind = self.owned > 0 && self.owned == self.waiting.len();
        self.bytes += datagram.len();
        self.waiting.push_back(if is_behind { Bytes::copy_from_slice(&datagram) } else { datagram });
        self.owned += usize::from(is_behind);
        let mut dropped = 0;
        while self.waiting.len() > 1 && (self.bytes > bytes_max || self.waiting.len() > DATAGRAMS_MAX) {
            self.pop();
            dropped += 1;
        }
        dropped
    }

    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let datagram = self.waiting.pop_front()?;
        self.bytes -= datagram.len();
        self.owned = self.owned.saturating_sub(1);
        Some(datagram)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Copies what is still a slice of a shared chunk.
    pub(super) fn own(&mut self) {
        for datagram in self.waiting.range_mut(self.owned..) {
            *datagram = Bytes::copy_from_slice(datagram);
        }
        self.owned = self.waiting.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(first: u8, bytes: usize) -> Bytes {
        let mut all = vec![0; bytes];
        all[0] = first;
        all.into()
    }

    #[test]
    fn a_full_queue_drops_its_oldest() {
        let mut queue = Queue::default();
        for first in 0..10 {
            queue.push(datagram(first, 100), 1, 1_000);
        }
        assert_eq!(queue.push(datagram(10, 250), 1, 1_000), 3);
        assert_eq!(queue.bytes(), 950);
        assert_eq!(queue.pop().unwrap()[0], 3);
    }

    #[test]
    fn a_datagram_larger_than_the_queue_still_passes_alone() {
        let mut queue = Queue::default();
        queue.push(datagram(1, 10), 1, 100);
        assert_eq!(queue.push(datagram(2, 1_000), 1, 100), 1);
        assert_eq!(queue.pop().unwrap()[0], 2);
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn the_number_of_datagrams_is_bounded_too() {
        let mut queue = Queue::default();
        let dropped: usize = (0..2_000).map(|_| queue.push(datagram(0, 14), 1, 1 << 20)).sum();
        assert_eq!(dropped, 2_000 - DATAGRAMS_MAX);
    }

    #[test]
    fn a_client_that_is_behind_keeps_no_shared_chunk() {
        let chunk = Bytes::from(vec![7; 64 << 10]);
        let mut queue = Queue::default();
        queue.push(chunk.slice(..100), 1, 1 << 20);
        queue.push(chunk.slice(100..200), 1, 1 << 20);
        assert!(!chunk.is_unique(), "datagrams of this round are slices");
        queue.push(chunk.slice(200..300), 2, 1 << 20);
        queue.push(chunk.slice(300..400), 2, 1 << 20);
        assert!(chunk.is_unique(), "datagrams of an earlier round wait");
        assert_eq!((0..4).map(|_| queue.pop().unwrap().len()).sum::<usize>(), 400);
        queue.push(chunk.slice(..100), 3, 1 << 20);
        assert!(!chunk.is_unique(), "a queue that was emptied has caught up");
    }
}
