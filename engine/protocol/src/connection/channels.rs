//! The reliable channels of a connection, and what came in pieces: all that outlives the connection when its session is
//! resumed over another.

use super::assembly::UnreliableAssemblies;
use super::incoming::{Arrived, Incoming, Kept, Ready, Violation};
use super::outgoing::{Outgoing, Segment, Window, message_cost};
use super::quality::Quality;
use super::slack;
use crate::limits::{CHANNELS, SEND_QUEUE_BYTES_MAX};
use crate::pool::{Buffer, MessagePool};
use crate::time::Instant;
use crate::wire::{Channel, Fragment, FrameWriter};
use std::collections::VecDeque;

#[derive(Debug)]
pub(crate) struct Channels {
    outgoing: [Option<Box<Outgoing>>; CHANNELS],
    incoming: [Option<Box<Incoming>>; CHANNELS],
    window: Window,
    kept: Kept,
    /// Cost of all reliable messages that are not acknowledged.
    queued: usize,
    ready: VecDeque<Ready>,
    assemblies: UnreliableAssemblies,
    pub(super) quality: Quality,
}

impl Channels {
    pub(super) fn new() -> Self {
        Channels {
            outgoing: [const { None }; CHANNELS],
            incoming: [const { None }; CHANNELS],
            window: Window::default(),
            kept: Kept::default(),
            queued: 0,
            ready: VecDeque::new(),
            assemblies: UnreliableAssemblies::default(),
            quality: Quality::new(),
        }
    }

    pub(super) fn give_back_slack(&mut self) {
        slack::give_back(&mut self.ready);
        self.outgoing.iter_mut().flatten().for_each(|outgoing| outgoing.give_back_slack());
    }

    /// Bytes of reliable messages that can still be queued.
    pub(super) fn send_room(&self) -> usize {
        SEND_QUEUE_BYTES_MAX.saturating_sub(self.queued)
    }

    /// Cost of all reliable messages that are not acknowledged.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// Memory that messages hold here, both ways.
    pub(crate) fn held_bytes(&self) -> usize {
        let ready: usize = self.ready.iter().map(|ready| ready.buffer.len()).sum();
        self.queued + self.kept.bytes() + self.assemblies.bytes() + ready
    }

    /// Queues a reliable message.
    pub(super) fn push(&mut self, channel: Channel, buffer: Buffer, compressed: bool) {
        self.queued += message_cost(buffer.len());
        self.outgoing[channel.index()].get_or_insert_with(|| Box::new(Outgoing::new(channel))).push(buffer, compressed);
    }

    /// Whether [`Self::write`] into an empty datagram would write something.
    pub(super) fn can_write(&mut self, now: Instant, frames_max: usize) -> bool {
        let Channels { outgoing, window, quality, .. } = self;
        outgoing.iter_mut().flatten().any(|outgoing| {
            outgoing.has_unsent() && quality.allows(now, outgoing.channel()) && outgoing.can_write(window, frames_max)
        })
    }

    /// Whether any message waits to be sent, for whatever reason.
    pub(super) fn has_unsent(&self) -> bool {
        self.outgoing.iter().flatten().any(|outgoing| outgoing.has_unsent())
    }

    /// When a channel that its rate alone holds back may send again.
    pub(super) fn held_back_until(&self) -> Instant {
        let unsent = self.outgoing.iter().flatten().filter(|outgoing| outgoing.has_unsent());
        let held_back = unsent.filter(|outgoing| !self.quality.has_tokens(outgoing.channel()));
        held_back.map(|outgoing| self.quality.ready_at(outgoing.channel())).min().unwrap_or(Instant::NEVER)
    }

    /// When a channel whose rate holds it back may send again.
    pub(super) fn ready_at(&self) -> Instant {
        let unsent = self.outgoing.iter().flatten().filter(|outgoing| outgoing.has_unsent());
        unsent.map(|outgoing| self.quality.ready_at(outgoing.channel())).min().unwrap_or(Instant::NEVER)
    }

    /// Fills a datagram, by priority; `carry` is told what went in.
    pub(super) fn write(
        &mut self,
        now: Instant,
        writer: &mut FrameWriter<'_>,
        frames_max: usize,
        mut carry: impl FnMut(Channel, Segment),
    ) {
        let Channels { outgoing, window, quality, .. } = self;
        for position in 0.. {
            let Some(channel) = quality.served(position) else { return };
            let Some(outgoing) = &mut outgoing[channel.index()] else { continue };
            while outgoing.has_unsent() && quality.allows(now, channel) {
                let before = writer.used();
                let Some(segment) = outgoing.write(writer, window, frames_max) else { break };
                quality.spend(channel, writer.used() - before);
                carry(channel, segment);
            }
        }
    }

    pub(super) fn acked(&mut self, channel: Channel, segment: Segment, pool: &mut MessagePool) {
        if let Some(outgoing) = &mut self.outgoing[channel.index()] {
            self.queued -= outgoing.acked(segment, &mut self.window, pool);
        }
    }

    pub(super) fn lost(&mut self, channel: Channel, segment: Segment) {
        if let Some(outgoing) = &mut self.outgoing[channel.index()] {
            outgoing.lost(segment);
        }
    }

    /// Everything that is not acknowledged is to be sent again: nothing is under way any more.
    pub(super) fn resend_all(&mut self) {
        self.outgoing.iter_mut().flatten().for_each(|outgoing| outgoing.resend_all());
    }

    /// A reliable message came whole.
    pub(super) fn message(
        &mut self,
        now: Instant,
        channel: Channel,
        number: u16,
        bytes: &[u8],
        compressed: bool,
        pool: &mut MessagePool,
    ) -> Result<Arrived, Violation> {
        // What waits to be read goes first.
        let in_place = self.ready.is_empty();
        let Channels { incoming, kept, ready, .. } = self;
        incoming[channel.index()]
            .get_or_insert_with(|| Box::new(Incoming::new(now, channel)))
            .message(now, number, bytes, compressed, in_place, kept, ready, pool)
    }

    /// An unreliable message that cannot be delivered from its datagram: it waits to be read. False when there is no
    /// memory for it.
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

    /// A piece of a reliable message. Gives whether it was of use.
    pub(super) fn fragment(
        &mut self,
        now: Instant,
        fragment: &Fragment<'_>,
        pool: &mut MessagePool,
    ) -> Result<bool, Violation> {
        let Channels { incoming, kept, ready, .. } = self;
        incoming[fragment.channel.index()]
            .get_or_insert_with(|| Box::new(Incoming::new(now, fragment.channel)))
            .fragment(now, fragment, kept, ready, pool)
    }

    /// A piece of an unreliable message. Gives the message's number when it is complete and ready.
    pub(super) fn unreliable_fragment(
        &mut self,
        now: Instant,
        fragment: &Fragment<'_>,
        pool: &mut MessagePool,
    ) -> bool {
        let Some((buffer, compressed)) = self.assemblies.place(now, fragment, pool) else { return false };
        self.ready.push_back(Ready { channel: fragment.channel, buffer, compressed });
        true
    }

    /// Messages of which some pieces have come, and some have not.
    pub(super) fn in_pieces(&self) -> usize {
        self.kept.in_pieces() + self.assemblies.len()
    }

    /// The unreliable messages that were given up for want of pieces.
    pub(super) fn abandoned(&self) -> u64 {
        self.assemblies.abandoned
    }

    /// Pieces of unreliable messages for which there was no place.
    pub(super) fn pieces_refused(&self) -> u64 {
        self.assemblies.refused
    }

    /// Takes back the message that [`Self::unreliable_fragment`] just completed: a newer one was delivered before.
    pub(super) fn discard_newest(&mut self, pool: &mut MessagePool) {
        if let Some(ready) = self.ready.pop_back() {
            pool.give_back(ready.buffer);
        }
    }

    /// How far a reliable message's number is ahead of the next one of its channel; 0x8000 and more for what was
    /// delivered.
    pub(super) fn distance(&self, channel: Channel, number: u16) -> u16 {
        self.incoming[channel.index()].as_ref().map_or(number, |incoming| incoming.distance(number))
    }

    /// Whether pieces of a reliable message are there.
    pub(super) fn has_begun(&self, channel: Channel, number: u16) -> bool {
        self.incoming[channel.index()].as_ref().is_some_and(|incoming| incoming.has_begun(number))
    }

    pub(super) fn next_ready(&mut self) -> Option<Ready> {
        self.ready.pop_front()
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Gives up unreliable messages that lack pieces for too long.
    pub(super) fn expire(&mut self, now: Instant, pool: &mut MessagePool) {
        self.assemblies.expire(now, pool);
    }

    /// When [`Self::expire`] has something to do.
    pub(super) fn deadline(&self) -> Instant {
        self.assemblies.deadline()
    }

    /// Since when the channel that has waited longest for what would free its memory has waited.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        self.incoming.iter().flatten().filter_map(|incoming| incoming.stalled_since()).min()
    }

    /// Unreliable messages of which pieces are missing are not waited for any longer: their numbers begin anew.
    pub(super) fn forget_pieces(&mut self, pool: &mut MessagePool) {
        self.assemblies.release(pool);
    }

    /// Gives all memory back.
    pub(crate) fn release(&mut self, pool: &mut MessagePool) {
        self.outgoing.iter_mut().flatten().for_each(|outgoing| outgoing.release(pool));
        self.incoming.iter_mut().flatten().for_each(|incoming| incoming.release(pool));
        self.assemblies.release(pool);
        for ready in self.ready.drain(..) {
            pool.give_back(ready.buffer);
        }
    }
}
