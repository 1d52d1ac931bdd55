//! Notices of the hub.

use ringshard_requests::value::{Mismatch, Schema, Typed, Value};
use std::sync::Arc;

/// A notice for a member.
#[derive(Clone, PartialEq, Debug)]
pub enum Notice {
    /// Somebody said something in a room. Topic `chat`.
    Chat(Arc<Line>),
    /// Somebody joined or left a room. Topic `room`.
    Room(RoomChange),
    /// Somebody in a common room is online, away or offline. Topic `presence`.
    Presence(PresenceChange),
    /// A notice of a service or of the game, with its own topic.
    Note {
        /// What it is about.
        topic: String,
        /// What it says.
        value: Value,
    },
}

ringshard_requests::record! {
    /// One line of chat.
    pub struct Line {
        /// The room.
        pub room: String,
        /// The first line of a room has number 1. A gap means that lines were missed: ask for the history.
        pub number: u64,
        /// The account that said it.
        pub account: u64,
        /// The name of that account.
        pub name: String,
        /// What was said.
        pub text: String,
        /// When, in milliseconds since 1970.
        pub at: u64,
    }

    /// Somebody joined or left a room.
    pub struct RoomChange {
        /// The room.
        pub room: String,
        /// The account.
        pub account: u64,
        /// Its name.
        pub name: String,
        /// True: joined. False: left.
        pub joined: bool,
    }

    /// Somebody is online, away or offline.
    pub struct PresenceChange {
        /// The account.
        pub account: u64,
        /// Its name.
        pub name: String,
        /// The new state.
        pub state: Presence,
    }

    /// One player of a room.
    pub struct Present {
        /// The account.
        pub account: u64,
        /// Its name.
        pub name: String,
        /// Its state.
        pub state: Presence,
    }
}

/// Whether an account is there. As a value: the text `online`, `away` or `offline`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// It has a member.
    Online,
    /// It has a member, and its player has set it to away.
    Away,
    /// It has no member.
    Offline,
}

impl Presence {
    fn name(self) -> &'static str {
        match self {
            Presence::Online => "online",
            Presence::Away => "away",
            Presence::Offline => "offline",
        }
    }
}

impl Typed for Presence {
    fn schema() -> Schema {
        String::schema()
    }

    fn into_value(self) -> Value {
        Value::Text(self.name().to_owned())
    }

    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let name = String::from_value(value)?;
        let states = [Presence::Online, Presence::Away, Presence::Offline];
        let state = states.into_iter().find(|state| state.name() == name);
        state.ok_or_else(|| Mismatch::new(format!("expected online, away or offline, got {name:?}")))
    }
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

    /// What it says.
    pub fn value(&self) -> Value {
        match self {
            Notice::Chat(line) => Line::clone(line).into_value(),
            Notice::Room(change) => change.clone().into_value(),
            Notice::Presence(change) => change.clone().into_value(),
            Notice::Note { value, .. } => value.clone(),
        }
    }
}
