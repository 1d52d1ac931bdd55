//! Sending snapshots to the clients of one slice.

use super::Simulation;
use super::player::Player;
use super::stats::WorldStats;
use super::unsent_snapshots::{Run, Waiting};
use crate::game::Game;
use crate::game::shard::Shard;
use ringshard_prefetch::prefetch;
use ringshard_protocol::Endpoint;
use ringshard_protocol::connection::sealed_len;
use ringshard_protocol::limits::COMPRESSION_BYTES_MIN;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;

/// Ticks in which the visible entities of every client are updated once.
pub const INTEREST_PERIOD: u32 = 16;

impl<G: Game> Simulation<G> {
    /// Writes and sends the snapshots of one slice.
    pub(super) fn serve(&mut self, now: Instant, endpoint: &mut Endpoint, slice: usize) {
        self.write_snapshots(slice);
        self.send_snapshots(now, endpoint);
    }

    fn write_snapshots(&mut self, slice: usize) {
        let tick = self.shard.wire_tick();
        let pacing = self.config.pacing.shed(self.shedding.level);
        let Simulation { shard, players, encoder, scratch, waiting, snapshots, stats, .. } = self;
        waiting.clear();
        snapshots.clear();
        let (mut address, mut addresses) = (None, 0);
        for position in 0..players.slice_len(slice) {
            players.in_slice(slice, position + 2).inspect(|player| prefetch(*player));
            players.in_slice(slice, position + 1).inspect(|player| player.viewer.prefetch());
            let player = players.in_slice_mut(slice, position);
            player.apply_acknowledgment(&shard.replica, scratch, stats);
            update_visibility(player, shard, tick, stats);
            let start = snapshots.len();
            snapshots.resize(start + COMPRESSION_BYTES_MIN, 0);
            let viewer = &mut player.viewer;
            let len = viewer.snapshot(tick, &pacing, &shard.replica, encoder, scratch, &mut snapshots[start..]);
            snapshots.truncate(start + len);
            if len > 0 {
                addresses += u32::from(address.replace(player.address) != Some(player.address));
                let run = Run { address: addresses, datagram_bytes: sealed_len(len) as u16 };
                waiting.push(Waiting { id: player.id, run, start: start as u32, len: len as u16 });
            }
        }
    }

    fn send_snapshots(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let Simulation { waiting, snapshots, stats, .. } = self;
        waiting.sort_unstable_by_key(|waiting| waiting.run);
        for (at, &Waiting { id, start, len, .. }) in waiting.iter().enumerate() {
            if let Some(ahead) = waiting.get(at + 2) {
                endpoint.prefetch(ahead.id);
            }
            let message = &snapshots[start as usize..start as usize + usize::from(len)];
            match endpoint.send(now, id, Channel::UNRELIABLE, message) {
                Ok(()) => {
                    stats.snapshots += 1;
                    stats.snapshot_bytes += u64::from(len);
                }
                Err(_) => stats.snapshots_unsent += 1,
            }
        }
    }
}

/// Updates which entities the client sees, if it is its turn or it has just come.
fn update_visibility(player: &mut Player, shard: &mut Shard, tick: u32, stats: &mut WorldStats) {
    let is_due = tick % INTEREST_PERIOD == u32::from(player.id.slot()) % INTEREST_PERIOD;
    if player.has_looked && !is_due {
        return;
    }
    let change = shard.visibility.update(&mut player.viewer, &shard.replica);
    // The replica knows a new body from the next tick on.
    player.has_looked = shard.replica.get(player.viewer.player).is_some();
    stats.entered += change.entered as u64;
    stats.left += change.left as u64;
}
