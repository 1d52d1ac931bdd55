//! When to acknowledge (PROTOCOL.md#ack-timing). What to acknowledge is in the replay window.

use crate::crypto::ReplayWindow;
use crate::limits::{ACK_DELAY_MAX, ACK_POSITIONS_MAX};
use crate::time::{Duration, Instant};
use crate::wire::FrameWriter;

/// Ack-eliciting datagrams per acknowledgment, at least and at most.
const TOGETHER_MIN: u32 = 2;
const TOGETHER_MAX: u32 = 16;

#[derive(Debug)]
pub(in crate::connection) struct AckTiming {
    /// Ack-eliciting datagrams without an acknowledgment.
    waiting: u32,
    /// When the first of them must be acknowledged.
    due_at: Instant,
    /// A datagram is missing, or arrived late: the sender must learn that at once.
    urgent: bool,
    /// Datagrams to acknowledge together: as many as arrive within a quarter of [`ACK_DELAY_MAX`].
    together: u32,
    counted: u32,
    counting_since: Instant,
}

impl AckTiming {
    pub(super) fn new(now: Instant) -> Self {
        AckTiming {
            waiting: 0,
            due_at: Instant::NEVER,
            urgent: false,
            together: TOGETHER_MIN,
            counted: 0,
            counting_since: now,
        }
    }

    /// An ack-eliciting datagram arrives. `expected` is the highest sequence before it, plus 1.
    pub(in crate::connection) fn received(&mut self, now: Instant, sequence: u64, expected: u64) {
        if self.waiting == 0 {
            self.due_at = now + ACK_DELAY_MAX;
        }
        self.waiting += 1;
        self.urgent |= sequence != expected;
        self.adapt(now);
    }

    /// Fewer acknowledgments where many datagrams arrive.
    fn adapt(&mut self, now: Instant) {
        self.counted += 1;
        if now.since(self.counting_since) >= ACK_DELAY_MAX {
            self.together = (self.counted / 4).clamp(TOGETHER_MIN, TOGETHER_MAX);
            self.counted = 0;
            self.counting_since = now;
        }
    }

    /// Whether an acknowledgment is worth a datagram of its own.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.waiting > 0 && (self.urgent || self.waiting >= self.together || self.due_at <= now)
    }

    /// Whether an acknowledgment can go with other frames.
    pub(super) fn is_pending(&self) -> bool {
        self.waiting > 0
    }

    /// When [`Self::is_due`] becomes true at the latest.
    pub(super) fn deadline(&self) -> Instant {
        if self.waiting > 0 { self.due_at } else { Instant::NEVER }
    }

    /// Writes the acknowledgment. The highest sequence in `received` arrived `delay` ago. False if it does not fit.
    pub(super) fn write(&mut self, delay: Duration, received: &ReplayWindow, writer: &mut FrameWriter<'_>) -> bool {
        assert!(self.waiting > 0 && received.highest() > 0, "an acknowledgment follows an ack-eliciting datagram");
        if !writer.ack(received.highest(), delay, received.runs(ACK_POSITIONS_MAX)) {
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

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn waits_for_a_second_datagram_or_the_delay_but_not_with_a_gap() {
        let mut acks = AckTiming::new(at(0));
        acks.received(at(1), 1, 1);
        assert!(!acks.is_due(at(1)) && acks.is_due(at(1) + ACK_DELAY_MAX));
        acks.received(at(2), 2, 2);
        assert!(acks.is_due(at(2)));
        let mut acks = AckTiming::new(at(0));
        acks.received(at(1), 2, 1);
        assert!(acks.is_due(at(1)), "number 1 is missing");
    }

    #[test]
    fn acknowledges_more_datagrams_together_where_many_arrive() {
        let mut acks = AckTiming::new(at(0));
        let mut written = 0;
        let mut window = ReplayWindow::default();
        for sequence in 1..=1000 {
            window.commit(sequence);
            acks.received(at(sequence / 10), sequence, sequence);
            if acks.is_due(at(sequence / 10)) {
                assert!(acks.write(Duration::ZERO, &window, &mut FrameWriter::new(&mut [0; 100], 0)));
                written += 1;
            }
        }
        assert!(written < 200, "{written}");
    }
}
