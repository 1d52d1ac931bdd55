//! A value with its type.

use super::mismatch::Mismatch;
use super::schema::{Fields, Schema};
use std::sync::Arc;

/// A value with its type.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the variants are those of Schema")]
pub enum Value {
    Nothing,
    Bool(bool),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    F32(f32),
    F64(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(List),
    Optional(Optional),
    Record(Record),
}

/// Values of one type.
#[derive(Clone, PartialEq, Debug)]
pub struct List {
    element: Arc<Schema>,
    items: Vec<Value>,
}

/// A value or none.
#[derive(Clone, PartialEq, Debug)]
pub struct Optional {
    inner: Arc<Schema>,
    value: Option<Box<Value>>,
}

/// A value for each of some fields with names.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    fields: Fields,
    values: Vec<Value>,
}

impl Value {
    /// The type of the value.
    pub fn schema(&self) -> Schema {
        match self {
            Value::Nothing => Schema::Nothing,
            Value::Bool(_) => Schema::Bool,
            Value::U8(_) => Schema::U8,
            Value::U16(_) => Schema::U16,
            Value::U32(_) => Schema::U32,
            Value::U64(_) => Schema::U64,
            Value::I8(_) => Schema::I8,
            Value::I16(_) => Schema::I16,
            Value::I32(_) => Schema::I32,
            Value::I64(_) => Schema::I64,
            Value::F32(_) => Schema::F32,
            Value::F64(_) => Schema::F64,
            Value::Text(_) => Schema::Text,
            Value::Bytes(_) => Schema::Bytes,
            Value::List(list) => Schema::List(list.element.clone()),
            Value::Optional(optional) => Schema::Optional(optional.inner.clone()),
            Value::Record(record) => Schema::Record(record.fields.clone()),
        }
    }

    /// Whether the value is of the type `schema`. Allocates nothing.
    pub fn is(&self, schema: &Schema) -> bool {
        match (self, schema) {
            (Value::List(list), Schema::List(element)) => list.element == *element,
            (Value::Optional(optional), Schema::Optional(inner)) => optional.inner == *inner,
            (Value::Record(record), Schema::Record(fields)) => record.fields == *fields,
            (Value::List(_) | Value::Optional(_) | Value::Record(_), _) => false,
            _ => self.schema() == *schema,
        }
    }

    /// The value of a field, if this is a record that has the field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let Value::Record(record) = self else { return None };
        record.field(name)
    }

    fn expect(&self, schema: &Schema) -> Result<(), Mismatch> {
        if self.is(schema) { Ok(()) } else { Err(Mismatch::new(format!("expected {schema}, got {}", self.schema()))) }
    }
}

impl List {
    /// A list of values of the type that `list` names.
    ///
    /// # Errors
    /// If a value has another type.
    ///
    /// # Panics
    /// If `list` is not a list.
    pub fn new(list: &Schema, items: Vec<Value>) -> Result<Self, Mismatch> {
        let Schema::List(element) = list else { panic!("{list} is no list") };
        for (at, item) in items.iter().enumerate() {
            item.expect(element).map_err(|mismatch| mismatch.at(at))?;
        }
        Ok(List { element: element.clone(), items })
    }

    /// The type of its values.
    pub fn element(&self) -> &Schema {
        &self.element
    }

    /// The values.
    pub fn items(&self) -> &[Value] {
        &self.items
    }
}

impl Optional {
    /// A value of the type that `optional` names, or none.
    ///
    /// # Errors
    /// If the value has another type.
    ///
    /// # Panics
    /// If `optional` is not optional.
    pub fn new(optional: &Schema, value: Option<Value>) -> Result<Self, Mismatch> {
        let Schema::Optional(inner) = optional else { panic!("{optional} is no optional") };
        value.iter().try_for_each(|value| value.expect(inner))?;
        Ok(Optional { inner: inner.clone(), value: value.map(Box::new) })
    }

    /// The type of the value, if there is one.
    pub fn inner(&self) -> &Schema {
        &self.inner
    }

    /// The value.
    pub fn value(&self) -> Option<&Value> {
        self.value.as_deref()
    }
}

impl Record {
    /// A record with a value for each field of `record`, in their order.
    ///
    /// # Errors
    /// If a value has another type than its field, or there are more or fewer values than fields.
    ///
    /// # Panics
    /// If `record` is not a record.
    pub fn new(record: &Schema, values: Vec<Value>) -> Result<Self, Mismatch> {
        let Schema::Record(fields) = record else { panic!("{record} is no record") };
        if fields.len() != values.len() {
            let (expected, got) = (fields.len(), values.len());
            return Err(Mismatch::new(format!("expected {expected} fields, got {got}")));
        }
        for (field, value) in fields.iter().zip(&values) {
            value.expect(&field.schema).map_err(|mismatch| mismatch.in_field(&field.name))?;
        }
        Ok(Record { fields: fields.clone(), values })
    }

    /// Each field's name and value, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.fields.iter().map(|field| &*field.name).zip(&self.values)
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }
}
