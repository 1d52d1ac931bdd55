//! A ring of the latest ticks of a core.

/// Ticks that the log keeps: about four seconds.
const TICKS_KEPT: usize = 256;

/// One tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TickRecord {
    /// How late it began, in microseconds.
    pub late_us: u32,
    /// How long it took, in microseconds.
    pub took_us: u32,
    /// Ticks that were skipped after it, because it was late.
    pub skipped: u32,
}

/// The latest ticks of a core.
#[derive(Clone, Debug)]
pub struct TickLog {
    records: [TickRecord; TICKS_KEPT],
    /// Ticks recorded since the start.
    count: u64,
}

impl Default for TickLog {
    fn default() -> Self {
        TickLog { records: [TickRecord::default(); TICKS_KEPT], count: 0 }
    }
}

impl TickLog {
    /// Records a tick.
    pub fn push(&mut self, tick: TickRecord) {
        self.records[self.count as usize % TICKS_KEPT] = tick;
        self.count += 1;
    }

    /// Ticks recorded since the start.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The kept ticks with their numbers, oldest first.
    pub fn latest(&self) -> impl Iterator<Item = (u64, TickRecord)> {
        let first = self.count.saturating_sub(TICKS_KEPT as u64);
        (first..self.count).map(|number| (number, self.records[number as usize % TICKS_KEPT]))
    }
}
