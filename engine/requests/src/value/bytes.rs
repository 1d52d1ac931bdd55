//! The bytes of a value: its schema, and then its data (PROTOCOL.md#values).

use super::data::{List, Optional, Record, Value};
use super::schema::Schema;
use crate::codec::{Malformed, Reader, write_counted, write_text, write_varint};
use crate::limits::VALUE_PARTS_MAX;

impl Value {
    /// The bytes of the schema and of the value.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.schema().write(&mut out);
        self.write_data(&mut out);
        out
    }

    /// Reads a schema and a value, which must take up all of `bytes`. Empty `bytes` mean [`Value::Nothing`].
    ///
    /// # Errors
    /// If the bytes are not a value, or the value has more than [`VALUE_PARTS_MAX`] parts.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.is_empty() {
            return Ok(Value::Nothing);
        }
        let mut reader = Reader::new(bytes);
        let schema = Schema::read(&mut reader)?;
        let value = Data { reader: &mut reader, parts: VALUE_PARTS_MAX }.read(&schema)?;
        reader.finish()?;
        Ok(value)
    }

    fn write_data(&self, out: &mut Vec<u8>) {
        match self {
            Value::Nothing => {}
            Value::Bool(value) => out.push(u8::from(*value)),
            Value::U8(value) => out.push(*value),
            Value::U16(value) => out.extend(value.to_le_bytes()),
            Value::U32(value) => out.extend(value.to_le_bytes()),
            Value::U64(value) => out.extend(value.to_le_bytes()),
            Value::I8(value) => out.extend(value.to_le_bytes()),
            Value::I16(value) => out.extend(value.to_le_bytes()),
            Value::I32(value) => out.extend(value.to_le_bytes()),
            Value::I64(value) => out.extend(value.to_le_bytes()),
            Value::F32(value) => out.extend(finite(*value, f32::is_finite).to_le_bytes()),
            Value::F64(value) => out.extend(finite(*value, f64::is_finite).to_le_bytes()),
            Value::Text(value) => write_text(out, value),
            Value::Bytes(value) => write_counted(out, value),
            Value::List(list) => {
                write_varint(out, list.items().len() as u64);
                list.items().iter().for_each(|item| item.write_data(out));
            }
            Value::Optional(optional) => {
                out.push(u8::from(optional.value().is_some()));
                optional.value().into_iter().for_each(|value| value.write_data(out));
            }
            Value::Record(record) => record.iter().for_each(|(_, value)| value.write_data(out)),
        }
    }
}

/// The wire has no infinities and no NaN: 0 stands for them.
fn finite<F: Copy + Default>(value: F, is_finite: impl Fn(F) -> bool) -> F {
    if is_finite(value) { value } else { F::default() }
}

/// Reads data of a schema.
struct Data<'a, 'r> {
    reader: &'r mut Reader<'a>,
    /// How many more values may be read.
    parts: usize,
}

impl Data<'_, '_> {
    fn read(&mut self, schema: &Schema) -> Result<Value, Malformed> {
        self.parts = self.parts.checked_sub(1).ok_or(Malformed("a value has too many parts"))?;
        Ok(match schema {
            Schema::Nothing => Value::Nothing,
            Schema::Bool => Value::Bool(self.reader.bool()?),
            Schema::U8 => Value::U8(self.reader.u8()?),
            Schema::U16 => Value::U16(self.reader.u16()?),
            Schema::U32 => Value::U32(self.reader.u32()?),
            Schema::U64 => Value::U64(self.reader.u64()?),
            Schema::I8 => Value::I8(self.reader.i8()?),
            Schema::I16 => Value::I16(self.reader.i16()?),
            Schema::I32 => Value::I32(self.reader.i32()?),
            Schema::I64 => Value::I64(self.reader.i64()?),
            Schema::F32 => Value::F32(self.reader.f32()?),
            Schema::F64 => Value::F64(self.reader.f64()?),
            Schema::Text => Value::Text(self.reader.text()?.to_owned()),
            Schema::Bytes => Value::Bytes(self.reader.counted()?.to_owned()),
            Schema::List(element) => Value::List(self.read_list(schema, element)?),
            Schema::Optional(inner) => {
                let value = if self.reader.bool()? { Some(self.read(inner)?) } else { None };
                Value::Optional(Optional::new(schema, value).expect("it was read by its schema"))
            }
            Schema::Record(fields) => {
                let values = fields.iter().map(|field| self.read(&field.schema)).collect::<Result<_, _>>()?;
                Value::Record(Record::new(schema, values).expect("it was read by its schema"))
            }
        })
    }

    fn read_list(&mut self, list: &Schema, element: &Schema) -> Result<List, Malformed> {
        let count = usize::try_from(self.reader.varint()?).unwrap_or(usize::MAX);
        // An element takes a byte at least, so a count cannot make the list larger than the message.
        if count > self.reader.remaining() {
            return Err(Malformed("a list has fewer bytes than elements"));
        }
        let items = (0..count).map(|_| self.read(element)).collect::<Result<_, _>>()?;
        Ok(List::new(list, items).expect("it was read by its schema"))
    }
}
