//! The latest ticks of a core, one by one.

/// Ticks that a core remembers one by one: some four seconds of them.
const TICKS_REMEMBERED: usize = 256;

/// One tick, as it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TickRecord {
    /// How late it began, in microseconds.
    pub late_us: u32,
    /// How long it took, in microseconds.
    pub took_us: u32,
    /// Ticks that were left out after it, because it was over too late.
    pub skipped: u32,
}

/// The latest ticks of a core.
#[derive(Clone, Debug)]
pub struct TickLog {
    records: [TickRecord; TICKS_REMEMBERED],
    /// Ticks ever.
    count: u64,
}

impl Default for TickLog {
    fn default() -> Self {
        TickLog { records: [TickRecord::default(); TICKS_REMEMBERED], count: 0 }
    }
}

impl TickLog {
    /// Notes a tick.
    pub fn push(&mut self, tick: TickRecord) {
        self.records[self.count as usize % TICKS_REMEMBERED] = tick;
        self.count += 1;
    }

    /// Ticks ever.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Those remembered with their numbers, oldest first.
    pub fn latest(&self) -> impl Iterator<Item = (u64, TickRecord)> {
        let first = self.count.saturating_sub(TICKS_REMEMBERED as u64);
        (first..self.count).map(|number| (number, self.records[number as usize % TICKS_REMEMBERED]))
    }
}
