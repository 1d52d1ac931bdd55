//! Datagrams in flight, ordered by the time they are due.

use core::cmp::Reverse;
use ringshard_protocol::time::Instant;
use std::collections::BinaryHeap;

/// One datagram in flight, or arrived and waiting to be received.
#[derive(Debug)]
pub(crate) struct Held<E> {
    /// Sender, receiver, or both.
    pub envelope: E,
    pub due: Instant,
    pub bytes: Vec<u8>,
}

/// Holds datagrams until they are due; datagrams due at the same time leave in the order in which they entered.
///
/// Places and their buffers are reused after a release, so that nothing is allocated in the long run.
#[derive(Debug)]
pub(crate) struct Transit<E> {
    /// Due time, number of the datagram, place.
    order: BinaryHeap<Reverse<(Instant, u64, u32)>>,
    places: Vec<Held<E>>,
    free: Vec<u32>,
    entered: u64,
}

impl<E> Transit<E> {
    pub(crate) fn new() -> Self {
        Transit { order: BinaryHeap::new(), places: Vec::new(), free: Vec::new(), entered: 0 }
    }

    /// Datagrams that have a place: in flight, or due and not yet released.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// The largest number of places in use at once.
    #[cfg(test)]
    pub(crate) fn places(&self) -> usize {
        self.places.len()
    }

    /// Takes a copy of the datagram, and lends it to be altered.
    pub(crate) fn insert(&mut self, envelope: E, due: Instant, bytes: &[u8]) -> &mut Held<E> {
        let place = match self.free.pop() {
            Some(place) => {
                let held = &mut self.places[place as usize];
                (held.envelope, held.due) = (envelope, due);
                place
            }
            None => {
                self.places.push(Held { envelope, due, bytes: Vec::new() });
                self.places.len() as u32 - 1
            }
        };
        self.order.push(Reverse((due, self.entered, place)));
        self.entered += 1;
        let held = &mut self.places[place as usize];
        held.bytes.clear();
        held.bytes.extend_from_slice(bytes);
        held
    }

    /// When the next one is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.order.peek().map(|&Reverse((due, ..))| due)
    }

    /// The next datagram, if it is due at `now`, which keeps its place.
    #[cfg(any(test, feature = "conditions"))]
    pub(crate) fn peek_due(&self, now: Instant) -> Option<&Held<E>> {
        let &Reverse((due, _, place)) = self.order.peek()?;
        (due <= now).then(|| &self.places[place as usize])
    }

    /// Takes the next datagram out of the order, if it is due at `now`. It keeps its place until it is released.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<u32> {
        if self.next_due()? > now {
            return None;
        }
        self.order.pop().map(|Reverse((_, _, place))| place)
    }

    pub(crate) fn get(&mut self, place: u32) -> &mut Held<E> {
        &mut self.places[place as usize]
    }

    /// Frees the place of a datagram that was taken.
    pub(crate) fn release(&mut self, place: u32) {
        self.free.push(place);
        assert!(
            self.order.len() + self.free.len() <= self.places.len(),
            "a place is released once, after it was taken"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_leave_in_order_when_due_and_their_places_are_reused() {
        let mut transit = Transit::new();
        let at = Instant::from_nanos;
        for (number, nanos) in [(0u8, 30), (1, 10), (2, 20), (3, 10)] {
            transit.insert(number, at(nanos), &[number; 3]);
        }
        assert_eq!((transit.next_due(), transit.len()), (Some(at(10)), 4));
        let mut taken = Vec::new();
        while let Some(place) = transit.pop_due(at(20)) {
            let held = transit.get(place);
            assert_eq!(held.bytes, [held.envelope; 3]);
            taken.push((held.envelope, held.due.as_nanos()));
            transit.release(place);
        }
        assert_eq!(taken, [(1, 10), (3, 10), (2, 20)]);
        assert_eq!((transit.next_due(), transit.len()), (Some(at(30)), 1));
        let held = transit.insert(4, at(40), &[9; 5]);
        assert_eq!((held.envelope, &held.bytes[..]), (4, &[9; 5][..]));
        assert_eq!((transit.len(), transit.places.len()), (2, 4));
    }
}
