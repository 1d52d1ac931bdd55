//! Inputs and states: the bytes of a C struct, with the layout that says which fields lie in them.

use crate::layout::{EMPTY, Field, Layout, RECORD_BYTES_MAX, rs_kind};
use crate::types::{entity_from, entity_number};
use ringshard_world::EntityId;
use ringshard_world::codec::{Malformed, NoRoom, Reader, Writer};
use ringshard_world::contract::{Fields, Wire};
use std::fmt;

/// Aligned for every kind of field.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
struct Bytes([u8; RECORD_BYTES_MAX]);

/// The bytes of a C struct.
#[derive(Clone, Copy)]
pub struct Record {
    layout: &'static Layout,
    /// Those behind the layout's bytes are 0.
    bytes: Bytes,
}

impl Record {
    /// A record of zeros.
    pub fn new(layout: &'static Layout) -> Record {
        Record { layout, bytes: Bytes([0; RECORD_BYTES_MAX]) }
    }

    /// The struct's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes.0[..self.layout.bytes]
    }

    /// The struct's bytes.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes.0[..self.layout.bytes]
    }

    /// The name of a text that is too long, or not UTF-8.
    pub fn wrong_text(&self) -> Option<&'static Field> {
        let texts = self.layout.fields.iter().filter(|field| field.kind == rs_kind::Text);
        texts.into_iter().find(|field| text_of(field.items().next().map_or(&[], |at| &self.bytes.0[at])).is_none())
    }
}

impl Default for Record {
    /// A record without fields.
    fn default() -> Record {
        Record::new(&EMPTY)
    }
}

impl PartialEq for Record {
    fn eq(&self, other: &Record) -> bool {
        std::ptr::eq(self.layout, other.layout) && self.changed_from(other) == 0
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Record").field(&self.bytes()).finish()
    }
}

impl Fields for Record {
    const BYTES_MAX: usize = RECORD_BYTES_MAX;
    // The rules give the numbers of their layouts.
    const SCHEMA: u32 = 0;

    fn changed_from(&self, base: &Record) -> u64 {
        let differs =
            |field: &Field| field.items().any(|at| !equal(field.kind, &self.bytes.0[at.clone()], &base.bytes.0[at]));
        let fields = self.layout.fields.iter().enumerate();
        fields.fold(0, |changed, (at, field)| changed | u64::from(differs(field)) << at)
    }

    fn all(&self) -> u64 {
        match self.layout.fields.len() {
            0 => 0,
            count => u64::MAX >> (64 - count),
        }
    }

    fn write_fields(&self, changed: u64, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        for (_, field) in chosen(self.layout, changed) {
            for at in field.items() {
                write(field.kind, &self.bytes.0[at], writer)?;
            }
        }
        Ok(())
    }

    fn read_fields(&mut self, changed: u64, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        for (_, field) in chosen(self.layout, changed) {
            for at in field.items() {
                read(field.kind, &mut self.bytes.0[at], reader)?;
            }
        }
        Ok(())
    }
}

/// The fields of a set.
fn chosen(layout: &'static Layout, changed: u64) -> impl Iterator<Item = (usize, &'static Field)> {
    layout.fields.iter().enumerate().filter(move |(at, _)| changed >> at & 1 == 1)
}

/// The item as an array of its size.
fn array<const N: usize>(item: &[u8]) -> [u8; N] {
    item.try_into().expect("an item has the size of its kind")
}

fn float(item: &[u8]) -> f32 {
    f32::from_ne_bytes(array(item))
}

/// The text of an item: its length, and its characters. None if the length is too large, or it is not UTF-8.
fn text_of(item: &[u8]) -> Option<&str> {
    let (&len, characters) = item.split_first()?;
    std::str::from_utf8(characters.get(..len.into())?).ok()
}

/// Whether two items have the same value, as `==` in Rust says.
fn equal(kind: rs_kind, one: &[u8], other: &[u8]) -> bool {
    match kind {
        rs_kind::F32 => float(one) == float(other),
        rs_kind::Bool => (one[0] != 0) == (other[0] != 0),
        rs_kind::Text => text_of(one) == text_of(other),
        _ => one == other,
    }
}

fn write(kind: rs_kind, item: &[u8], writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    match kind {
        rs_kind::U8 | rs_kind::I8 => writer.u8(item[0]),
        rs_kind::U16 | rs_kind::I16 | rs_kind::Cooldown => writer.u16(u16::from_ne_bytes(array(item))),
        rs_kind::U32 | rs_kind::I32 => writer.u32(u32::from_ne_bytes(array(item))),
        rs_kind::U64 | rs_kind::I64 => writer.u64(u64::from_ne_bytes(array(item))),
        // A program's arithmetic is not to be trusted: the wire has no infinities.
        rs_kind::F32 => Some(float(item)).filter(|value| value.is_finite()).unwrap_or(0.0).write(writer),
        rs_kind::Bool => writer.bool(item[0] != 0),
        rs_kind::Entity => entity_from(u32::from_ne_bytes(array(item))).write(writer),
        rs_kind::Text => writer.text(text_of(item).unwrap_or_default()),
    }
}

fn read(kind: rs_kind, item: &mut [u8], reader: &mut Reader<'_>) -> Result<(), Malformed> {
    match kind {
        rs_kind::U8 | rs_kind::I8 => item[0] = reader.u8()?,
        rs_kind::U16 | rs_kind::I16 | rs_kind::Cooldown => item.copy_from_slice(&reader.u16()?.to_ne_bytes()),
        rs_kind::U32 | rs_kind::I32 => item.copy_from_slice(&reader.u32()?.to_ne_bytes()),
        rs_kind::U64 | rs_kind::I64 => item.copy_from_slice(&reader.u64()?.to_ne_bytes()),
        rs_kind::F32 => item.copy_from_slice(&f32::read(reader)?.to_ne_bytes()),
        rs_kind::Bool => item[0] = reader.bool()?.into(),
        rs_kind::Entity => {
            let entity = Option::<EntityId>::read(reader)?;
            item.copy_from_slice(&entity.map_or(0, entity_number).to_ne_bytes());
        }
        rs_kind::Text => {
            let text = reader.text()?;
            let characters = item[1..].get_mut(..text.len()).ok_or(Malformed::TooLong)?;
            characters.copy_from_slice(text.as_bytes());
            item[1 + text.len()..].fill(0);
            item[0] = text.len() as u8;
        }
    }
    Ok(())
}
