//! Writing a snapshot: PROTOCOL.md#snapshots.

use super::Viewer;
use super::block::{LANES, SINCE_MAX};
use super::history::Entry;
use super::scratch::{Due, Heads, Scratch};
use crate::world::replication::encoder::Encoder;
use crate::world::replication::happenings::Happenings;
use crate::world::replication::pacing::Pacing;
use crate::world::replication::replica::Replica;
use ringshard_protocol::limits::COMPRESSION_BYTES_MIN;
use ringshard_world::Fields;
use ringshard_world::codec::Writer;
use ringshard_world::limits::SHOWN_BYTES_MAX;
use ringshard_world::messages::{ENTRY_BYTES_MAX, Owner, SnapshotHeader, write_gone};
use std::cmp::Reverse;

/// Ticks after which a snapshot without news is sent: the client's clock follows it.
const EMPTY_SNAPSHOT_TICKS: u32 = 10;

/// What a snapshot tells a player about itself.
#[derive(Clone, Copy, Debug)]
pub struct PlayerReport<'a, O> {
    /// Its own state, and its body.
    pub owner: &'a Owner<O>,
    /// How many ticks the newest input was ahead when the tick's input was taken.
    pub lead: i8,
    /// Ticks since an input was there in time.
    pub input_age: u8,
}

/// Most bytes of entries behind a header of `header_bytes`. The engine would try to compress a longer message, which takes
/// longer than to write it. But the largest entry always fits.
fn entries_room<S: Fields>(header_bytes: usize, pacing: &Pacing) -> usize {
    let largest = ENTRY_BYTES_MAX - SHOWN_BYTES_MAX + S::BYTES_MAX;
    pacing.bytes_max.min(COMPRESSION_BYTES_MIN.saturating_sub(header_bytes).max(largest))
}

impl<O: Fields> Viewer<O> {
    /// Writes the next snapshot into `message`; returns its length, 0 if there is nothing to send.
    ///
    /// `scratch.heard` then has the entities in sight that `happenings` are about.
    #[allow(clippy::too_many_arguments, reason = "each is a part of the core's state that is borrowed by itself")]
    pub fn snapshot<S: Fields>(
        &mut self,
        tick: u32,
        report: &PlayerReport<'_, O>,
        pacing: &Pacing,
        replica: &Replica<S>,
        encoder: &mut Encoder,
        happenings: &Happenings,
        scratch: &mut Scratch,
        message: &mut [u8],
    ) -> usize {
        let wanted = self.find_due(tick, pacing, replica, encoder, happenings, scratch);
        let number = self.history.next();
        let (baseline, base) = self.owners.baseline(number, self.acknowledged);
        let is_quiet = scratch.due.is_empty() && base == report.owner;
        if is_quiet && tick.wrapping_sub(self.last_snapshot_at) < EMPTY_SNAPSHOT_TICKS {
            return 0;
        }
        self.last_snapshot_at = tick;
        let mut writer = Writer::new(message);
        let header =
            SnapshotHeader::new(number, tick, report.lead, report.input_age).with_input_interval(pacing.input_interval);
        header.write(report.owner, baseline, base, &mut writer).expect("a snapshot has room for its owner block");
        self.owners.record(number, self.acknowledged, report.owner);
        let header_bytes = writer.used();
        let room = entries_room::<S>(header_bytes, pacing);
        let mut writer = Writer::new(&mut message[header_bytes..][..room]);
        if wanted <= room && !self.crowded {
            self.write_all(tick, replica, encoder, scratch, &mut writer);
        } else {
            self.write_by_priority(tick, pacing, replica, encoder, scratch, &mut writer);
        }
        self.record(tick);
        header_bytes + writer.used()
    }

    /// Writes all that is due, in the order of the slots.
    fn write_all<S: Fields>(
        &mut self,
        tick: u32,
        replica: &Replica<S>,
        encoder: &mut Encoder,
        scratch: &Scratch,
        writer: &mut Writer<'_>,
    ) {
        let Scratch { due, heads, .. } = scratch;
        for (at, &one) in due.iter().enumerate() {
            if let Some(next) = due.get(at + 3) {
                encoder.prefetch_entry(replica, next.index, next.age);
            }
            // Entries can be larger than estimated. What does not fit waits, and the next snapshot is written by priority.
            self.crowded |= !self.write_entry(tick, one, replica, encoder, heads, writer);
        }
    }

    /// Writes entries by priority until the snapshot is full.
    fn write_by_priority<S: Fields>(
        &mut self,
        tick: u32,
        pacing: &Pacing,
        replica: &Replica<S>,
        encoder: &mut Encoder,
        scratch: &mut Scratch,
        writer: &mut Writer<'_>,
    ) {
        let Scratch { due, heads, ranked, .. } = scratch;
        ranked.clear();
        ranked.extend(due.iter().map(|&due| (self.priority(tick, pacing, due, heads), due)));
        ranked.sort_unstable_by_key(|&(priority, _)| Reverse(priority));
        let full = ranked.iter().position(|&(_, one)| !self.write_entry(tick, one, replica, encoder, heads, writer));
        // One more entry, a shorter one, may still fit. The others wait, which raises their priority.
        if let Some(full) = full
            && let Some(&(_, next)) = ranked.get(full + 1)
        {
            self.write_entry(tick, next, replica, encoder, heads, writer);
        }
        self.crowded = full.is_some();
    }

    /// Writes the entry of a slot; false if there is no room.
    fn write_entry<S: Fields>(
        &mut self,
        tick: u32,
        due: Due,
        replica: &Replica<S>,
        encoder: &mut Encoder,
        heads: &[Heads],
        writer: &mut Writer<'_>,
    ) -> bool {
        let (block, lane) = self.slots.at(due.slot);
        assert_eq!(block.indices[lane], due.index, "a slot keeps its entity while a snapshot is written");
        let bit = 1 << lane;
        let gone = block.leaving & bit != 0;
        let (written, version) = if gone {
            (write_gone(due.index, writer), 1)
        } else {
            let version = heads[usize::from(due.slot) / LANES].versions[lane];
            (encoder.write(replica, due.index, due.age, writer), version)
        };
        if written.is_err() {
            return false;
        }
        (block.announced, block.in_full) = (block.announced | bit, block.in_full & !bit);
        (block.sent[lane], block.sent_at[lane]) = (version, tick as u16);
        self.history.record_entry(Entry { slot: due.slot, gone, version });
        true
    }

    fn record(&mut self, tick: u32) {
        if let Some(displaced) = self.history.record_snapshot(tick) {
            // Whether it has arrived will never be known.
            self.slots.doubt(displaced);
        }
        // Numbers wrap: an acknowledgment that is too old can no longer be compared.
        let next = self.history.next();
        self.acknowledged = self.acknowledged.filter(|&former| next.wrapping_sub(former) <= SINCE_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_world::character::Character;

    #[test]
    fn a_snapshot_is_not_so_long_that_it_is_compressed_unless_an_entry_needs_the_room() {
        ringshard_world::wire! { pub struct Large {
            pub a: [u8; 32], pub b: [u8; 32], pub c: [u8; 32], pub d: [u8; 32], pub e: [u8; 32], pub f: [u8; 32],
            pub g: [u8; 32],
        } }
        let pacing = Pacing { bytes_max: 500, ..Pacing::default() };
        assert_eq!(entries_room::<Character>(12, &pacing), 500);
        assert_eq!(entries_room::<Character>(112, &pacing), 400);
        assert_eq!(entries_room::<Large>(269, &pacing), 33 + 7 * 32 + 1);
        let small = Pacing { bytes_max: ENTRY_BYTES_MAX, ..pacing };
        assert_eq!(entries_room::<Character>(12, &small), ENTRY_BYTES_MAX);
    }
}
