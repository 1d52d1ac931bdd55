//! One player of this core, and its last acknowledgment.

use super::stats::WorldStats;
use crate::world::replication::viewer::{DigestResult, Scratch};
use crate::world::replication::{Replica, Viewer};
use ringshard_protocol::wire::ConnectionId;
use ringshard_world::EntityId;
use std::net::SocketAddr;

/// A client in the world.
pub(super) struct Player {
    pub(super) id: ConnectionId,
    pub(super) viewer: Viewer,
    /// Whether its visible entities were determined since it has its body.
    pub(super) has_looked: bool,
    /// The acknowledgment that was not applied yet.
    pending: Option<Acknowledgment>,
    /// The snapshot whose digest was compared last.
    compared: Option<u16>,
    /// Clients with the same address can be sent one run of datagrams.
    pub(super) address: SocketAddr,
    /// Row of its body, or of the last one that it had.
    pub(super) row: usize,
    pub(super) slice: usize,
}

/// An acknowledgment of a client. It is applied when the client is served next: then what the server knows of the client
/// is loaded into the processor's cache once per tick, not twice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acknowledgment {
    /// The tick in which it arrived.
    pub(super) tick: u32,
    /// The newest snapshot that arrived, and a bit for each before it.
    pub(super) newest: u16,
    pub(super) before: u64,
    /// The digest of what the client then saw.
    pub(super) digest: Option<u32>,
}

impl Player {
    pub(super) fn new(id: ConnectionId, address: SocketAddr, row: usize, body: EntityId) -> Player {
        let viewer = Viewer::new(body);
        Player { id, viewer, has_looked: false, pending: None, compared: None, address, row, slice: 0 }
    }

    /// Gives the player another body.
    pub(super) fn set_body(&mut self, row: usize, body: EntityId) {
        self.row = row;
        self.viewer.player = body;
        self.has_looked = false;
    }

    /// Keeps an acknowledgment until the client is served.
    pub(super) fn acknowledge(
        &mut self,
        acknowledgment: Acknowledgment,
        replica: &Replica,
        scratch: &mut Scratch,
        stats: &mut WorldStats,
    ) {
        if self.pending.is_some_and(|former| former.digest.is_some()) {
            // A digest belongs to its own acknowledgment: the next one would replace it.
            self.apply_acknowledgment(replica, scratch, stats);
        }
        let is_newer = |former: Acknowledgment| (acknowledgment.newest.wrapping_sub(former.newest) as i16) >= 0;
        if self.pending.is_none_or(is_newer) {
            self.pending = Some(acknowledgment);
        }
    }

    /// Applies the pending acknowledgment.
    pub(super) fn apply_acknowledgment(&mut self, replica: &Replica, scratch: &mut Scratch, stats: &mut WorldStats) {
        let Some(Acknowledgment { tick, newest, before, digest }) = self.pending.take() else { return };
        if !self.viewer.acknowledge(tick, newest, before, replica) {
            return;
        }
        // The digest of a snapshot is compared once: it takes a while.
        let Some(digest) = digest.filter(|_| self.compared.replace(newest) != Some(newest)) else { return };
        if scratch.digests_left == 0 {
            stats.digests_skipped += 1;
            return;
        }
        scratch.digests_left -= 1;
        match self.viewer.check(digest, replica, scratch) {
            DigestResult::Agreed => stats.digests_agreed += 1,
            DigestResult::Differs => stats.digests_differ += 1,
            DigestResult::Unknown => stats.digests_unknown += 1,
        }
    }
}
