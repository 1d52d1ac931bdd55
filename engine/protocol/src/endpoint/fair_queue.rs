//! A queue in which a crowd cannot push others aside (stochastic fairness queueing, McKenney 1990).
//!
//! What waits is spread over lanes by who it is from, and taken from the lanes in turn. When no place is left, the longest
//! lane loses its oldest: whoever sends most loses first, and what has waited longest is worth least.

/// Lanes: with as many attackers' networks as that, everybody waits as in one queue.
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
    /// The lane whose turn it is.
    turn: usize,
    len: usize,
}

impl<T> FairQueue<T> {
    /// A queue of `capacity` places, which never grows.
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

    /// Whether the next item needs room that another has.
    pub(super) fn is_full(&self) -> bool {
        self.free == NONE
    }

    /// Puts an item at the end of the lane that `hash` names; gives what had to make room for it.
    pub(super) fn push(&mut self, hash: u64, item: T) -> Option<T> {
        let displaced = if self.is_full() {
            let longest = (0..LANES).max_by_key(|&lane| self.lanes[lane].len).expect("there are lanes");
            self.take(longest)
        } else {
            None
        };
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
        displaced
    }

    /// The oldest of the lane whose turn it is.
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
        let place = &mut self.places[usize::from(lane.first)];
        let item = place.item.take();
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
    fn the_one_who_comes_alone_gets_in_when_a_crowd_has_filled_it() {
        let mut queue = FairQueue::new(4);
        for number in 0..100usize {
            assert_eq!(queue.push(5, number), number.checked_sub(4), "the crowd loses its own oldest");
        }
        assert_eq!(queue.push(9, 1000), Some(96));
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [97, 1000, 98, 99]);
    }

    proptest::proptest! {
        /// Against a model of plain queues, of which nothing is ever lost but what was displaced.
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
