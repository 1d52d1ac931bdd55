//! The channels of a connection: everything that moves to another connection when the session is resumed
//! (PROTOCOL.md#resumption).

mod fragment_bitmap;
mod quality;
mod reassembly;
mod receive_channel;
mod send_channel;
mod transfer;
mod transfer_reader;
mod windows;

pub use quality::ChannelQuality;
pub(super) use quality::QualityOfService;
pub(super) use receive_channel::Disposition;
pub(super) use send_channel::MessagePart;
pub use transfer_reader::TransferError;

use self::reassembly::UnreliableReassemblies;
use self::receive_channel::{Ready, ReceiveChannel};
use self::send_channel::SendChannel;
use self::windows::{ReceiveWindow, SendWindow, Violation, message_cost};
use super::shrink::shrink_if_sparse;
use crate::limits::{CHANNELS, SEND_QUEUE_BYTES_MAX};
use crate::pool::{Buffer, MessagePool};
use crate::time::Instant;
use crate::wire::{Channel, Fragment, FrameWriter};
use std::collections::VecDeque;

#[derive(Debug)]
pub(crate) struct Channels {
    /// A bit for each channel with messages that were never sent, or are lost. Until they are looked at, acknowledged
    /// losses count, too. It stands beside the channels because every turn asks for it.
    unsent: u16,
    sending: [Option<Box<SendChannel>>; CHANNELS],
    receiving: [Option<Box<ReceiveChannel>>; CHANNELS],
    send_window: SendWindow,
    receive_window: ReceiveWindow,
    /// Cost of all reliable messages that are not acknowledged.
    queued: usize,
    /// Messages in memory that the driver can read.
    ready: VecDeque<Ready>,
    reassemblies: UnreliableReassemblies,
    pub(super) quality: QualityOfService,
}

impl Channels {
    pub(super) fn new() -> Self {
        Channels {
            unsent: 0,
            sending: [const { None }; CHANNELS],
            receiving: [const { None }; CHANNELS],
            send_window: SendWindow::default(),
            receive_window: ReceiveWindow::default(),
            queued: 0,
            ready: VecDeque::new(),
            reassemblies: UnreliableReassemblies::default(),
            quality: QualityOfService::new(),
        }
    }

    /// Gives back memory after a burst.
    pub(super) fn shrink(&mut self) {
        shrink_if_sparse(&mut self.ready);
        self.sending.iter_mut().flatten().for_each(|channel| channel.shrink());
    }

    /// What further reliable messages may cost, in bytes.
    pub(super) fn send_room(&self) -> usize {
        SEND_QUEUE_BYTES_MAX.saturating_sub(self.queued)
    }

    /// Cost of all reliable messages that are not acknowledged.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// Memory that messages hold here, in both directions.
    pub(crate) fn held_bytes(&self) -> usize {
        let ready: usize = self.ready.iter().map(|ready| ready.buffer.len()).sum();
        self.queued + self.receive_window.bytes() + self.reassemblies.bytes() + ready
    }

    /// Queues a reliable message.
    pub(super) fn push(&mut self, channel: Channel, buffer: Buffer, compressed: bool) {
        self.queued += message_cost(buffer.len());
        let sending = self.sending[channel.index()].get_or_insert_with(|| Box::new(SendChannel::new(channel)));
        sending.push(buffer, compressed);
        self.unsent |= 1 << channel.index();
        assert!(self.queued <= SEND_QUEUE_BYTES_MAX, "the caller checks the room");
    }

    /// Whether [`Self::write`] into an empty datagram would write anything.
    pub(super) fn can_write(&mut self, now: Instant, frames_max: usize) -> bool {
        let Channels { unsent, sending, send_window, quality, .. } = self;
        sending.iter_mut().flatten().any(|channel| {
            if !channel.has_unsent() || !quality.allows(now, channel.channel()) {
                return false;
            }
            let can_write = channel.can_write(send_window, frames_max);
            note_unsent(unsent, channel);
            can_write
        })
    }

    /// Whether any reliable message waits to be sent.
    #[inline]
    pub(super) fn has_unsent(&self) -> bool {
        debug_assert!(
            self.sending.iter().flatten().all(|it| !it.has_unsent() || self.unsent & 1 << it.channel().index() != 0),
            "every channel with something to send has its bit"
        );
        self.unsent != 0
    }

    /// When the first channel that only its rate holds back may send again.
    pub(super) fn rate_limited_until(&self) -> Instant {
        let unsent = self.sending.iter().flatten().filter(|channel| channel.has_unsent());
        let limited = unsent.filter(|channel| !self.quality.has_tokens(channel.channel()));
        limited.map(|channel| self.quality.ready_at(channel.channel())).min().unwrap_or(Instant::NEVER)
    }

    /// When the rates let the first channel send.
    pub(super) fn ready_at(&self) -> Instant {
        let unsent = self.sending.iter().flatten().filter(|channel| channel.has_unsent());
        unsent.map(|channel| self.quality.ready_at(channel.channel())).min().unwrap_or(Instant::NEVER)
    }

    /// Fills a datagram by priority. Calls `on_part` for each part that went in.
    pub(super) fn write(
        &mut self,
        now: Instant,
        writer: &mut FrameWriter<'_>,
        frames_max: usize,
        mut on_part: impl FnMut(Channel, MessagePart),
    ) {
        let Channels { unsent, sending, send_window, quality, .. } = self;
        for position in 0.. {
            let Some(channel) = quality.served(position) else { return };
            let Some(sending) = &mut sending[channel.index()] else { continue };
            while sending.has_unsent() && quality.allows(now, channel) {
                let before = writer.used();
                let Some(part) = sending.write(writer, send_window, frames_max) else { break };
                quality.spend(channel, writer.used() - before);
                on_part(channel, part);
            }
            note_unsent(unsent, sending);
        }
    }

    pub(super) fn acked(&mut self, channel: Channel, part: MessagePart, pool: &mut MessagePool) {
        if let Some(sending) = &mut self.sending[channel.index()] {
            let freed = sending.acked(part, &mut self.send_window, pool);
            self.queued = self.queued.checked_sub(freed).expect("each message is counted once");
        }
    }

    pub(super) fn lost(&mut self, channel: Channel, part: MessagePart) {
        if let Some(sending) = &mut self.sending[channel.index()] {
            sending.lost(part);
            note_unsent(&mut self.unsent, sending);
        }
    }

    /// Everything that is sent and not acknowledged is lost.
    pub(super) fn resend_all(&mut self) {
        for channel in self.sending.iter_mut().flatten() {
            channel.resend_all();
            note_unsent(&mut self.unsent, channel);
        }
    }

    /// A whole reliable message arrives.
    pub(super) fn message(
        &mut self,
        now: Instant,
        channel: Channel,
        number: u16,
        bytes: &[u8],
        compressed: bool,
        pool: &mut MessagePool,
    ) -> Result<Disposition, Violation> {
        // Messages that wait to be read go first.
        let in_place = self.ready.is_empty();
        let Channels { receiving, receive_window, ready, .. } = self;
        receiving[channel.index()].get_or_insert_with(|| Box::new(ReceiveChannel::new(now, channel))).message(
            now,
            number,
            bytes,
            compressed,
            in_place,
            receive_window,
            ready,
            pool,
        )
    }

    /// An unreliable message that cannot be delivered in place waits to be read. False if there is no memory for it.
    pub(super) fn unreliable(
        &mut self,
        channel: Channel,
        bytes: &[u8],
        compressed: bool,
        pool: &mut MessagePool,
    ) -> bool {
        let Some(buffer) = pool.copy(bytes) else { return false };
        self.ready.push_back(Ready { channel, buffer, compressed });
        true
    }

    /// A piece of a reliable message arrives. Returns whether it was new.
    pub(super) fn fragment(
        &mut self,
        now: Instant,
        fragment: &Fragment<'_>,
        pool: &mut MessagePool,
    ) -> Result<bool, Violation> {
        let Channels { receiving, receive_window, ready, .. } = self;
        receiving[fragment.channel.index()]
            .get_or_insert_with(|| Box::new(ReceiveChannel::new(now, fragment.channel)))
            .fragment(now, fragment, receive_window, ready, pool)
    }

    /// A piece of an unreliable message arrives. Returns whether the message is now ready.
    pub(super) fn unreliable_fragment(
        &mut self,
        now: Instant,
        fragment: &Fragment<'_>,
        pool: &mut MessagePool,
    ) -> bool {
        let Some((buffer, compressed)) = self.reassemblies.place(now, fragment, pool) else { return false };
        self.ready.push_back(Ready { channel: fragment.channel, buffer, compressed });
        true
    }

    /// Messages with missing pieces.
    pub(super) fn in_pieces(&self) -> usize {
        self.receive_window.fragmented() + self.reassemblies.len()
    }

    /// Unreliable messages given up because of missing pieces.
    pub(super) fn abandoned(&self) -> u64 {
        self.reassemblies.abandoned
    }

    /// Pieces of unreliable messages dropped because there was no place for their message.
    pub(super) fn pieces_refused(&self) -> u64 {
        self.reassemblies.refused
    }

    /// Discards the message that [`Self::unreliable_fragment`] just completed: a newer one was delivered before.
    pub(super) fn discard_newest(&mut self, pool: &mut MessagePool) {
        if let Some(ready) = self.ready.pop_back() {
            pool.give_back(ready.buffer);
        }
    }

    /// How far a reliable message's number is above the next one of its channel. 0x8000 and more: delivered already.
    pub(super) fn distance(&self, channel: Channel, number: u16) -> u16 {
        self.receiving[channel.index()].as_ref().map_or(number, |receiving| receiving.distance(number))
    }

    /// Whether pieces of a reliable message are there.
    pub(super) fn has_begun(&self, channel: Channel, number: u16) -> bool {
        self.receiving[channel.index()].as_ref().is_some_and(|receiving| receiving.has_begun(number))
    }

    pub(super) fn next_ready(&mut self) -> Option<Ready> {
        self.ready.pop_front()
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Gives up unreliable messages that lack pieces for too long.
    pub(super) fn expire(&mut self, now: Instant, pool: &mut MessagePool) {
        self.reassemblies.expire(now, pool);
    }

    /// When [`Self::expire`] has something to do.
    pub(super) fn deadline(&self) -> Instant {
        self.reassemblies.deadline()
    }

    /// Since when the channel that has stalled longest makes no progress.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        self.receiving.iter().flatten().filter_map(|receiving| receiving.stalled_since()).min()
    }

    /// Gives up unreliable messages with missing pieces: their numbers begin anew on the next connection.
    pub(super) fn forget_pieces(&mut self, pool: &mut MessagePool) {
        self.reassemblies.release(pool);
    }

    /// Gives all memory back.
    pub(crate) fn release(&mut self, pool: &mut MessagePool) {
        self.sending.iter_mut().flatten().for_each(|channel| channel.release(pool));
        self.receiving.iter_mut().flatten().for_each(|channel| channel.release(pool));
        self.reassemblies.release(pool);
        for ready in self.ready.drain(..) {
            pool.give_back(ready.buffer);
        }
    }
}

/// Sets the bit of a channel that has something to send, and clears that of one that has not.
fn note_unsent(unsent: &mut u16, channel: &SendChannel) {
    let bit = 1 << channel.channel().index();
    *unsent = if channel.has_unsent() { *unsent | bit } else { *unsent & !bit };
}
