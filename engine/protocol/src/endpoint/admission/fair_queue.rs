//! A queue in which many items from one sender do not delay those of others (stochastic fairness queueing, McKenney 1990).
//!
//! A hash of the sender chooses an item's lane, and lanes are served in turn. When the queue is full, the longest lane loses
//! its oldest item: the heaviest sender loses first, and the item that has waited longest is worth least.

/// Number of lanes. Attackers in as many networks make it one plain queue.
const LANES: usize = 64;
const NONE: u16 = u16::MAX;

#[derive(Clone, Copy, Debug)]
struct Lane {
    first: u16,
    last: u16,
    len: u16,
}

#[derive(Debug)]
struct Place<T> {
    item: Option<T>,
    next: u16,
}

#[derive(Debug)]
pub(super) struct FairQueue<T> {
    places: Box<[Place<T>]>,
    free: u16,
    lanes: [Lane; LANES],
    /// The lane that is served next.
    turn: usize,
    len: usize,
}

impl<T> FairQueue<T> {
    /// A queue of `capacity` places. It never grows.
    ///
    /// # Panics
    /// When `capacity` is 0 or 65,535 or more.
    pub(super) fn new(capacity: usize) -> Self {
        assert!(capacity > 0 && capacity < usize::from(NONE), "places are named by 16 bits");
        let place =
            |index: usize| Place { item: None, next: if index + 1 < capacity { index as u16 + 1 } else { NONE } };
        FairQueue {
            places: (0..capacity).map(place).collect(),
            free: 0,
            lanes: [Lane { first: NONE, last: NONE, len: 0 }; LANES],
            turn: 0,
            len: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the next item displaces another.
    pub(super) fn is_full(&self) -> bool {
        self.free == NONE
    }

    /// Adds an item to the lane that `hash` chooses. Returns the item that it displaces.
    pub(super) fn push(&mut self, hash: u64, item: T) -> Option<T> {
        let displaced = if self.is_full() {
            let longest = (0..LANES).max_by_key(|&lane| self.lanes[lane].len).expect("there are lanes");
            self.take(longest)
        } else {
            None
        };
        assert!(!self.is_full(), "the longest lane has made room");
        let place = self.free;
        self.free = self.places[usize::from(place)].next;
        self.places[usize::from(place)] = Place { item: Some(item), next: NONE };
        let lane = &mut self.lanes[hash as usize % LANES];
        match lane.last {
            NONE => lane.first = place,
            last => self.places[usize::from(last)].next = place,
        }
        lane.last = place;
        lane.len += 1;
        self.len += 1;
        assert!(self.len <= self.places.len(), "an item has a place");
        displaced
    }

    /// The oldest item of the lane that is served next.
    pub(super) fn pop(&mut self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        while self.lanes[self.turn].len == 0 {
            self.turn = (self.turn + 1) % LANES;
        }
        let lane = self.turn;
        self.turn = (self.turn + 1) % LANES;
        self.take(lane)
    }

    fn take(&mut self, lane: usize) -> Option<T> {
        let lane = &mut self.lanes[lane];
        assert!(lane.len > 0 && self.len > 0, "only a lane with items is served");
        let place = &mut self.places[usize::from(lane.first)];
        let item = place.item.take();
        assert!(item.is_some(), "a place in a lane holds an item");
        let freed = lane.first;
        lane.first = place.next;
        if lane.first == NONE {
            lane.last = NONE;
        }
        lane.len -= 1;
        self.len -= 1;
        place.next = self.free;
        self.free = freed;
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn lanes_take_turns_and_each_keeps_its_order() {
        let mut queue = FairQueue::new(8);
        for (lane, item) in [(1, 'a'), (1, 'b'), (1, 'c'), (2, 'x'), (66, 'y')] {
            assert_eq!(queue.push(lane, item), None);
        }
        let order: String = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, "axbyc");
        assert!(queue.is_empty());
    }

    #[test]
    fn a_lone_sender_gets_in_when_a_crowd_has_filled_the_queue() {
        let mut queue = FairQueue::new(4);
        for number in 0..100usize {
            assert_eq!(queue.push(5, number), number.checked_sub(4), "the crowd loses its own oldest");
        }
        assert_eq!(queue.push(9, 1000), Some(96));
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [97, 1000, 98, 99]);
    }

    proptest::proptest! {
        /// Compared with a model of plain queues: only displaced items are lost.
        #[test]
        fn does_what_plain_queues_would(steps in proptest::collection::vec((0u64..6, 0u8..3), 1..400)) {
            let mut queue = FairQueue::new(16);
            let mut model: Vec<VecDeque<usize>> = vec![VecDeque::new(); LANES];
            let mut turn = 0;
            for (number, (lane, step)) in steps.into_iter().enumerate() {
                let held: usize = model.iter().map(VecDeque::len).sum();
                if step > 0 {
                    let displaced = queue.push(lane, number);
                    let longest = (0..LANES).max_by_key(|&lane| model[lane].len()).unwrap();
                    let expected = if held == 16 { model[longest].pop_front() } else { None };
                    proptest::prop_assert_eq!(displaced, expected);
                    model[lane as usize].push_back(number);
                } else {
                    let expected = (0..LANES).map(|step| (turn + step) % LANES).find(|&lane| !model[lane].is_empty());
                    let expected = expected.and_then(|lane| {
                        turn = (lane + 1) % LANES;
                        model[lane].pop_front()
                    });
                    proptest::prop_assert_eq!(queue.pop(), expected);
                }
                proptest::prop_assert_eq!(queue.is_empty(), model.iter().all(VecDeque::is_empty));
            }
        }
    }
}
