//! Why a snapshot was refused.

use crate::codec::Malformed;

/// Why a snapshot was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ViewError {
    /// The bytes are no snapshot.
    #[error("not a snapshot: {0}")]
    Malformed(#[from] Malformed),
    /// An entry is a difference from a version that was never received: the server violates the protocol.
    #[error("an update of entity {0} builds on an unknown version")]
    UnknownBaseline(u16),
    /// The owner block is a difference from one that was never received: the server violates the protocol.
    #[error("the owner block builds on an unknown snapshot")]
    UnknownOwnerBaseline,
}
