//! The server's list of actions.

use super::door::Door;
use crate::failure::Failure;
use crate::output;
use crate::table::{Column, Table};
use ratatui::text::Line;
use ringshard_client::requests::codec::Reader;
use ringshard_client::requests::value::{Schema, Value, base64};
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// The action that lists actions.
const LIST_PATH: &str = "/v1/actions";
/// Pages of a list. A server with more actions repeats itself.
const PAGES_MAX: usize = 1_000;

/// An action of a server.
pub struct Action {
    /// The type of the request.
    pub request: Schema,
}

/// A page of the list.
#[derive(Deserialize)]
struct Page {
    actions: Vec<Json>,
    more: bool,
}

/// An entry, as far as it is used here.
#[derive(Deserialize)]
struct Entry {
    path: String,
    about: String,
    access: String,
    request: String,
    answer: String,
    request_schema: String,
}

/// Finds an action.
///
/// # Errors
/// [`Failure`]: there is none, or the server has no list.
pub fn find(door: &mut impl Door, path: &str) -> Result<Action, Failure> {
    let page = page(door, path, None)?;
    let entries = page.actions.iter().filter_map(|entry| Entry::deserialize(entry).ok());
    let Some(entry) = entries.into_iter().find(|entry| entry.path == path) else {
        return Err(Failure::refused(404, format!("the server has no action {path}: --list shows all")));
    };
    let bytes = base64::decode(&entry.request_schema).unwrap_or_default();
    let mut reader = Reader::new(&bytes);
    let schema = Schema::read(&mut reader);
    let schema = schema.map_err(|why| Failure::Wrong(format!("the server's list has no schema of {path}: {why}")))?;
    Ok(Action { request: schema })
}

/// Prints the actions whose paths begin with `prefix`.
///
/// # Errors
/// [`Failure`].
pub fn print(door: &mut impl Door, prefix: &str, as_json: bool) -> Result<(), Failure> {
    let entries = all(door, prefix)?;
    if as_json {
        let text = serde_json::to_string_pretty(&entries).expect("JSON can be written");
        return Ok(output::print_line(text)?);
    }
    let unreadable = |error| Failure::Wrong(format!("the server's list of actions has an unknown form: {error}"));
    let entries: Vec<Entry> = entries.iter().map(Entry::deserialize).collect::<Result<_, _>>().map_err(unreadable)?;
    Ok(output::print(table(&entries).page())?)
}

fn all(door: &mut impl Door, prefix: &str) -> Result<Vec<Json>, Failure> {
    let mut entries = Vec::new();
    for _ in 0..PAGES_MAX {
        let after = entries.last().and_then(|entry: &Json| entry["path"].as_str()).map(str::to_owned);
        let Page { actions, more } = page(door, prefix, after.as_deref())?;
        let is_last = !more || actions.is_empty();
        entries.extend(actions);
        if is_last {
            return Ok(entries);
        }
    }
    Err(Failure::Wrong("the server's list of actions does not end".into()))
}

fn page(door: &mut impl Door, prefix: &str, after: Option<&str>) -> Result<Page, Failure> {
    let schema =
        Schema::record([("prefix", Schema::optional(Schema::Text)), ("after", Schema::optional(Schema::Text))]);
    let request = Value::from_json(&schema, &json!({ "prefix": prefix, "after": after }));
    let answer = door.call(LIST_PATH, &request.expect("the request has this type"))?;
    serde_json::from_value(answer.to_json())
        .map_err(|error| Failure::Wrong(format!("the server's list of actions has an unknown form: {error}")))
}

fn table(entries: &[Entry]) -> Table {
    let columns = vec![
        Column::text("path", 0),
        Column::text("who", 0).rank(2),
        Column::text("request", 0).rank(1),
        Column::text("answer", 0).rank(4),
        Column::text("about", 0).rank(3),
    ];
    let row = |entry: &Entry| {
        let cells = [&entry.path, &entry.access, &entry.request, &entry.answer, &entry.about];
        cells.map(|cell| Line::from(cell.clone())).to_vec()
    };
    let title = match entries.len() {
        1 => "1 action".into(),
        count => format!("{count} actions"),
    };
    Table {
        title: title.into(),
        aside: Line::default(),
        columns,
        rows: entries.iter().map(row).collect(),
        empty: "the server has no such actions",
    }
}
