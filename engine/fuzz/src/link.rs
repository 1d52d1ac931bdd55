//! A cheap link: sent datagrams stay in its memory until `submit` discards them, and none arrive.
//!
//! The harness has a memory link too, but it would link the sockets and io_uring into every fuzz target.

use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::Instant;

pub(crate) struct FlatLink {
    memory: Vec<[u8; DATAGRAM_BYTES_MAX]>,
    sent: Vec<(Path, usize)>,
    /// Datagrams that fit before the next submit.
    pub(crate) room: usize,
}

impl FlatLink {
    pub(crate) const ROOM: usize = 256;

    pub(crate) fn new() -> Self {
        FlatLink { memory: vec![[0; DATAGRAM_BYTES_MAX]; Self::ROOM], sent: Vec::new(), room: Self::ROOM }
    }

    pub(crate) fn sent(&mut self) -> impl Iterator<Item = (Path, &mut [u8])> {
        self.memory.iter_mut().zip(&self.sent).map(|(bytes, &(path, len))| (path, &mut bytes[..len]))
    }
}

impl Link for FlatLink {
    fn now(&mut self) -> Instant {
        Instant::ZERO
    }

    fn receive(&mut self, _budget: usize, _deliver: impl FnMut(Arrival<'_>)) -> usize {
        0
    }

    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        assert!((1..=DATAGRAM_BYTES_MAX).contains(&len), "{len} bytes are no datagram");
        if self.sent.len() == self.room {
            return None;
        }
        self.sent.push((path, len));
        Some(&mut self.memory[self.sent.len() - 1][..len])
    }

    fn submit(&mut self) {
        self.sent.clear();
    }

    fn park(&mut self, _wait: Wait) {
        self.submit();
    }

    fn stats(&self) -> LinkStats {
        LinkStats::default()
    }
}
