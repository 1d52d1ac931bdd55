//! What a client reports to its caller.

use crate::limits::PROTOCOL_VERSION;
use crate::wire::{ConnectionId, DeniedReason, DisconnectReason};

/// Why there is no connection. The texts are for players and operators: they say what to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CloseReason {
    /// The server did not answer within [`CONNECT_TIMEOUT`](crate::limits::CONNECT_TIMEOUT). Holds the number of tries.
    #[error("no answer from the server after {0} tries: check its address and port, that it runs, and firewalls")]
    Unreachable(u32),
    /// The server denied the client. Holds the reason and the server's protocol version.
    #[error("{0} (client protocol {client}, server protocol {1})", client = PROTOCOL_VERSION)]
    Denied(DeniedReason, u16),
    /// The server answered, but does not hold the pinned key.
    #[error("the server's answer does not fit the pinned key: check the server's public key and the pre-shared key")]
    WrongKey,
    /// The server was silent on the old connection and answered a new one: it may have restarted.
    #[error("the server was silent, and answers a new connection")]
    Silent,
    /// The server or the client disconnected, or the server was silent for too long.
    #[error("{0}")]
    Disconnected(DisconnectReason),
}

impl CloseReason {
    /// Whether another attempt can succeed.
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            // None of these is authentic: a forged answer must not stop a client for good.
            CloseReason::Unreachable(_) | CloseReason::Silent | CloseReason::Denied(..) | CloseReason::WrongKey => true,
            CloseReason::Disconnected(reason) => {
                use DisconnectReason::*;
                matches!(reason, ShuttingDown | TimedOut | KeyExhausted | ShortOfMemory | NotResumable)
            }
        }
    }
}

/// Something that happened to the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// The server has accepted the client.
    Connected {
        /// The id of the connection.
        id: ConnectionId,
        /// True if the former session continues, with all its reliable messages; false if a new one begins.
        resumed: bool,
    },
    /// The session moves to another server: the client's datagrams go to the place that was named to [`Client::move_to`], or
    /// back to the place that it came from. It is about to be connected there.
    ///
    /// [`Client::move_to`]: super::Client::move_to
    Moved {
        /// The place. The first server's is 0.
        place: u32,
    },
    /// The connection is gone; the client is reconnecting.
    Reconnecting(CloseReason),
    /// The connection is gone for good.
    Closed(CloseReason),
}
