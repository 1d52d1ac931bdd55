//! The events of a tick that are for all who see an entity. A client gets them right after its snapshot of the tick.

use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use std::ops::Range;

/// The events of a tick, by the entity that they are about.
#[derive(Debug)]
pub struct Happenings {
    /// A bit for each entity that has an event.
    concerned: Vec<u64>,
    events: Vec<(EntityId, Channel, Range<usize>)>,
    bytes: Vec<u8>,
}

impl Happenings {
    /// No events, in a world of at most `entities` entities.
    pub fn new(entities: usize) -> Self {
        Happenings { concerned: vec![0; entities.div_ceil(64)], events: Vec::new(), bytes: Vec::new() }
    }

    /// Adds the message of an event for all who see `about`. An entity that the world does not have is seen by nobody.
    pub fn push(&mut self, about: EntityId, channel: Channel, message: &[u8]) {
        let Some(word) = self.concerned.get_mut(usize::from(about.index) / 64) else { return };
        *word |= 1 << (about.index % 64);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(message);
        self.events.push((about, channel, start..self.bytes.len()));
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whether an event may be about the entity at `index`.
    #[inline]
    pub fn concern(&self, index: u16) -> bool {
        self.concerned[usize::from(index) / 64] >> (index % 64) & 1 != 0
    }

    /// The events about an entity, in the order in which they were added.
    pub fn about(&self, about: EntityId) -> impl Iterator<Item = (Channel, &[u8])> {
        let events = self.events.iter().filter(move |(entity, ..)| *entity == about);
        events.map(|(_, channel, range)| (*channel, &self.bytes[range.clone()]))
    }

    /// Forgets all events: a tick has passed.
    pub fn clear(&mut self) {
        for (about, ..) in self.events.drain(..) {
            self.concerned[usize::from(about.index) / 64] = 0;
        }
        self.bytes.clear();
    }
}
