//! The state of a recovery phase.

use ringshard_protocol::time::Instant;

#[derive(Debug)]
pub struct RecoveryPhase {
    pub since: Instant,
    pub is_last: bool,
    /// The rekey that was requested of each player, if any.
    pub rekeys: Vec<Option<Rekey>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Rekey {
    pub session: usize,
    pub asked_at: Instant,
    /// Key changes at both ends before the request.
    pub before: (u64, u64),
    /// Both ends have changed keys since.
    pub done: bool,
}
