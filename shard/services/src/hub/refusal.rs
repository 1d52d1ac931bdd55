//! Why the hub refuses.

use super::limits::{MEMBERS_PER_ACCOUNT_MAX, ROOM_NAME_BYTES_MAX, ROOMS_PER_ACCOUNT_MAX, TEXT_BYTES_MAX};
use std::time::Duration;

/// Why the hub refuses. Its text is for the player.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HubRefusal {
    /// A room's name has other characters, or too many.
    #[error("room: a name has 1 to {ROOM_NAME_BYTES_MAX} characters of a-z, 0-9, - and _")]
    RoomName,
    /// A line of chat is empty, too long, or has characters that are not shown.
    #[error("text: a line has 1 to {TEXT_BYTES_MAX} bytes, and no control characters")]
    Text,
    /// `offline` cannot be set.
    #[error("state: expected online or away")]
    State,
    /// The account is in no room of this name.
    #[error("you are not in this room: join it first")]
    NotInRoom,
    /// The account has no member.
    #[error("you are not connected: open a WebSocket or enter the world first")]
    NotConnected,
    /// The account is in too many rooms.
    #[error("you are in {ROOMS_PER_ACCOUNT_MAX} rooms: leave one first")]
    TooManyRooms,
    /// The account has too many members.
    #[error("this account has {MEMBERS_PER_ACCOUNT_MAX} connections: close one first")]
    TooManyMembers,
    /// The room is full.
    #[error("this room is full")]
    RoomFull,
    /// The hub is full.
    #[error("the chat is full: try again later")]
    Full,
    /// The account changes or says too much.
    #[error("too fast: try again in {} ms", .0.as_millis())]
    TooFast(Duration),
    /// The account is muted.
    #[error("you are muted for {} s", .0.as_millis().div_ceil(1000))]
    Muted(Duration),
}

impl HubRefusal {
    /// The status of HTTP.
    pub fn status(&self) -> u16 {
        match self {
            HubRefusal::RoomName | HubRefusal::Text | HubRefusal::State => 400,
            HubRefusal::NotInRoom | HubRefusal::NotConnected => 409,
            HubRefusal::TooManyRooms | HubRefusal::TooManyMembers => 409,
            HubRefusal::TooFast(_) | HubRefusal::Muted(_) => 429,
            HubRefusal::RoomFull | HubRefusal::Full => 503,
        }
    }

    /// How long to wait, if waiting helps.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            HubRefusal::TooFast(wait) | HubRefusal::Muted(wait) => Some(*wait),
            _ => None,
        }
    }
}
