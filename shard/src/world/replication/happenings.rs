//! The events for all who see an entity. A client gets them right after its snapshot of the tick.

use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use std::ops::Range;

/// An event, and where its message is.
#[derive(Clone, Debug)]
struct Happening {
    about: EntityId,
    channel: Channel,
    message: Range<usize>,
}

/// Events, and their messages one after the other.
#[derive(Debug, Default)]
struct Events {
    all: Vec<Happening>,
    bytes: Vec<u8>,
}

/// The events of a tick, by the entity that they are about, and those that wait for the next tick.
///
/// What clients send arrives between two ticks, while some of them have their snapshots already. An event that is added then
/// waits for the next tick, so that all who see the entity get it.
#[derive(Debug)]
pub struct Happenings {
    /// A bit for each entity that has an event in this tick.
    concerned: Vec<u64>,
    /// The events of this tick, in the order of their entities.
    now: Events,
    next: Events,
}

impl Happenings {
    /// No events, in a world of at most `entities` entities.
    pub fn new(entities: usize) -> Self {
        Happenings { concerned: vec![0; entities.div_ceil(64)], now: Events::default(), next: Events::default() }
    }

    /// Adds the message of an event for all who see `about`. It belongs to the tick that [`Self::next_tick`] begins. An entity
    /// that the world cannot have is seen by nobody.
    ///
    /// # Panics
    /// When the message is empty.
    pub fn push(&mut self, about: EntityId, channel: Channel, message: &[u8]) {
        assert!(!message.is_empty(), "a message has a kind");
        if usize::from(about.index) / 64 >= self.concerned.len() {
            return;
        }
        let Events { all, bytes } = &mut self.next;
        let start = bytes.len();
        bytes.extend_from_slice(message);
        all.push(Happening { about, channel, message: start..bytes.len() });
    }

    /// A tick has passed: forgets its events. Those that were added meanwhile are the events of the next one.
    pub fn next_tick(&mut self) {
        let Happenings { concerned, now, next } = self;
        for Happening { about, .. } in now.all.drain(..) {
            concerned[usize::from(about.index) / 64] = 0;
        }
        now.bytes.clear();
        std::mem::swap(now, next);
        // Events about one entity stay in their order: no two messages begin at the same byte.
        now.all.sort_unstable_by_key(|event| (event.about, event.message.start));
        for Happening { about, .. } in &now.all {
            concerned[usize::from(about.index) / 64] |= 1 << (about.index % 64);
        }
    }

    /// Whether this tick has no event.
    pub fn is_empty(&self) -> bool {
        self.now.all.is_empty()
    }

    /// Whether an event of this tick may be about the entity at `index`.
    #[inline]
    pub fn concern(&self, index: u16) -> bool {
        self.concerned[usize::from(index) / 64] >> (index % 64) & 1 != 0
    }

    /// The events of this tick about an entity, in the order in which they were added.
    pub fn about(&self, about: EntityId) -> impl Iterator<Item = (Channel, &[u8])> {
        let Events { all, bytes } = &self.now;
        let first = all.partition_point(|event| event.about < about);
        let events = all[first..].iter().take_while(move |event| event.about == about);
        events.map(|event| (event.channel, &bytes[event.message.clone()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn id(index: u16, generation: u8) -> EntityId {
        EntityId { index, generation }
    }

    fn about(happenings: &Happenings, entity: EntityId) -> Vec<(Channel, Vec<u8>)> {
        happenings.about(entity).map(|(channel, message)| (channel, message.to_vec())).collect()
    }

    /// Against lists by entity: nothing is lost, doubled, given to another entity or kept for a second tick.
    #[test]
    fn each_event_is_there_for_one_tick_in_the_order_of_adding() {
        let mut happenings = Happenings::new(300);
        for tick in 0..50_u32 {
            let mut model: HashMap<EntityId, Vec<(Channel, Vec<u8>)>> = HashMap::new();
            for number in 0..(tick * 7 % 90) {
                let entity = id((number * number % 97 * 3) as u16, (number % 2 + 1) as u8);
                let channel = [Channel::UNRELIABLE, Channel::RELIABLE_ORDERED][number as usize % 2];
                let message = vec![tick as u8; 1 + number as usize % 5];
                happenings.push(entity, channel, &message);
                model.entry(entity).or_default().push((channel, message));
            }
            happenings.next_tick();
            assert_eq!(happenings.is_empty(), model.is_empty());
            assert!(
                happenings.next.all.is_empty() && happenings.next.bytes.is_empty(),
                "nothing of a former tick is kept"
            );
            for index in 0..300 {
                for generation in 1..=2 {
                    let entity = id(index, generation);
                    assert_eq!(about(&happenings, entity), model.remove(&entity).unwrap_or_default(), "{entity:?}");
                }
                let any = happenings.about(id(index, 1)).chain(happenings.about(id(index, 2))).count();
                assert_eq!(happenings.concern(index), any > 0);
            }
        }
    }

    /// A client served before the event was added would never get it.
    #[test]
    fn an_event_that_is_added_between_two_ticks_waits_for_the_next_one() {
        let mut happenings = Happenings::new(10);
        happenings.push(id(1, 1), Channel::UNRELIABLE, &[7]);
        assert!(happenings.is_empty() && !happenings.concern(1));
        happenings.next_tick();
        happenings.push(id(2, 1), Channel::UNRELIABLE, &[8]);
        assert_eq!(about(&happenings, id(1, 1)), [(Channel::UNRELIABLE, vec![7])]);
        assert!(!happenings.concern(2));
        happenings.next_tick();
        assert!(about(&happenings, id(1, 1)).is_empty() && !happenings.concern(1));
        assert_eq!(about(&happenings, id(2, 1)), [(Channel::UNRELIABLE, vec![8])]);
    }

    #[test]
    fn an_event_about_an_entity_beyond_the_world_is_dropped() {
        let mut happenings = Happenings::new(64);
        happenings.push(id(64, 1), Channel::UNRELIABLE, &[7]);
        happenings.push(id(u16::MAX, 1), Channel::UNRELIABLE, &[7]);
        happenings.next_tick();
        assert!(happenings.is_empty());
    }
}
