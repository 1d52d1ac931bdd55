//! What the game keeps with an entity: numbers whose meaning is its own, and which of them changed since they were last
//! published (A8).

use super::places::PlaceSet;
use ringshard_world::limits::VARIABLES;

const _: () = assert!(VARIABLES <= u64::BITS as usize, "a bit each");

#[derive(Debug)]
pub(super) struct Variables {
    values: Vec<[i32; VARIABLES]>,
    /// Which of an entity's were ever set: a bit each. Whoever missed some is told of these, also of those that are 0 again.
    touched: Vec<u64>,
    /// Which of an entity's changed: a bit each.
    dirty: Vec<u64>,
    /// Where any changed, so that publishing need not look at every mask.
    dirty_places: PlaceSet,
}

impl Variables {
    pub(super) fn new(capacity: usize) -> Variables {
        Variables {
            values: vec![[0; VARIABLES]; capacity],
            touched: vec![0; capacity],
            dirty: vec![0; capacity],
            dirty_places: PlaceSet::new(capacity),
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
    pub(super) fn dirty_places(&self) -> &PlaceSet {
        &self.dirty_places
    }

    #[inline]
    pub(super) fn set(&mut self, place: usize, number: usize, value: i32) {
        if std::mem::replace(&mut self.values[place][number], value) != value {
            self.dirty[place] |= 1 << number;
            self.touched[place] |= 1 << number;
            self.dirty_places.insert(place);
        }
    }

    #[inline]
    pub(super) fn take_dirty(&mut self, place: usize) -> u64 {
        self.dirty_places.remove(place);
        std::mem::take(&mut self.dirty[place])
    }

    #[inline]
    pub(super) fn drain_dirty(&mut self, mut each: impl FnMut(usize, u64, &[i32; VARIABLES])) {
        let Variables { values, dirty, dirty_places, .. } = self;
        dirty_places.drain(|place| each(place, std::mem::take(&mut dirty[place]), &values[place]));
    }

    /// All are 0 again, and nobody is to be told.
    pub(super) fn clear(&mut self, place: usize) {
        self.values[place] = [0; VARIABLES];
        self.touched[place] = 0;
        self.take_dirty(place);
    }
}
