//! The variables of entities, whose meaning is up to the game, and which of them changed since the last publication.

use super::row_set::RowSet;
use ringshard_world::limits::VARIABLES;

const _: () = assert!(VARIABLES <= u64::BITS as usize, "one bit per variable");

#[derive(Debug)]
pub(super) struct Variables {
    values: Vec<[i32; VARIABLES]>,
    /// Which variables of each row were ever set, one bit each. A core that has missed changes gets these again, also those
    /// that are 0 again.
    touched: Vec<u64>,
    /// Which variables of each row have changed, one bit each.
    dirty: Vec<u64>,
    /// The rows where any has changed, so that a publication need not visit every row.
    dirty_rows: RowSet,
}

impl Variables {
    pub(super) fn new(capacity: usize) -> Variables {
        Variables {
            values: vec![[0; VARIABLES]; capacity],
            touched: vec![0; capacity],
            dirty: vec![0; capacity],
            dirty_rows: RowSet::new(capacity),
        }
    }

    #[inline]
    pub(super) fn values(&self) -> &[[i32; VARIABLES]] {
        &self.values
    }

    #[inline]
    pub(super) fn touched(&self) -> &[u64] {
        &self.touched
    }

    #[inline]
    pub(super) fn dirty_rows(&self) -> &RowSet {
        &self.dirty_rows
    }

    #[inline]
    pub(super) fn set(&mut self, row: usize, number: usize, value: i32) {
        if std::mem::replace(&mut self.values[row][number], value) != value {
            self.dirty[row] |= 1 << number;
            self.touched[row] |= 1 << number;
            self.dirty_rows.insert(row);
        }
    }

    #[inline]
    pub(super) fn take_dirty(&mut self, row: usize) -> u64 {
        assert_eq!(self.dirty_rows.contains(row), self.dirty[row] != 0, "row {row} is dirty where a variable changed");
        self.dirty_rows.remove(row);
        std::mem::take(&mut self.dirty[row])
    }

    #[inline]
    pub(super) fn drain_dirty(&mut self, mut each: impl FnMut(usize, u64, &[i32; VARIABLES])) {
        let Variables { values, dirty, dirty_rows, .. } = self;
        dirty_rows.drain(|row| {
            let changed = std::mem::take(&mut dirty[row]);
            assert!(changed != 0, "a dirty row has a variable that changed");
            each(row, changed, &values[row]);
        });
    }

    /// Sets all variables of a row to 0, without publishing a change.
    pub(super) fn clear(&mut self, row: usize) {
        self.values[row] = [0; VARIABLES];
        self.touched[row] = 0;
        self.take_dirty(row);
    }
}
