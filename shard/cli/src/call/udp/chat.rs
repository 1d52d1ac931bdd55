//! Hears and speaks in a room.

use super::super::door::{Answer, Door};
use super::world::{Heard, World};
use crate::failure::Failure;
use crate::output;
use crate::output::plain;
use ringshard_client::requests::value::{Schema, Value};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Joins a room, and prints what the server says until a signal.
///
/// # Errors
/// [`Failure`].
pub fn listen(world: &mut World, room: &str, as_json: bool) -> Result<(), Failure> {
    let told_to_end = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, told_to_end.clone())
            .and_then(|_| signal_hook::flag::register(signal, told_to_end.clone()))
            .map_err(|error| Failure::Wrong(format!("cannot handle signals: {error}")))?;
    }
    join(world, room)?;
    output::remark(format_args!("in room {room}; Ctrl-C leaves"));
    while !told_to_end.load(Ordering::Relaxed) {
        world.turn()?;
        while let Some(heard) = world.notice() {
            output::print_line(line(&heard, as_json))?;
        }
    }
    Ok(())
}

/// Joins a room, and says a line there.
///
/// # Errors
/// [`Failure`].
pub fn say(world: &mut World, room: &str, text: &str, as_json: bool) -> Result<(), Failure> {
    join(world, room)?;
    let answer = call(world, "/v1/chat/say", &[("room", room), ("text", text)])?;
    super::super::print(&answer, as_json)
}

fn join(world: &mut World, room: &str) -> Result<(), Failure> {
    call(world, "/v1/chat/join", &[("room", room)]).map(drop)
}

/// Calls an action whose request has texts.
fn call(world: &mut World, path: &str, fields: &[(&str, &str)]) -> Result<Answer, Failure> {
    let schema = Schema::record(fields.iter().map(|(name, _)| (*name, Schema::Text)));
    let object = fields.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
    let request = Value::from_json(&schema, &serde_json::Value::Object(object)).expect("the request has this type");
    world.call(path, &request)
}

/// A notice on one line: `[hall] ann: hello`.
fn line((topic, value): &Heard, as_json: bool) -> String {
    if as_json {
        return json!({ "topic": topic, "value": value.to_json() }).to_string();
    }
    match (topic.as_str(), ["room", "name", "text"].map(|field| value.field(field))) {
        ("chat", [Some(Value::Text(room)), Some(Value::Text(name)), Some(Value::Text(text))]) => {
            format!("[{}] {}: {}", plain(room), plain(name), plain(text))
        }
        _ => format!("{}: {value}", plain(topic)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_chat_reads_as_one_and_moves_no_cursor() {
        let fields = ["room", "name", "text"].map(|name| (name, Schema::Text));
        let json = json!({"room": "hall", "name": "ann", "text": "it's\u{1b}[2J"});
        let value = Value::from_json(&Schema::record(fields), &json).unwrap();
        assert_eq!(line(&("chat".into(), value.clone()), false), "[hall] ann: it's\\u{1b}[2J");
        assert!(line(&("room".into(), value.clone()), false).starts_with("room: { room: \"hall\""));
        assert!(line(&("chat".into(), value), true).starts_with(r#"{"topic":"chat""#));
    }
}
