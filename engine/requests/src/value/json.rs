//! Values as JSON.
//!
//! Bytes are base64url without padding. A u64 or an i64 that a double cannot hold is decimal text, because many programs read
//! every number as a double; text is accepted for smaller ones, too. An optional value that is none is `null`, or the field
//! is absent.

use super::base64;
use super::data::{List, Optional, Record, Value};
use super::mismatch::Mismatch;
use super::schema::{Fields, Schema};
use crate::limits::VALUE_PARTS_MAX;
use serde_json::{Map, Number, Value as Json};

/// The largest number up to which a double holds every whole number.
const DOUBLE_EXACT_MAX: u64 = 1 << 53;

impl Value {
    /// The value as JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Value::Nothing => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::U8(value) => Json::from(*value),
            Value::U16(value) => Json::from(*value),
            Value::U32(value) => Json::from(*value),
            Value::U64(value) if *value > DOUBLE_EXACT_MAX => Json::String(value.to_string()),
            Value::U64(value) => Json::from(*value),
            Value::I8(value) => Json::from(*value),
            Value::I16(value) => Json::from(*value),
            Value::I32(value) => Json::from(*value),
            Value::I64(value) if value.unsigned_abs() > DOUBLE_EXACT_MAX => Json::String(value.to_string()),
            Value::I64(value) => Json::from(*value),
            Value::F32(value) => shortest(*value),
            Value::F64(value) => Number::from_f64(*value).map_or(Json::from(0), Json::Number),
            Value::Text(value) => Json::String(value.clone()),
            Value::Bytes(value) => Json::String(base64::encode(value)),
            Value::List(list) => Json::Array(list.items().iter().map(Value::to_json).collect()),
            Value::Optional(optional) => optional.value().map_or(Json::Null, Value::to_json),
            Value::Record(record) => {
                Json::Object(record.iter().map(|(name, value)| (name.to_owned(), value.to_json())).collect())
            }
        }
    }

    /// Reads a value of the type `schema` from JSON.
    ///
    /// # Errors
    /// If the JSON has another type. The error names the part.
    pub fn from_json(schema: &Schema, json: &Json) -> Result<Self, Mismatch> {
        Parts(VALUE_PARTS_MAX).value(schema, json)
    }
}

/// The shortest number that reads as this f32: 0.1 and not 0.10000000149011612.
fn shortest(value: f32) -> Json {
    let double = value.to_string().parse().unwrap_or(f64::from(value));
    Number::from_f64(double).map_or(Json::from(0), Json::Number)
}

/// How many more values may be read.
struct Parts(usize);

impl Parts {
    fn value(&mut self, schema: &Schema, json: &Json) -> Result<Value, Mismatch> {
        self.0 = self.0.checked_sub(1).ok_or_else(|| Mismatch::new("the value has too many parts"))?;
        let value = match (schema, json) {
            (Schema::Nothing, Json::Null) => Some(Value::Nothing),
            (Schema::Nothing, Json::Object(fields)) if fields.is_empty() => Some(Value::Nothing),
            (Schema::Bool, Json::Bool(value)) => Some(Value::Bool(*value)),
            (Schema::U8, _) => whole(json, json.as_u64())?.map(Value::U8),
            (Schema::U16, _) => whole(json, json.as_u64())?.map(Value::U16),
            (Schema::U32, _) => whole(json, json.as_u64())?.map(Value::U32),
            (Schema::I8, _) => whole(json, json.as_i64())?.map(Value::I8),
            (Schema::I16, _) => whole(json, json.as_i64())?.map(Value::I16),
            (Schema::I32, _) => whole(json, json.as_i64())?.map(Value::I32),
            (Schema::U64, Json::String(text)) => text.parse().ok().map(Value::U64),
            (Schema::U64, _) => whole(json, json.as_u64())?.map(Value::U64),
            (Schema::I64, Json::String(text)) => text.parse().ok().map(Value::I64),
            (Schema::I64, _) => whole(json, json.as_i64())?.map(Value::I64),
            (Schema::F32, Json::Number(number)) => {
                number.as_f64().map(|number| number as f32).filter(|number| number.is_finite()).map(Value::F32)
            }
            (Schema::F64, Json::Number(number)) => number.as_f64().filter(|n| n.is_finite()).map(Value::F64),
            (Schema::Text, Json::String(text)) => Some(Value::Text(text.clone())),
            (Schema::Bytes, Json::String(text)) => base64::decode(text).map(Value::Bytes),
            (Schema::List(element), Json::Array(items)) => {
                let item = |(at, item)| self.value(element, item).map_err(|mismatch| mismatch.at(at));
                let items = items.iter().enumerate().map(item).collect::<Result<_, _>>()?;
                Some(Value::List(List::new(schema, items)?))
            }
            (Schema::Optional(_), Json::Null) => Some(Value::Optional(Optional::new(schema, None)?)),
            (Schema::Optional(inner), _) => {
                let value = self.value(inner, json)?;
                Some(Value::Optional(Optional::new(schema, Some(value))?))
            }
            (Schema::Record(fields), Json::Object(object)) => Some(Value::Record(self.record(schema, fields, object)?)),
            _ => None,
        };
        value.ok_or_else(|| Mismatch::new(format!("expected {}, got {}", wanted(schema), shortened(json))))
    }

    fn record(&mut self, schema: &Schema, fields: &Fields, object: &Map<String, Json>) -> Result<Record, Mismatch> {
        if let Some(name) = object.keys().find(|name| fields.iter().all(|field| *field.name != ***name)) {
            return Err(Mismatch::new(format!("there is no field {name:?}; the fields are {}", wanted(schema))));
        }
        let values = fields.iter().map(|field| {
            let json = match object.get(&*field.name) {
                Some(json) => json,
                None if matches!(field.schema, Schema::Optional(_)) => &Json::Null,
                None => return Err(Mismatch::new("the field is absent").in_field(&field.name)),
            };
            self.value(&field.schema, json).map_err(|mismatch| mismatch.in_field(&field.name))
        });
        let values = values.collect::<Result<_, _>>()?;
        Record::new(schema, values)
    }
}

/// The whole number as `T`. None if it is no whole number.
fn whole<W, T: TryFrom<W>>(json: &Json, number: Option<W>) -> Result<Option<T>, Mismatch> {
    let Some(number) = number else { return Ok(None) };
    let out_of_range = |_| Mismatch::new(format!("{json} is out of range for {}", std::any::type_name::<T>()));
    T::try_from(number).map(Some).map_err(out_of_range)
}

fn wanted(schema: &Schema) -> String {
    match schema {
        Schema::Bytes => "bytes as base64url without padding".to_owned(),
        Schema::U64 | Schema::I64 => format!("{schema} as a number or as decimal text"),
        schema => schema.to_string(),
    }
}

/// JSON for an error message.
fn shortened(json: &Json) -> String {
    let text = json.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
