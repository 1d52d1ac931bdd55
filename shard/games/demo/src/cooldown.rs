//! Actions that an entity may repeat only after some time.

/// When each entity may act again, by its row.
#[derive(Debug, Default)]
pub struct Cooldown {
    again_at: Vec<u64>,
}

impl Cooldown {
    /// Whether the entity in `row` may act at `tick`. If so, it may act again after `ticks` ticks.
    pub fn start(&mut self, row: usize, tick: u64, ticks: u64) -> bool {
        if self.again_at.len() <= row {
            self.again_at.resize(row + 1, 0);
        }
        let may = tick >= self.again_at[row];
        if may {
            self.again_at[row] = tick + ticks;
        }
        may
    }
}
