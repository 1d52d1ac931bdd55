//! The fields of a record: what a program says of a struct, checked.

use crate::error::{Failure, rs_error};
use ringshard_world::EntityId;
use ringshard_world::contract::{Cooldown, Wire, mix};
use std::ops::Range;
use std::sync::Mutex;

/// Bytes of a struct, at most.
pub const RECORD_BYTES_MAX: usize = 256;
/// Fields of a struct, at most.
pub const FIELDS_MAX: usize = 64;
/// Layouts that differ, at most. They are never freed: this bounds what they take.
const LAYOUTS_MAX: usize = 1_024;

/// What a field is. The comments say what it is in C, and in a `wire!` struct of the server.
#[allow(non_camel_case_types, reason = "the names are those of the header")]
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum rs_kind {
    /// `uint8_t`; `u8`.
    U8 = 1,
    /// `uint16_t`; `u16`.
    U16 = 2,
    /// `uint32_t`; `u32`.
    U32 = 3,
    /// `uint64_t`; `u64`.
    U64 = 4,
    /// `int8_t`; `i8`.
    I8 = 5,
    /// `int16_t`; `i16`.
    I16 = 6,
    /// `int32_t`; `i32`.
    I32 = 7,
    /// `int64_t`; `i64`.
    I64 = 8,
    /// `float`; `f32`. What is not finite is sent as 0.
    F32 = 9,
    /// `uint8_t` or `bool`, 0 or 1; `bool`.
    Bool = 10,
    /// `rs_entity`, of which 0 is none; `Option<EntityId>`.
    Entity = 11,
    /// `uint16_t`, in ticks; `Cooldown`.
    Cooldown = 12,
    /// `RS_TEXT(count)`; `Text<count>`.
    Text = 13,
}

impl rs_kind {
    /// The kind of this number.
    fn from_number(number: u8) -> Option<rs_kind> {
        use rs_kind::*;
        [U8, U16, U32, U64, I8, I16, I32, I64, F32, Bool, Entity, Cooldown, Text]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }

    /// Bytes of an item in C. They are its alignment, too. A text has these before its characters.
    fn size(self) -> usize {
        match self {
            rs_kind::U8 | rs_kind::I8 | rs_kind::Bool | rs_kind::Text => 1,
            rs_kind::U16 | rs_kind::I16 | rs_kind::Cooldown => 2,
            rs_kind::U32 | rs_kind::I32 | rs_kind::F32 | rs_kind::Entity => 4,
            rs_kind::U64 | rs_kind::I64 => 8,
        }
    }

    /// Bytes on the wire, at most, and the schema number of an item.
    fn wire(self) -> (usize, u32) {
        fn of<T: Wire>() -> (usize, u32) {
            (T::BYTES_MAX, T::SCHEMA)
        }
        match self {
            rs_kind::U8 => of::<u8>(),
            rs_kind::U16 => of::<u16>(),
            rs_kind::U32 => of::<u32>(),
            rs_kind::U64 => of::<u64>(),
            rs_kind::I8 => of::<i8>(),
            rs_kind::I16 => of::<i16>(),
            rs_kind::I32 => of::<i32>(),
            rs_kind::I64 => of::<i64>(),
            rs_kind::F32 => of::<f32>(),
            rs_kind::Bool => of::<bool>(),
            rs_kind::Entity => of::<Option<EntityId>>(),
            rs_kind::Cooldown => of::<Cooldown>(),
            // Its number depends on its length.
            rs_kind::Text => (0, 0),
        }
    }
}

/// A field as a program declares it.
pub struct Declared<'a> {
    pub name: &'a str,
    pub offset: u16,
    pub kind: u8,
    pub count: u8,
}

/// A field of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    name: String,
    pub offset: usize,
    pub kind: rs_kind,
    /// Items of an array, or bytes of a text; 0 for anything else.
    pub count: usize,
}

impl Field {
    /// Where each item lies.
    pub fn items(&self) -> impl Iterator<Item = Range<usize>> {
        let (items, size) = match self.kind {
            rs_kind::Text => (1, 1 + self.count),
            kind => (self.count.max(1), kind.size()),
        };
        let offset = self.offset;
        (0..items).map(move |item| offset + item * size..offset + (item + 1) * size)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    fn end(&self) -> usize {
        self.items().last().expect("a field has an item").end
    }

    /// Bytes on the wire, at most, and the schema number: those that `wire!` gives the same field.
    fn wire(&self) -> (usize, u32) {
        let (bytes, schema) = self.kind.wire();
        match (self.kind, self.count) {
            (rs_kind::Text, count) => (2 + count, mix(count as u32, "text")),
            (_, 0) => (bytes, schema),
            (_, count) => (count * bytes, mix(schema ^ count as u32, "[]")),
        }
    }
}

/// The fields of a record, in their order.
#[derive(PartialEq, Eq, Debug)]
pub struct Layout {
    pub fields: Vec<Field>,
    /// Bytes of the struct.
    pub bytes: usize,
    /// The schema number that `wire!` gives the same struct.
    pub schema: u32,
}

/// A layout without fields.
pub static EMPTY: Layout = Layout { fields: Vec::new(), bytes: 0, schema: 0 };

static LAYOUTS: Mutex<Vec<&'static Layout>> = Mutex::new(Vec::new());

impl Layout {
    /// The layout of a struct of `bytes` bytes, whose differences have at most `wire_max` bytes on the wire.
    pub fn new<'a>(
        declared: impl ExactSizeIterator<Item = Result<Declared<'a>, Failure>>,
        bytes: usize,
        wire_max: usize,
    ) -> Result<Layout, Failure> {
        let count = declared.len();
        if count > FIELDS_MAX {
            return Err(wrong(format!("a layout has {count} fields; {FIELDS_MAX} are the most")));
        }
        if bytes > RECORD_BYTES_MAX {
            return Err(wrong(format!("a layout has {bytes} bytes; {RECORD_BYTES_MAX} are the most")));
        }
        let mut fields: Vec<Field> = Vec::with_capacity(count);
        for field in declared {
            let field = checked(&field?, bytes)?;
            if let Some(other) = fields.iter().find(|other| overlap(other, &field)) {
                return Err(wrong(format!("the fields {} and {} overlap", other.name, field.name)));
            }
            if fields.iter().any(|other| other.name == field.name) {
                return Err(wrong(format!("two fields have the name {}", field.name)));
            }
            fields.push(field);
        }
        let on_wire = count.div_ceil(7).max(1) + fields.iter().map(|field| field.wire().0).sum::<usize>();
        if on_wire > wire_max {
            return Err(wrong(format!("the fields have {on_wire} bytes on the wire; this type may have {wire_max}")));
        }
        let schema =
            fields.iter().fold(mix(0x811C_9DC5, "struct"), |number, field| mix(number ^ field.wire().1, &field.name));
        Ok(Layout { fields, bytes, schema })
    }

    /// The layout that lives as long as the process. Equal layouts are one.
    pub fn shared(self) -> Result<&'static Layout, Failure> {
        let mut layouts = LAYOUTS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(same) = layouts.iter().find(|layout| ***layout == self) {
            return Ok(same);
        }
        if layouts.len() >= LAYOUTS_MAX {
            return Err(wrong(format!("this process has {LAYOUTS_MAX} different layouts; use the same ones again")));
        }
        let layout: &'static Layout = Box::leak(Box::new(self));
        layouts.push(layout);
        Ok(layout)
    }
}

fn checked(declared: &Declared<'_>, bytes: usize) -> Result<Field, Failure> {
    let Declared { name, offset, kind: number, count } = *declared;
    if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
        return Err(wrong(format!("a field has the name {name:?}; give the name that the server's struct has")));
    }
    let Some(kind) = rs_kind::from_number(number) else {
        return Err(wrong(format!("the field {name} has the kind {number}, which is no rs_kind")));
    };
    if kind == rs_kind::Text && count == 0 {
        return Err(wrong(format!("the text {name} has no room: set its count to the bytes of the text")));
    }
    let field = Field { name: name.to_owned(), offset: offset.into(), kind, count: count.into() };
    if field.end() > bytes {
        return Err(wrong(format!("the field {name} ends at byte {}, but the struct has {bytes}", field.end())));
    }
    if !field.offset.is_multiple_of(kind.size()) {
        return Err(wrong(format!("the field {name} lies at byte {offset}: not aligned to {}", kind.size())));
    }
    Ok(field)
}

fn overlap(one: &Field, other: &Field) -> bool {
    one.offset < other.end() && other.offset < one.end()
}

fn wrong(detail: String) -> Failure {
    Failure::new(rs_error::Layout, detail)
}
