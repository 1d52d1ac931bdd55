//! Which snapshots a client has received, and its acknowledgment of them.

use crate::limits::SNAPSHOTS_ACKNOWLEDGED;

/// A window of received snapshots.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Number of the newest snapshot, or of the one before the first.
    newest: u16,
    /// Whether any was received.
    any: bool,
    /// A bit for each of the 64 before the newest; the lowest bit is the one right before.
    before: u64,
}

impl Received {
    /// Nothing received yet. The server's first snapshot has number `first`.
    pub fn before(first: u16) -> Self {
        Received { newest: first.wrapping_sub(1), any: false, before: 0 }
    }

    /// Whether a snapshot is newer than all received before. A client ignores older ones.
    pub fn is_news(&self, number: u16) -> bool {
        self.ahead(number) > 0
    }

    /// Notes that a snapshot was received whole.
    ///
    /// # Panics
    /// When it is not [news](Self::is_news).
    pub fn note(&mut self, number: u16) {
        let ahead = self.ahead(number);
        assert!(ahead > 0, "snapshot {number} is not newer than the last");
        self.before = match ahead as u32 {
            _ if !self.any => 0,
            ahead if ahead > SNAPSHOTS_ACKNOWLEDGED => 0,
            SNAPSHOTS_ACKNOWLEDGED => 1 << (ahead - 1),
            _ => self.before << ahead | 1 << (ahead - 1),
        };
        (self.newest, self.any) = (number, true);
    }

    /// How many numbers a snapshot is ahead of the newest. Numbers wrap at 2^16.
    fn ahead(&self, number: u16) -> i16 {
        number.wrapping_sub(self.newest) as i16
    }

    /// The acknowledgment: the number of the newest, and a bit for each before it.
    pub fn acknowledgment(&self) -> Option<(u16, u64)> {
        self.any.then_some((self.newest, self.before))
    }
}
