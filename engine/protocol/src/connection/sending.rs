//! Messages on their way into datagrams.

use super::receiving::unreliable_index;
use super::*;

/// An unreliable message as frames: one, or as many as it has pieces.
#[derive(Debug)]
pub struct Unreliable<'a> {
    channel: Channel,
    message: &'a [u8],
    compressed: bool,
    /// Sequenced messages and those in pieces have one.
    number: u16,
    /// Bytes of each piece but the last; 0 for a message that is whole.
    piece: usize,
}

impl Unreliable<'_> {
    /// How many frames it is.
    pub fn frames(&self) -> usize {
        if self.piece == 0 { 1 } else { self.message.len().div_ceil(self.piece) }
    }

    /// Appends frame `index`; false when it does not fit.
    pub fn write(&self, index: usize, writer: &mut FrameWriter<'_>) -> bool {
        let Unreliable { channel, message, compressed, number, piece } = *self;
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
    /// Queues a reliable message: it leaves when the path allows, and again until it has arrived.
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken. After [`SendError::Overflow`] the connection must end (R7).
    pub fn send_reliable(
        &mut self,
        now: Instant,
        channel: Channel,
        message: &[u8],
        resources: &mut Resources,
    ) -> Result<(), SendError> {
        assert!(channel.delivery().is_reliable(), "unreliable messages are emitted");
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

    /// Bytes of reliable messages that can still be queued; each costs its size and [`MESSAGE_COST_BYTES`].
    pub fn send_room(&self) -> usize {
        self.transport.as_ref().map_or(SEND_QUEUE_BYTES_MAX, |transport| transport.channels.send_room())
    }

    /// Makes frames of an unreliable message: in pieces where it does not fit a datagram. A short one on a plain channel
    /// of a session that [`Self::is_unlimited`] needs none of this: its frame can be written as it is.
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken.
    pub fn send_unreliable<'a>(
        &mut self,
        now: Instant,
        channel: Channel,
        message: &'a [u8],
        compressor: &'a mut Compressor,
    ) -> Result<Unreliable<'a>, SendError> {
        assert!(!channel.delivery().is_reliable(), "reliable messages are queued");
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
        let frames_max = self.frames_max();
        let piece = match overhead + message.len() <= frames_max {
            true => 0,
            false => {
                self.transport_mut(now).note_message(overhead + message.len());
                let room = frames_max - FRAME_HEADER_BYTES - Fragment::HEADER_BYTES;
                room / FRAGMENT_GRAIN_BYTES * FRAGMENT_GRAIN_BYTES
            }
        };
        let number = if sequenced || piece > 0 { self.next_number(channel) } else { 0 };
        Ok(Unreliable { channel, message, compressed, number, piece })
    }

    /// Whether no rate holds back its unreliable messages, and the path carries datagrams of the usual size.
    #[inline]
    pub fn is_unlimited(&self) -> bool {
        self.transport.as_ref().is_none_or(|transport| transport.is_unlimited())
    }

    /// Whether it never needed to send or receive anything reliably, and has nothing to answer: a datagram left nothing to
    /// be done.
    #[inline]
    pub(crate) fn is_quiet(&self) -> bool {
        let Pending { ping, pong, path_response } = &self.pending;
        self.transport.is_none() && ping.is_none() && pong.is_none() && path_response.is_none()
    }

    /// Whether `sequence` is the newest that came.
    pub(crate) fn is_newest(&self, sequence: u64) -> bool {
        sequence == self.replay.highest()
    }

    /// Whether the peer has been told a new name and has not taken it up yet.
    pub(crate) fn is_renaming(&self) -> bool {
        self.other_id.is_some()
    }

    fn next_number(&mut self, channel: Channel) -> u16 {
        let numbers = &mut self.numbers[unreliable_index(channel)];
        numbers.next = numbers.next.wrapping_add(1);
        numbers.next
    }

    /// Whether [`Self::fill`] into a fresh datagram would write something.
    pub fn wants_datagram(&mut self, now: Instant) -> bool {
        let Pending { ping, pong, path_response } = &self.pending;
        ping.is_some()
            || pong.is_some()
            || path_response.is_some()
            || self.transport.as_mut().is_some_and(|transport| transport.wants_datagram(now))
    }

    /// What a fresh datagram may hold as frames; with [`Self::fill`] to begin it.
    pub fn fresh_frames_max(&self, now: Instant) -> usize {
        self.transport.as_ref().map_or(FRAMES_BYTES_BASE, |transport| transport.fresh_frames_max(now))
    }

    /// Writes what is due into a datagram; `fresh` when nothing is in it so far. Gives how many things it now carries that
    /// must be acknowledged: if any, [`Self::sent`] wants to know.
    pub fn fill(&mut self, now: Instant, writer: &mut FrameWriter<'_>, fresh: bool) -> u16 {
        let Pending { ping, pong, path_response } = &mut self.pending;
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
            Some(transport) => transport.fill(now, &self.replay, writer, fresh && writer.used() == 0),
            None => 0,
        }
    }

    /// The `carried` things that [`Self::fill`] wrote leave in datagram `sequence`, which has `frames` bytes of frames.
    pub fn sent(&mut self, now: Instant, sequence: u64, frames: usize, carried: u16) {
        if carried > 0
            && let Some(transport) = &mut self.transport
        {
            transport.sent(now, sequence, frames, carried);
        }
    }
}
