//! Why an endpoint closes a connection (PROTOCOL.md#disconnect).

/// Why an endpoint closed the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
pub enum DisconnectReason {
    /// The peer closed the connection.
    #[error("closed by the peer")]
    Closed = 0,
    /// The server is going down.
    #[error("the server is shutting down")]
    ShuttingDown = 1,
    /// Nothing was heard for the timeout. Each endpoint decides this by itself; it is never on the wire.
    #[error("nothing heard for the timeout")]
    TimedOut = 2,
    /// The key has sealed as many packets as its suite allows.
    #[error("the key is exhausted")]
    KeyExhausted = 3,
    /// The peer violated the protocol: it acknowledged what was not sent, or sent beyond a window.
    #[error("the peer violated the protocol")]
    ProtocolViolation = 4,
    /// The send queue of reliable messages is full.
    #[error("too many reliable messages wait: the peer does not keep up")]
    Overflow = 5,
    /// A message does not decompress to the size that it states.
    #[error("a message could not be decompressed")]
    BadCompression = 6,
    /// Memory is short, and this connection held the most, or left reliable messages incomplete.
    #[error("the peer is short of memory: too much was sent to it, or left unacknowledged or incomplete")]
    ShortOfMemory = 7,
    /// The application did not accept the answer to an integrity challenge.
    #[error("the integrity check failed")]
    IntegrityFailed = 9,
    /// The session to resume is gone.
    #[error("the session to resume is gone")]
    NotResumable = 10,
    /// The server no longer accepts this client's address.
    #[error("the server denies this address")]
    Denied = 11,
}

impl DisconnectReason {
    /// The reason with this code. An unknown code reads as [`Self::Closed`]: the peer is gone in any case.
    pub(super) fn from_code(code: u8) -> Self {
        use DisconnectReason::*;
        let known = [
            ShuttingDown,
            KeyExhausted,
            ProtocolViolation,
            Overflow,
            BadCompression,
            ShortOfMemory,
            IntegrityFailed,
            NotResumable,
            Denied,
        ];
        known.into_iter().find(|&reason| reason as u8 == code).unwrap_or(Closed)
    }
}
