//! The secrets of tickets that were used.

use std::collections::HashSet;

/// How long a generation takes up secrets, in milliseconds: longer than a ticket can be valid on skewed clocks.
const GENERATION: u64 = 60_000;

/// Remembers secrets, in two generations of bounded size.
///
/// When a generation is forgotten, [`UsedSecrets::forgotten`] moves past the newest ticket in it. The verifier refuses tickets
/// issued until then. So neither a full table nor a clock that jumps lets a ticket in twice; the client asks for a new one.
#[derive(Debug)]
pub(super) struct UsedSecrets {
    current: Generation,
    previous: Generation,
    forgotten: u64,
    capacity: usize,
}

#[derive(Default, Debug)]
struct Generation {
    secrets: HashSet<[u8; 16]>,
    /// When it began, in milliseconds since 1970.
    began: u64,
    /// When its newest ticket was issued.
    newest: u64,
}

impl UsedSecrets {
    /// Knows nothing of tickets issued until `started`. Each of its two generations holds `capacity` secrets.
    pub(super) fn new(started: u64, capacity: usize) -> Self {
        let generation = Generation { began: started, ..Generation::default() };
        UsedSecrets { current: generation, previous: Generation::default(), forgotten: started, capacity }
    }

    /// Secrets of tickets issued at this time or before may be forgotten.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Remembers a secret. Returns false if it was remembered before.
    pub(super) fn insert(&mut self, now: u64, issued: u64, secret: [u8; 16]) -> bool {
        if self.previous.secrets.contains(&secret) || self.current.secrets.contains(&secret) {
            return false;
        }
        if self.current.secrets.len() >= self.capacity || now.abs_diff(self.current.began) >= GENERATION {
            self.turn(now);
        }
        self.current.newest = self.current.newest.max(issued);
        self.current.secrets.insert(secret)
    }

    fn turn(&mut self, now: u64) {
        let mut recycled = std::mem::take(&mut self.previous);
        self.forgotten = self.forgotten.max(recycled.newest);
        recycled.secrets.clear();
        recycled.newest = 0;
        recycled.began = now;
        self.previous = std::mem::replace(&mut self.current, recycled);
    }
}
