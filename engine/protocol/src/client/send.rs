//! The way of a message out: messages share the open datagram, which is sealed when the caller asks for it.

use super::outgoing::{FullDatagram, Outgoing};
use super::{Client, CloseReason, State};
use crate::connection::{ChannelQuality, CongestionControl, Connection, Resources, SendError, sealed_len};
use crate::limits::*;
use crate::time::{Duration, Instant};
use crate::wire::{Channel, Delivery, DisconnectReason, FrameWriter};
use ringshard_prefetch::prefetch;

impl Client {
    /// Prefetches the front of the open datagram, which is about to be written.
    #[inline]
    pub fn prefetch_frames(&self) {
        if let Some(front) = self.outgoing.frames.first_chunk::<128>() {
            prefetch(front);
        }
    }

    /// Prefetches what the next datagram, in or out, touches. Reads nothing: reading would wait for the memory.
    #[inline]
    pub fn prefetch(&self) {
        prefetch(&self.state);
        prefetch(&self.events);
        // Both ends of what lies beside the connection.
        prefetch(&self.tag);
        prefetch(&self.outgoing);
        self.resources.pool.prefetch();
    }

    /// Sends a message. Unreliable messages share the next datagram; reliable ones leave as the path allows.
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken. After [`SendError::Full`], drain [`Self::poll_transmit`] first. After
    /// [`SendError::Overflow`] the connection ends (PROTOCOL.md#windows).
    #[inline]
    pub fn send(&mut self, now: Instant, channel: Channel, message: &[u8]) -> Result<(), SendError> {
        let Client { state: State::Connected(connection), resources, outgoing, .. } = self else {
            return Err(SendError::NotConnected);
        };
        if outgoing.is_disconnecting() {
            return Err(SendError::NotConnected);
        }
        let plain = channel.delivery() == Delivery::Unreliable && message.len() <= COMPRESSION_BYTES_MIN;
        if plain && connection.is_unlimited() {
            return if self.compose(|frames| frames.message(channel, message)) { Ok(()) } else { Err(SendError::Full) };
        }
        if channel.delivery().is_reliable() {
            let sent = connection.send_reliable(now, channel, message, resources);
            if sent == Err(SendError::Overflow) {
                self.hang_up(DisconnectReason::Overflow);
            }
            return sent;
        }
        self.send_unreliable(now, channel, message)
    }

    fn send_unreliable(&mut self, now: Instant, channel: Channel, message: &[u8]) -> Result<(), SendError> {
        let Client { state: State::Connected(connection), resources, outgoing, .. } = self else {
            return Err(SendError::NotConnected);
        };
        let Outgoing { frames, used, sequence, full, .. } = outgoing;
        let Resources { compressor, random, .. } = resources;
        let message = connection.send_unreliable(now, channel, message, compressor).inspect_err(|&error| {
            resources.drops.rate_limited += u64::from(error == SendError::RateLimited);
        })?;
        let limit = connection.frames_max();
        for index in 0..message.frames() {
            let mut writer = FrameWriter::new(&mut frames[..limit.max(*used)], *used);
            if *used > 0 && message.write(index, &mut writer) {
                *used = writer.used();
                continue;
            }
            if *used > 0 {
                if message.frames() == 1 {
                    return Err(SendError::Full);
                }
                full.push_back(FullDatagram { sequence: *sequence, frames: frames[..*used].to_vec() });
            }
            let mut writer = FrameWriter::new(&mut frames[..limit], 0);
            assert!(message.write(index, &mut writer), "every frame fits an empty datagram");
            *used = writer.used();
            *sequence = connection.begin_datagram(random);
        }
        Ok(())
    }

    /// Appends a frame to the open datagram; false if it does not fit.
    #[inline]
    pub(super) fn compose(&mut self, write: impl Fn(&mut FrameWriter<'_>) -> bool) -> bool {
        let Client { state: State::Connected(connection), resources, outgoing, .. } = self else { return false };
        let Outgoing { frames, used, sequence, .. } = outgoing;
        let limit = connection.frames_max().max(*used);
        let mut writer = FrameWriter::new(&mut frames[..limit], *used);
        if !write(&mut writer) {
            return false;
        }
        if *used == 0 {
            *sequence = connection.begin_datagram(&mut resources.random);
        }
        *used = writer.used();
        true
    }

    /// Bytes of reliable messages that can still be queued. Each message costs its size and [`MESSAGE_COST_BYTES`].
    pub fn send_room(&self) -> usize {
        self.connection().map_or(0, Connection::send_room)
    }

    /// Sets the priority and rate of a channel.
    pub fn set_channel_quality(&mut self, now: Instant, channel: Channel, quality: ChannelQuality) {
        if let State::Connected(connection) = &mut self.state {
            connection.set_channel_quality(now, channel, quality);
        }
    }

    /// Limits the bytes of messages per second, over all channels; None for no limit.
    pub fn set_rate(&mut self, now: Instant, bytes_per_second: Option<u64>) {
        if let State::Connected(connection) = &mut self.state {
            connection.set_rate(now, bytes_per_second);
        }
    }

    /// Sets the congestion control (PROTOCOL.md#congestion-control).
    pub fn set_congestion(&mut self, now: Instant, algorithm: CongestionControl) {
        self.config.transport.congestion = algorithm;
        if let State::Connected(connection) = &mut self.state {
            connection.set_congestion(now, algorithm);
        }
    }

    /// Disconnects. The datagrams that [`Self::poll_transmit`] then returns tell the server.
    pub fn disconnect(&mut self) {
        self.hang_up(DisconnectReason::Closed);
        // Also after `disconnect_spread`.
        (self.outgoing.disconnect_at, self.outgoing.disconnect_interval) = (Instant::ZERO, Duration::ZERO);
    }

    /// Disconnects within [`DISCONNECT_COPIES`] times [`DISCONNECT_INTERVAL`]: for a client that is driven until then. The
    /// copies of Disconnect leave apart, because an overloaded server drops datagrams that arrive together. A client that
    /// cannot wait so long calls [`Self::disconnect`], also later.
    pub fn disconnect_spread(&mut self) {
        if !self.outgoing.is_disconnecting() {
            self.disconnect();
            self.outgoing.disconnect_interval = DISCONNECT_INTERVAL;
        }
    }

    pub(super) fn hang_up(&mut self, reason: DisconnectReason) {
        (self.reconnect_attempt, self.moves_to) = (None, None);
        if self.outgoing.is_disconnecting() {
            return;
        }
        if self.is_connected() {
            self.outgoing.disconnects = DISCONNECT_COPIES;
            self.outgoing.disconnect_reason = reason;
        } else if !self.is_closed() {
            self.close(CloseReason::Disconnected(reason));
        }
    }

    /// Size of the datagram that is sent next, if there is one.
    #[inline]
    pub fn transmit_len(&mut self, now: Instant) -> Option<usize> {
        if self.handshake().is_some_and(|handshake| now >= handshake.retry_at) {
            return Some(CONNECT_BYTES);
        }
        match &self.state {
            State::Connected(_) => self.compose_due(now),
            State::Connecting(_) | State::Waiting(_) | State::Closed => None,
        }
    }

    /// Lets the connection write what is due into the open datagram. Returns the size of the datagram that is sent
    /// next.
    #[inline]
    fn compose_due(&mut self, now: Instant) -> Option<usize> {
        if let Some(datagram) = self.outgoing.full.front() {
            return Some(sealed_len(datagram.frames.len()));
        }
        let Client { state: State::Connected(connection), resources, outgoing, .. } = self else { return None };
        let disconnecting = outgoing.is_disconnecting();
        let Outgoing { frames, used, sequence, .. } = outgoing;
        let due = if *used > 0 { !connection.is_quiet() } else { connection.wants_datagram(now) };
        if !disconnecting && due {
            let fresh = *used == 0;
            let limit = if fresh { connection.fresh_frames_max(now) } else { connection.frames_max().max(*used) };
            let mut writer = FrameWriter::new(&mut frames[..limit], *used);
            let carried = connection.fill(now, &mut writer, fresh);
            *used = writer.used();
            if fresh && *used > 0 {
                *sequence = connection.begin_datagram(&mut resources.random);
            }
            connection.sent(now, *sequence, *used, carried);
        }
        if *used > 0 {
            return Some(sealed_len(*used));
        }
        outgoing.disconnect_is_due(now).then(|| sealed_len(FRAME_HEADER_BYTES + 1))
    }

    /// Writes the next datagram into `datagram`, which is exactly [`Self::transmit_len`] long.
    ///
    /// # Panics
    /// When there is no datagram to send, or `datagram` has another length.
    #[inline]
    pub fn transmit(&mut self, now: Instant, datagram: &mut [u8]) {
        if let Some(handshake) = self.handshake().filter(|handshake| now >= handshake.retry_at) {
            return handshake.transmit(now, datagram);
        }
        let Outgoing { full, used, disconnects, disconnect_reason: reason, .. } = &mut self.outgoing;
        let reason = *reason;
        let disconnecting = full.is_empty() && *used == 0 && *disconnects > 0;
        if disconnecting {
            *disconnects -= 1;
            self.outgoing.disconnect_at = now + self.outgoing.disconnect_interval;
            let written = self.compose(|frames| frames.disconnect(reason));
            assert!(written, "a Disconnect fits an empty datagram");
        }
        let Client { state: State::Connected(connection), outgoing, .. } = self else {
            panic!("there is no datagram to send");
        };
        let sealed = match outgoing.full.pop_front() {
            Some(FullDatagram { sequence, frames }) => connection.seal(sequence, &frames, datagram),
            None => {
                let used = std::mem::take(&mut outgoing.used);
                connection.seal(outgoing.sequence, &outgoing.frames[..used], datagram)
            }
        };
        if sealed.is_err() {
            datagram.fill(0);
            return self.close(CloseReason::Disconnected(DisconnectReason::KeyExhausted));
        }
        if disconnecting && !self.outgoing.is_disconnecting() {
            self.close(CloseReason::Disconnected(reason));
        }
    }

    /// Writes the next datagram to the front of `buffer`. Returns its size.
    ///
    /// # Panics
    /// When `buffer` is shorter than [`DATAGRAM_BYTES_MAX`].
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<usize> {
        let len = self.transmit_len(now)?;
        self.transmit(now, &mut buffer[..len]);
        Some(len)
    }
}
