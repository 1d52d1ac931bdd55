//! Sending snapshots to the clients of one slice, and with them the events of the tick.

use super::Simulation;
use super::acknowledge::apply_acknowledgment;
use super::unsent_snapshots::{Run, Waiting, join_runs};
use crate::game::Game;
use crate::game::members::{Member, SLICES};
use crate::game::shard::Shard;
use crate::world::replication::viewer::PlayerReport;
use ringshard_protocol::Endpoint;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId};
use ringshard_world::messages::SnapshotHeader;
use ringshard_world::{EntityId, Rules};

/// Ticks in which the visible entities of every client are updated once.
pub const INTEREST_PERIOD: u32 = 16;

impl<G: Game> Simulation<G> {
    /// Writes and sends the snapshots of one slice.
    pub(super) fn serve(&mut self, now: Instant, endpoint: &mut Endpoint, slice: usize) {
        self.write_snapshots(slice);
        self.send_snapshots(now, endpoint);
    }

    fn write_snapshots(&mut self, slice: usize) {
        self.waiting.clear();
        let (mut address, mut addresses, mut start) = (None, 0, 0);
        let (tick, pacing) = (self.shard.wire_tick(), self.config.pacing.shed(self.shedding.level));
        for position in 0..self.shard.members.slice(slice).len() {
            let slot = self.prefetch_ahead(slice, position);
            if !pacing.serves(tick, slot) {
                self.hear(slot);
                continue;
            }
            self.acknowledge_and_look(slot);
            let len = self.write_snapshot(slot, start);
            let Some(member) = self.shard.members.in_slot(slot) else { continue };
            let Some(id) = member.connection else { continue };
            if len > 0 {
                addresses += u32::from(address.replace(member.address) != Some(member.address));
                let run = Run::of(addresses, len);
                self.waiting.push(Waiting { id, run, start: start as u32, len: len as u16 });
                start += len;
            }
            self.heard.extend(self.scratch.heard.iter().map(|&about| (id, about)));
        }
    }

    /// Notes the events for a client that gets no snapshot in this tick.
    fn hear(&mut self, slot: u16) {
        let Simulation { shard, heard, .. } = self;
        if !shard.happenings.is_empty() {
            hear(shard, slot, heard);
        }
    }

    /// The slot of the player at a position of a slice. Prefetches the players after it.
    #[inline]
    fn prefetch_ahead(&self, slice: usize, position: usize) -> u16 {
        let members = &self.shard.members;
        let slots = members.slice(slice);
        // Each step finds what the step before has fetched.
        let ahead = |distance: usize| slots.get(position + distance).copied();
        if let Some(slot) = ahead(4) {
            members.prefetch_served(slot);
        }
        let newest = |member: &Member<G::Rules>| member.acknowledgment.map(|acknowledgment| acknowledgment.newest);
        if let Some(member) = ahead(2).and_then(|slot| members.in_slot(slot)) {
            member.viewer.prefetch(newest(member));
        }
        if let Some(member) = ahead(1).and_then(|slot| members.in_slot(slot))
            && let Some(newest) = newest(member)
        {
            member.viewer.prefetch_acknowledged(newest);
        }
        slots[position]
    }

    fn acknowledge_and_look(&mut self, slot: u16) {
        let tick = self.shard.wire_tick();
        let Simulation { shard, scratch, stats, .. } = self;
        let Some(member) = shard.members.in_slot_mut(slot) else { return };
        apply_acknowledgment(member, &shard.replica, scratch, stats);
        // If it is its turn, or it has just come.
        let is_due = tick % INTEREST_PERIOD == u32::from(slot) % INTEREST_PERIOD;
        if !member.has_looked || is_due {
            self.look(slot);
        }
    }

    /// Updates which entities the client sees.
    fn look(&mut self, slot: u16) {
        let Simulation { shard, game, always, stats, .. } = self;
        let Some(mut visibility) = shard.visibility.take() else { return };
        let member = shard.members.in_slot(slot).expect("a slice has the slots of players");
        let (player, gaze) = (member.id, member.viewer.gaze);
        let from = shard.map().quantise(game.rules().pose(&member.owner.own).point);
        always.clear();
        game.always_visible(shard, player, always);
        let hidden = |other| !game.is_visible(shard, player, other);
        let gaze = visibility.find(&shard.replica, from, gaze, always, hidden);
        let member = shard.members.in_slot_mut(slot).expect("a player stays while it looks");
        member.viewer.gaze = gaze;
        let change = visibility.show(&mut member.viewer, &shard.replica, from);
        // The replica knows a new body from the next tick on.
        member.has_looked = member.owner.body.is_none_or(|body| shard.replica.get(body).is_some());
        shard.visibility = Some(visibility);
        stats.entered += change.entered as u64;
        stats.left += change.left as u64;
    }

    /// Writes a snapshot at `start` of the buffer; returns its length.
    fn write_snapshot(&mut self, slot: u16, start: usize) -> usize {
        let tick = self.shard.wire_tick();
        let pacing = self.config.pacing.shed(self.shedding.level);
        let Simulation { shard, encoder, scratch, snapshots, .. } = self;
        let Some(member) = shard.members.in_slot_mut(slot) else { return 0 };
        let Member { viewer, owner, lead, input_age, .. } = member;
        let report = PlayerReport { owner, lead: *lead, input_age: *input_age };
        // The buffer never shrinks: clearing it for every snapshot would take a while.
        let end = start + SnapshotHeader::BYTES_MAX + pacing.bytes_max;
        if snapshots.len() < end {
            snapshots.resize(end, 0);
        }
        let (replica, happenings) = (&shard.replica, &shard.happenings);
        let room = &mut snapshots[start..end];
        viewer.snapshot(tick, &report, &pacing, replica, encoder, happenings, scratch, room)
    }

    fn send_snapshots(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let Simulation { waiting, snapshots, stats, .. } = self;
        stats.snapshot_padding_bytes += join_runs(waiting) as u64;
        for (at, &Waiting { id, run, start, len }) in waiting.iter().enumerate() {
            if let Some(ahead) = waiting.get(at + 2) {
                endpoint.prefetch(ahead.id);
            }
            let message = &snapshots[start as usize..start as usize + usize::from(len)];
            match endpoint.send_padded(now, id, Channel::UNRELIABLE, message, run.datagram_bytes.into()) {
                Ok(()) => {
                    stats.snapshots += 1;
                    stats.snapshot_bytes += u64::from(len);
                }
                Err(_) => stats.snapshots_unsent += 1,
            }
        }
        self.send_heard(now, endpoint);
    }

    /// Sends the events about entities in sight. They share the datagrams of the snapshots, as far as they fit.
    fn send_heard(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let Simulation { heard, shard, stats, .. } = self;
        for (id, about) in heard.drain(..) {
            for (channel, message) in shard.happenings.about(about) {
                // The endpoint counts a refused message.
                let _ = endpoint.send(now, id, channel, message);
                stats.events_out += 1;
            }
        }
    }

    /// Sends the events of the former tick to the players that were not served in it: the tick was late.
    pub(super) fn send_missed_events(&mut self, now: Instant, endpoint: &mut Endpoint) {
        if self.shard.happenings.is_empty() {
            return;
        }
        let Simulation { shard, heard, first_slice, served, .. } = self;
        for slice in *served..SLICES {
            for &slot in shard.members.slice((*first_slice + slice) % SLICES) {
                hear(shard, slot, heard);
            }
        }
        self.send_heard(now, endpoint);
    }
}

/// Adds the events of the tick that a client must hear of.
fn hear<G: Game>(shard: &Shard<G>, slot: u16, heard: &mut Vec<(ConnectionId, EntityId)>) {
    let Some(member) = shard.members.in_slot(slot) else { return };
    let Some(id) = member.connection else { return };
    let about = member.viewer.heard(&shard.happenings, &shard.replica);
    heard.extend(about.map(|about| (id, about)));
}
