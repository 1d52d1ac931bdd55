//! Forwarding datagrams that the kernel delivered to the wrong core: one SPSC ring for each ordered pair of cores.
//!
//! A full ring never blocks: the sender drops the datagram and counts it.

use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::link::Path;
use rtrb::{Consumer, Producer, RingBuffer};

/// Datagrams that all rings into one core hold together; each ring holds its share.
pub const FORWARDED_PER_CORE: usize = 1024;
/// Datagrams that each ring holds at least.
const FORWARDED_PER_RING_MIN: usize = 16;

/// A datagram that arrived at a core that does not own its connection.
pub struct Misrouted {
    /// The path it arrived on.
    pub path: Path,
    /// Its length in bytes.
    pub len: u16,
    /// The datagram, in the first `len` bytes.
    pub bytes: [u8; DATAGRAM_BYTES_MAX],
}

/// One core's ends of the rings from and to all others.
pub struct Mesh {
    /// To each core; none to itself.
    outgoing: Vec<Option<Producer<Misrouted>>>,
    /// From each core; none from itself.
    incoming: Vec<Option<Consumer<Misrouted>>>,
    /// The ring that was read last.
    last_incoming: usize,
}

impl Mesh {
    /// The ends of `cores` cores, in their order.
    ///
    /// # Panics
    /// When `cores` is 0.
    pub fn between(cores: usize) -> Vec<Mesh> {
        assert!(cores > 0, "a mesh connects at least one core");
        let capacity = (FORWARDED_PER_CORE / cores).max(FORWARDED_PER_RING_MIN);
        let mut meshes: Vec<Mesh> = (0..cores)
            .map(|_| Mesh {
                outgoing: (0..cores).map(|_| None).collect(),
                incoming: (0..cores).map(|_| None).collect(),
                last_incoming: 0,
            })
            .collect();
        for from in 0..cores {
            for to in (0..cores).filter(|&to| to != from) {
                let (producer, consumer) = RingBuffer::new(capacity);
                meshes[from].outgoing[to] = Some(producer);
                meshes[to].incoming[from] = Some(consumer);
            }
        }
        meshes
    }

    /// Forwards a datagram to `core`; false when that core does not exist, is this one, or its ring is full.
    pub fn forward(&mut self, core: u8, misrouted: Misrouted) -> bool {
        assert!(usize::from(misrouted.len) <= DATAGRAM_BYTES_MAX, "a datagram fits its buffer");
        match self.outgoing.get_mut(usize::from(core)) {
            Some(Some(ring)) => ring.push(misrouted).is_ok(),
            _ => false,
        }
    }

    /// The next datagram from any core, in round-robin order of the cores.
    pub fn receive(&mut self) -> Option<Misrouted> {
        for _ in 0..self.incoming.len() {
            self.last_incoming = (self.last_incoming + 1) % self.incoming.len();
            if let Some(ring) = &mut self.incoming[self.last_incoming]
                && let Ok(misrouted) = ring.pop()
            {
                return Some(misrouted);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misrouted(mark: u8) -> Misrouted {
        let path = Path::new(0, ([127, 0, 0, 1], 1).into());
        Misrouted { path, len: 1, bytes: [mark; DATAGRAM_BYTES_MAX] }
    }

    #[test]
    fn a_forwarded_datagram_reaches_its_core_and_no_other() {
        let mut meshes = Mesh::between(3);
        assert!(meshes[0].forward(2, misrouted(7)));
        assert!(!meshes[0].forward(0, misrouted(7)), "to itself");
        assert!(!meshes[0].forward(3, misrouted(7)), "to a core that is not there");
        assert!(meshes[1].receive().is_none());
        assert!(matches!(meshes[2].receive(), Some(Misrouted { bytes: [7, ..], .. })));
        assert!(meshes[2].receive().is_none());
    }

    #[test]
    fn a_full_ring_refuses_and_keeps_what_it_has() {
        let mut meshes = Mesh::between(2);
        let taken = (0..=255).cycle().take(4096).take_while(|&mark| meshes[0].forward(1, misrouted(mark))).count();
        assert_eq!(taken, FORWARDED_PER_CORE / 2);
        let mut seen = 0;
        while let Some(Misrouted { bytes, .. }) = meshes[1].receive() {
            assert_eq!(bytes[0], (seen % 256) as u8);
            seen += 1;
        }
        assert_eq!(seen, taken);
    }
}
