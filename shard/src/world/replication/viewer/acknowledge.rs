//! What acknowledgments prove that the client has.

use super::Viewer;
use super::history::{SNAPSHOTS, Sent};
use super::slot::{Sight, Slot, SlotSet};
use crate::world::replication::replica::Replica;
use ringshard_world::Fields;

/// Most ticks that one measurement of the round-trip time counts: acknowledgments after an outage, or held back by the
/// client, say nothing about the path.
const RTT_TICKS_MAX: u32 = 60;
/// A number that is this far behind is not behind but ahead: numbers wrap.
pub(super) const BEHIND_MAX: u16 = 0x7FFF;

impl<O: Fields> Viewer<O> {
    /// Takes an acknowledgment: the newest snapshot that arrived, and a bit for each of the 64 before it. Returns false if
    /// a newer acknowledgment was taken before, or if it names a snapshot that was not sent.
    pub fn acknowledge<S: Fields>(&mut self, tick: u32, newest: u16, before: u64, replica: &Replica<S>) -> bool {
        // The last snapshot that was sent is the one before the next. Those before the first belong to an earlier presence.
        let behind = self.number.wrapping_sub(newest);
        let is_old = |former: u16| (newest.wrapping_sub(former) as i16) < 0;
        if behind == 0 || behind > self.sent || self.acknowledged.is_some_and(is_old) {
            return false;
        }
        // Snapshots up to the last acknowledged one are settled.
        let unsettled = self.acknowledged.map_or(u16::MAX, |former| newest.wrapping_sub(former)).min(SNAPSHOTS as u16);
        self.acknowledged = Some(newest);
        if let Some(sent) = self.history.in_flight(newest) {
            self.measure_rtt(tick.wrapping_sub(sent.tick));
        }
        for distance in (0..unsettled).rev() {
            let number = newest.wrapping_sub(distance);
            if let Some(sent) = self.history.in_flight(number) {
                // One that has not arrived by now never counts: a client does not go back to an older snapshot.
                self.history.settle(number);
                if distance == 0 || before >> (distance - 1) & 1 != 0 {
                    self.arrived(sent, replica);
                }
            }
        }
        true
    }

    fn measure_rtt(&mut self, ticks: u32) {
        let sample = ticks.clamp(1, RTT_TICKS_MAX) * 8;
        self.jitter_eighths = (self.jitter_eighths * 7 + sample.abs_diff(self.rtt_eighths)) / 8;
        self.rtt_eighths = (self.rtt_eighths * 7 + sample) / 8;
        assert!((1..=RTT_TICKS_MAX * 8).contains(&self.rtt_eighths), "a mean lies between its samples");
    }

    /// A snapshot has arrived: the client has the versions that it contained.
    fn arrived<S: Fields>(&mut self, sent: Sent, replica: &Replica<S>) {
        let Viewer { history, slots, free, uncertain, .. } = self;
        let Some(entries) = history.entries(sent) else { return self.doubt_all() };
        for entry in entries {
            let slot = &mut slots[usize::from(entry.slot)];
            if slot.sight == Sight::Free || (sent.number.wrapping_sub(slot.since) as i16) < 0 {
                continue;
            }
            if entry.gone {
                if slot.sight == Sight::Leaving {
                    *slot = Slot::FREE;
                    assert!(free.len() < slots.len(), "a slot is freed once");
                    free.push(entry.slot);
                }
                continue;
            }
            let newest = replica.version(slot.index);
            let version = newest.wrapping_sub(u32::from((newest as u16).wrapping_sub(entry.version)));
            // Versions wrap; 0 stands for none.
            if slot.acked == 0 || (version.wrapping_sub(slot.acked) as i32) > 0 {
                slot.acked = version;
            }
            uncertain.remove(entry.slot.into());
        }
    }

    /// It is unknown which of the earlier snapshots have arrived.
    pub(super) fn doubt_all(&mut self) {
        self.uncertain = SlotSet::ALL;
    }
}
