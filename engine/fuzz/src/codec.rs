//! The codec of world messages.

use crate::input::Input;
use ringshard_world::codec::{Malformed, NoRoom, Reader, Writer};

/// A value that was read, to be written again.
enum Item {
    Unsigned(u64, u32),
    Signed(i32, u32),
    Float(f32),
    VarInt(i32),
}

/// Reads any values from any bytes. An error consumes nothing; a value that was read is written as the same bytes, and
/// without room not at all.
pub fn codec(data: &[u8]) {
    let mut input = Input::new(data);
    let (steps, room) = (input.byte(), input.byte());
    let mut steps = Input::new(input.take(steps.into()));
    let bytes = input.take(data.len());
    let mut reader = Reader::new(bytes);
    let mut items = Vec::new();
    while !steps.is_empty() {
        let before = reader.remaining();
        match read(steps.byte(), &mut reader) {
            Ok(item) => items.push(item),
            Err(_) => assert_eq!(reader.remaining(), before, "an error consumed bytes"),
        }
    }
    let read = &bytes[..bytes.len() - reader.remaining()];

    // With room for everything, and with room for some.
    for room in [read.len(), room.into()] {
        let mut buffer = vec![0xA5; room];
        let mut writer = Writer::new(&mut buffer);
        for item in &items {
            let before = writer.used();
            if write(item, &mut writer) == Err(NoRoom) {
                assert!(room < read.len(), "the value is longer than the bytes that it was read from");
                assert_eq!(writer.used(), before, "a part was written without room");
            }
        }
        if room == read.len() {
            assert_eq!(writer.written(), read);
        }
    }
}

fn read(step: u8, reader: &mut Reader<'_>) -> Result<Item, Malformed> {
    Ok(match step % 9 {
        0 => Item::Unsigned(reader.u8()?.into(), 1),
        1 => Item::Unsigned(reader.u16()?.into(), 2),
        2 => Item::Unsigned(reader.u32()?.into(), 4),
        3 => Item::Unsigned(reader.u64()?, 8),
        4 => Item::Signed(reader.i8()?.into(), 1),
        5 => Item::Signed(reader.i16()?.into(), 2),
        6 => Item::Signed(reader.i32()?, 4),
        7 => Item::Float(reader.f32()?),
        _ => Item::VarInt(reader.varint_i32()?),
    })
}

fn write(item: &Item, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    match *item {
        Item::Unsigned(value, 1) => writer.u8(value as u8),
        Item::Unsigned(value, 2) => writer.u16(value as u16),
        Item::Unsigned(value, 4) => writer.u32(value as u32),
        Item::Unsigned(value, _) => writer.u64(value),
        Item::Signed(value, 1) => writer.i8(value as i8),
        Item::Signed(value, 2) => writer.i16(value as i16),
        Item::Signed(value, _) => writer.i32(value),
        Item::Float(value) => writer.f32(value),
        Item::VarInt(value) => writer.varint_i32(value),
    }
}
