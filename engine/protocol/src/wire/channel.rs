//! The 16 channels of a connection. A channel's number modulo 4 is its delivery (PROTOCOL.md#channels).

use crate::limits::CHANNELS;
use core::fmt;

/// What a channel guarantees.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Delivery {
    /// At most once, in any order.
    Unreliable = 0,
    /// Exactly once, in the order of sending.
    ReliableOrdered = 1,
    /// Exactly once, as soon as it is there.
    ReliableUnordered = 2,
    /// At most once, and never after a newer one.
    UnreliableSequenced = 3,
}

impl Delivery {
    /// Whether messages are retransmitted until they arrive.
    pub const fn is_reliable(self) -> bool {
        matches!(self, Delivery::ReliableOrdered | Delivery::ReliableUnordered)
    }

    /// Name as in configuration and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Delivery::Unreliable => "unreliable",
            Delivery::ReliableOrdered => "reliable-ordered",
            Delivery::ReliableUnordered => "reliable-unordered",
            Delivery::UnreliableSequenced => "unreliable-sequenced",
        }
    }
}

/// One of the 16 channels of a connection. Channels do not block each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub struct Channel(u8);

impl Channel {
    /// The first unreliable channel.
    pub const UNRELIABLE: Channel = Channel(0);
    /// The first reliable, ordered channel.
    pub const RELIABLE_ORDERED: Channel = Channel(1);
    /// The first reliable, unordered channel.
    pub const RELIABLE_UNORDERED: Channel = Channel(2);
    /// The first unreliable, sequenced channel.
    pub const UNRELIABLE_SEQUENCED: Channel = Channel(3);

    /// Channel `number`, 0 to 15; None beyond.
    pub const fn new(number: u8) -> Option<Self> {
        if (number as usize) < CHANNELS { Some(Channel(number)) } else { None }
    }

    /// All channels, by number.
    pub fn all() -> impl Iterator<Item = Channel> {
        (0..CHANNELS as u8).map(Channel)
    }

    /// 0 to 15.
    #[inline]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The number as an index.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// What it guarantees.
    #[inline]
    pub const fn delivery(self) -> Delivery {
        match self.0 % 4 {
            0 => Delivery::Unreliable,
            1 => Delivery::ReliableOrdered,
            2 => Delivery::ReliableUnordered,
            _ => Delivery::UnreliableSequenced,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.delivery().name())
    }
}
