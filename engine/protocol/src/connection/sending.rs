//! From messages to frames: what goes into the next datagram.

use super::compression::Compressor;
use super::resources::Resources;
use super::state::{Connection, TransientFrames};
use crate::limits::*;
use crate::time::Instant;
use crate::wire::{Channel, Delivery, Fragment, FrameWriter, NUMBER_BYTES};

/// Why a message was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// Over [`MESSAGE_BYTES_MAX`].
    #[error("a message has at most {MESSAGE_BYTES_MAX} bytes")]
    TooLong,
    /// No such connection, or it is gone.
    #[error("no such connection")]
    NotConnected,
    /// The send queue is full, or memory is short. Unreliable messages are dropped then.
    #[error("the send queue is full, or memory is short")]
    Full,
    /// Over the rate of the channel or the connection. Unreliable messages are dropped then.
    #[error("over the rate limit of the channel or connection")]
    RateLimited,
    /// Too many reliable messages wait: the connection ends.
    #[error("more than {SEND_QUEUE_BYTES_MAX} bytes of reliable messages wait: the connection ends")]
    Overflow,
}

/// The frames of an unreliable message: one, or one for each piece.
#[derive(Debug)]
pub struct UnreliableFrames<'a> {
    channel: Channel,
    message: &'a [u8],
    compressed: bool,
    /// For sequenced and fragmented messages.
    number: u16,
    /// Bytes of each piece except the last; 0 for a message that goes whole.
    piece: usize,
}

impl UnreliableFrames<'_> {
    /// How many frames.
    pub fn frames(&self) -> usize {
        if self.piece == 0 { 1 } else { self.message.len().div_ceil(self.piece) }
    }

    /// Appends frame `index`. False if it does not fit.
    ///
    /// # Panics
    /// If there is no such frame.
    pub fn write(&self, index: usize, writer: &mut FrameWriter<'_>) -> bool {
        assert!(index < self.frames(), "the caller counts the frames");
        let UnreliableFrames { channel, message, compressed, number, piece } = *self;
        if piece > 0 {
            let offset = index * piece;
            let bytes = &message[offset..message.len().min(offset + piece)];
            return writer.fragment(&Fragment { channel, number, offset, total: message.len(), compressed, bytes });
        }
        match (channel.delivery(), compressed) {
            (Delivery::UnreliableSequenced, _) => writer.numbered(channel, number, compressed, message),
            (_, true) => writer.compressed(channel, message),
            (_, false) => writer.message(channel, message),
        }
    }
}

impl Connection {
    /// Queues a reliable message. It is sent when the path allows, and again until it has arrived.
    ///
    /// # Errors
    /// [`SendError`]; the message is not queued. After [`SendError::Overflow`] the connection must end
    /// (PROTOCOL.md#windows).
    ///
    /// # Panics
    /// If `channel` is unreliable.
    pub fn send_reliable(
        &mut self,
        now: Instant,
        channel: Channel,
        message: &[u8],
        resources: &mut Resources,
    ) -> Result<(), SendError> {
        assert!(channel.delivery().is_reliable(), "unreliable messages go through send_unreliable");
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(SendError::TooLong);
        }
        let compression = self.config.compression;
        let channels = &mut self.transport_mut(now).channels;
        if message.len() + MESSAGE_COST_BYTES > channels.send_room() {
            return Err(SendError::Overflow);
        }
        let Resources { pool, compressor, .. } = resources;
        let compressed = if compression { compressor.compress(message) } else { None };
        let buffer = pool.copy(compressed.unwrap_or(message)).ok_or(SendError::Full)?;
        let frames_bytes = buffer.len() + FRAME_HEADER_BYTES + NUMBER_BYTES + usize::from(compressed.is_some());
        channels.push(channel, buffer, compressed.is_some());
        self.transport_mut(now).note_message(frames_bytes);
        Ok(())
    }

    /// What further reliable messages may cost, in bytes: for each its size and [`MESSAGE_COST_BYTES`].
    pub fn send_room(&self) -> usize {
        self.transport.as_ref().map_or(SEND_QUEUE_BYTES_MAX, |transport| transport.channels.send_room())
    }

    /// Turns an unreliable message into frames: in pieces if it does not fit a datagram. A short message on an
    /// unreliable channel of a connection that [`Self::is_unlimited`] does not need this: its frame can be written
    /// directly.
    ///
    /// # Errors
    /// [`SendError`]; the message is dropped.
    ///
    /// # Panics
    /// If `channel` is reliable.
    pub fn send_unreliable<'a>(
        &mut self,
        now: Instant,
        channel: Channel,
        message: &'a [u8],
        compressor: &'a mut Compressor,
    ) -> Result<UnreliableFrames<'a>, SendError> {
        assert!(!channel.delivery().is_reliable(), "reliable messages go through send_reliable");
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(SendError::TooLong);
        }
        if let Some(transport) = &mut self.transport {
            let quality = &mut transport.channels.quality;
            if !quality.allows(now, channel) {
                return Err(SendError::RateLimited);
            }
            quality.spend(channel, message.len());
        }
        let compressed = if self.config.compression { compressor.compress(message) } else { None };
        let (message, compressed) = (compressed.unwrap_or(message), compressed.is_some());
        let sequenced = channel.delivery() == Delivery::UnreliableSequenced;
        let overhead = FRAME_HEADER_BYTES + usize::from(compressed) + if sequenced { NUMBER_BYTES } else { 0 };
        let piece = self.piece_bytes(now, overhead + message.len());
        let number = if sequenced || piece > 0 { self.numbers_mut(channel).next() } else { 0 };
        Ok(UnreliableFrames { channel, message, compressed, number, piece })
    }

    /// Size of the pieces for a message whose frame would have `frame_bytes`. 0: it fits whole.
    fn piece_bytes(&mut self, now: Instant, frame_bytes: usize) -> usize {
        let frames_max = self.frames_max();
        if frame_bytes <= frames_max {
            return 0;
        }
        self.transport_mut(now).note_message(frame_bytes);
        let room = frames_max - FRAME_HEADER_BYTES - Fragment::HEADER_BYTES;
        room / FRAGMENT_GRAIN_BYTES * FRAGMENT_GRAIN_BYTES
    }

    /// Whether no rate limits its unreliable messages, and the path carries datagrams of the usual size.
    #[inline]
    pub fn is_unlimited(&self) -> bool {
        self.transport.as_ref().is_none_or(|transport| transport.is_unlimited())
    }

    /// Whether it has never sent or received anything ack-eliciting, and has nothing to answer. A datagram then leaves
    /// nothing to do.
    #[inline]
    pub(crate) fn is_quiet(&self) -> bool {
        self.transport.is_none() && self.transient.is_empty()
    }

    /// Whether [`Self::fill`] into a new datagram would write anything.
    pub fn wants_datagram(&mut self, now: Instant) -> bool {
        !self.transient.is_empty() || self.transport.as_mut().is_some_and(|transport| transport.wants_datagram(now))
    }

    /// Room for frames in a new datagram that [`Self::fill`] begins. An MTU probe has more than usual.
    pub fn fresh_frames_max(&self, now: Instant) -> usize {
        self.transport.as_ref().map_or(FRAMES_BYTES_BASE, |transport| transport.fresh_frames_max(now))
    }

    /// Writes what is due into a datagram. `fresh`: nothing is in it yet. Returns how many ack-eliciting frames it
    /// wrote; if any, [`Self::sent`] must follow.
    pub fn fill(&mut self, now: Instant, writer: &mut FrameWriter<'_>, fresh: bool) -> u16 {
        let TransientFrames { ping, pong, path_response } = &mut self.transient;
        if let Some(value) = *pong
            && writer.pong(value)
        {
            *pong = None;
        }
        if let Some(value) = *path_response
            && writer.path_response(value)
        {
            *path_response = None;
        }
        if let Some(value) = *ping
            && writer.ping(value)
        {
            *ping = None;
        }
        match &mut self.transport {
            Some(transport) => {
                let fresh = fresh && writer.used() == 0;
                transport.fill(now, &self.replay, self.highest_at, writer, fresh)
            }
            None => 0,
        }
    }

    /// The `ack_eliciting` frames that [`Self::fill`] wrote leave in datagram `sequence`, which has `frames` bytes of
    /// frames.
    pub fn sent(&mut self, now: Instant, sequence: u64, frames: usize, ack_eliciting: u16) {
        if ack_eliciting > 0
            && let Some(transport) = &mut self.transport
        {
            transport.sent(now, sequence, frames, ack_eliciting);
        }
    }
}
