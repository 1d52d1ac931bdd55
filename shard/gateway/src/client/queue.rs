//! Datagrams that wait for a client: bounded in bytes and number. A full queue drops its oldest, because newer datagrams
//! are worth more to a game.
//!
//! A datagram is a slice of a chunk that many clients share. A client that keeps slices keeps whole chunks. Therefore the
//! queue of a client that is behind owns what it holds: its datagrams are copied once they have waited for a round of
//! receiving.

use super::memory::QueueMemory;
use bytes::Bytes;
use std::collections::VecDeque;
use std::rc::Rc;

/// Datagrams in a queue, whatever their sizes.
const DATAGRAMS_MAX: usize = 1_024;

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: VecDeque<Bytes>,
    bytes: usize,
    /// How many at the front are copies.
    owned: usize,
    /// The round in which the last datagram came.
    round: u64,
    /// Shared by the queues of a thread.
    memory: Rc<QueueMemory>,
    /// What this queue has of the memory.
    held: usize,
}

/// How many datagrams were dropped for a new one, and what was full.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Dropped {
    /// The queue.
    pub(crate) queue: usize,
    /// The memory of all queues.
    pub(crate) memory: usize,
}

impl Queue {
    pub(super) fn new(memory: Rc<QueueMemory>) -> Queue {
        Queue { waiting: VecDeque::new(), bytes: 0, owned: 0, round: 0, memory, held: 0 }
    }

    /// Adds a datagram that arrived in this round of receiving, and drops the oldest where there is no room. The new one is
    /// dropped only if other queues hold all the memory.
    pub(super) fn push(&mut self, datagram: Bytes, round: u64, bytes_max: usize) -> Dropped {
        if self.round != round {
            self.own();
            self.round = round;
        }
        let is_behind = self.owned > 0 && self.owned == self.waiting.len();
        let dropped = self.make_room(datagram.len(), bytes_max);
        let cost = QueueMemory::cost(datagram.len());
        if !self.memory.admits(self.held, cost) {
            return Dropped { memory: dropped.memory + 1, ..dropped };
        }
        self.memory.take(cost);
        self.held += cost;
        self.bytes += datagram.len();
        self.waiting.push_back(if is_behind { Bytes::copy_from_slice(&datagram) } else { datagram });
        self.owned += usize::from(is_behind);
        dropped
    }

    /// Drops the oldest datagrams until one of `bytes` fits, or none is left.
    fn make_room(&mut self, bytes: usize, bytes_max: usize) -> Dropped {
        let mut dropped = Dropped::default();
        while !self.is_empty() && (self.bytes + bytes > bytes_max || self.waiting.len() == DATAGRAMS_MAX) {
            self.pop();
            dropped.queue += 1;
        }
        while !self.is_empty() && !self.memory.admits(self.held, QueueMemory::cost(bytes)) {
            self.pop();
            dropped.memory += 1;
        }
        dropped
    }

    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let datagram = self.waiting.pop_front()?;
        let cost = QueueMemory::cost(datagram.len());
        self.memory.give_back(cost);
        self.held -= cost;
        self.bytes -= datagram.len();
        self.owned = self.owned.saturating_sub(1);
        Some(datagram)
    }

    /// The datagrams, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.waiting.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Copies what is still a slice of a shared chunk.
    pub(super) fn own(&mut self) {
        for datagram in self.waiting.range_mut(self.owned..) {
            *datagram = Bytes::copy_from_slice(datagram);
        }
        self.owned = self.waiting.len();
    }

    /// Drops all but the newest `kept` datagrams, and releases what memory it can. Returns how many were dropped.
    pub(super) fn keep_newest(&mut self, kept: usize) -> usize {
        let excess = self.waiting.len().saturating_sub(kept);
        for _ in 0..excess {
            self.pop();
        }
        self.own();
        self.waiting.shrink_to(kept);
        excess
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.memory.give_back(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn queue() -> Queue {
        Queue::new(Rc::new(QueueMemory::new(64 << 20)))
    }

    fn datagram(first: u8, bytes: usize) -> Bytes {
        let mut all = vec![0; bytes];
        all[0] = first;
        all.into()
    }

    fn of_queue(queue: usize) -> Dropped {
        Dropped { queue, memory: 0 }
    }

    #[test]
    fn a_full_queue_drops_its_oldest() {
        let mut queue = queue();
        for first in 0..10 {
            queue.push(datagram(first, 100), 1, 1_000);
        }
        assert_eq!(queue.push(datagram(10, 250), 1, 1_000), of_queue(3));
        assert_eq!(queue.bytes(), 950);
        assert_eq!(queue.pop().unwrap()[0], 3);
    }

    #[test]
    fn a_datagram_larger_than_the_queue_still_passes_alone() {
        let mut queue = queue();
        queue.push(datagram(1, 10), 1, 100);
        assert_eq!(queue.push(datagram(2, 1_000), 1, 100), of_queue(1));
        assert_eq!(queue.pop().unwrap()[0], 2);
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn the_number_of_datagrams_is_bounded_too() {
        let mut queue = queue();
        let dropped: usize = (0..2_000).map(|_| queue.push(datagram(0, 14), 1, 1 << 20).queue).sum();
        assert_eq!(dropped, 2_000 - DATAGRAMS_MAX);
    }

    #[test]
    fn a_client_that_is_behind_keeps_no_shared_chunk() {
        let chunk = Bytes::from(vec![7; 64 << 10]);
        let mut queue = queue();
        queue.push(chunk.slice(..100), 1, 1 << 20);
        queue.push(chunk.slice(100..200), 1, 1 << 20);
        assert!(!chunk.is_unique(), "datagrams of this round are slices");
        queue.push(chunk.slice(200..300), 2, 1 << 20);
        queue.push(chunk.slice(300..400), 2, 1 << 20);
        assert!(chunk.is_unique(), "datagrams of an earlier round wait");
        assert_eq!((0..4).map(|_| queue.pop().unwrap().len()).sum::<usize>(), 400);
        queue.push(chunk.slice(..100), 3, 1 << 20);
        assert!(!chunk.is_unique(), "a queue that was emptied has caught up");
    }

    #[test]
    fn a_queue_that_keeps_its_newest_releases_the_rest_and_the_chunk() {
        let chunk = Bytes::from(vec![7; 64 << 10]);
        let mut queue = queue();
        for at in 0..100 {
            queue.push(chunk.slice(at..at + 100 + at), 1, 1 << 20);
        }
        assert_eq!(queue.keep_newest(4), 96);
        assert!(chunk.is_unique());
        assert!(queue.waiting.capacity() < 16, "{}", queue.waiting.capacity());
        assert_eq!(queue.iter().map(Bytes::len).collect::<Vec<_>>(), [196, 197, 198, 199]);
        assert_eq!(queue.memory.held(), (196..200).map(QueueMemory::cost).sum::<usize>());
    }

    #[test]
    fn slow_readers_share_the_memory_and_a_newcomer_finds_room() {
        let memory = Rc::new(QueueMemory::new(1 << 20));
        let mut slow: Vec<Queue> = (0..100).map(|_| Queue::new(Rc::clone(&memory))).collect();
        for _ in 0..200 {
            slow.iter_mut().for_each(|queue| _ = queue.push(datagram(1, 1_000), 1, 256 << 10));
        }
        let (least, most) = (slow.iter().map(Queue::bytes).min(), slow.iter().map(Queue::bytes).max());
        assert!(most < least.map(|least| 3 * least), "{least:?} to {most:?}");
        let mut newcomer = Queue::new(Rc::clone(&memory));
        assert_eq!(newcomer.push(datagram(2, 1_200), 1, 256 << 10), Dropped::default());
    }

    /// What a queue must be: pairs of a number and a size, oldest first.
    type Model = Vec<(u8, usize)>;

    fn cost_of(model: &Model) -> usize {
        model.iter().map(|(_, bytes)| QueueMemory::cost(*bytes)).sum()
    }

    /// The rule, applied the slow way.
    fn push_model(models: &mut [Model], at: usize, new: (u8, usize), queue_max: usize, memory_max: usize) -> Dropped {
        let mut dropped = Dropped::default();
        loop {
            let free = memory_max.saturating_sub(models.iter().map(cost_of).sum());
            let model = &mut models[at];
            let bytes: usize = model.iter().map(|(_, bytes)| bytes).sum();
            if !model.is_empty() && bytes + new.1 > queue_max {
                dropped.queue += 1;
            } else if cost_of(model) + QueueMemory::cost(new.1) > free {
                dropped.memory += 1;
                if model.is_empty() {
                    return dropped;
                }
            } else {
                model.push(new);
                return dropped;
            }
            model.remove(0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn all_queues_together_keep_the_bound_and_each_is_what_the_rule_says(
            steps in prop::collection::vec((0..6_usize, 0..10_u8, 14..1_472_usize), 1..400),
        ) {
            const MEMORY: usize = 20_000;
            const QUEUE: usize = 6_000;
            let memory = Rc::new(QueueMemory::new(MEMORY));
            let mut queues: Vec<Queue> = (0..6).map(|_| Queue::new(Rc::clone(&memory))).collect();
            let mut models: Vec<Model> = vec![Vec::new(); 6];
            for (number, (at, action, bytes)) in steps.into_iter().enumerate() {
                match action {
                    0 => {
                        let taken = queues[at].pop().map(|datagram| datagram.len());
                        let model = &mut models[at];
                        prop_assert_eq!(taken, (!model.is_empty()).then(|| model.remove(0).1));
                    }
                    1 => {
                        let excess = models[at].len().saturating_sub(2);
                        models[at].drain(..excess);
                        prop_assert_eq!(queues[at].keep_newest(2), excess);
                    }
                    2 => {
                        // A client leaves, and another one comes.
                        models[at].clear();
                        queues[at] = Queue::new(Rc::clone(&memory));
                    }
                    _ => {
                        let expected = push_model(&mut models, at, (number as u8, bytes), QUEUE, MEMORY);
                        let dropped = queues[at].push(datagram(number as u8, bytes), number as u64 / 3, QUEUE);
                        prop_assert_eq!(dropped, expected);
                    }
                }
                prop_assert!(memory.held() <= MEMORY, "{} bytes", memory.held());
                prop_assert_eq!(memory.held(), models.iter().map(cost_of).sum::<usize>());
                for (queue, model) in queues.iter().zip(&models) {
                    let held: Model = queue.iter().map(|datagram| (datagram[0], datagram.len())).collect();
                    prop_assert_eq!(&held, model);
                }
            }
            drop(queues);
            prop_assert_eq!(memory.held(), 0);
        }
    }
}
