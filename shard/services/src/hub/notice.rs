//! What the hub tells its members.

use crate::AccountId;
use serde::Serialize;
use std::sync::Arc;

/// What the hub tells a member.
#[derive(Clone, PartialEq, Debug)]
pub enum Notice {
    /// Somebody said something in a room. Topic `chat`.
    Chat(Arc<Line>),
    /// Somebody joined or left a room. Topic `room`.
    Room(RoomChange),
    /// Somebody in a common room is there, away, or gone. Topic `presence`.
    Presence(PresenceChange),
    /// A service or the game says something, under a topic of its own.
    Note {
        /// What it is about.
        topic: String,
        /// What it says.
        value: serde_json::Value,
    },
}

/// One line of chat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Line {
    /// The room.
    pub room: String,
    /// The first line of a room has number 1. A gap means that lines were missed: ask for the history.
    pub number: u64,
    /// Who said it.
    #[serde(serialize_with = "as_number")]
    pub account: AccountId,
    /// The name of who said it.
    pub name: String,
    /// What was said.
    pub text: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
}

/// Somebody joined or left a room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RoomChange {
    /// The room.
    pub room: String,
    /// Who.
    #[serde(serialize_with = "as_number")]
    pub account: AccountId,
    /// The name of who.
    pub name: String,
    /// True: joined. False: left.
    pub joined: bool,
}

/// Somebody is there, away, or gone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PresenceChange {
    /// Who.
    #[serde(serialize_with = "as_number")]
    pub account: AccountId,
    /// The name of who.
    pub name: String,
    /// What is now.
    pub state: Presence,
}

/// Whether an account is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// It has a member.
    Online,
    /// It has a member, and its player said to be away.
    Away,
    /// It has no member.
    Offline,
}

/// One player of a room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Present {
    /// The account.
    #[serde(serialize_with = "as_number")]
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub state: Presence,
}

fn as_number<S: serde::Serializer>(id: &AccountId, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(id.0)
}

impl Notice {
    /// What it is about.
    pub fn topic(&self) -> &str {
        match self {
            Notice::Chat(_) => "chat",
            Notice::Room(_) => "room",
            Notice::Presence(_) => "presence",
            Notice::Note { topic, .. } => topic,
        }
    }

    /// What it says, as JSON.
    pub fn json(&self) -> serde_json::Value {
        let json = match self {
            Notice::Chat(line) => serde_json::to_value(line),
            Notice::Room(change) => serde_json::to_value(change),
            Notice::Presence(change) => serde_json::to_value(change),
            Notice::Note { value, .. } => Ok(value.clone()),
        };
        json.expect("a notice is texts and numbers")
    }
}
