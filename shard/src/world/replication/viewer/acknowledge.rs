//! What acknowledgments prove that the client has.

use super::Viewer;
use super::history::{SNAPSHOTS_MAX, Sent};
use ringshard_world::Fields;

/// Most ticks that one measurement of the round-trip time counts: acknowledgments after an outage, or held back by the
/// client, say nothing about the path.
const RTT_TICKS_MAX: u32 = 60;

impl<O: Fields> Viewer<O> {
    /// Takes an acknowledgment: the newest snapshot that arrived, and a bit for each of the 64 before it. Returns false if
    /// a newer acknowledgment was taken before, or if it names a snapshot that was not sent.
    pub fn acknowledge(&mut self, tick: u32, newest: u16, before: u64) -> bool {
        let is_old = |former: u16| (newest.wrapping_sub(former) as i16) < 0;
        if !self.history.was_sent(newest) || self.acknowledged.is_some_and(is_old) {
            return false;
        }
        // Snapshots up to the last acknowledged one are settled.
        let unsettled = self.acknowledged.map_or(u16::MAX, |former| newest.wrapping_sub(former));
        self.acknowledged = Some(newest);
        if let Some(sent) = self.history.in_flight(newest) {
            self.measure_rtt(tick.wrapping_sub(sent.tick));
        }
        for distance in (0..unsettled.min(SNAPSHOTS_MAX as u16)).rev() {
            let number = newest.wrapping_sub(distance);
            if let Some(sent) = self.history.in_flight(number) {
                // One that has not arrived by now never counts: a client does not go back to an older snapshot.
                self.history.settle(number);
                if distance == 0 || before >> (distance - 1) & 1 != 0 {
                    self.arrived(number, sent);
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
    fn arrived(&mut self, number: u16, sent: Sent) {
        let Viewer { history, slots, .. } = self;
        let Some(entries) = history.entries(sent) else { return slots.doubt(sent.tick) };
        for entry in entries {
            let (block, lane) = slots.at(entry.slot);
            let bit = 1 << lane;
            if block.in_use() & bit == 0 || (number.wrapping_sub(block.since[lane]) as i16) < 0 {
                continue;
            }
            if entry.gone {
                if block.leaving & bit != 0 {
                    block.free(lane);
                }
                continue;
            }
            // Versions wrap; 0 stands for none.
            let acked = &mut block.acked[lane];
            if *acked == 0 || (entry.version.wrapping_sub(*acked) as i16) > 0 {
                *acked = entry.version;
            }
            block.uncertain &= !bit;
        }
    }
}
