//! State of a recovery phase.

use ringshard_protocol::time::Instant;

/// State of a recovery.
#[derive(Debug)]
pub struct RecoveryPhase {
    pub since: Instant,
    pub is_last: bool,
    /// By player: a change of keys that was asked for, if one was.
    pub rekeys: Vec<Option<Rekey>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Rekey {
    pub session: usize,
    pub asked_at: Instant,
    /// Changes so far, at both ends.
    pub before: (u64, u64),
    /// They have changed since.
    pub done: bool,
}
