//! The end of a peer's connection.

/// Why a peer's connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum End {
    /// The client closed it.
    Closed,
    /// The client is not heard of any more.
    Lost,
    /// The client did not open its channel in time.
    Late,
    /// The client did what no correct client does.
    Misbehaved,
    /// The thread refused the client.
    Refused,
    /// The thread wants the client gone.
    Going,
    /// Its handshake or its association failed.
    Failed,
}
