//! Comparing the digest that a client sends with what it must see: PROTOCOL.md#digest.

use super::Viewer;
use super::block::{LANES, bits};
use super::scratch::Scratch;
use crate::world::replication::replica::Replica;
use ringshard_world::view::digest_on;
use ringshard_world::{EntityId, Fields};

/// The result of comparing a client's digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DigestResult {
    /// It is unknown what the client must see.
    Unknown,
    /// The client sees what it must see.
    Agreed,
    /// It does not.
    Differs,
}

impl<O: Fields> Viewer<O> {
    /// Compares a client's digest, which came with the acknowledgment taken last, with what the client must see.
    pub fn check<S: Fields>(&mut self, digest: u32, replica: &Replica<S>, scratch: &mut Scratch) -> DigestResult {
        let blocks = self.slots.blocks();
        if blocks.iter().any(|block| block.in_use() & block.uncertain != 0) {
            return DigestResult::Unknown;
        }
        let known = &mut scratch.known;
        known.clear();
        for (number, block) in blocks.iter().enumerate() {
            for lane in bits(block.in_use()).filter(|&lane| block.acked[lane] != 0) {
                let id = EntityId { index: block.indices[lane], generation: block.generations[lane] };
                known.push((id, (number * LANES + lane) as u8));
            }
        }
        known.sort_unstable();
        assert!(known.windows(2).all(|pair| pair[0].0 < pair[1].0), "an entity has one slot");
        let mut ours = 0;
        for &(id, slot) in &*known {
            let (block, lane) = (&blocks[usize::from(slot) / LANES], usize::from(slot) % LANES);
            match replica.state_at(id.index, block.acked[lane]) {
                Some(state) => ours = digest_on(ours, id, state),
                None => return DigestResult::Unknown,
            }
        }
        if ours == digest { DigestResult::Agreed } else { DigestResult::Differs }
    }
}
