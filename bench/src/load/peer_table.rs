//! Finds the client that a datagram is for, where several share a socket.

use ringshard_protocol::wire::{ConnectionId, Header};
use std::collections::HashMap;

#[derive(Default)]
pub struct PeerTable {
    pub by_tag: HashMap<u64, u32>,
    /// By core, then by slot.
    by_id: Vec<Vec<u32>>,
}

impl PeerTable {
    /// Records the connection id of a peer.
    pub fn insert(&mut self, id: ConnectionId, peer: u32) {
        assert!(peer != u32::MAX, "the number marks empty entries");
        let (core, slot) = (usize::from(id.core()), usize::from(id.slot()));
        if self.by_id.len() <= core {
            self.by_id.resize(core + 1, Vec::new());
        }
        if self.by_id[core].len() <= slot {
            self.by_id[core].resize(slot + 1, u32::MAX);
        }
        self.by_id[core][slot] = peer;
    }

    #[inline]
    pub fn find(&self, header: &Header) -> Option<u32> {
        if header.flags == 0 {
            return self.by_tag.get(&header.sequence).copied();
        }
        let id = header.connection;
        let peer = *self.by_id.get(usize::from(id.core()))?.get(usize::from(id.slot()))?;
        (peer != u32::MAX).then_some(peer)
    }
}
