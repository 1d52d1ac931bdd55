//! The model of one channel in one direction: what was sent, and whether what arrives follows the channel's delivery.

use super::payload::{LABEL_BYTES, Stream};
use ringshard_protocol::wire::{Channel, Delivery};
use std::collections::VecDeque;

/// Messages shorter than this have no label.
const SHORT: usize = LABEL_BYTES;

#[derive(Debug)]
pub struct ChannelModel {
    stream: Stream,
    delivery: Delivery,
    sent: u32,
    /// Sizes of the reliable messages from the first missing one on; None for those that arrived.
    missing: VecDeque<Option<u32>>,
    missing_bytes: usize,
    /// A bit per unreliable message that arrived.
    arrived: Vec<u64>,
    /// The newest sequenced message that arrived.
    newest: Option<u32>,
    /// Short unreliable messages by length: sent, arrived.
    short: [(u32, u32); SHORT],
}

impl ChannelModel {
    pub fn new(session: u64, to_server: bool, channel: Channel) -> Self {
        ChannelModel {
            stream: Stream::new(session, to_server, channel),
            delivery: channel.delivery(),
            sent: 0,
            missing: VecDeque::new(),
            missing_bytes: 0,
            arrived: Vec::new(),
            newest: None,
            short: [(0, 0); SHORT],
        }
    }

    /// Writes the next message.
    pub fn compose(&self, len: usize, message: &mut Vec<u8>) {
        self.stream.write(self.sent, len, message);
    }

    /// The engine accepted the composed message.
    pub fn taken(&mut self, len: usize) {
        self.sent += 1;
        if self.delivery.is_reliable() {
            self.missing.push_back(Some(len as u32));
            self.missing_bytes += len;
        } else if len < SHORT {
            self.short[len].0 += 1;
        }
    }

    /// Messages accepted so far.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// Reliable messages that have not arrived.
    pub fn missing(&self) -> usize {
        self.missing.iter().flatten().count()
    }

    /// Their bytes.
    pub fn missing_bytes(&self) -> usize {
        self.missing_bytes
    }

    /// Whether all reliable messages have arrived.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Whether the last message has arrived, on channels whose messages have labels.
    pub fn has_last(&self) -> bool {
        let Some(last) = self.sent.checked_sub(1) else { return true };
        match self.delivery {
            Delivery::Unreliable => {
                self.arrived.get(last as usize / 64).is_some_and(|word| word & (1 << (last % 64)) != 0)
            }
            Delivery::UnreliableSequenced => self.newest == Some(last),
            Delivery::ReliableOrdered | Delivery::ReliableUnordered => self.is_complete(),
        }
    }

    /// A message arrived.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn arrived(&mut self, message: &[u8]) -> Result<(), String> {
        let index = match message.len() {
            ..SHORT if self.stream.is_short(message) => None,
            ..SHORT => return Err(format!("{} bytes that were never sent", message.len())),
            _ => Some(self.stream.index_of(message).ok_or_else(|| self.unknown(message))?),
        };
        if let Some(index) = index.filter(|&index| index >= self.sent) {
            return Err(format!("message {index}, but only {} were sent", self.sent));
        }
        match self.delivery {
            Delivery::ReliableOrdered => self.ordered(index, message.len()),
            Delivery::ReliableUnordered => self.unordered(index, message.len()),
            Delivery::Unreliable => self.unreliable(index, message.len()),
            Delivery::UnreliableSequenced => self.sequenced(index, message.len()),
        }
    }

    fn unknown(&self, message: &[u8]) -> String {
        let claimed = u32::from_le_bytes(*message.first_chunk().expect("it is long enough for a label"));
        format!("{} bytes differ from what was sent; they claim to be message {claimed}", message.len())
    }

    /// The first missing reliable message.
    fn base(&self) -> u32 {
        assert!(self.missing.len() <= self.sent as usize, "more messages are missing than were sent");
        self.sent - self.missing.len() as u32
    }

    fn ordered(&mut self, index: Option<u32>, len: usize) -> Result<(), String> {
        let base = self.base();
        let Some(&Some(expected)) = self.missing.front() else {
            return Err(format!("{index:?} of {len} bytes twice: all {} have arrived", self.sent));
        };
        if index.is_some_and(|index| index != base) || expected as usize != len {
            return Err(format!("{index:?} of {len} bytes, but {base} of {expected} bytes is next"));
        }
        self.missing.pop_front();
        self.has_arrived(len);
        Ok(())
    }

    fn unordered(&mut self, index: Option<u32>, len: usize) -> Result<(), String> {
        let place = match index {
            Some(index) => index.checked_sub(self.base()).map(|place| place as usize),
            // Short messages look alike: take the first missing one.
            None => self.missing.iter().position(|&missing| missing == Some(len as u32)),
        };
        let found = place.and_then(|place| self.missing.get_mut(place)).and_then(|slot| slot.take());
        if found != Some(len as u32) {
            return Err(format!("{index:?} of {len} bytes twice"));
        }
        while let Some(None) = self.missing.front() {
            self.missing.pop_front();
        }
        self.has_arrived(len);
        Ok(())
    }

    /// A reliable message of `len` bytes is no longer missing.
    fn has_arrived(&mut self, len: usize) {
        assert!(len <= self.missing_bytes, "a message of {len} bytes was not counted when it was sent");
        self.missing_bytes -= len;
        assert!(!self.missing.is_empty() || self.missing_bytes == 0, "bytes are missing, but no message");
    }

    fn unreliable(&mut self, index: Option<u32>, len: usize) -> Result<(), String> {
        let Some(index) = index else { return self.short_message(len) };
        let (word, bit) = (index as usize / 64, 1 << (index % 64));
        if word >= self.arrived.len() {
            self.arrived.resize(word + 1, 0);
        }
        if self.arrived[word] & bit != 0 {
            return Err(format!("message {index} twice"));
        }
        self.arrived[word] |= bit;
        Ok(())
    }

    fn sequenced(&mut self, index: Option<u32>, len: usize) -> Result<(), String> {
        let Some(index) = index else { return self.short_message(len) };
        if self.newest.is_some_and(|newest| newest >= index) {
            return Err(format!("message {index} after {}", self.newest.unwrap_or_default()));
        }
        self.newest = Some(index);
        Ok(())
    }

    fn short_message(&mut self, len: usize) -> Result<(), String> {
        let (sent, arrived) = &mut self.short[len];
        *arrived += 1;
        match arrived <= sent {
            true => Ok(()),
            false => Err(format!("{arrived} messages of {len} bytes arrived, but only {sent} were sent")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_sent(channel: Channel, lens: &[usize]) -> (ChannelModel, Vec<Vec<u8>>) {
        let mut model = ChannelModel::new(1, true, channel);
        let mut messages = Vec::new();
        for &len in lens {
            let mut message = Vec::new();
            model.compose(len, &mut message);
            model.taken(len);
            messages.push(message);
        }
        (model, messages)
    }

    #[test]
    fn an_ordered_channel_accepts_only_the_order_sent() {
        let (mut model, messages) = with_sent(Channel::RELIABLE_ORDERED, &[10, 0, 20, 3]);
        assert!(model.arrived(&messages[2]).is_err(), "too early");
        for message in &messages {
            assert_eq!(model.arrived(message), Ok(()));
        }
        assert!(model.is_complete() && model.missing_bytes() == 0);
        assert!(model.arrived(&messages[3]).is_err(), "twice");
    }

    #[test]
    fn an_unordered_channel_accepts_each_message_once() {
        let (mut model, messages) = with_sent(Channel::RELIABLE_UNORDERED, &[10, 2, 20, 2]);
        for at in [2, 1, 0] {
            assert_eq!(model.arrived(&messages[at]), Ok(()));
            assert!(messages[at].len() < 8 || model.arrived(&messages[at]).is_err(), "twice");
        }
        assert_eq!((model.missing(), model.missing_bytes()), (1, 2));
        assert_eq!(model.arrived(&messages[3]), Ok(()));
        assert!(model.is_complete());
    }

    #[test]
    fn unreliable_channels_accept_gaps_but_no_duplicates() {
        let (mut model, messages) = with_sent(Channel::UNRELIABLE, &[10, 1, 20]);
        assert_eq!((model.arrived(&messages[2]), model.arrived(&messages[0])), (Ok(()), Ok(())));
        assert!(model.arrived(&messages[0]).is_err());
        assert!(model.arrived(&messages[1]).is_ok() && model.arrived(&messages[1]).is_err());
        let (mut model, messages) = with_sent(Channel::UNRELIABLE_SEQUENCED, &[10, 20, 30]);
        assert_eq!(model.arrived(&messages[1]), Ok(()));
        assert!(model.arrived(&messages[0]).is_err(), "it goes back");
        assert_eq!(model.arrived(&messages[2]), Ok(()));
    }
}
