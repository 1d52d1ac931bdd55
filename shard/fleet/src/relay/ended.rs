//! Clients that a last node has forgotten, with the highest number of each: what was recorded of them must not count again.

use crate::topology::PlaceId;
use std::collections::{HashMap, VecDeque};

/// A client: its edge, and its id there. The edge gives no id twice.
pub(super) type Client = (PlaceId, u64);

/// The clients.
#[derive(Debug)]
pub(super) struct Ended {
    numbers: HashMap<Client, Number>,
    /// The one that was forgotten first is at the front. A client that came back and was forgotten again is in it twice.
    order: VecDeque<(Client, u64)>,
    most: usize,
    turn: u64,
}

#[derive(Debug)]
struct Number {
    highest: u64,
    turn: u64,
}

impl Ended {
    /// Remembers at most so many.
    pub(super) fn new(most: usize) -> Self {
        Ended { numbers: HashMap::new(), order: VecDeque::new(), most, turn: 0 }
    }

    /// A client is forgotten, after a datagram with this number.
    pub(super) fn put(&mut self, client: Client, highest: u64) {
        self.turn += 1;
        self.numbers.insert(client, Number { highest, turn: self.turn });
        self.order.push_back((client, self.turn));
        if self.order.len() > self.most {
            let (first, turn) = self.order.pop_front().expect("there are some");
            if self.numbers.get(&first).is_some_and(|number| number.turn == turn) {
                self.numbers.remove(&first);
            }
        }
    }

    /// The highest number of a client. 0: it is unknown, and anything of it is new.
    pub(super) fn highest(&self, client: Client) -> u64 {
        self.numbers.get(&client).map_or(0, |number| number.highest)
    }

    /// The same of a client that comes back: from now on, its socket tells what counts.
    pub(super) fn take(&mut self, client: Client) -> u64 {
        self.numbers.remove(&client).map_or(0, |number| number.highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: PlaceId = PlaceId(1);

    #[test]
    fn the_last_ones_are_remembered_and_the_memory_has_an_end() {
        let mut ended = Ended::new(3);
        for flow in 1..=4 {
            ended.put((EDGE, flow), 10 * flow);
        }
        assert_eq!([1, 2, 3, 4].map(|flow| ended.highest((EDGE, flow))), [0, 20, 30, 40]);
        assert_eq!((ended.take((EDGE, 2)), ended.highest((EDGE, 2))), (20, 0));
        ended.put((EDGE, 2), 25);
        ended.put((EDGE, 5), 50);
        assert_eq!([2, 3, 4, 5].map(|flow| ended.highest((EDGE, flow))), [25, 0, 40, 50], "its newer turn counts");
        assert_eq!((ended.numbers.len(), ended.order.len()), (3, 3));
    }
}
