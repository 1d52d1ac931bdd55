//! A JSON Schema of the settings file.

use super::settings::all_settings;
use serde_json::{Value, json};

/// A JSON Schema of the file, for editors.
pub fn schema() -> Value {
    let properties: serde_json::Map<String, Value> = all_settings()
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
