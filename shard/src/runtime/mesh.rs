//! The rings between cores: one single-producer, single-consumer ring for each ordered pair.
//!
//! A full ring never blocks: what does not fit is the sender's to count. The rings themselves are `rtrb`'s; what is
//! written here owns its ends and shares nothing.

use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::link::Path;
use rtrb::{Consumer, Producer, RingBuffer};

/// Crossings that all rings into one core hold together, at least; each ring holds its share.
pub const CROSSINGS_INTO_A_CORE: usize = 1024;
/// Crossings that each ring holds at least.
const CROSSINGS_MIN: usize = 16;

/// A datagram that came to another core than the one that owns its connection.
pub struct Misrouted {
    /// Where it came from.
    pub path: Path,
    /// Bytes of it.
    pub len: u16,
    /// The bytes.
    pub bytes: [u8; DATAGRAM_BYTES_MAX],
}

/// One core's ends of the rings from and to all others.
pub struct Mesh {
    /// To each core; none to itself.
    outgoing: Vec<Option<Producer<Misrouted>>>,
    /// From each core; none from itself.
    incoming: Vec<Option<Consumer<Misrouted>>>,
    next_incoming: usize,
}

impl Mesh {
    /// The ends of `cores` cores, in their order.
    pub fn between(cores: usize) -> Vec<Mesh> {
        let capacity = (CROSSINGS_INTO_A_CORE / cores).max(CROSSINGS_MIN);
        let mut meshes: Vec<Mesh> = (0..cores)
            .map(|_| Mesh {
                outgoing: (0..cores).map(|_| None).collect(),
                incoming: (0..cores).map(|_| None).collect(),
                next_incoming: 0,
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

    /// Passes a datagram on to `core`; false when that core does not exist, is this one, or its ring is full.
    pub fn pass_on(&mut self, core: u8, misrouted: Misrouted) -> bool {
        match self.outgoing.get_mut(usize::from(core)) {
            Some(Some(ring)) => ring.push(misrouted).is_ok(),
            _ => false,
        }
    }

    /// The next datagram from any core; all rings get their turn.
    pub fn receive(&mut self) -> Option<Misrouted> {
        for _ in 0..self.incoming.len() {
            self.next_incoming = (self.next_incoming + 1) % self.incoming.len();
            if let Some(ring) = &mut self.incoming[self.next_incoming]
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
    fn a_crossing_reaches_its_core_and_no_other() {
        let mut meshes = Mesh::between(3);
        assert!(meshes[0].pass_on(2, misrouted(7)));
        assert!(!meshes[0].pass_on(0, misrouted(7)), "to itself");
        assert!(!meshes[0].pass_on(3, misrouted(7)), "to a core that is not there");
        assert!(meshes[1].receive().is_none());
        assert!(matches!(meshes[2].receive(), Some(Misrouted { bytes: [7, ..], .. })));
        assert!(meshes[2].receive().is_none());
    }

    #[test]
    fn a_full_ring_refuses_and_keeps_what_it_has() {
        let mut meshes = Mesh::between(2);
        let taken = (0..=255).cycle().take(4096).take_while(|&mark| meshes[0].pass_on(1, misrouted(mark))).count();
        assert_eq!(taken, CROSSINGS_INTO_A_CORE / 2);
        let mut seen = 0;
        while let Some(Misrouted { bytes, .. }) = meshes[1].receive() {
            assert_eq!(bytes[0], (seen % 256) as u8);
            seen += 1;
        }
        assert_eq!(seen, taken);
    }
}
