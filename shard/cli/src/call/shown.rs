//! JSON for people, in the style of typed values: `{ name: "Paris", at: [1.5, 2] }`.

use crate::output::plain;
use serde_json::Value as Json;
use std::fmt;

/// Shows JSON for people.
pub struct Shown<'a>(pub &'a Json);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Json::Null => f.write_str("none"),
            Json::Bool(value) => value.fmt(f),
            Json::Number(value) => value.fmt(f),
            // Debug escapes control characters, which a hostile text could hold for a terminal.
            Json::String(value) => write!(f, "{value:?}"),
            Json::Array(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{}", if at == 0 { "" } else { ", " }, Shown(item))?;
                }
                f.write_str("]")
            }
            Json::Object(fields) if fields.is_empty() => f.write_str("{}"),
            Json::Object(fields) => {
                for (at, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{} {}: {}", if at == 0 { "{" } else { "," }, plain(name), Shown(value))?;
                }
                f.write_str(" }")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_looks_like_a_typed_value_and_moves_no_cursor() {
        let json = json!({"a": [1, 2.5, null], "b": "\u{1b}[2J", "c": {}});
        assert_eq!(Shown(&json).to_string(), r#"{ a: [1, 2.5, none], b: "\u{1b}[2J", c: {} }"#);
    }
}
