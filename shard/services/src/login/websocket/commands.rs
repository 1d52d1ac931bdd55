//! What a WebSocket's messages ask for, and the answers.

use super::super::answer::Refusal;
use super::super::body;
use super::super::counters::Counters;
use crate::AccountId;
use crate::accounts::Secret;
use crate::hub::{Event, Hub};
use ringshard_requests::value::{Typed, Value};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;

/// A message of a client.
pub(super) struct Request {
    pub(super) id: Option<u64>,
    pub(super) command: Result<Command, Refusal>,
}

/// What it asks for.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Command {
    Hello { token: Secret },
    Join { room: String },
    Leave { room: String },
    Say { room: String, text: String },
    History { room: String, after: Option<u64> },
    Who { room: String, after: Option<u64> },
    Presence { state: PresenceState },
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PresenceState {
    Online,
    Away,
}

impl Request {
    pub(super) fn parse(text: &str, counters: &Counters) -> Request {
        let fields = body::parse::<Map<String, Json>>(text.as_bytes(), counters);
        let (id, command) = match fields {
            Err(refusal) => (None, Err(refusal)),
            Ok(mut fields) => match fields.remove("id").map(|id| id.as_u64().ok_or("id: expected a number")) {
                Some(Err(error)) => (None, Err(Refusal::new(400, error))),
                id => {
                    let command = serde_json::from_value(Json::Object(fields));
                    (id.and_then(Result::ok), command.map_err(|error| Refusal::new(400, error.to_string())))
                }
            },
        };
        Request { id, command }
    }
}

/// Does what a command asks for, and returns the fields of its answer.
pub(super) fn execute(hub: &Hub, account: AccountId, command: Command) -> Result<Map<String, Json>, Refusal> {
    let field = |name: &str, value| Map::from_iter([(name.to_owned(), value)]);
    Ok(match command {
        Command::Hello { .. } => return Err(Refusal::new(400, "you are logged in already")),
        Command::Join { room } => {
            hub.join_room(account, &room)?;
            Map::new()
        }
        Command::Leave { room } => {
            hub.leave_room(account, &room)?;
            Map::new()
        }
        Command::Say { room, text } => field("number", json!(hub.say(account, &room, &text)?)),
        Command::History { room, after } => {
            field("lines", list(hub.history(account, &room, after)?.into_iter().map(Arc::unwrap_or_clone)))
        }
        Command::Who { room, after } => field("players", list(hub.roster(account, &room, after.map(AccountId))?)),
        Command::Presence { state } => {
            hub.set_away(account, matches!(state, PresenceState::Away))?;
            Map::new()
        }
    })
}

fn list<T: Typed>(items: impl IntoIterator<Item = T>) -> Json {
    items.into_iter().map(|item| item.into_value().to_json()).collect()
}

/// The text of an answer.
pub(super) fn answer(id: Option<u64>, result: Result<Map<String, Json>, Refusal>) -> String {
    let (status, mut fields) = match result {
        Ok(fields) => (200, fields),
        Err(refusal) => {
            let wait_ms = refusal.wait_ms();
            let fields = [("error", json!(refusal.error)), ("wait_ms", json!(wait_ms))];
            (refusal.status, fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
        }
    };
    fields.insert("type".to_owned(), json!("answer"));
    fields.insert("status".to_owned(), json!(status));
    if let Some(id) = id {
        fields.insert("id".to_owned(), json!(id));
    }
    Json::Object(fields).to_string()
}

/// The text of what the hub tells.
pub(super) fn told(event: &Event) -> Option<String> {
    let json = match event {
        Event::Notice(notice) => {
            let value: Value = notice.value();
            json!({ "type": "notice", "topic": notice.topic(), "value": value.to_json() })
        }
        Event::Missed(count) => json!({ "type": "missed", "count": count }),
        Event::Recheck => return None,
    };
    Some(json.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (Option<u64>, u16) {
        let request = Request::parse(text, &Counters::default());
        (request.id, request.command.err().expect("the message is malformed").status)
    }

    #[test]
    fn a_malformed_message_is_answered_under_its_id() {
        assert_eq!(refused("{"), (None, 400));
        assert_eq!(refused("[1]"), (None, 400));
        assert_eq!(refused(r#"{"type": "say", "id": "x", "room": "a", "text": "b"}"#), (None, 400));
        assert_eq!(refused(r#"{"type": "say", "id": 4, "room": "a"}"#), (Some(4), 400));
        assert_eq!(refused(r#"{"type": "say", "id": 5, "room": "a", "text": "b", "more": 1}"#), (Some(5), 400));
        assert_eq!(refused(r#"{"type": "dance", "id": 6}"#), (Some(6), 400));
    }

    #[test]
    fn an_answer_carries_its_id_and_an_error_has_the_fields_of_all_errors() {
        let good: Json = serde_json::from_str(&answer(Some(3), Ok(Map::new()))).unwrap();
        assert_eq!(good, json!({ "type": "answer", "id": 3, "status": 200 }));
        let bad: Json = serde_json::from_str(&answer(None, Err(Refusal::new(404, "none")))).unwrap();
        assert_eq!(bad, json!({ "type": "answer", "status": 404, "error": "none", "wait_ms": 0 }));
    }
}
