//! Values that say themselves what they are, so that tools and actions read them without the types they were compiled
//! from (B7).
//!
//! ```text
//! | schema: bytes, a kind each | the values, one after the other |
//! ```
//! Kinds: 0 bool, 1 u32, 2 i32, 3 u64, 4 i64 (varints), 5 f32, 6 f64, 7 text, 8 bytes. Values hold no values: reading
//! them takes no stack that a peer could ask for.

use super::{Malformed, NoRoom, Reader, Writer};
use crate::limits::TYPED_VALUES_MAX;

const KIND_BOOL: u8 = 0;
const KIND_U32: u8 = 1;
const KIND_I32: u8 = 2;
const KIND_U64: u8 = 3;
const KIND_I64: u8 = 4;
const KIND_F32: u8 = 5;
const KIND_F64: u8 = 6;
const KIND_TEXT: u8 = 7;
const KIND_BYTES: u8 = 8;

/// A value, and with it its type.
#[derive(Clone, Copy, PartialEq, Debug)]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Value<'a> {
    Bool(bool),
    U32(u32),
    I32(i32),
    U64(u64),
    I64(i64),
    F32(f32),
    F64(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    fn kind(&self) -> u8 {
        match self {
            Value::Bool(_) => KIND_BOOL,
            Value::U32(_) => KIND_U32,
            Value::I32(_) => KIND_I32,
            Value::U64(_) => KIND_U64,
            Value::I64(_) => KIND_I64,
            Value::F32(_) => KIND_F32,
            Value::F64(_) => KIND_F64,
            Value::Text(_) => KIND_TEXT,
            Value::Bytes(_) => KIND_BYTES,
        }
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        match *self {
            Value::Bool(value) => writer.bool(value),
            Value::U32(value) => writer.varint_u32(value),
            Value::I32(value) => writer.varint_i32(value),
            Value::U64(value) => writer.varint_u64(value),
            Value::I64(value) => writer.varint_i64(value),
            Value::F32(value) => writer.f32(value),
            Value::F64(value) => writer.f64(value),
            Value::Text(value) => writer.text(value),
            Value::Bytes(value) => writer.bytes(value),
        }
    }

    fn read(kind: u8, reader: &mut Reader<'a>) -> Result<Value<'a>, Malformed> {
        match kind {
            KIND_BOOL => reader.bool().map(Value::Bool),
            KIND_U32 => reader.varint_u32().map(Value::U32),
            KIND_I32 => reader.varint_i32().map(Value::I32),
            KIND_U64 => reader.varint_u64().map(Value::U64),
            KIND_I64 => reader.varint_i64().map(Value::I64),
            KIND_F32 => reader.f32().map(Value::F32),
            KIND_F64 => reader.f64().map(Value::F64),
            KIND_TEXT => reader.text().map(Value::Text),
            KIND_BYTES => reader.bytes().map(Value::Bytes),
            _ => Err(Malformed::UnknownValue),
        }
    }
}

/// Appends `values`, with their schema in front.
///
/// # Panics
/// When there are more than [`TYPED_VALUES_MAX`].
pub fn write_typed(writer: &mut Writer<'_>, values: &[Value<'_>]) -> Result<(), NoRoom> {
    assert!(values.len() <= TYPED_VALUES_MAX, "at most {TYPED_VALUES_MAX} values go together");
    writer.whole(|writer| {
        writer.varint_u64(values.len() as u64)?;
        values.iter().try_for_each(|value| writer.u8(value.kind()))?;
        values.iter().try_for_each(|value| value.write(writer))
    })
}

/// Reads values with their schema in front, all of which are sound.
///
/// # Errors
/// [`Malformed::TooLong`] for more than [`TYPED_VALUES_MAX`], [`Malformed::UnknownValue`] for a kind that there is not;
/// and those of the values.
pub fn read_typed<'a>(reader: &mut Reader<'a>) -> Result<Values<'a>, Malformed> {
    reader.whole(|reader| {
        let schema = reader.bytes()?;
        if schema.len() > TYPED_VALUES_MAX {
            return Err(Malformed::TooLong);
        }
        let values = Values { schema, reader: reader.clone() };
        schema.iter().try_for_each(|&kind| Value::read(kind, reader).map(drop))?;
        Ok(values)
    })
}

/// Values that were read, in order.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    schema: &'a [u8],
    /// Reads what was found sound before.
    reader: Reader<'a>,
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let (&kind, schema) = self.schema.split_first()?;
        self.schema = schema;
        Value::read(kind, &mut self.reader).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.schema.len(), Some(self.schema.len()))
    }
}

impl ExactSizeIterator for Values<'_> {}
