//! The way of a message out, up to the send queue: each message joins its connection's open datagram, or waits in the
//! connection until congestion control lets it go.

use super::Endpoint;
use super::entry::Entry;
use super::send_queue::SendQueue;
use crate::connection::{ChannelQuality, CongestionControl, Resources, SendError};
use crate::crypto::Csprng;
use crate::limits::*;
use crate::time::Instant;
use crate::wire::{Channel, ConnectionId, Delivery, DisconnectReason, FrameWriter};

impl Endpoint {
    /// Sends a message to `id`. Unreliable messages share the next datagram as far as they fit; reliable ones leave as
    /// the path allows.
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken.
    #[inline]
    pub fn send(&mut self, now: Instant, id: ConnectionId, channel: Channel, message: &[u8]) -> Result<(), SendError> {
        let Some(entry) = self.table.get_mut(id).filter(|entry| !entry.is_closing()) else {
            return Err(SendError::NotConnected);
        };
        let plain = channel.delivery() == Delivery::Unreliable && message.len() <= COMPRESSION_BYTES_MIN;
        if plain && entry.connection.is_unlimited() {
            if !compose(&mut self.send_queue, entry, &mut self.resources.random, |frames| {
                frames.message(channel, message)
            }) {
                self.resources.drops.send_queue_full += 1;
                return Err(SendError::Full);
            }
            self.stats.messages_out += 1;
            return Ok(());
        }
        let sent = match channel.delivery().is_reliable() {
            true => self.send_reliable(now, id, channel, message),
            false => self.send_unreliable(now, id, channel, message),
        };
        match sent {
            Ok(()) => self.stats.messages_out += 1,
            Err(SendError::Full) => self.resources.drops.send_queue_full += 1,
            Err(SendError::RateLimited) => self.resources.drops.rate_limited += 1,
            Err(SendError::Overflow) => {
                self.stats.overflowed += 1;
                self.disconnect(id, DisconnectReason::Overflow);
            }
            Err(_) => {}
        }
        sent
    }

    /// As [`Self::send`] for an unreliable message, and pads the datagram that carries its end to `datagram_bytes` on
    /// the wire: datagrams of one size to one address leave as one send, so messages of different sizes can share it.
    ///
    /// The size is rounded up to one that is sent (PROTOCOL.md#padding), and never exceeds what the path carries. A
    /// datagram that is larger anyway stays as it is.
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken.
    #[inline]
    pub fn send_padded(
        &mut self,
        now: Instant,
        id: ConnectionId,
        channel: Channel,
        message: &[u8],
        datagram_bytes: usize,
    ) -> Result<(), SendError> {
        self.send(now, id, channel, message)?;
        if let Some(index) = self.table.get(id).and_then(|entry| entry.open_datagram) {
            self.send_queue.pad(index, datagram_bytes.saturating_sub(HEADER_BYTES + TAG_BYTES));
        }
        Ok(())
    }

    fn send_reliable(
        &mut self,
        now: Instant,
        id: ConnectionId,
        channel: Channel,
        message: &[u8],
    ) -> Result<(), SendError> {
        let entry = self.table.get_mut(id).ok_or(SendError::NotConnected)?;
        entry.connection.send_reliable(now, channel, message, &mut self.resources)?;
        if !entry.is_active {
            entry.is_active = true;
            self.active.push_back(id.slot());
        }
        Ok(())
    }

    fn send_unreliable(
        &mut self,
        now: Instant,
        id: ConnectionId,
        channel: Channel,
        message: &[u8],
    ) -> Result<(), SendError> {
        let Endpoint { table, send_queue, resources: Resources { compressor, random, .. }, .. } = self;
        let entry = table.get_mut(id).ok_or(SendError::NotConnected)?;
        let message = entry.connection.send_unreliable(now, channel, message, compressor)?;
        let composed = (0..message.frames())
            .all(|index| compose(send_queue, entry, random, |frames| message.write(index, frames)));
        if message.frames() > 1 {
            // The connection may now want to probe for larger datagrams.
            self.activate(now, id);
        }
        if composed { Ok(()) } else { Err(SendError::Full) }
    }

    /// Adds the connection to the list of those with something to send, if it has.
    pub(super) fn activate(&mut self, now: Instant, id: ConnectionId) {
        if let Some(entry) = self.table.get_mut(id)
            && !entry.is_active
            && (entry.connection.wants_datagram(now) || entry.open_datagram.is_some())
        {
            entry.is_active = true;
            self.active.push_back(id.slot());
        }
    }

    /// Bytes of reliable messages that can still be queued for `id`. Each message costs its size and
    /// [`MESSAGE_COST_BYTES`]. Queueing more ends the connection (PROTOCOL.md#windows).
    pub fn send_room(&self, id: ConnectionId) -> usize {
        self.table.get(id).map_or(0, |entry| entry.connection.send_room())
    }

    /// Sets the priority and rate of a channel of `id`.
    pub fn set_channel_quality(&mut self, now: Instant, id: ConnectionId, channel: Channel, quality: ChannelQuality) {
        if let Some(entry) = self.table.get_mut(id) {
            entry.connection.set_channel_quality(now, channel, quality);
            self.activate(now, id);
        }
    }

    /// Limits the bytes of messages per second to `id`, over all channels; None for no limit.
    pub fn set_rate(&mut self, now: Instant, id: ConnectionId, bytes_per_second: Option<u64>) {
        if let Some(entry) = self.table.get_mut(id) {
            entry.connection.set_rate(now, bytes_per_second);
            self.activate(now, id);
        }
    }

    /// Sets the congestion control of `id` (PROTOCOL.md#congestion-control).
    pub fn set_congestion(&mut self, now: Instant, id: ConnectionId, algorithm: CongestionControl) {
        if let Some(entry) = self.table.get_mut(id) {
            entry.connection.set_congestion(now, algorithm);
        }
    }

    /// Changes the traffic keys of `id`, unless they have just changed (PROTOCOL.md#rekeying).
    pub fn rekey(&mut self, now: Instant, id: ConnectionId) {
        if let Some(entry) = self.table.get_mut(id) {
            entry.connection.rekey(now, &mut self.resources);
            self.activate(now, id);
        }
    }
}

/// Appends a frame to the connection's open datagram, or to a new one if it does not fit. False if no buffer is free.
#[inline]
pub(super) fn compose(
    queue: &mut SendQueue,
    entry: &mut Entry,
    random: &mut Csprng,
    write: impl Fn(&mut FrameWriter<'_>) -> bool,
) -> bool {
    if let Some(index) = entry.open_datagram
        && queue.write(index, &write)
    {
        return true;
    }
    let connection = &mut entry.connection;
    let Some(index) = queue.begin(connection.frames_max()) else { return false };
    queue.enqueue(connection.id(), index, connection.begin_datagram(random));
    entry.open_datagram = Some(index);
    let written = queue.write(index, write);
    assert!(written, "every frame fits an empty datagram");
    true
}
