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
    /// The bucket does not answer.
    #[error("{0}")]
    Away(String),
}
