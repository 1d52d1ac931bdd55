//! Acknowledgments of snapshots, and comparing the digests that come with them.

use super::Simulation;
use super::stats::WorldStats;
use crate::game::Game;
use crate::game::members::Member;
use crate::game::members::member::Acknowledgment;
use crate::world::replication::Replica;
use crate::world::replication::viewer::{DigestResult, Scratch};
use ringshard_protocol::wire::ConnectionId;
use ringshard_world::{Fields, Rules};

impl<G: Game> Simulation<G> {
    /// Keeps an acknowledgment until the client is served.
    pub(super) fn acknowledge(&mut self, from: ConnectionId, acknowledgment: Acknowledgment) {
        let Simulation { shard, scratch, stats, .. } = self;
        let Some(member) = shard.members.of_connection(from) else { return };
        if member.acknowledgment.is_some_and(|former| former.digest.is_some()) {
            // A digest belongs to its own acknowledgment: the next one would replace it.
            apply_acknowledgment(member, &shard.replica, scratch, stats);
        }
        let is_newer = |former: Acknowledgment| (acknowledgment.newest.wrapping_sub(former.newest) as i16) >= 0;
        if member.acknowledgment.is_none_or(is_newer) {
            member.acknowledgment = Some(acknowledgment);
        }
    }
}

/// Applies the acknowledgment that waits.
pub(super) fn apply_acknowledgment<R: Rules, S: Fields>(
    member: &mut Member<R>,
    replica: &Replica<S>,
    scratch: &mut Scratch,
    stats: &mut WorldStats,
) {
    let Some(Acknowledgment { tick, newest, before, digest }) = member.acknowledgment.take() else { return };
    if !member.viewer.acknowledge(tick, newest, before) {
        return;
    }
    // The digest of a snapshot is compared once: it takes a while.
    let Some(digest) = digest.filter(|_| member.compared.replace(newest) != Some(newest)) else { return };
    if scratch.digests_left == 0 {
        stats.digests_skipped += 1;
        return;
    }
    scratch.digests_left -= 1;
    match member.viewer.check(digest, replica, scratch) {
        DigestResult::Agreed => stats.digests_agreed += 1,
        DigestResult::Differs => stats.digests_differ += 1,
        DigestResult::Unknown => stats.digests_unknown += 1,
    }
}
