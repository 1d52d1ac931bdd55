//! Which snapshots were received: what a client acknowledges, whether it looks into them or not.

use super::snapshot::SnapshotHeader;
use crate::limits::SNAPSHOTS_ACKNOWLEDGED;

/// Which snapshots were received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Received {
    newest: Option<SnapshotHeader>,
    /// Of the snapshots before the newest: the lowest bit for the one right before.
    before: u64,
}

impl Received {
    /// Whether a snapshot is newer than all that were received before; only such are taken.
    pub fn is_news(&self, header: SnapshotHeader) -> bool {
        self.ahead(header) > 0
    }

    /// Notes a snapshot that [is news](Self::is_news), and was read to its end.
    ///
    /// # Panics
    /// When it is none.
    pub fn note(&mut self, header: SnapshotHeader) {
        let ahead = self.ahead(header);
        assert!(ahead > 0, "snapshot {} is not newer than the last", header.number);
        self.before = match self.newest {
            None => 0,
            Some(_) if ahead as u32 > SNAPSHOTS_ACKNOWLEDGED => 0,
            Some(_) if ahead as u32 == SNAPSHOTS_ACKNOWLEDGED => 1 << (ahead - 1),
            Some(_) => self.before << ahead | 1 << (ahead - 1),
        };
        self.newest = Some(header);
    }

    /// How many numbers it is ahead of the newest; 1 for the first.
    fn ahead(&self, header: SnapshotHeader) -> i16 {
        self.newest.map_or(1, |newest| header.number.wrapping_sub(newest.number) as i16)
    }

    /// The newest snapshot's header.
    pub fn newest(&self) -> Option<SnapshotHeader> {
        self.newest
    }

    /// What to tell the server: the number of the newest, and a bit for each before it.
    pub fn acknowledgment(&self) -> Option<(u16, u64)> {
        self.newest.map(|newest| (newest.number, self.before))
    }
}
