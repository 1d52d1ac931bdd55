//! What can go wrong with a store.

/// A request to a store that failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no answer. A write may have happened.
    #[error("the registry does not answer: {0}")]
    Unavailable(String),
    /// The store does not accept the credentials.
    #[error(
        "the registry refuses access: {0}; check `user`, `password-file` and the certificates in the file of the fleet, \
         and the rights of that user"
    )]
    Denied(String),
    /// The lease has ended.
    #[error("the lease has ended")]
    LeaseEnded,
    /// The changes that a watch asks for are no longer kept. List again, and watch from there.
    #[error("the registry has forgotten the changes before revision {0}")]
    Compacted(u64),
    /// The store refuses the request for another reason.
    #[error("the registry refuses a request: {0}")]
    Refused(String),
}
