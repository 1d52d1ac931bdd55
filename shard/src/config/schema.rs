//! A JSON Schema of the settings file.

use super::game_section::GAME;
use super::setting_metadata::Setting;
use super::settings::{all_settings, game_server_settings};
use serde_json::{Value, json};

/// A JSON Schema of the file of the program `ringshard`, for editors.
pub fn schema() -> Value {
    schema_of(all_settings())
}

/// A JSON Schema of the file of a game's own server.
pub fn game_server_schema() -> Value {
    let mut schema = schema_of(game_server_settings());
    schema["properties"][GAME] = json!({"type": "object", "description": "The settings of the game itself."});
    schema
}

fn schema_of(table: &'static [Setting]) -> Value {
    let properties: serde_json::Map<String, Value> = table
        .iter()
        .map(|setting| {
            let mut schema = setting.kind.schema();
            schema["description"] = format!("{} Must be {}.", setting.help, setting.expects).into();
            schema["default"] = serde_json::to_value(setting.kind.toml(setting.default)).unwrap_or_default();
            schema["x-live"] = setting.live.into();
            (setting.name.clone(), schema)
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of a Ringshard server",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}
