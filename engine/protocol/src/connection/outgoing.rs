//! Reliable messages of one channel on their way out: kept until every piece of them is acknowledged.

use super::grains::{Grains, grains_of};
use super::slack;
use crate::limits::*;
use crate::pool::{Buffer, MessagePool};
use crate::wire::{Channel, Fragment, FrameWriter, NUMBER_BYTES};
use std::collections::VecDeque;

/// Grains below which a piece is not worth the rest of a datagram.
const PIECE_GRAINS_MIN: u16 = 3;

/// A piece of a message: what one datagram carried of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Segment {
    pub(super) number: u32,
    pub(super) first: u16,
    pub(super) count: u16,
}

/// What all reliable channels of a connection together have under way.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Cost of the messages from each channel's oldest unacknowledged to its newest sent.
    cost: usize,
    /// Fragmented messages begun and not yet acknowledged, and their bytes; without those that only a narrow path cuts.
    open: usize,
    open_bytes: usize,
}

impl Window {
    fn admits(&self, cost: usize) -> bool {
        self.cost == 0 || self.cost + cost <= RELIABLE_WINDOW_BYTES
    }

    fn admits_fragmented(&self, bytes: usize) -> bool {
        bytes <= WHOLE_MESSAGE_BYTES_MAX
            || self.open < FRAGMENTED_OPEN_MAX && self.open_bytes + bytes <= FRAGMENTED_BYTES_MAX
    }
}

#[derive(Debug)]
struct Sending {
    /// None once all of it is acknowledged.
    buffer: Option<Buffer>,
    len: u32,
    compressed: bool,
    /// It left in pieces at least once.
    fragmented: bool,
    acked: Grains,
}

impl Sending {
    fn cost(&self) -> usize {
        message_cost(self.len as usize)
    }
}

/// What keeping a message of `len` bytes costs either end, in bytes.
pub(super) fn message_cost(len: usize) -> usize {
    len + MESSAGE_COST_BYTES
}

/// One channel's queue.
#[derive(Debug)]
pub(super) struct Outgoing {
    channel: Channel,
    /// From the oldest that is not wholly acknowledged.
    queue: VecDeque<Sending>,
    /// Number of the first in the queue.
    base: u32,
    /// How many of the queue were sent, wholly, at least once.
    sent: usize,
    /// Grains of the next that were sent.
    sent_grains: u16,
    lost: VecDeque<Segment>,
}

impl Outgoing {
    pub(super) fn new(channel: Channel) -> Self {
        assert!(channel.delivery().is_reliable(), "unreliable messages are not kept");
        Outgoing { channel, queue: VecDeque::new(), base: 0, sent: 0, sent_grains: 0, lost: VecDeque::new() }
    }

    pub(super) fn push(&mut self, buffer: Buffer, compressed: bool) {
        let len = buffer.len() as u32;
        self.queue.push_back(Sending {
            buffer: Some(buffer),
            len,
            compressed,
            fragmented: false,
            acked: Grains::default(),
        });
    }

    pub(super) fn give_back_slack(&mut self) {
        slack::give_back(&mut self.queue);
        slack::give_back(&mut self.lost);
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel
    }

    /// Whether everything was acknowledged.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether something waits that was never sent, or was lost.
    pub(super) fn has_unsent(&self) -> bool {
        self.sent < self.queue.len() || !self.lost.is_empty()
    }

    /// Whether [`Self::write`] into an empty datagram would write something.
    pub(super) fn can_write(&mut self, window: &Window, frames_max: usize) -> bool {
        self.first_writable_loss(window, frames_max).is_some() || self.fresh_is_admitted(window, frames_max)
    }

    /// The first loss that may be sent: those that would open another fragmented message let others pass, whose
    /// acknowledgment makes room for them.
    fn first_writable_loss(&mut self, window: &Window, frames_max: usize) -> Option<usize> {
        self.drop_acknowledged_losses();
        self.lost.iter().position(|segment| {
            let message = &self.queue[segment.number.wrapping_sub(self.base) as usize];
            let whole = segment.count == grains_of(message.len as usize) && fits_whole(message, frames_max);
            whole || message.fragmented || window.admits_fragmented(message.len as usize)
        })
    }

    fn fresh_is_admitted(&self, window: &Window, frames_max: usize) -> bool {
        let Some(message) = self.queue.get(self.sent) else { return false };
        if self.sent_grains > 0 {
            return true;
        }
        self.sent < CHANNEL_WINDOW_MESSAGES
            && window.admits(message.cost())
            && (fits_whole(message, frames_max) || window.admits_fragmented(message.len as usize))
    }

    /// Writes one message or piece: what was lost before what is new. None when nothing more fits or may be sent.
    pub(super) fn write(
        &mut self,
        writer: &mut FrameWriter<'_>,
        window: &mut Window,
        frames_max: usize,
    ) -> Option<Segment> {
        self.write_lost(writer, window, frames_max).or_else(|| self.write_fresh(writer, window, frames_max))
    }

    fn write_lost(&mut self, writer: &mut FrameWriter<'_>, window: &mut Window, frames_max: usize) -> Option<Segment> {
        let at = self.first_writable_loss(window, frames_max)?;
        let segment = &mut self.lost[at];
        let message = &mut self.queue[segment.number.wrapping_sub(self.base) as usize];
        let (number, first) = (segment.number, segment.first);
        let count = put(self.channel, number, message, first, segment.count, writer, window, frames_max)?;
        segment.first += count;
        segment.count -= count;
        if segment.count == 0 {
            self.lost.remove(at);
        }
        Some(Segment { number, first, count })
    }

    fn write_fresh(&mut self, writer: &mut FrameWriter<'_>, window: &mut Window, frames_max: usize) -> Option<Segment> {
        if !self.fresh_is_admitted(window, frames_max) {
            return None;
        }
        let (number, first) = (self.base.wrapping_add(self.sent as u32), self.sent_grains);
        let message = &mut self.queue[self.sent];
        let total = grains_of(message.len as usize);
        let cost = message.cost();
        let count = put(self.channel, number, message, first, total - first, writer, window, frames_max)?;
        if first == 0 {
            window.cost += cost;
        }
        self.sent_grains += count;
        if self.sent_grains == total {
            self.sent += 1;
            self.sent_grains = 0;
        }
        Some(Segment { number, first, count })
    }

    /// Losses that were acknowledged after all, by another copy, need not be sent again.
    fn drop_acknowledged_losses(&mut self) {
        if self.lost.is_empty() {
            return;
        }
        let mut lost = std::mem::take(&mut self.lost);
        lost.retain(|&segment| !self.is_acked(segment));
        self.lost = lost;
    }

    fn is_acked(&self, segment: Segment) -> bool {
        match self.queue.get(segment.number.wrapping_sub(self.base) as usize) {
            Some(message) => message.buffer.is_none() || message.acked.contains(segment.first, segment.count),
            None => true,
        }
    }

    /// A datagram with `segment` arrived. Gives the bytes of messages that need not be kept any longer.
    pub(super) fn acked(&mut self, segment: Segment, window: &mut Window, pool: &mut MessagePool) -> usize {
        let Some(message) = self.queue.get_mut(segment.number.wrapping_sub(self.base) as usize) else { return 0 };
        message.acked.insert(segment.first, segment.count);
        if message.acked.count() < grains_of(message.len as usize) {
            return 0;
        }
        let Some(buffer) = message.buffer.take() else { return 0 };
        let freed = message_cost(buffer.len());
        pool.give_back(buffer);
        if message.fragmented && message.len as usize > WHOLE_MESSAGE_BYTES_MAX {
            window.open -= 1;
            window.open_bytes -= message.len as usize;
        }
        while let Some(front) = self.queue.front()
            && front.buffer.is_none()
        {
            window.cost -= front.cost();
            self.queue.pop_front();
            self.base = self.base.wrapping_add(1);
            self.sent -= 1;
        }
        freed
    }

    /// The datagram with `segment` was lost.
    pub(super) fn lost(&mut self, segment: Segment) {
        if !self.is_acked(segment) {
            self.lost.push_back(segment);
        }
    }

    /// Everything that is not acknowledged is to be sent again, from the oldest on.
    pub(super) fn resend_all(&mut self) {
        self.lost.clear();
        let begun = self.sent + usize::from(self.sent_grains > 0);
        for (index, message) in self.queue.range(..begun).enumerate() {
            if message.buffer.is_none() {
                continue;
            }
            let total = if index < self.sent { grains_of(message.len as usize) } else { self.sent_grains };
            let number = self.base.wrapping_add(index as u32);
            let mut first = 0;
            while first < total {
                let missing = (first..total).take_while(|&grain| !message.acked.contains(grain, 1)).count() as u16;
                if missing > 0 {
                    self.lost.push_back(Segment { number, first, count: missing });
                }
                first += missing.max(1);
            }
        }
    }

    /// Gives all memory back.
    pub(super) fn release(&mut self, pool: &mut MessagePool) {
        for message in self.queue.drain(..) {
            if let Some(buffer) = message.buffer {
                pool.give_back(buffer);
            }
        }
        self.lost.clear();
        self.sent = 0;
    }
}

/// Whether the message fits a datagram with so much room for frames, alone.
fn fits_whole(message: &Sending, frames_max: usize) -> bool {
    FRAME_HEADER_BYTES + usize::from(message.compressed) + NUMBER_BYTES + message.len as usize <= frames_max
}

/// Writes up to `count` grains of the message from `first` on; gives how many. None when too little fits.
#[allow(clippy::too_many_arguments, reason = "a piece is named by its message and its place")]
fn put(
    channel: Channel,
    number: u32,
    message: &mut Sending,
    first: u16,
    count: u16,
    writer: &mut FrameWriter<'_>,
    window: &mut Window,
    frames_max: usize,
) -> Option<u16> {
    let bytes = message.buffer.as_ref()?.bytes();
    if count == grains_of(bytes.len()) && fits_whole(message, frames_max) {
        return writer.numbered(channel, number as u16, message.compressed, bytes).then_some(count);
    }
    if !message.fragmented && !window.admits_fragmented(bytes.len()) {
        return None;
    }
    let offset = usize::from(first) * FRAGMENT_GRAIN_BYTES;
    let room = writer.room().checked_sub(Fragment::HEADER_BYTES)?;
    let piece = (bytes.len() - offset).min(usize::from(count) * FRAGMENT_GRAIN_BYTES);
    let (piece, written) = match room >= piece {
        true => (piece, count),
        false => (room / FRAGMENT_GRAIN_BYTES * FRAGMENT_GRAIN_BYTES, (room / FRAGMENT_GRAIN_BYTES) as u16),
    };
    if written < count.min(PIECE_GRAINS_MIN) {
        return None;
    }
    let fragment = Fragment {
        channel,
        number: number as u16,
        offset,
        total: bytes.len(),
        compressed: message.compressed,
        bytes: &bytes[offset..offset + piece],
    };
    assert!(writer.fragment(&fragment), "the piece was cut to the room there is");
    if !message.fragmented {
        message.fragmented = true;
        if bytes.len() > WHOLE_MESSAGE_BYTES_MAX {
            window.open += 1;
            window.open_bytes += bytes.len();
        }
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Frame, Frames};

    const FRAMES: usize = FRAMES_BYTES_BASE;

    struct Fixture {
        outgoing: Outgoing,
        window: Window,
        pool: MessagePool,
    }

    impl Fixture {
        fn with(messages: &[usize]) -> Self {
            let mut pool = MessagePool::new(0);
            let mut outgoing = Outgoing::new(Channel::RELIABLE_ORDERED);
            for &len in messages {
                let mut buffer = pool.take(len).unwrap();
                buffer.bytes_mut().fill(len as u8);
                outgoing.push(buffer, false);
            }
            Fixture { outgoing, window: Window::default(), pool }
        }

        /// One datagram: its segments, and its frames as text.
        fn datagram(&mut self, frames_max: usize) -> Vec<Segment> {
            let mut buffer = vec![0; frames_max];
            let mut writer = FrameWriter::new(&mut buffer, 0);
            let can = self.outgoing.can_write(&self.window, frames_max);
            let mut segments = Vec::new();
            while let Some(segment) = self.outgoing.write(&mut writer, &mut self.window, frames_max) {
                segments.push(segment);
            }
            assert_eq!(can, !segments.is_empty(), "can_write tells the truth");
            let frames = Frames::new(&buffer).filter(|frame| !matches!(frame, Frame::Bad)).count();
            assert_eq!(frames, segments.len());
            segments
        }

        fn acked(&mut self, segments: &[Segment]) {
            for &segment in segments {
                self.outgoing.acked(segment, &mut self.window, &mut self.pool);
            }
        }
    }

    #[test]
    fn small_messages_share_a_datagram_and_are_freed_when_acknowledged() {
        let mut fixture = Fixture::with(&[100, 0, 300]);
        let segments = fixture.datagram(FRAMES);
        assert_eq!(segments.len(), 3);
        assert_eq!(fixture.datagram(FRAMES), []);
        fixture.acked(&segments[1..]);
        assert!(!fixture.outgoing.is_empty() && fixture.pool.lent_bytes() == 128);
        fixture.acked(&segments);
        assert!(fixture.outgoing.is_empty());
        assert_eq!((fixture.window.cost, fixture.pool.lent_bytes()), (0, 0));
    }

    #[test]
    fn a_large_message_leaves_in_pieces_and_only_the_lost_ones_again() {
        let mut fixture = Fixture::with(&[10_000]);
        let datagrams: Vec<_> =
            std::iter::from_fn(|| Some(fixture.datagram(FRAMES)).filter(|d| !d.is_empty())).collect();
        assert_eq!(datagrams.len(), 9);
        assert_eq!(fixture.window.open, 1);
        for (index, datagram) in datagrams.iter().enumerate() {
            match index {
                3 => fixture.outgoing.lost(datagram[0]),
                _ => fixture.acked(datagram),
            }
        }
        // Over a path that has got narrower, the lost piece is cut anew.
        let again = fixture.datagram(500);
        assert_eq!((again[0].first, again[0].count), (datagrams[3][0].first, 3));
        let rest: Vec<_> =
            std::iter::from_fn(|| Some(fixture.datagram(500)).filter(|d| !d.is_empty())).flatten().collect();
        fixture.acked(&again);
        fixture.acked(&rest);
        assert!(fixture.outgoing.is_empty());
        assert_eq!((fixture.window.open, fixture.window.open_bytes, fixture.pool.lent_bytes()), (0, 0, 0));
    }

    #[test]
    fn keeps_within_the_windows() {
        let mut fixture = Fixture::with(&[60_000; 8]);
        while !fixture.datagram(FRAMES).is_empty() {}
        assert_eq!(fixture.window.open, FRAGMENTED_BYTES_MAX / 60_000);
        let mut fixture = Fixture::with(&[0; CHANNEL_WINDOW_MESSAGES + 10]);
        while !fixture.datagram(FRAMES).is_empty() {}
        assert_eq!(fixture.outgoing.sent, CHANNEL_WINDOW_MESSAGES);
    }

    #[test]
    fn a_loss_that_was_acknowledged_by_another_copy_is_not_sent_again() {
        let mut fixture = Fixture::with(&[100]);
        let segments = fixture.datagram(FRAMES);
        fixture.outgoing.lost(segments[0]);
        fixture.acked(&segments);
        assert_eq!(fixture.datagram(FRAMES), []);
    }
}
