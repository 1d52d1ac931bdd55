//! The sending side of one reliable channel: keeps each message until all of it is acknowledged.

use super::fragment_bitmap::{FragmentBitmap, grain_count};
use super::transfer_reader::{Reader, TransferError};
use super::windows::{SendWindow, message_cost};
use crate::connection::shrink::shrink_if_sparse;
use crate::limits::*;
use crate::pool::{Buffer, MessagePool};
use crate::wire::{Channel, Fragment, FrameWriter, NUMBER_BYTES};
use std::collections::VecDeque;

/// A shorter piece is not worth the rest of a datagram.
const PIECE_GRAINS_MIN: u16 = 3;

/// The part of a message that one datagram carries, in grains.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::connection) struct MessagePart {
    pub(in crate::connection) number: u32,
    pub(in crate::connection) first: u16,
    pub(in crate::connection) count: u16,
}

#[derive(Debug)]
struct QueuedMessage {
    /// None once all of it is acknowledged.
    buffer: Option<Buffer>,
    len: u32,
    compressed: bool,
    /// It was sent in pieces at least once.
    fragmented: bool,
    acked: FragmentBitmap,
}

impl QueuedMessage {
    fn len(&self) -> usize {
        self.len as usize
    }

    fn grains(&self) -> u16 {
        grain_count(self.len())
    }

    /// Whether it fits a datagram with this much room for frames, alone.
    fn fits_whole(&self, frames_max: usize) -> bool {
        FRAME_HEADER_BYTES + usize::from(self.compressed) + NUMBER_BYTES + self.len() <= frames_max
    }
}

impl QueuedMessage {
    fn read_transfer(reader: &mut Reader<'_>, pool: &mut MessagePool) -> Result<Self, TransferError> {
        let bits = reader.u8()?;
        let [compressed, fragmented, is_there, is_partly_acked] = [0, 1, 2, 3].map(|at| bits & 1 << at != 0);
        let len = reader.len()?;
        let mut message =
            QueuedMessage { buffer: None, len: len as u32, compressed, fragmented, acked: FragmentBitmap::default() };
        let total = message.grains();
        if is_partly_acked {
            message.acked = FragmentBitmap::from_bytes(reader.array()?, total).ok_or(TransferError::Malformed)?;
        } else if !is_there {
            message.acked.insert(0, total);
        }
        if is_there {
            message.buffer = Some(reader.buffer(len, pool)?);
        }
        Ok(message)
    }
}

/// The sending side of one reliable channel.
#[derive(Debug)]
pub(super) struct SendChannel {
    channel: Channel,
    /// From the oldest message that is not completely acknowledged.
    queue: VecDeque<QueuedMessage>,
    /// Number of the first message in the queue. On the wire it is modulo 2^16.
    base: u32,
    /// How many messages of the queue were sent completely at least once.
    sent: usize,
    /// Grains of the next message that were sent.
    sent_grains: u16,
    /// What must be sent again.
    lost: VecDeque<MessagePart>,
}

impl SendChannel {
    pub(super) fn new(channel: Channel) -> Self {
        assert!(channel.delivery().is_reliable(), "unreliable messages are not kept");
        SendChannel { channel, queue: VecDeque::new(), base: 0, sent: 0, sent_grains: 0, lost: VecDeque::new() }
    }

    pub(super) fn push(&mut self, buffer: Buffer, compressed: bool) {
        let len = buffer.len() as u32;
        let acked = FragmentBitmap::default();
        self.queue.push_back(QueuedMessage { buffer: Some(buffer), len, compressed, fragmented: false, acked });
    }

    /// Gives back memory after a burst.
    pub(super) fn shrink(&mut self) {
        shrink_if_sparse(&mut self.queue);
        shrink_if_sparse(&mut self.lost);
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel
    }

    /// Whether everything is acknowledged.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether anything was never sent, or is lost.
    pub(super) fn has_unsent(&self) -> bool {
        self.sent < self.queue.len() || !self.lost.is_empty()
    }

    /// Whether [`Self::write`] into an empty datagram would write anything.
    pub(super) fn can_write(&mut self, window: &SendWindow, frames_max: usize) -> bool {
        self.first_writable_loss(window, frames_max).is_some() || self.next_is_admitted(window, frames_max)
    }

    /// The first loss that may be sent. A loss that would open another fragmented message lets others pass: their
    /// acknowledgment makes room for it.
    fn first_writable_loss(&mut self, window: &SendWindow, frames_max: usize) -> Option<usize> {
        self.drop_acknowledged_losses();
        self.lost.iter().position(|part| {
            let message = &self.queue[self.index_of(part.number)];
            let whole = part.count == message.grains() && message.fits_whole(frames_max);
            whole || message.fragmented || window.admits_fragmented(message.len())
        })
    }

    /// Whether the next unsent message may be sent.
    fn next_is_admitted(&self, window: &SendWindow, frames_max: usize) -> bool {
        let Some(message) = self.queue.get(self.sent) else { return false };
        if self.sent_grains > 0 {
            return true;
        }
        self.sent < CHANNEL_WINDOW_MESSAGES
            && window.admits(message_cost(message.len()))
            && (message.fits_whole(frames_max) || window.admits_fragmented(message.len()))
    }

    /// Writes one message or piece, losses first. None if nothing more fits or may be sent.
    pub(super) fn write(
        &mut self,
        writer: &mut FrameWriter<'_>,
        window: &mut SendWindow,
        frames_max: usize,
    ) -> Option<MessagePart> {
        self.write_lost(writer, window, frames_max).or_else(|| self.write_next(writer, window, frames_max))
    }

    fn write_lost(
        &mut self,
        writer: &mut FrameWriter<'_>,
        window: &mut SendWindow,
        frames_max: usize,
    ) -> Option<MessagePart> {
        let at = self.first_writable_loss(window, frames_max)?;
        let part = self.lost[at];
        let index = self.index_of(part.number);
        let count = write_part(self.channel, &mut self.queue[index], part, writer, window, frames_max)?;
        assert!(count > 0 && count <= part.count, "a part is written as far as it goes");
        if count == part.count {
            self.lost.remove(at);
        } else {
            self.lost[at] = MessagePart { first: part.first + count, count: part.count - count, ..part };
        }
        Some(MessagePart { count, ..part })
    }

    fn write_next(
        &mut self,
        writer: &mut FrameWriter<'_>,
        window: &mut SendWindow,
        frames_max: usize,
    ) -> Option<MessagePart> {
        if !self.next_is_admitted(window, frames_max) {
            return None;
        }
        let message = &mut self.queue[self.sent];
        let (first, total, len) = (self.sent_grains, message.grains(), message.len());
        let part = MessagePart { number: self.base.wrapping_add(self.sent as u32), first, count: total - first };
        let count = write_part(self.channel, message, part, writer, window, frames_max)?;
        assert!(count > 0 && count <= part.count, "a part is written as far as it goes");
        if first == 0 {
            window.enter(len);
        }
        self.sent_grains += count;
        if self.sent_grains == total {
            self.sent += 1;
            self.sent_grains = 0;
        }
        assert!(self.sent <= self.queue.len() && self.sent <= CHANNEL_WINDOW_MESSAGES, "inside queue and window");
        Some(MessagePart { count, ..part })
    }

    /// Losses that another copy has delivered meanwhile need not be sent again.
    fn drop_acknowledged_losses(&mut self) {
        if self.lost.is_empty() {
            return;
        }
        let mut lost = std::mem::take(&mut self.lost);
        lost.retain(|&part| !self.is_acked(part));
        self.lost = lost;
    }

    /// Position in the queue of message `number`. Behind its end for messages that left it.
    fn index_of(&self, number: u32) -> usize {
        number.wrapping_sub(self.base) as usize
    }

    fn is_acked(&self, part: MessagePart) -> bool {
        match self.queue.get(self.index_of(part.number)) {
            Some(message) => message.buffer.is_none() || message.acked.contains(part.first, part.count),
            None => true,
        }
    }

    /// A datagram with `part` arrived. Returns the cost of messages that are thereby completely acknowledged.
    pub(super) fn acked(&mut self, part: MessagePart, window: &mut SendWindow, pool: &mut MessagePool) -> usize {
        let index = self.index_of(part.number);
        let Some(message) = self.queue.get_mut(index) else { return 0 };
        assert!(index < self.sent + usize::from(self.sent_grains > 0), "only what was sent is acknowledged");
        message.acked.insert(part.first, part.count);
        if message.acked.count() < message.grains() {
            return 0;
        }
        let Some(buffer) = message.buffer.take() else { return 0 };
        if message.fragmented {
            window.leave_fragmented(message.len());
        }
        let freed = message_cost(buffer.len());
        pool.give_back(buffer);
        self.drop_acknowledged_messages(window);
        freed
    }

    fn drop_acknowledged_messages(&mut self, window: &mut SendWindow) {
        while let Some(front) = self.queue.front()
            && front.buffer.is_none()
        {
            assert!(self.sent > 0, "what is acknowledged was sent completely");
            window.leave(front.len());
            self.queue.pop_front();
            self.base = self.base.wrapping_add(1);
            self.sent -= 1;
        }
    }

    /// The datagram with `part` is lost.
    pub(super) fn lost(&mut self, part: MessagePart) {
        if !self.is_acked(part) {
            self.lost.push_back(part);
        }
    }

    /// Everything that is sent and not acknowledged is lost, from the oldest on.
    pub(super) fn resend_all(&mut self) {
        self.lost.clear();
        let begun = self.sent + usize::from(self.sent_grains > 0);
        for (index, message) in self.queue.range(..begun).enumerate() {
            if message.buffer.is_none() {
                continue;
            }
            let total = if index < self.sent { message.grains() } else { self.sent_grains };
            let number = self.base.wrapping_add(index as u32);
            let mut first = 0;
            while first < total {
                let missing = (first..total).take_while(|&grain| !message.acked.contains(grain, 1)).count() as u16;
                if missing > 0 {
                    self.lost.push_back(MessagePart { number, first, count: missing });
                }
                first += missing.max(1);
            }
        }
    }

    /// Appends the channel for another server.
    pub(super) fn write_transfer(&self, to: &mut Vec<u8>) {
        to.push(self.channel.index() as u8);
        for number in [self.base, self.sent as u32, u32::from(self.sent_grains), self.queue.len() as u32] {
            to.extend_from_slice(&number.to_le_bytes());
        }
        for message in &self.queue {
            let is_partly_acked = message.buffer.is_some() && message.acked.count() > 0;
            let bits = [message.compressed, message.fragmented, message.buffer.is_some(), is_partly_acked];
            to.push(bits.iter().enumerate().map(|(at, &bit)| u8::from(bit) << at).sum());
            to.extend_from_slice(&message.len.to_le_bytes());
            if is_partly_acked {
                to.extend_from_slice(&message.acked.to_bytes());
            }
            to.extend_from_slice(message.buffer.as_ref().map_or(&[], Buffer::bytes));
        }
    }

    /// Reads what [`Self::write_transfer`] wrote behind the channel's number. Adds the cost of its messages to `queued`.
    pub(super) fn read_transfer(
        &mut self,
        reader: &mut Reader<'_>,
        queued: &mut usize,
        pool: &mut MessagePool,
    ) -> Result<(), TransferError> {
        self.base = reader.u32()?;
        let (sent, sent_grains, count) = (reader.u32()? as usize, reader.u32()?, reader.u32()? as usize);
        Reader::check(sent <= count && sent <= CHANNEL_WINDOW_MESSAGES)?;
        for index in 0..count {
            let message = QueuedMessage::read_transfer(reader, pool)?;
            *queued += message.buffer.as_ref().map_or(0, |buffer| message_cost(buffer.len()));
            let (is_sent, is_acked, grains) = (index < sent, message.buffer.is_none(), message.grains());
            // First in the queue, so that its memory is given back if something is wrong.
            self.queue.push_back(message);
            Reader::check(*queued <= SEND_QUEUE_BYTES_MAX && !(is_acked && (!is_sent || index == 0)))?;
            Reader::check(index != sent || sent_grains < u32::from(grains))?;
        }
        Reader::check(sent < count || sent_grains == 0)?;
        (self.sent, self.sent_grains) = (sent, sent_grains as u16);
        let is_possible = |(index, message): (usize, &QueuedMessage)| {
            let sent = if index < self.sent { message.grains() } else { sent_grains as u16 };
            let begun = index < self.sent + usize::from(sent_grains > 0);
            let acked = &message.acked;
            let unsent_acked = (sent..message.grains()).any(|grain| acked.contains(grain, 1));
            let all_acked = message.buffer.is_some() && acked.count() == message.grains();
            if begun { !unsent_acked && !all_acked } else { acked.count() == 0 && !message.fragmented }
        };
        Reader::check(self.queue.iter().enumerate().all(is_possible))
    }

    /// Enters what was sent into the window that all channels share.
    pub(super) fn enter(&self, window: &mut SendWindow) -> Result<(), TransferError> {
        let begun = self.sent + usize::from(self.sent_grains > 0);
        for message in self.queue.range(..begun) {
            Reader::check(window.admits(message_cost(message.len())))?;
            window.enter(message.len());
            if message.fragmented && message.buffer.is_some() {
                Reader::check(window.admits_fragmented(message.len()))?;
                window.enter_fragmented(message.len());
            }
        }
        Ok(())
    }

    /// Gives all memory back.
    pub(super) fn release(&mut self, pool: &mut MessagePool) {
        for message in self.queue.drain(..) {
            if let Some(buffer) = message.buffer {
                pool.give_back(buffer);
            }
        }
        self.lost.clear();
        (self.sent, self.sent_grains) = (0, 0);
    }
}

/// Writes as much of `part` as fits. Returns how many grains, or None if too few fit.
fn write_part(
    channel: Channel,
    message: &mut QueuedMessage,
    part: MessagePart,
    writer: &mut FrameWriter<'_>,
    window: &mut SendWindow,
    frames_max: usize,
) -> Option<u16> {
    let bytes = message.buffer.as_ref()?.bytes();
    let number = part.number as u16;
    if part.count == message.grains() && message.fits_whole(frames_max) {
        return writer.numbered(channel, number, message.compressed, bytes).then_some(part.count);
    }
    if !message.fragmented && !window.admits_fragmented(bytes.len()) {
        return None;
    }
    let offset = usize::from(part.first) * FRAGMENT_GRAIN_BYTES;
    let room = writer.room().checked_sub(Fragment::HEADER_BYTES)?;
    let wanted = (bytes.len() - offset).min(usize::from(part.count) * FRAGMENT_GRAIN_BYTES);
    let grains_fitting = (room / FRAGMENT_GRAIN_BYTES) as u16;
    let (piece, written) = match room >= wanted {
        true => (wanted, part.count),
        false => (usize::from(grains_fitting) * FRAGMENT_GRAIN_BYTES, grains_fitting),
    };
    if written < part.count.min(PIECE_GRAINS_MIN) {
        return None;
    }
    let bytes_written = &bytes[offset..offset + piece];
    let (total, compressed) = (bytes.len(), message.compressed);
    let fragment = Fragment { channel, number, offset, total, compressed, bytes: bytes_written };
    assert!(writer.fragment(&fragment), "the piece was cut to the room there is");
    if !message.fragmented {
        message.fragmented = true;
        window.enter_fragmented(total);
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Frame, Frames};

    const FRAMES: usize = FRAMES_BYTES_BASE;

    struct Fixture {
        channel: SendChannel,
        window: SendWindow,
        pool: MessagePool,
    }

    impl Fixture {
        fn with(messages: &[usize]) -> Self {
            let mut pool = MessagePool::new(0);
            let mut channel = SendChannel::new(Channel::RELIABLE_ORDERED);
            for &len in messages {
                let mut buffer = pool.take(len).unwrap();
                buffer.bytes_mut().fill(len as u8);
                channel.push(buffer, false);
            }
            Fixture { channel, window: SendWindow::default(), pool }
        }

        /// One datagram: the parts in it.
        fn datagram(&mut self, frames_max: usize) -> Vec<MessagePart> {
            let mut buffer = vec![0; frames_max];
            let mut writer = FrameWriter::new(&mut buffer, 0);
            let can = self.channel.can_write(&self.window, frames_max);
            let mut parts = Vec::new();
            while let Some(part) = self.channel.write(&mut writer, &mut self.window, frames_max) {
                parts.push(part);
            }
            assert_eq!(can, !parts.is_empty(), "can_write tells the truth");
            let frames = Frames::new(&buffer).filter(|frame| !matches!(frame, Frame::Bad)).count();
            assert_eq!(frames, parts.len());
            parts
        }

        fn acked(&mut self, parts: &[MessagePart]) {
            for &part in parts {
                self.channel.acked(part, &mut self.window, &mut self.pool);
            }
        }
    }

    #[test]
    fn small_messages_share_a_datagram_and_are_freed_when_acknowledged() {
        let mut fixture = Fixture::with(&[100, 0, 300]);
        let parts = fixture.datagram(FRAMES);
        assert_eq!(parts.len(), 3);
        assert_eq!(fixture.datagram(FRAMES), []);
        fixture.acked(&parts[1..]);
        assert!(!fixture.channel.is_empty() && fixture.pool.lent_bytes() == 128);
        fixture.acked(&parts);
        assert!(fixture.channel.is_empty());
        assert_eq!((fixture.window.sums(), fixture.pool.lent_bytes()), ((0, 0, 0), 0));
    }

    #[test]
    fn a_large_message_leaves_in_pieces_and_only_lost_ones_are_sent_again() {
        let mut fixture = Fixture::with(&[10_000]);
        let datagrams: Vec<_> =
            std::iter::from_fn(|| Some(fixture.datagram(FRAMES)).filter(|d| !d.is_empty())).collect();
        assert_eq!(datagrams.len(), 9);
        assert_eq!(fixture.window.sums().1, 1);
        for (index, datagram) in datagrams.iter().enumerate() {
            match index {
                3 => fixture.channel.lost(datagram[0]),
                _ => fixture.acked(datagram),
            }
        }
        // On a narrower path, the lost piece is cut anew.
        let again = fixture.datagram(500);
        assert_eq!((again[0].first, again[0].count), (datagrams[3][0].first, 3));
        let rest: Vec<_> =
            std::iter::from_fn(|| Some(fixture.datagram(500)).filter(|d| !d.is_empty())).flatten().collect();
        fixture.acked(&again);
        fixture.acked(&rest);
        assert!(fixture.channel.is_empty());
        assert_eq!((fixture.window.sums(), fixture.pool.lent_bytes()), ((0, 0, 0), 0));
    }

    #[test]
    fn keeps_within_the_windows() {
        let mut fixture = Fixture::with(&[60_000; 8]);
        while !fixture.datagram(FRAMES).is_empty() {}
        assert_eq!(fixture.window.sums().1, FRAGMENTED_BYTES_MAX / 60_000);
        let mut fixture = Fixture::with(&[0; CHANNEL_WINDOW_MESSAGES + 10]);
        while !fixture.datagram(FRAMES).is_empty() {}
        assert_eq!(fixture.channel.sent, CHANNEL_WINDOW_MESSAGES);
    }

    #[test]
    fn a_loss_that_was_acknowledged_by_another_copy_is_not_sent_again() {
        let mut fixture = Fixture::with(&[100]);
        let parts = fixture.datagram(FRAMES);
        fixture.channel.lost(parts[0]);
        fixture.acked(&parts);
        assert_eq!(fixture.datagram(FRAMES), []);
    }
}
