//! Events that wait to be polled. Each peer has a share of its own, so that one that sends much costs the others nothing.

use super::MeshEvent;
use crate::id::PeerId;
use std::collections::{BTreeMap, VecDeque};

/// Bytes of messages of a peer that may wait. While more do, datagrams of its session count as lost.
const PEER_EVENT_BYTES_MAX: usize = 512 << 10;
/// Events of a peer that may wait likewise.
const PEER_EVENTS_MAX: usize = 8_192;

/// The events of all peers, oldest first.
#[derive(Default)]
pub(super) struct Waiting {
    events: VecDeque<MeshEvent>,
    /// Of each peer with events.
    shares: BTreeMap<PeerId, Share>,
}

/// What waits of one peer.
#[derive(Clone, Copy, Default)]
struct Share {
    events: usize,
    bytes: usize,
}

impl Waiting {
    pub(super) fn push(&mut self, event: MeshEvent) {
        let (peer, bytes) = size_of(&event);
        let share = self.shares.entry(peer).or_default();
        share.events += 1;
        share.bytes += bytes;
        self.events.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<MeshEvent> {
        let event = self.events.pop_front()?;
        let (peer, bytes) = size_of(&event);
        let share = self.shares.get_mut(&peer).expect("a peer with events has a share");
        share.events -= 1;
        share.bytes -= bytes;
        if share.events == 0 {
            self.shares.remove(&peer);
        }
        Some(event)
    }

    /// Whether messages of this peer may come.
    pub(super) fn has_room(&self, peer: PeerId) -> bool {
        let share = self.shares.get(&peer).copied().unwrap_or_default();
        share.events < PEER_EVENTS_MAX && share.bytes < PEER_EVENT_BYTES_MAX
    }
}

/// The peer of an event, and the bytes of its message.
fn size_of(event: &MeshEvent) -> (PeerId, usize) {
    match event {
        MeshEvent::Message(peer, _, bytes) => (*peer, bytes.len()),
        MeshEvent::Path(peer, _)
        | MeshEvent::PathLost(peer)
        | MeshEvent::Connected { peer, .. }
        | MeshEvent::Suspended(peer)
        | MeshEvent::BeganAnew(peer)
        | MeshEvent::Left(peer, _) => (*peer, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_protocol::wire::Channel;

    fn message(peer: u32, bytes: usize) -> MeshEvent {
        MeshEvent::Message(PeerId(peer), Channel::RELIABLE_ORDERED, vec![0; bytes])
    }

    #[test]
    fn a_peer_fills_its_own_share_by_bytes_or_by_number_and_none_of_another() {
        let mut waiting = Waiting::default();
        while waiting.has_room(PeerId(1)) {
            waiting.push(message(1, 1_000));
        }
        while waiting.has_room(PeerId(2)) {
            waiting.push(message(2, 0));
        }
        assert!(waiting.has_room(PeerId(3)));
        let (of_one, of_two) = (PEER_EVENT_BYTES_MAX.div_ceil(1_000), PEER_EVENTS_MAX);
        assert_eq!(waiting.events.len(), of_one + of_two);
        assert_eq!(waiting.pop(), Some(message(1, 1_000)));
        assert!(waiting.has_room(PeerId(1)) && !waiting.has_room(PeerId(2)));
        while waiting.pop().is_some() {}
        assert!(waiting.shares.is_empty() && waiting.has_room(PeerId(2)));
    }
}
