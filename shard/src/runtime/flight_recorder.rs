//! What a panic report contains of a core: the phase of its turn, and its counters of a moment ago.
//!
//! Each core records both in thread-local storage, where a panic hook finds them. A core that has panicked responds to no
//! request.

use crate::runtime::core_report::CoreReport;
use serde::Serialize;
use std::cell::{Cell, RefCell};

/// A phase of a core's turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Receiving datagrams.
    Reap,
    /// Taking in what other cores sent.
    Exchange,
    /// Running the tick.
    Step,
    /// Composing what is due to clients.
    Replicate,
    /// Sealing datagrams and handing them to the kernel.
    Transmit,
    /// Responding to requests, and waiting.
    Park,
}

/// Most bytes that are kept of what a player has sent.
const SENT_BYTES_MAX: usize = 96;

/// What a player has sent that the game is working on.
#[derive(Clone, Copy)]
struct Sent {
    what: &'static str,
    player: u64,
    bytes: [u8; SENT_BYTES_MAX],
    len: usize,
    describe: fn(&[u8]) -> String,
}

thread_local! {
    static PHASE: Cell<Option<Phase>> = const { Cell::new(None) };
    static SENT: Cell<Option<Sent>> = const { Cell::new(None) };
    static LATEST: RefCell<Option<(usize, Box<CoreReport>)>> = const { RefCell::new(None) };
}

/// Records that this thread's core enters a phase.
#[inline]
pub fn enter(phase: Phase) {
    PHASE.set(Some(phase));
}

/// Records that the game works on something that a player has sent: `what` it is, the number of the player, the first bytes,
/// and how to put them into words.
#[inline]
pub fn work_on(what: &'static str, player: u64, sent: &[u8], describe: fn(&[u8]) -> String) {
    let len = sent.len().min(SENT_BYTES_MAX);
    let mut bytes = [0; SENT_BYTES_MAX];
    bytes[..len].copy_from_slice(&sent[..len]);
    SENT.set(Some(Sent { what, player, bytes, len, describe }));
}

/// Records that the game has done what [`work_on`] says.
#[inline]
pub fn work_done() {
    SENT.set(None);
}

/// What the game is working on, in words: which player, and what it has sent. None if it works on nothing of a player's.
pub fn work() -> Option<String> {
    let Sent { what, player, bytes, len, describe } = SENT.get()?;
    Some(format!("{what} of player {}.{}: {}", player & 0xFFFF, player >> 16, describe(&bytes[..len])))
}

/// Makes this thread that of core number `core`. To be called before its first turn.
pub fn begin(core: usize) {
    LATEST.set(Some((core, Box::default())));
}

/// Lets `fill` update the record of this thread's core. Does nothing on a thread where [`begin`] was not called.
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

/// Reads the number of this thread's core and its last record. None on a thread without a core, and when the panic happened
/// while the record was being written.
pub fn latest<T>(read: impl FnOnce(usize, &CoreReport) -> T) -> Option<T> {
    let read = |latest: &RefCell<Option<(usize, Box<CoreReport>)>>| {
        let latest = latest.try_borrow().ok()?;
        latest.as_ref().map(|(core, report)| read(*core, report))
    };
    LATEST.try_with(read).ok().flatten()
}
