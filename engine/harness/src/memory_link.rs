//! A link that is nothing but memory, for servers without a network.

use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::Instant;

/// Datagrams in memory that is all allocated from the start: [`Link::reserve`], [`MemoryLink::put`] and [`Link::receive`]
/// never allocate, so a count of allocations sees only what the endpoint does.
///
/// Datagrams that were sent stay in [`MemoryLink::sent`] until [`MemoryLink::clear`]; [`Link::submit`] changes nothing.
pub struct MemoryLink {
    /// What [`Link::now`] answers.
    pub now: Instant,
    /// Datagrams that can be sent before the next [`MemoryLink::clear`]. Tests lower it to see what an endpoint does
    /// when [`Link::reserve`] has no room.
    pub room: usize,
    sent: Vec<(Path, usize)>,
    sent_memory: Vec<[u8; DATAGRAM_BYTES_MAX]>,
    arriving: Vec<(Path, usize)>,
    arriving_memory: Vec<[u8; DATAGRAM_BYTES_MAX]>,
}

impl MemoryLink {
    /// A link with memory for `datagrams` in each direction.
    pub fn new(datagrams: usize) -> Self {
        MemoryLink {
            now: Instant::ZERO,
            room: datagrams,
            sent: Vec::with_capacity(datagrams),
            sent_memory: vec![[0; DATAGRAM_BYTES_MAX]; datagrams],
            arriving: Vec::with_capacity(datagrams),
            arriving_memory: vec![[0; DATAGRAM_BYTES_MAX]; datagrams],
        }
    }

    /// Makes `datagram` arrive at the next [`Link::receive`].
    ///
    /// # Panics
    /// When as many datagrams wait already as the link has memory for.
    pub fn put(&mut self, path: Path, datagram: &[u8]) {
        assert!(self.arriving.len() < self.arriving_memory.len(), "no memory for another arrival");
        self.arriving_memory[self.arriving.len()][..datagram.len()].copy_from_slice(datagram);
        self.arriving.push((path, datagram.len()));
    }

    /// The datagrams sent since the last [`MemoryLink::clear`], in order, and the path of each.
    pub fn sent(&mut self) -> impl Iterator<Item = (Path, &mut [u8])> {
        self.sent_memory.iter_mut().zip(&self.sent).map(|(bytes, &(path, len))| (path, &mut bytes[..len]))
    }

    /// Forgets the datagrams that were sent: their memory is free again.
    pub fn clear(&mut self) {
        self.sent.clear();
    }
}

impl Link for MemoryLink {
    fn now(&mut self) -> Instant {
        self.now
    }

    fn receive(&mut self, _budget: usize, mut deliver: impl FnMut(Arrival<'_>)) -> usize {
        let received = self.arriving.len();
        for ((path, len), memory) in self.arriving.drain(..).zip(&mut self.arriving_memory) {
            let bytes = &mut memory[..len];
            deliver(Arrival { path, arrived_at: None, segment_bytes: len.max(1), bytes, following: None });
        }
        received
    }

    #[inline]
    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        assert!((1..=DATAGRAM_BYTES_MAX).contains(&len), "no datagram has {len} bytes");
        if self.sent.len() >= self.room {
            return None;
        }
        self.sent.push((path, len));
        Some(&mut self.sent_memory[self.sent.len() - 1][..len])
    }

    fn submit(&mut self) {}

    fn park(&mut self, _wait: Wait) {}

    fn stats(&self) -> LinkStats {
        LinkStats::default()
    }
}
