//! The channels of a session as bytes, for another server that the session moves to (PROTOCOL.md#moves).
//!
//! The bytes come from a server of the same fleet. They are checked as if they came from a stranger: a wrong one is an
//! error, and takes no memory. Servers of one version understand each other's bytes; nothing else does.

use super::Channels;
use super::receive_channel::{Ready, ReceiveChannel};
use super::send_channel::SendChannel;
use super::transfer_reader::{Reader, TransferError};
use crate::limits::SEND_QUEUE_BYTES_MAX;
use crate::pool::MessagePool;
use crate::time::Instant;
use crate::wire::Channel;

impl Channels {
    /// Appends everything that another server needs to go on: numbers, messages that are not acknowledged, and what has
    /// arrived of messages that wait. Priorities and rates stay here: the other server sets its own.
    pub(crate) fn write_transfer(&self, to: &mut Vec<u8>) {
        let Channels { sending, receiving, ready, .. } = self;
        to.push(sending.iter().flatten().count() as u8);
        sending.iter().flatten().for_each(|channel| channel.write_transfer(to));
        to.push(receiving.iter().flatten().count() as u8);
        receiving.iter().flatten().for_each(|channel| channel.write_transfer(to));
        to.extend_from_slice(&(ready.len() as u32).to_le_bytes());
        for Ready { channel, buffer, compressed } in ready {
            to.extend_from_slice(&[channel.index() as u8, u8::from(*compressed)]);
            to.extend_from_slice(&(buffer.len() as u32).to_le_bytes());
            to.extend_from_slice(buffer.bytes());
        }
    }

    /// The channels of [`Self::write_transfer`].
    ///
    /// # Errors
    /// [`TransferError`]; no memory is taken then.
    pub(crate) fn read_transfer(now: Instant, bytes: &[u8], pool: &mut MessagePool) -> Result<Self, TransferError> {
        let mut channels = Channels::new();
        let read = channels.read_all(now, &mut Reader::new(bytes), pool);
        if let Err(error) = read {
            channels.release(pool);
            return Err(error);
        }
        Ok(channels)
    }

    fn read_all(&mut self, now: Instant, reader: &mut Reader<'_>, pool: &mut MessagePool) -> Result<(), TransferError> {
        for _ in 0..reader.u8()? {
            let channel = free_channel(reader, |channel| self.sending[channel.index()].is_none())?;
            let sending = self.sending[channel.index()].insert(Box::new(SendChannel::new(channel)));
            sending.read_transfer(reader, &mut self.queued, pool)?;
            Reader::check(self.queued <= SEND_QUEUE_BYTES_MAX)?;
            sending.enter(&mut self.send_window)?;
            self.unsent |= u16::from(sending.has_unsent()) << channel.index();
        }
        for _ in 0..reader.u8()? {
            let channel = free_channel(reader, |channel| self.receiving[channel.index()].is_none())?;
            let receiving = self.receiving[channel.index()].insert(Box::new(ReceiveChannel::new(now, channel)));
            receiving.read_transfer(now, reader, &mut self.receive_window, pool)?;
        }
        for _ in 0..reader.u32()? {
            let channel = Channel::new(reader.u8()?).ok_or(TransferError::Malformed)?;
            let compressed = reader.u8()? != 0;
            let len = reader.len()?;
            self.ready.push_back(Ready { channel, buffer: reader.buffer(len, pool)?, compressed });
        }
        reader.finish()
    }
}

/// A reliable channel that has none yet.
fn free_channel(reader: &mut Reader<'_>, is_free: impl Fn(Channel) -> bool) -> Result<Channel, TransferError> {
    let channel = Channel::new(reader.u8()?).ok_or(TransferError::Malformed)?;
    Reader::check(channel.delivery().is_reliable() && is_free(channel))?;
    Ok(channel)
}
