//! The channels of a session as bytes, for another server that the session moves to (PROTOCOL.md#moves).
//!
//! The bytes come from a server of the same fleet. They are checked as if they came from a stranger: a wrong one is an
//! error, and takes no memory. Servers of one version understand each other's bytes; nothing else does.

use super::Channels;
use super::receive_channel::{Ready, ReceiveChannel};
use super::send_channel::SendChannel;
use crate::limits::{MESSAGE_BYTES_MAX, SEND_QUEUE_BYTES_MAX};
use crate::pool::{Buffer, MessagePool};
use crate::time::Instant;
use crate::wire::Channel;

/// Why the bytes of a session are refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TransferError {
    /// They are no session of a server of this version.
    #[error("these bytes are no session of a server of this version")]
    Malformed,
    /// There is no memory for its messages.
    #[error("there is no memory for the messages of the session: see message-memory")]
    NoMemory,
}

/// Reads the bytes of a session.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], TransferError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(TransferError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], TransferError> {
        self.take(N)?.first_chunk().ok_or(TransferError::Malformed)
    }

    pub(super) fn u8(&mut self) -> Result<u8, TransferError> {
        self.array::<1>().map(|bytes| bytes[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, TransferError> {
        self.array().map(|bytes| u16::from_le_bytes(*bytes))
    }

    pub(super) fn u32(&mut self) -> Result<u32, TransferError> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    pub(super) fn u64(&mut self) -> Result<u64, TransferError> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// The length of a message.
    pub(super) fn len(&mut self) -> Result<usize, TransferError> {
        let len = self.u32()? as usize;
        if len <= MESSAGE_BYTES_MAX { Ok(len) } else { Err(TransferError::Malformed) }
    }

    /// The next `len` bytes, in memory of the pool.
    pub(super) fn buffer(&mut self, len: usize, pool: &mut MessagePool) -> Result<Buffer, TransferError> {
        pool.copy(self.take(len)?).ok_or(TransferError::NoMemory)
    }

    /// An error unless a condition holds.
    pub(super) fn check(holds: bool) -> Result<(), TransferError> {
        if holds { Ok(()) } else { Err(TransferError::Malformed) }
    }

    /// A reliable channel that has none yet.
    fn channel(&mut self, is_free: impl Fn(Channel) -> bool) -> Result<Channel, TransferError> {
        let channel = Channel::new(self.u8()?).ok_or(TransferError::Malformed)?;
        Self::check(channel.delivery().is_reliable() && is_free(channel))?;
        Ok(channel)
    }
}

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
        let read = channels.read_all(now, &mut Reader(bytes), pool);
        if let Err(error) = read {
            channels.release(pool);
            return Err(error);
        }
        Ok(channels)
    }

    fn read_all(&mut self, now: Instant, reader: &mut Reader<'_>, pool: &mut MessagePool) -> Result<(), TransferError> {
        for _ in 0..reader.u8()? {
            let channel = reader.channel(|channel| self.sending[channel.index()].is_none())?;
            let sending = self.sending[channel.index()].insert(Box::new(SendChannel::new(channel)));
            sending.read_transfer(reader, &mut self.queued, pool)?;
            Reader::check(self.queued <= SEND_QUEUE_BYTES_MAX)?;
            sending.enter(&mut self.send_window)?;
            self.unsent |= u16::from(sending.has_unsent()) << channel.index();
        }
        for _ in 0..reader.u8()? {
            let channel = reader.channel(|channel| self.receiving[channel.index()].is_none())?;
            let receiving = self.receiving[channel.index()].insert(Box::new(ReceiveChannel::new(now, channel)));
            receiving.read_transfer(now, reader, &mut self.receive_window, pool)?;
        }
        for _ in 0..reader.u32()? {
            let channel = Channel::new(reader.u8()?).ok_or(TransferError::Malformed)?;
            let compressed = reader.u8()? != 0;
            let len = reader.len()?;
            self.ready.push_back(Ready { channel, buffer: reader.buffer(len, pool)?, compressed });
        }
        Reader::check(reader.0.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Csprng;
    use crate::wire::{FrameReader, FrameWriter, MessageFrame};
    use rand_chacha::rand_core::{Rng, SeedableRng};
}
