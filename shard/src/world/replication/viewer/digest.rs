//! Comparing the digest that a client sends with what it must see: PROTOCOL.md#digest.

use super::Viewer;
use super::scratch::Scratch;
use super::slot::Sight;
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
        let in_use = |at: usize| self.slots[at].sight != Sight::Free;
        if (0..self.slots.len()).any(|at| in_use(at) && self.uncertain.contains(at)) {
            return DigestResult::Unknown;
        }
        let known = &mut scratch.known;
        known.clear();
        for (at, slot) in self.slots.iter().enumerate() {
            if slot.sight != Sight::Free && slot.acked != 0 {
                known.push((EntityId { index: slot.index, generation: slot.generation }, at as u8));
            }
        }
        known.sort_unstable();
        assert!(known.windows(2).all(|pair| pair[0].0 < pair[1].0), "an entity has one slot");
        let mut ours = 0;
        for &(id, at) in &*known {
            match replica.state_at(id.index, self.slots[usize::from(at)].acked) {
                Some(state) => ours = digest_on(ours, id, state),
                None => return DigestResult::Unknown,
            }
        }
        if ours == digest { DigestResult::Agreed } else { DigestResult::Differs }
    }
}
