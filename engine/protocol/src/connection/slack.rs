//! Memory that a queue took in a bad spell, given back when the spell is over: what every connection needed once in its
//! life is far more than what all of them need at a time.

use std::collections::VecDeque;

/// Room that a queue keeps in any case.
const KEPT: usize = 32;

/// Halves the room of a queue that fills less than a quarter of it.
pub(super) fn give_back<T>(queue: &mut VecDeque<T>) {
    if queue.capacity() > KEPT && queue.len() < queue.capacity() / 4 {
        queue.shrink_to((queue.capacity() / 2).max(KEPT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_queue_grew_by_goes_once_it_is_not_needed() {
        let mut queue: VecDeque<u8> = (0..200).collect();
        give_back(&mut queue);
        assert!(queue.capacity() >= 200 && queue.len() == 200, "it was in use");
        queue.truncate(3);
        (0..10).for_each(|_| give_back(&mut queue));
        assert!(queue.capacity() < 2 * KEPT && queue.capacity() >= KEPT, "{}", queue.capacity());
        assert_eq!(queue, [0, 1, 2]);
    }
}
