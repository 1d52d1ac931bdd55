//! The message codec of `ringshard-world`.

use crate::input::Input;
use ringshard_world::codec::{Malformed, NoRoom, Reader, Writer};

/// A value that was read and is written again.
enum Item<'a> {
    Fixed(u64, u32),
    Float(f64),
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Bits(u32, u32),
    UpTo(u32, u32),
    Bytes(&'a [u8]),
    Text(&'a str),
}

/// Reads any values in any order from any bytes, and writes them again. A read error leaves the reader where it was. The
/// values that were read encode to the same bytes. A value that does not fit into the buffer writes nothing.
pub fn codec(data: &[u8]) {
    let mut input = Input::new(data);
    let (steps, room) = (input.byte(), input.byte());
    let mut steps = Input::new(input.take(steps.into()));
    let bytes = input.take(data.len());
    let mut reader = Reader::new(bytes);
    let mut items = Vec::new();
    while !steps.is_empty() {
        let before = reader.mark();
        match read(&mut steps, &mut reader) {
            Ok(item) => items.push(item),
            Err(_) => assert_eq!(reader.mark(), before, "a failed read moved the reader"),
        }
    }
    let end = reader.mark();

    // Once with room for everything, and once with any room.
    for room in [bytes.len(), room.into()] {
        let mut buffer = vec![0xA5; room];
        let mut writer = Writer::new(&mut buffer);
        let complete = room == bytes.len();
        for item in &items {
            let before = writer.mark();
            if write(item, &mut writer) == Err(NoRoom) {
                assert!(!complete, "the values are longer than the bytes they were read from");
                assert_eq!(writer.mark(), before, "a failed write moved the writer");
            }
        }
        if complete {
            assert_eq!(writer.mark(), end);
            // The unread bits of the last byte may be 1.
            if let Some((last, whole)) = writer.written().split_last() {
                assert_eq!(*whole, bytes[..whole.len()]);
                assert_eq!(bytes[whole.len()] & last, *last);
            }
        }
    }
}

fn read<'a>(steps: &mut Input<'_>, reader: &mut Reader<'a>) -> Result<Item<'a>, Malformed> {
    Ok(match steps.byte() % 15 {
        0 => Item::Fixed(reader.u8()?.into(), 1),
        1 => Item::Fixed(reader.u16()?.into(), 2),
        2 => Item::Fixed(reader.u32()?.into(), 4),
        3 => Item::Fixed(reader.i64()? as u64, 8),
        4 => Item::Float(reader.f64()?),
        5 => Item::Bool(reader.bool()?),
        6 => Item::Unsigned(reader.varint_u32()?.into()),
        7 => Item::Unsigned(reader.varint_u64()?),
        8 => Item::Signed(reader.varint_i32()?.into()),
        9 => Item::Signed(reader.varint_i64()?),
        10 | 11 => {
            let count = 1 + u32::from(steps.byte() % 32);
            Item::Bits(reader.bits(count)?, count)
        }
        12 => {
            let most = u32::from(steps.word()).pow(2);
            Item::UpTo(reader.up_to(most)?, most)
        }
        13 => Item::Bytes(reader.bytes()?),
        _ => Item::Text(reader.text()?),
    })
}

fn write(item: &Item<'_>, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    match *item {
        Item::Fixed(value, 1) => writer.u8(value as u8),
        Item::Fixed(value, 2) => writer.u16(value as u16),
        Item::Fixed(value, 4) => writer.u32(value as u32),
        Item::Fixed(value, _) => writer.i64(value as i64),
        Item::Float(value) => writer.f64(value),
        Item::Bool(value) => writer.bool(value),
        Item::Unsigned(value) => writer.varint_u64(value),
        Item::Signed(value) => writer.varint_i64(value),
        Item::Bits(value, count) => writer.bits(value, count),
        Item::UpTo(value, most) => writer.up_to(most, value),
        Item::Bytes(bytes) => writer.bytes(bytes),
        Item::Text(text) => writer.text(text),
    }
}
