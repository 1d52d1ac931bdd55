//! Where in its turn a core is, and what it had done a moment ago.
//!
//! Each core records both in its own thread, where a panic hook finds them: a core that has panicked answers no requests.

use crate::runtime::core_report::CoreReport;
use serde::Serialize;
use std::cell::{Cell, RefCell};

/// Where in its turn a core is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Taking datagrams in.
    Reap,
    /// Taking in what other cores passed on.
    Exchange,
    /// The tick.
    Step,
    /// Telling clients what is due.
    Replicate,
    /// Sealing, and handing to the kernel.
    Transmit,
    /// Answering questions, and waiting.
    Park,
}

thread_local! {
    static PHASE: Cell<Option<Phase>> = const { Cell::new(None) };
    static LATEST: RefCell<Option<(usize, Box<CoreReport>)>> = const { RefCell::new(None) };
}

/// Notes where this thread's core is.
#[inline]
pub fn enter(phase: Phase) {
    PHASE.set(Some(phase));
}

/// Gives this thread's core its place, before it turns for the first time.
pub fn begin(core: usize) {
    LATEST.set(Some((core, Box::default())));
}

/// Records what this thread's core has done so far. Does nothing on a thread where [`begin`] was not called.
pub fn record(fill: impl FnOnce(&mut CoreReport)) {
    LATEST.with_borrow_mut(|latest| {
        if let Some((_, report)) = latest {
            fill(report);
        }
    });
}

/// The phase that this thread's core is in, if this is a core's thread.
pub fn phase() -> Option<Phase> {
    PHASE.get()
}

/// Reads the number of this thread's core and its last record. None on a thread without a core, and when the panic struck
/// while the record was being written.
pub fn latest<T>(read: impl FnOnce(usize, &CoreReport) -> T) -> Option<T> {
    let read = |latest: &RefCell<Option<(usize, Box<CoreReport>)>>| {
        let latest = latest.try_borrow().ok()?;
        latest.as_ref().map(|(core, report)| read(*core, report))
    };
    LATEST.try_with(read).ok().flatten()
}
