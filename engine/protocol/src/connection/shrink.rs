//! Shrinks queues after a burst. What each connection needs once in its life is far more than all connections need at the
//! same time.

use std::collections::VecDeque;

/// Capacity that a queue always keeps.
const CAPACITY_KEPT: usize = 32;

/// Halves the capacity of a queue that uses less than a quarter of it.
pub(super) fn shrink_if_sparse<T>(queue: &mut VecDeque<T>) {
    if queue.capacity() > CAPACITY_KEPT && queue.len() < queue.capacity() / 4 {
        queue.shrink_to((queue.capacity() / 2).max(CAPACITY_KEPT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparse_queue_shrinks_step_by_step() {
        let mut queue: VecDeque<u8> = (0..200).collect();
        shrink_if_sparse(&mut queue);
        assert!(queue.capacity() >= 200 && queue.len() == 200, "a full queue keeps its capacity");
        queue.truncate(3);
        (0..10).for_each(|_| shrink_if_sparse(&mut queue));
        assert!(queue.capacity() < 2 * CAPACITY_KEPT && queue.capacity() >= CAPACITY_KEPT, "{}", queue.capacity());
        assert_eq!(queue, [0, 1, 2]);
    }
}
