//! Connection ids whose first byte names the thread that issued them.
//!
//! The packet filter of the listening sockets reads that byte
//! ([`ringshard_link::socket::steer_by_quic_connection_id`]): a connection's packets reach its thread wherever they come
//! from.

use crate::settings::THREADS_MAX;
use quinn::{ConnectionId, ConnectionIdGenerator};
use std::time::Duration;

/// Bytes of an id. The first names the thread, the others are random.
const ID_BYTES: usize = 8;

/// Makes the ids of one thread's connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionIds {
    thread: usize,
    threads: usize,
}

impl ConnectionIds {
    /// For thread `thread` of `threads`, at most [`THREADS_MAX`].
    pub(super) fn new(thread: usize, threads: usize) -> ConnectionIds {
        assert!(thread < threads && threads <= THREADS_MAX, "thread {thread} of {threads} cannot be named by a byte");
        ConnectionIds { thread, threads }
    }

    /// The byte closest to `random` that names this thread.
    fn first_byte(self, random: u8) -> u8 {
        let named = usize::from(random) - usize::from(random) % self.threads + self.thread;
        let byte = if named < THREADS_MAX { named } else { named - self.threads };
        u8::try_from(byte).expect("it is less than 256")
    }
}

impl ConnectionIdGenerator for ConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; ID_BYTES];
        getrandom::fill(&mut id).expect("the system gives random bytes");
        id[0] = self.first_byte(id[0]);
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_names_the_thread_whatever_the_random_byte_is() {
        for threads in [1, 2, 3, 7, 16, 100, 129, 255, 256] {
            for thread in [0, 1, threads / 2, threads - 1] {
                let ids = ConnectionIds::new(thread.min(threads - 1), threads);
                for random in 0..=u8::MAX {
                    assert_eq!(usize::from(ids.first_byte(random)) % threads, ids.thread, "{ids:?} {random}");
                }
            }
        }
    }

    #[test]
    fn ids_differ_and_keep_their_length() {
        let mut ids = ConnectionIds::new(1, 2);
        let (first, second) = (ids.generate_cid(), ids.generate_cid());
        assert_ne!(first, second);
        assert_eq!(first.len(), ids.cid_len());
        assert_eq!(first[0] % 2, 1);
    }
}
