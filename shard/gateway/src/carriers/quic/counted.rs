//! Counts what is there now.

use std::cell::Cell;
use std::rc::Rc;

/// A number of things that are there now.
pub(super) type Count = Rc<Cell<usize>>;

/// One of them. It counts until it is dropped.
#[derive(Debug)]
pub(super) struct Counted(Count);

impl Counted {
    /// One more.
    pub(super) fn new(count: &Count) -> Counted {
        count.set(count.get() + 1);
        Counted(Rc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
