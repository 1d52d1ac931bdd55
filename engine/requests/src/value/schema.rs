//! The type of a value, as it travels ahead of the value (PROTOCOL.md#values).

use crate::codec::{Malformed, Reader, write_text, write_varint};
use crate::limits::{FIELD_NAME_BYTES_MAX, FIELDS_MAX, SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX};
use std::fmt;
use std::sync::Arc;

/// The type of a value. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Schema {
    /// No value.
    Nothing,
    /// `true` or `false`.
    Bool,
    /// Unsigned, 8 bits.
    U8,
    /// Unsigned, 16 bits.
    U16,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits.
    U64,
    /// Signed, 8 bits.
    I8,
    /// Signed, 16 bits.
    I16,
    /// Signed, 32 bits.
    I32,
    /// Signed, 64 bits.
    I64,
    /// IEEE 754, 32 bits, finite.
    F32,
    /// IEEE 754, 64 bits, finite.
    F64,
    /// UTF-8.
    Text,
    /// Bytes.
    Bytes,
    /// Any number of values of one type, each of at least 1 byte.
    List(Arc<Schema>),
    /// A value or none. The value is neither optional nor nothing.
    Optional(Arc<Schema>),
    /// Fields with names, in an order.
    Record(Fields),
}

/// The fields of a record, in their order. Their names differ.
pub type Fields = Arc<[Field]>;

/// A field of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// 1 to [`FIELD_NAME_BYTES_MAX`] characters of a-z, 0-9 and `_`, of which the first is a letter.
    pub name: Box<str>,
    /// The type of its value.
    pub schema: Schema,
}

/// The types that consist of no others: the byte that stands for each, and its name.
const PLAIN: [(u8, Schema, &str); 14] = [
    (0x01, Schema::Nothing, "nothing"),
    (0x02, Schema::Bool, "bool"),
    (0x03, Schema::U8, "u8"),
    (0x04, Schema::U16, "u16"),
    (0x05, Schema::U32, "u32"),
    (0x06, Schema::U64, "u64"),
    (0x07, Schema::I8, "i8"),
    (0x08, Schema::I16, "i16"),
    (0x09, Schema::I32, "i32"),
    (0x0A, Schema::I64, "i64"),
    (0x0B, Schema::F32, "f32"),
    (0x0C, Schema::F64, "f64"),
    (0x0D, Schema::Text, "text"),
    (0x0E, Schema::Bytes, "bytes"),
];
const LIST: u8 = 0x0F;
const OPTIONAL: u8 = 0x10;
const RECORD: u8 = 0x11;

impl Schema {
    /// A list of `element`.
    ///
    /// # Panics
    /// If an element takes no bytes, or the schema is deeper than [`SCHEMA_DEPTH_MAX`].
    pub fn list(element: Schema) -> Self {
        Self::checked(Schema::List(Arc::new(element)))
    }

    /// An optional `inner`.
    ///
    /// # Panics
    /// If `inner` is optional or nothing, or the schema is deeper than [`SCHEMA_DEPTH_MAX`].
    pub fn optional(inner: Schema) -> Self {
        Self::checked(Schema::Optional(Arc::new(inner)))
    }

    /// A record with these fields.
    ///
    /// # Panics
    /// If a field's name is invalid or occurs twice, or the schema has too many fields, is too deep, or is too long.
    pub fn record<'a>(fields: impl IntoIterator<Item = (&'a str, Schema)>) -> Self {
        let fields = fields.into_iter().map(|(name, schema)| Field { name: name.into(), schema });
        Self::checked(Schema::Record(fields.collect()))
    }

    fn checked(schema: Schema) -> Self {
        if let Err(why) = schema.check() {
            panic!("{schema}: {why}");
        }
        let mut bytes = Vec::new();
        schema.write(&mut bytes);
        assert!(bytes.len() <= SCHEMA_BYTES_MAX, "a schema has more than {SCHEMA_BYTES_MAX} bytes");
        schema
    }

    /// Checks the outermost type: its parts are checked already.
    fn check(&self) -> Result<(), Malformed> {
        match self {
            Schema::List(element) if element.bytes_min() == 0 => {
                return Err(Malformed("an element of a list takes no bytes"));
            }
            Schema::Optional(inner) if matches!(**inner, Schema::Nothing | Schema::Optional(_)) => {
                return Err(Malformed("an optional value is nothing or optional itself"));
            }
            Schema::Record(fields) => check_fields(fields)?,
            _ => {}
        }
        if self.depth() > SCHEMA_DEPTH_MAX { Err(Malformed("a schema is too deep")) } else { Ok(()) }
    }

    /// How many types are inside each other, with this one.
    pub fn depth(&self) -> usize {
        1 + match self {
            Schema::List(inner) | Schema::Optional(inner) => inner.depth(),
            Schema::Record(fields) => fields.iter().map(|field| field.schema.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The fewest bytes that a value of this type takes, without its schema.
    pub fn bytes_min(&self) -> usize {
        match self {
            Schema::Nothing => 0,
            Schema::Bool | Schema::U8 | Schema::I8 | Schema::Text | Schema::Bytes => 1,
            Schema::List(_) | Schema::Optional(_) => 1,
            Schema::U16 | Schema::I16 => 2,
            Schema::U32 | Schema::I32 | Schema::F32 => 4,
            Schema::U64 | Schema::I64 | Schema::F64 => 8,
            Schema::Record(fields) => fields.iter().map(|field| field.schema.bytes_min()).sum(),
        }
    }

    /// Appends the bytes of the schema.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Schema::List(element) => {
                out.push(LIST);
                element.write(out);
            }
            Schema::Optional(inner) => {
                out.push(OPTIONAL);
                inner.write(out);
            }
            Schema::Record(fields) => {
                out.push(RECORD);
                write_varint(out, fields.len() as u64);
                for field in &**fields {
                    write_text(out, &field.name);
                    field.schema.write(out);
                }
            }
            plain => {
                let (byte, ..) = PLAIN.iter().find(|(_, schema, _)| schema == plain).expect("all others are plain");
                out.push(*byte);
            }
        }
    }

    /// Reads a schema, which has at most [`SCHEMA_BYTES_MAX`] bytes.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let before = reader.remaining();
        let schema = Self::read_inner(reader, before.saturating_sub(SCHEMA_BYTES_MAX), SCHEMA_DEPTH_MAX)?;
        if before - reader.remaining() > SCHEMA_BYTES_MAX { Err(TOO_LONG) } else { Ok(schema) }
    }

    /// Reads a schema of at most `depth` types inside each other, until `end` bytes remain.
    fn read_inner(reader: &mut Reader<'_>, end: usize, depth: usize) -> Result<Self, Malformed> {
        if depth == 0 {
            return Err(Malformed("a schema is too deep"));
        }
        if reader.remaining() < end {
            return Err(TOO_LONG);
        }
        let schema = match reader.u8()? {
            LIST => Schema::List(Arc::new(Self::read_inner(reader, end, depth - 1)?)),
            OPTIONAL => Schema::Optional(Arc::new(Self::read_inner(reader, end, depth - 1)?)),
            RECORD => {
                let count = reader.varint()?;
                if count > FIELDS_MAX as u64 {
                    return Err(Malformed("a record has too many fields"));
                }
                let fields = (0..count).map(|_| {
                    let name = reader.text()?.into();
                    Ok(Field { name, schema: Self::read_inner(reader, end, depth - 1)? })
                });
                Schema::Record(fields.collect::<Result<_, _>>()?)
            }
            byte => {
                let plain = PLAIN.iter().find(|(plain, ..)| *plain == byte);
                plain.ok_or(Malformed("a schema has an unknown type"))?.1.clone()
            }
        };
        schema.check()?;
        Ok(schema)
    }
}

const TOO_LONG: Malformed = Malformed("a schema is too long");

fn check_fields(fields: &[Field]) -> Result<(), Malformed> {
    if fields.len() > FIELDS_MAX {
        return Err(Malformed("a record has too many fields"));
    }
    for (at, field) in fields.iter().enumerate() {
        if !is_field_name(&field.name) {
            return Err(Malformed("a record has a field with a bad name"));
        }
        if fields[..at].iter().any(|other| other.name == field.name) {
            return Err(Malformed("a record has two fields of one name"));
        }
    }
    Ok(())
}

fn is_field_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let all = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    first && all && name.len() <= FIELD_NAME_BYTES_MAX
}

/// For people: `{ item: u32, note: optional text, at: list of f32 }`.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schema::List(element) => write!(f, "list of {element}"),
            Schema::Optional(inner) => write!(f, "optional {inner}"),
            Schema::Record(fields) if fields.is_empty() => f.write_str("{}"),
            Schema::Record(fields) => {
                for (at, field) in fields.iter().enumerate() {
                    write!(f, "{} {}: {}", if at == 0 { "{" } else { "," }, field.name, field.schema)?;
                }
                f.write_str(" }")
            }
            plain => {
                let (.., name) = PLAIN.iter().find(|(_, schema, _)| schema == plain).expect("all others are plain");
                f.write_str(name)
            }
        }
    }
}
