//! What was sent on each channel, and what came back.

use super::steps::Content;
use ringshard_client::{Channel, Delivery};

/// Smaller messages have no number.
const NUMBER_BYTES: usize = 4;

pub struct Ledger {
    channels: Vec<Sent>,
    made: u32,
    random: u64,
}

#[derive(Default)]
struct Sent {
    sent: Vec<Vec<u8>>,
    received: Vec<Vec<u8>>,
}

impl Ledger {
    pub fn new(seed: usize) -> Self {
        let channels = Channel::all().map(|_| Sent::default()).collect();
        Ledger { channels, made: 0, random: seed as u64 + 1 }
    }

    /// A message of this size that differs from all others, if it has room for a number.
    pub fn make(&mut self, size: usize, content: Content) -> Vec<u8> {
        let mut bytes: Vec<u8> = match content {
            Content::Text => b"again and ".iter().copied().cycle().take(size).collect(),
            Content::Random => std::iter::repeat_with(|| self.random_byte()).take(size).collect(),
        };
        if size >= NUMBER_BYTES {
            bytes[..NUMBER_BYTES].copy_from_slice(&self.made.to_le_bytes());
        }
        self.made += 1;
        bytes
    }

    pub fn note_sent(&mut self, channel: Channel, bytes: Vec<u8>) {
        self.of_mut(channel).sent.push(bytes);
    }

    pub fn note_received(&mut self, channel: Channel, bytes: &[u8]) {
        self.of_mut(channel).received.push(bytes.to_vec());
    }

    /// How many messages have come back on a channel.
    pub fn count(&self, channel: Channel) -> usize {
        self.of(channel).received.len()
    }

    /// Whether one of these messages has come back, apart from the first `from` messages.
    pub fn has_come_back(&self, channel: Channel, messages: &[Vec<u8>], from: usize) -> bool {
        self.of(channel).received[from..].iter().any(|received| messages.contains(received))
    }

    /// Whether so many messages have come back that [`Self::check`] can succeed.
    pub fn is_complete(&self, share: f64) -> bool {
        Channel::all().all(|channel| self.count(channel) >= self.least(channel, share))
    }

    /// # Panics
    /// Unless each channel keeps its promise.
    pub fn check(&self, share: f64) {
        for channel in Channel::all() {
            let Sent { sent, received } = self.of(channel);
            let what = format!("channel {channel}: {} of {} messages came back", received.len(), sent.len());
            assert!(received.len() >= self.least(channel, share), "{what}");
            match channel.delivery() {
                Delivery::ReliableOrdered => assert!(received == sent, "{what}; others than were sent, or disordered"),
                Delivery::ReliableUnordered => {
                    assert!(sorted(received) == sorted(sent), "{what}; others than were sent")
                }
                Delivery::Unreliable => {
                    assert!(is_part(&sorted(received), &sorted(sent)), "{what}; others than were sent, or twice");
                }
                Delivery::UnreliableSequenced => {
                    let (received, sent): (Vec<_>, Vec<_>) = (received.iter().collect(), sent.iter().collect());
                    assert!(is_part(&received, &sent), "{what}; others than were sent, or disordered");
                }
            }
        }
    }

    /// How many messages must come back on a channel, at least.
    fn least(&self, channel: Channel, share: f64) -> usize {
        let sent = self.of(channel).sent.len();
        match channel.delivery() {
            Delivery::ReliableOrdered | Delivery::ReliableUnordered => sent,
            Delivery::Unreliable => (sent as f64 * share).ceil() as usize,
            Delivery::UnreliableSequenced => sent.min(1),
        }
    }

    fn of(&self, channel: Channel) -> &Sent {
        &self.channels[usize::from(channel.number())]
    }

    fn of_mut(&mut self, channel: Channel) -> &mut Sent {
        &mut self.channels[usize::from(channel.number())]
    }

    fn random_byte(&mut self) -> u8 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 56) as u8
    }
}

fn sorted(messages: &[Vec<u8>]) -> Vec<&Vec<u8>> {
    let mut sorted: Vec<_> = messages.iter().collect();
    sorted.sort_unstable();
    sorted
}

/// Whether `whole` has all items of `part`, in their order.
fn is_part(part: &[&Vec<u8>], whole: &[&Vec<u8>]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|item| rest.any(|other| other == item))
}
