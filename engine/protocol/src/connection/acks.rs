//! When to acknowledge what came (R1). What came stands in the replay window.

use crate::crypto::ReplayWindow;
use crate::limits::{ACK_DELAY_MAX, ACK_POSITIONS_MAX};
use crate::time::Instant;
use crate::wire::FrameWriter;

/// Packets that are acknowledged together at the least, and at the most.
const TOGETHER_MIN: u32 = 2;
const TOGETHER_MAX: u32 = 16;

#[derive(Debug)]
pub(super) struct Acks {
    /// Packets that ask for an acknowledgment and have none yet.
    waiting: u32,
    /// The newest of those is held back until then at the latest.
    due_at: Instant,
    /// Something is missing, or came late: the sender wants to know at once.
    urgent: bool,
    /// When the highest number came.
    highest_at: Instant,
    highest: u64,
    /// As many together as came within a quarter of the longest delay.
    together: u32,
    counted: u32,
    counting_since: Instant,
}

impl Acks {
    pub(super) fn new(now: Instant) -> Self {
        Acks {
            waiting: 0,
            due_at: Instant::NEVER,
            urgent: false,
            highest_at: now,
            highest: 0,
            together: TOGETHER_MIN,
            counted: 0,
            counting_since: now,
        }
    }

    /// A datagram came. `expected` is the number behind the highest so far.
    pub(super) fn received(&mut self, now: Instant, sequence: u64, expected: u64, asks: bool) {
        if sequence > self.highest {
            self.highest = sequence;
            self.highest_at = now;
        }
        if !asks {
            return;
        }
        if self.waiting == 0 {
            self.due_at = now + ACK_DELAY_MAX;
        }
        self.waiting += 1;
        self.urgent |= sequence != expected;
        self.adapt(now);
    }

    /// Fewer, larger acknowledgments where much arrives.
    fn adapt(&mut self, now: Instant) {
        self.counted += 1;
        if now.since(self.counting_since) >= ACK_DELAY_MAX {
            self.together = (self.counted / 4).clamp(TOGETHER_MIN, TOGETHER_MAX);
            self.counted = 0;
            self.counting_since = now;
        }
    }

    /// Whether an acknowledgment would be worth a datagram of its own.
    pub(super) fn are_due(&self, now: Instant) -> bool {
        self.waiting > 0 && (self.urgent || self.waiting >= self.together || self.due_at <= now)
    }

    /// Whether one can go along with something else.
    pub(super) fn are_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// When [`Self::are_due`] will be true at the latest.
    pub(super) fn deadline(&self) -> Instant {
        if self.waiting > 0 { self.due_at } else { Instant::NEVER }
    }

    /// Writes the acknowledgment; false when it does not fit.
    pub(super) fn write(&mut self, now: Instant, window: &ReplayWindow, writer: &mut FrameWriter<'_>) -> bool {
        let delay = now.since(self.highest_at);
        if !writer.ack(window.highest(), delay, window.runs(ACK_POSITIONS_MAX)) {
            return false;
        }
        self.waiting = 0;
        self.urgent = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn waits_for_a_second_one_or_for_the_delay_but_never_with_a_gap() {
        let mut acks = Acks::new(at(0));
        acks.received(at(1), 1, 1, true);
        assert!(!acks.are_due(at(1)) && acks.are_due(at(1) + ACK_DELAY_MAX));
        acks.received(at(2), 2, 2, true);
        assert!(acks.are_due(at(2)));
        let mut acks = Acks::new(at(0));
        acks.received(at(1), 2, 1, true);
        assert!(acks.are_due(at(1)), "number 1 is missing");
        let mut acks = Acks::new(at(0));
        (1..100).for_each(|sequence| acks.received(at(1), sequence, sequence, false));
        assert!(!acks.are_due(at(1000)) && acks.deadline() == Instant::NEVER);
    }

    #[test]
    fn acknowledges_more_at_once_where_much_arrives() {
        let mut acks = Acks::new(at(0));
        let mut written = 0;
        let mut window = ReplayWindow::default();
        for sequence in 1..=1000 {
            window.commit(sequence);
            acks.received(at(sequence / 10), sequence, sequence, true);
            if acks.are_due(at(sequence / 10)) {
                assert!(acks.write(at(sequence / 10), &window, &mut FrameWriter::new(&mut [0; 100], 0)));
                written += 1;
            }
        }
        assert!(written < 200, "{written}");
    }
}
