//! Values as people read and type them.

use super::base64;
use super::data::Value;
use super::mismatch::Mismatch;
use super::schema::Schema;
use serde_json::Value as Json;
use std::fmt;

impl Value {
    /// Reads a value of the type `schema` from what somebody typed behind `--field name=`.
    ///
    /// Text stands for itself. Numbers are decimal, and bools `true` or `false`. Bytes are base64url without padding. `null`
    /// is an optional value that is none. Lists and records are JSON.
    ///
    /// # Errors
    /// If the text is not a value of this type.
    pub fn parse_field(schema: &Schema, text: &str) -> Result<Self, Mismatch> {
        match schema {
            Schema::Text => Ok(Value::Text(text.to_owned())),
            Schema::Bytes => Self::from_json(schema, &Json::String(text.to_owned())),
            Schema::Nothing if text.is_empty() => Ok(Value::Nothing),
            Schema::Optional(inner) if text != "null" => {
                let value = Self::parse_field(inner, text)?;
                super::data::Optional::new(schema, Some(value)).map(Value::Optional)
            }
            _ => {
                let json = serde_json::from_str(text)
                    .map_err(|_| Mismatch::new(format!("expected {schema}, got {text:?}, which is no JSON")))?;
                Self::from_json(schema, &json)
            }
        }
    }
}

/// For people: `{ item: 4, name: "axe", at: [1.5, 2] }`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nothing => f.write_str("nothing"),
            Value::Bool(value) => value.fmt(f),
            Value::U8(value) => value.fmt(f),
            Value::U16(value) => value.fmt(f),
            Value::U32(value) => value.fmt(f),
            Value::U64(value) => value.fmt(f),
            Value::I8(value) => value.fmt(f),
            Value::I16(value) => value.fmt(f),
            Value::I32(value) => value.fmt(f),
            Value::I64(value) => value.fmt(f),
            Value::F32(value) => value.fmt(f),
            Value::F64(value) => value.fmt(f),
            // Debug escapes control characters, which a hostile text could hold for a terminal.
            Value::Text(value) => write!(f, "{value:?}"),
            Value::Bytes(value) => f.write_str(&base64::encode(value)),
            Value::List(list) => {
                f.write_str("[")?;
                for (at, item) in list.items().iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Value::Optional(optional) => match optional.value() {
                Some(value) => value.fmt(f),
                None => f.write_str("none"),
            },
            Value::Record(record) if record.iter().len() == 0 => f.write_str("{}"),
            Value::Record(record) => {
                for (at, (name, value)) in record.iter().enumerate() {
                    write!(f, "{} {name}: {value}", if at == 0 { "{" } else { "," })?;
                }
                f.write_str(" }")
            }
        }
    }
}
