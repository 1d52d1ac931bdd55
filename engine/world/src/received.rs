//! Which snapshots a client has received, and its acknowledgment of them. A client needs it even if it does not read the
//! snapshots.

use crate::limits::SNAPSHOTS_ACKNOWLEDGED;
use crate::messages::SnapshotHeader;

/// A window of received snapshots.
#[derive(Clone, Copy, Debug, Default)]
pub struct Received {
    newest: Option<SnapshotHeader>,
    /// A bit for each of the 64 before the newest; the lowest bit is the one right before.
    before: u64,
}

impl Received {
    /// Whether a snapshot is newer than all received before. A client ignores older ones.
    pub fn is_news(&self, header: SnapshotHeader) -> bool {
        self.ahead(header) > 0
    }

    /// Notes that a snapshot was received whole.
    ///
    /// # Panics
    /// When it is not [news](Self::is_news).
    pub fn note(&mut self, header: SnapshotHeader) {
        let ahead = self.ahead(header);
        assert!(ahead > 0, "snapshot {} is not newer than the last", header.number);
        self.before = match self.newest {
            None => 0,
            Some(_) if ahead as u32 > SNAPSHOTS_ACKNOWLEDGED => 0,
            Some(_) if ahead as u32 == SNAPSHOTS_ACKNOWLEDGED => 1 << (ahead - 1),
            Some(_) => self.before << ahead | 1 << (ahead - 1),
        };
        assert!(self.newest.is_some() || self.before == 0, "nothing was received before the first snapshot");
        self.newest = Some(header);
    }

    /// How many numbers a snapshot is ahead of the newest; 1 for the first. Numbers wrap at 2^16.
    fn ahead(&self, header: SnapshotHeader) -> i16 {
        self.newest.map_or(1, |newest| header.number.wrapping_sub(newest.number) as i16)
    }

    /// The newest snapshot's header.
    pub fn newest(&self) -> Option<SnapshotHeader> {
        self.newest
    }

    /// The acknowledgment: the number of the newest, and a bit for each before it.
    pub fn acknowledgment(&self) -> Option<(u16, u64)> {
        self.newest.map(|newest| (newest.number, self.before))
    }
}
