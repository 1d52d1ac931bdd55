//! What a bucket answers.

/// What a key has.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Found {
    /// The value; None if there is none, or none any more.
    pub value: Option<Vec<u8>>,
    /// The number of its last change; 0 if there was none.
    pub revision: u64,
}

/// Why the bucket has not done what was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BucketError {
    /// The key was changed meanwhile.
    #[error("somebody has changed it meanwhile")]
    Conflict,
    /// NATS has no JetStream, so that there can be no bucket.
    #[error("NATS has no JetStream")]
    NoJetStream,
    /// The bucket does not answer.
    #[error("{0}")]
    Away(String),
    /// The record is of another version of this program. Who would replace it would destroy it.
    #[error("the record is of another version of this program")]
    OtherVersion,
}

/// Whether there is a bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// It is asked for again and again: NATS is away, or its servers have just started and choose a leader.
    Opening,
    /// It is open.
    Open,
    /// NATS has no JetStream, so that nothing is kept. It is asked for again and again all the same.
    Absent,
}
