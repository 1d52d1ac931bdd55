//! What is written is read again; whatever else is read gives an error, and after an error everything is as it was.

use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_engine::codec::typed::{read_typed, write_typed};
use ringshard_engine::codec::*;
use ringshard_engine::limits::*;
use ringshard_engine::world::map::{Map, Position};
use std::f32::consts::PI;

/// Anything that a message can have in it.
#[derive(Clone, PartialEq, Debug)]
enum Item {
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    /// As bits: not a number is not itself.
    F32(u32),
    F64(u64),
    Bool(bool),
    VarU32(u32),
    VarU64(u64),
    VarI32(i32),
    VarI64(i64),
    Bits(u32, u32),
    UpTo(u32, u32),
    Raw(Vec<u8>),
    Bytes(Vec<u8>),
    Text(String),
    Rotation(Rotation),
}

impl Item {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
        match self {
            Item::U8(value) => writer.u8(*value),
            Item::U16(value) => writer.u16(*value),
            Item::U32(value) => writer.u32(*value),
            Item::U64(value) => writer.u64(*value),
            Item::I8(value) => writer.i8(*value),
            Item::I16(value) => writer.i16(*value),
            Item::I32(value) => writer.i32(*value),
            Item::I64(value) => writer.i64(*value),
            Item::F32(bits) => writer.f32(f32::from_bits(*bits)),
            Item::F64(bits) => writer.f64(f64::from_bits(*bits)),
            Item::Bool(value) => writer.bool(*value),
            Item::VarU32(value) => writer.varint_u32(*value),
            Item::VarU64(value) => writer.varint_u64(*value),
            Item::VarI32(value) => writer.varint_i32(*value),
            Item::VarI64(value) => writer.varint_i64(*value),
            Item::Bits(value, count) => writer.bits(*value, *count),
            Item::UpTo(most, value) => writer.up_to(*most, *value),
            Item::Raw(bytes) => writer.raw(bytes),
            Item::Bytes(bytes) => writer.bytes(bytes),
            Item::Text(text) => writer.text(text),
            Item::Rotation(rotation) => rotation.write(writer),
        }
    }

    /// Reads another of the same sort.
    fn read(&self, reader: &mut Reader<'_>) -> Result<Item, Malformed> {
        Ok(match self {
            Item::U8(_) => Item::U8(reader.u8()?),
            Item::U16(_) => Item::U16(reader.u16()?),
            Item::U32(_) => Item::U32(reader.u32()?),
            Item::U64(_) => Item::U64(reader.u64()?),
            Item::I8(_) => Item::I8(reader.i8()?),
            Item::I16(_) => Item::I16(reader.i16()?),
            Item::I32(_) => Item::I32(reader.i32()?),
            Item::I64(_) => Item::I64(reader.i64()?),
            Item::F32(_) => Item::F32(reader.f32()?.to_bits()),
            Item::F64(_) => Item::F64(reader.f64()?.to_bits()),
            Item::Bool(_) => Item::Bool(reader.bool()?),
            Item::VarU32(_) => Item::VarU32(reader.varint_u32()?),
            Item::VarU64(_) => Item::VarU64(reader.varint_u64()?),
            Item::VarI32(_) => Item::VarI32(reader.varint_i32()?),
            Item::VarI64(_) => Item::VarI64(reader.varint_i64()?),
            Item::Bits(_, count) => Item::Bits(reader.bits(*count)?, *count),
            Item::UpTo(most, _) => Item::UpTo(*most, reader.up_to(*most)?),
            Item::Raw(bytes) => Item::Raw(reader.raw(bytes.len())?.to_vec()),
            Item::Bytes(_) => Item::Bytes(reader.bytes()?.to_vec()),
            Item::Text(_) => Item::Text(reader.text()?.to_owned()),
            Item::Rotation(_) => Item::Rotation(Rotation::read(reader)?),
        })
    }
}

fn any_rotation() -> impl Strategy<Value = Rotation> {
    let turn = || prop_oneof![Just(0), any::<i16>()].prop_map(Turn);
    (turn(), turn(), turn()).prop_map(|(yaw, pitch, roll)| Rotation { yaw, pitch, roll })
}

/// Numbers of every length alike.
fn any_u64() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64u32).prop_map(|(bits, shift)| bits >> shift)
}

fn any_bits() -> impl Strategy<Value = Item> {
    (any::<u32>(), 1..=32u32).prop_map(|(value, count)| Item::Bits(value >> (32 - count), count))
}

fn any_item() -> impl Strategy<Value = Item> {
    let byte_wise = prop_oneof![
        any::<u8>().prop_map(Item::U8),
        any::<u16>().prop_map(Item::U16),
        any::<u32>().prop_map(Item::U32),
        any::<u64>().prop_map(Item::U64),
        any::<i8>().prop_map(Item::I8),
        any::<i16>().prop_map(Item::I16),
        any::<i32>().prop_map(Item::I32),
        any::<i64>().prop_map(Item::I64),
        any::<u32>().prop_map(Item::F32),
        any::<u64>().prop_map(Item::F64),
    ];
    let others = prop_oneof![
        any::<bool>().prop_map(Item::Bool),
        any_u64().prop_map(|value| Item::VarU32(value as u32)),
        any_u64().prop_map(Item::VarU64),
        any_u64().prop_map(|value| Item::VarI32(value as i32)),
        (any_u64(), any::<bool>()).prop_map(|(value, minus)| Item::VarI64(if minus { !value } else { value } as i64)),
        (any::<u32>(), any::<u32>()).prop_map(|(a, b)| Item::UpTo(a.max(b), a.min(b))),
        (0..9u32).prop_map(|most| Item::UpTo(most, most / 2)),
        vec(any::<u8>(), 0..9).prop_map(Item::Raw),
        vec(any::<u8>(), 0..300).prop_map(Item::Bytes),
        any::<String>().prop_map(Item::Text),
        any_rotation().prop_map(Item::Rotation),
    ];
    prop_oneof![byte_wise, others, any_bits()]
}

/// Writes all of them behind each other; gives what was written.
fn written(items: &[Item]) -> Vec<u8> {
    let mut buffer = vec![0xA5; 1 << 16];
    let mut writer = Writer::new(&mut buffer);
    items.iter().for_each(|item| item.write(&mut writer).unwrap());
    writer.written().to_vec()
}

proptest! {
    #[test]
    fn what_is_written_is_read(items in vec(any_item(), 0..40)) {
        let bytes = written(&items);
        let mut reader = Reader::new(&bytes);
        for item in &items {
            prop_assert_eq!(&item.read(&mut reader).unwrap(), item);
        }
        prop_assert_eq!(reader.finish(), Ok(()));
    }

    /// Fields of bits lie as in a list of bits, whatever is written between them.
    #[test]
    fn bits_lie_where_a_list_of_bits_has_them(
        items in vec(prop_oneof![4 => any_bits(), 1 => any::<u8>().prop_map(Item::U8)], 0..60),
    ) {
        let mut model: Vec<bool> = Vec::new();
        for item in &items {
            let (value, count) = match item {
                Item::Bits(value, count) => (*value, *count),
                Item::U8(value) => {
                    model.resize(model.len().next_multiple_of(8), false);
                    (u32::from(*value), 8)
                }
                _ => unreachable!("nothing else was asked for"),
            };
            model.extend((0..count).map(|bit| value >> bit & 1 == 1));
        }
        model.resize(model.len().next_multiple_of(8), false);
        let lie = |byte: u8| (0..8).map(move |bit| byte >> bit & 1 == 1);
        prop_assert_eq!(written(&items).into_iter().flat_map(lie).collect::<Vec<_>>(), model);
    }

    /// With too little room, each item is there whole or not at all, and those that are can be read.
    #[test]
    fn what_finds_no_room_leaves_no_trace(items in vec(any_item(), 0..40), room in 0..200usize) {
        let mut buffer = vec![0xA5; room];
        let mut writer = Writer::new(&mut buffer);
        let mut fitted = Vec::new();
        for item in &items {
            let before = (writer.mark(), writer.written().to_vec());
            match item.write(&mut writer) {
                Ok(()) => fitted.push(item.clone()),
                Err(NoRoom) => prop_assert_eq!((writer.mark(), writer.written().to_vec()), before),
            }
        }
        prop_assert_eq!(writer.written(), written(&fitted));
    }

    #[test]
    fn what_is_taken_back_was_never_written(
        kept in vec(any_item(), 0..20),
        dropped in vec(any_item(), 0..20),
        then in vec(any_item(), 0..20),
    ) {
        let mut buffer = vec![0xA5; 1 << 16];
        let mut writer = Writer::new(&mut buffer);
        kept.iter().for_each(|item| item.write(&mut writer).unwrap());
        let mark = writer.mark();
        dropped.iter().for_each(|item| item.write(&mut writer).unwrap());
        writer.rewind(mark);
        then.iter().for_each(|item| item.write(&mut writer).unwrap());
        prop_assert_eq!(writer.written(), written(&[kept, then].concat()));
    }

    /// Whatever the bytes are read as: an error leaves the reader where it was, and what is read writes the same bytes.
    #[test]
    fn any_bytes_are_read_or_refused(items in vec(any_item(), 0..40), bytes in vec(any::<u8>(), 0..200)) {
        let mut reader = Reader::new(&bytes);
        let mut read = Vec::new();
        for item in &items {
            let mark = reader.mark();
            match item.read(&mut reader) {
                Ok(item) => read.push(item),
                Err(_) => prop_assert_eq!(reader.mark(), mark),
            }
        }
        let again = written(&read);
        let len = bytes.len() - reader.remaining();
        prop_assert_eq!(again.len(), len);
        // Of the last byte, the bits that were not read may be anything.
        let (last, whole) = (again.last(), again.len().saturating_sub(1));
        prop_assert_eq!(&again[..whole], &bytes[..whole]);
        prop_assert!(last.is_none_or(|last| bytes[whole] & last == *last));
    }

    /// A message with a byte changed or cut off reads as something else or not at all.
    #[test]
    fn a_damaged_message_is_read_or_refused(
        items in vec(any_item(), 1..40),
        at in any::<prop::sample::Index>(),
        by in 1..=255u8,
        cut in any::<bool>(),
    ) {
        let mut bytes = written(&items);
        prop_assume!(!bytes.is_empty());
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= by }
        let mut reader = Reader::new(&bytes);
        let same = items.iter().all(|item| item.read(&mut reader).as_ref() == Ok(item));
        prop_assert!(!same || reader.finish().is_err());
    }

    #[test]
    fn reading_goes_back(first in any_item(), second in any_item()) {
        let bytes = written(&[first.clone(), second.clone()]);
        let mut reader = Reader::new(&bytes);
        first.read(&mut reader).unwrap();
        let mark = reader.mark();
        let once = second.read(&mut reader).unwrap();
        let end = reader.mark();
        reader.rewind(mark);
        prop_assert_eq!(second.read(&mut reader).unwrap(), once);
        prop_assert_eq!(reader.mark(), end);
    }
}

#[test]
fn numbers_lie_as_the_documents_say() {
    let bytes = |item: Item| written(&[item]);
    assert_eq!(bytes(Item::U32(0x0102_0304)), [4, 3, 2, 1]);
    assert_eq!(bytes(Item::I16(-2)), [0xFE, 0xFF]);
    assert_eq!(bytes(Item::F32(1.0f32.to_bits())), [0, 0, 0x80, 0x3F]);
    assert_eq!(bytes(Item::VarU64(0)), [0]);
    assert_eq!(bytes(Item::VarU32(127)), [127]);
    assert_eq!(bytes(Item::VarU32(300)), [0xAC, 0x02]);
    assert_eq!(bytes(Item::VarU32(u32::MAX)), [0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);
    assert_eq!(bytes(Item::VarU64(u64::MAX)), [[0xFF; 9].as_slice(), &[1]].concat());
    assert_eq!(bytes(Item::VarI32(-1)), [1]);
    assert_eq!(bytes(Item::VarI64(-65)), [0x81, 0x01]);
    assert_eq!(bytes(Item::VarI32(i32::MIN)), bytes(Item::VarU32(u32::MAX)));
    assert_eq!(bytes(Item::Text("ö".into())), [2, 0xC3, 0xB6]);
    // Three bits of the first byte, padding, then a whole byte.
    assert_eq!(written(&[Item::Bits(0b101, 3), Item::U8(7)]), [0b101, 7]);
    assert_eq!(written(&[Item::Bits(0b101, 3), Item::Bits(0x1FF, 9)]), [0b1111_1101, 0b1111]);
}

#[test]
fn what_nobody_writes_is_refused() {
    let u32_of = |bytes: &[u8]| Reader::new(bytes).varint_u32();
    let u64_of = |bytes: &[u8]| Reader::new(bytes).varint_u64();
    // More bytes than it needs.
    assert_eq!(u32_of(&[0x80, 0]), Err(Malformed::VarInt));
    assert_eq!(u64_of(&[0xFF, 0x80, 0]), Err(Malformed::VarInt));
    // More bits than there are: by value, and by length.
    assert_eq!(u32_of(&[0xFF, 0xFF, 0xFF, 0xFF, 0x1F]), Err(Malformed::VarInt));
    assert_eq!(u32_of(&[0xFF, 0xFF, 0xFF, 0xFF, 0x8F, 1]), Err(Malformed::VarInt));
    let longest = |last: &[u8]| [&[0xFF; 9], last].concat();
    assert_eq!(u64_of(&longest(&[1])), Ok(u64::MAX));
    assert_eq!(u64_of(&longest(&[2])), Err(Malformed::VarInt));
    assert_eq!(u64_of(&longest(&[0x81, 1])), Err(Malformed::VarInt));
    // Not all of it there.
    assert_eq!(u32_of(&[]), Err(Malformed::TooShort));
    assert_eq!(u32_of(&[0x80]), Err(Malformed::TooShort));
    assert_eq!(Reader::new(&[1]).u16(), Err(Malformed::TooShort));
    assert_eq!(Reader::new(&[1]).bits(9), Err(Malformed::TooShort));
    assert_eq!(Reader::new(&[3, 1, 2]).bytes(), Err(Malformed::TooShort));
    assert_eq!(Reader::new(&longest(&[1])).bytes(), Err(Malformed::TooShort), "a length beyond all memory");
    assert_eq!(Reader::new(&[2]).bool(), Err(Malformed::UnknownValue));
    assert_eq!(Reader::new(&[7]).up_to(6), Err(Malformed::UnknownValue));
    assert_eq!(Reader::new(&[2, 0xC3, 0x28]).text(), Err(Malformed::NotUtf8));
    assert_eq!(Reader::new(&[1]).finish(), Err(Malformed::TooLong));
    // A bit beside the three that were written, before a byte and at the end.
    let mut reader = Reader::new(&[0b1101, 9]);
    assert_eq!(reader.bits(3), Ok(0b101));
    assert_eq!(reader.u8(), Err(Malformed::Padding));
    assert_eq!((reader.bits(5), reader.u8()), (Ok(1), Ok(9)), "the error read nothing");
    let mut reader = Reader::new(&[0b1101]);
    assert_eq!(reader.bits(3), Ok(0b101));
    assert_eq!(reader.finish(), Err(Malformed::Padding));
    let tilted_by_nothing = [[1].as_slice(), &[0; 6]].concat();
    assert_eq!(Rotation::read(&mut Reader::new(&tilted_by_nothing)), Err(Malformed::UnknownValue));
}

#[test]
#[should_panic = "more than 3 bits"]
fn a_field_takes_no_number_that_it_has_no_bits_for() {
    let _ = Writer::new(&mut [0; 8]).bits(8, 3);
}

#[test]
#[should_panic = "only goes back"]
fn a_mark_that_was_itself_taken_back_is_none() {
    let mut buffer = [0; 8];
    let mut writer = Writer::new(&mut buffer);
    let start = writer.mark();
    writer.u8(1).unwrap();
    let late = writer.mark();
    writer.rewind(start);
    writer.rewind(late);
}

// Symbols.

/// Few enough to come again, some too long to be learnt.
fn any_symbol() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0..50u32).prop_map(|number| format!("symbol {number}")),
        1 => any::<String>(),
        1 => (SYMBOL_BYTES_MAX - 1..SYMBOL_BYTES_MAX + 2).prop_map(|len| "x".repeat(len)),
    ]
}

proptest! {
    /// Messages of small room, some of which are given up half written.
    #[test]
    fn two_ends_know_the_same_symbols(
        messages in vec((vec(any_symbol(), 0..20), 0..600usize, any::<bool>()), 0..30),
    ) {
        let (mut near, mut far) = (SymbolWriter::default(), SymbolReader::default());
        for (texts, room, leaves) in messages {
            let known = near.known();
            let mut buffer = vec![0xA5; room];
            let mut writer = Writer::new(&mut buffer);
            let mut fitted = Vec::new();
            for text in &texts {
                let before = (near.known(), writer.mark());
                match near.write(&mut writer, text) {
                    Ok(()) => fitted.push(text),
                    Err(NoRoom) => prop_assert_eq!((near.known(), writer.mark()), before),
                }
            }
            if !leaves {
                near.forget_after(known);
                continue;
            }
            let mut reader = Reader::new(writer.written());
            for text in fitted {
                prop_assert_eq!(far.read(&mut reader).unwrap(), text);
            }
            prop_assert_eq!(reader.finish(), Ok(()));
            prop_assert_eq!(near.known(), far.known());
        }
    }

    #[test]
    fn any_bytes_are_symbols_or_refused(bytes in vec(prop_oneof![0..4u8, any::<u8>()], 0..200)) {
        let mut symbols = SymbolReader::default();
        let mut reader = Reader::new(&bytes);
        loop {
            let (known, mark) = (symbols.known(), reader.mark());
            if symbols.read(&mut reader).is_err() {
                prop_assert_eq!((symbols.known(), reader.mark()), (known, mark));
                break;
            }
        }
    }
}

#[test]
fn a_symbol_goes_as_text_once() {
    let mut buffer = [0; 64];
    let mut writer = Writer::new(&mut buffer);
    let mut symbols = SymbolWriter::default();
    for text in ["ab", "c", "ab", "c"] {
        symbols.write(&mut writer, text).unwrap();
    }
    assert_eq!(writer.written(), b"\x01\x02ab\x02\x01c\x01\x02");
}

#[test]
fn when_no_more_can_be_learnt_text_goes_in_plain() {
    let (mut near, mut far) = (SymbolWriter::default(), SymbolReader::default());
    let mut buffer = [0; 64];
    for number in 0..SYMBOLS_MAX + 10 {
        let text = format!("{number}");
        let mut writer = Writer::new(&mut buffer);
        near.write(&mut writer, &text).unwrap();
        near.write(&mut writer, &text).unwrap();
        let mut reader = Reader::new(writer.written());
        assert_eq!(far.read(&mut reader).unwrap(), text);
        assert_eq!(far.read(&mut reader).unwrap(), text);
        reader.finish().unwrap();
    }
    assert_eq!((near.known(), far.known()), (SYMBOLS_MAX, SYMBOLS_MAX));
    // One more is not the next, as there is none.
    let mut writer = Writer::new(&mut buffer);
    writer.varint_u32(SYMBOLS_MAX as u32 + 1).unwrap();
    writer.text("more").unwrap();
    assert_eq!(far.read(&mut Reader::new(writer.written())), Err(Malformed::Symbol));
}

#[test]
fn symbols_out_of_order_too_long_or_no_text_are_refused() {
    let mut symbols = SymbolReader::default();
    assert_eq!(symbols.read(&mut Reader::new(b"\x01\x02ab")), Ok("ab"));
    assert_eq!(symbols.read(&mut Reader::new(b"\x03\x01c")), Err(Malformed::Symbol));
    assert_eq!(symbols.read(&mut Reader::new(b"\xFF\xFF\xFF\xFF\x0F")), Err(Malformed::Symbol));
    assert_eq!(symbols.read(&mut Reader::new(b"\x02\x01\xFF")), Err(Malformed::NotUtf8));
    assert_eq!(symbols.read(&mut Reader::new(b"\x02\x02c")), Err(Malformed::TooShort));
    let long = [b"\x02\x81\x02", &[b'x'; SYMBOL_BYTES_MAX + 1][..]].concat();
    assert_eq!(symbols.read(&mut Reader::new(&long)), Err(Malformed::TooLong));
    let plain = [&[0], &long[1..]].concat();
    assert_eq!(symbols.read(&mut Reader::new(&plain)).map(str::len), Ok(SYMBOL_BYTES_MAX + 1));
    assert_eq!(symbols.known(), 1);
    assert_eq!(symbols.read(&mut Reader::new(b"\x01")), Ok("ab"));
}

// Positions.

/// The default map, one with heights that are no power of two, and the smallest.
fn maps() -> [Map; 3] {
    [
        Map::default(),
        Map::new([1000.0, 333.0], [3, 5, 7], [2, 1, 1]).unwrap(),
        Map::new([100.0, 0.001], [1; 3], [1; 3]).unwrap(),
    ]
}

/// Points on a map and around it, the nearer ones together, as parts of its size.
fn any_path() -> impl Strategy<Value = Vec<[f32; 3]>> {
    let jump = [-0.1..1.1f32, -0.1..1.1f32, -0.1..1.1f32];
    let step = [-0.01..0.01f32, -0.01..0.01f32, -0.01..0.01f32];
    (jump.clone(), vec(prop_oneof![1 => jump.prop_map(Ok), 6 => step.prop_map(Err)], 1..40)).prop_map(
        |(start, moves)| {
            let mut at = start;
            let go = moves.into_iter().map(|go| {
                match go {
                    Ok(there) => at = there,
                    Err(by) => at = std::array::from_fn(|axis| at[axis] + by[axis]),
                }
                at
            });
            go.collect()
        },
    )
}

proptest! {
    #[test]
    fn positions_lose_nothing_but_what_the_map_rounds_away(path in any_path(), which in 0..3usize) {
        let map = maps()[which];
        let size = map.size();
        let (mut near, mut far) = (Positions::new(&map), Positions::new(&map));
        let mut buffer = [0xA5; 1024];
        let mut writer = Writer::new(&mut buffer);
        let mut reached = Vec::new();
        let mut bits = 0;
        let mut section = None;
        for part in path {
            let point: [f32; 3] = std::array::from_fn(|axis| part[axis] * size[axis]);
            let position = map.quantise(point);
            near.write(&mut writer, position).unwrap();
            reached.push((point, position));
            if which == 0 {
                let now = map.place(position).section;
                bits += if section == Some(now) { 47 } else { 59 };
                section = Some(now);
                prop_assert_eq!(writer.used(), usize::div_ceil(bits, 8));
            }
        }
        let mut reader = Reader::new(writer.written());
        for (point, position) in reached {
            let read = far.read(&mut reader).unwrap();
            prop_assert_eq!(read, position);
            for axis in 0..3 {
                let last = size[axis] - map.step();
                let off = (f64::from(map.point(read)[axis]) - f64::from(point[axis].clamp(0.0, last))).abs();
                let float = f64::from(f32::EPSILON * size[axis]);
                prop_assert!(off <= f64::from(map.step()) / 2.0 + float, "{off} on axis {axis}");
            }
        }
        prop_assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn any_bytes_are_positions_or_refused(bytes in vec(any::<u8>(), 0..100), which in 0..3usize) {
        let map = maps()[which];
        let (mut near, mut far) = (Positions::new(&map), Positions::new(&map));
        let mut buffer = [0xA5; 128];
        let mut writer = Writer::new(&mut buffer);
        let mut reader = Reader::new(&bytes);
        loop {
            let mark = reader.mark();
            let Ok(position) = far.read(&mut reader) else {
                prop_assert_eq!(reader.mark(), mark);
                break;
            };
            prop_assert!(map.contains(position));
            near.write(&mut writer, position).unwrap();
            prop_assert_eq!(writer.mark(), reader.mark(), "it is written as it was read");
        }
    }
}

#[test]
fn a_place_that_finds_no_room_leaves_the_section_as_it_was() {
    let map = Map::default();
    let (mut near, mut far) = (Positions::new(&map), Positions::new(&map));
    let place = |x| Position { x, y: 70_000, z: 5 };
    let mut buffer = [0; 14];
    let mut writer = Writer::new(&mut buffer);
    near.write(&mut writer, place(0)).unwrap();
    assert_eq!(near.write(&mut writer, place(1 << 16)), Err(NoRoom));
    near.write(&mut writer, place(1)).unwrap();
    let mut reader = Reader::new(writer.written());
    assert_eq!((far.read(&mut reader), far.read(&mut reader)), (Ok(place(0)), Ok(place(1))));
}

#[test]
fn a_place_outside_the_map_or_in_no_section_is_refused() {
    let map = Map::new([1000.0, 333.0], [3, 3, 1], [1; 3]).unwrap();
    let mut positions = Positions::new(&map);
    assert_eq!(positions.read(&mut Reader::new(&[0; 16])), Err(Malformed::NoSection));
    assert_eq!(positions.read(&mut Reader::new(&[0b111; 16])), Err(Malformed::UnknownValue), "the fourth of three");
    let there = Position { x: 5, y: 6, z: 7 };
    let mut buffer = [0; 16];
    let mut writer = Writer::new(&mut buffer);
    Positions::new(&map).write(&mut writer, there).unwrap();
    Positions::new(&map).write(&mut writer, there).unwrap();
    let mut reader = Reader::new(writer.written());
    assert_eq!(positions.read(&mut reader), Ok(there));
    assert_eq!(positions.read(&mut reader), Err(Malformed::UnknownValue), "the section is named without need");
    assert_eq!(positions.read(&mut Reader::new(&[0xFE; 16])), Err(Malformed::UnknownValue), "above the sections");
}

// Rotations and percentages.

proptest! {
    #[test]
    fn a_turn_is_off_by_no_more_than_it_says(degrees in prop_oneof![-180.0..180.0f32, -1e4..1e4f32]) {
        let apart = |a: f64, b: f64, full: f64| ((a - b + full / 2.0).rem_euclid(full) - full / 2.0).abs();
        let read = Turn::from_degrees(degrees).degrees();
        prop_assert!((-180.0..180.0).contains(&read));
        prop_assert!(apart(read.into(), degrees.into(), 360.0) < 0.0028);
        let radians = degrees.to_radians();
        let read = Turn::from_radians(radians).radians();
        prop_assert!((-PI..PI).contains(&read));
        prop_assert!(apart(read.into(), radians.into(), std::f64::consts::TAU) < 4.9e-5);
    }

    #[test]
    fn a_percentage_is_off_by_no_more_than_it_says(share in -0.1..1.1f32) {
        let read = Percent::new(share).share();
        prop_assert!((0.0..=1.0).contains(&read));
        prop_assert!((f64::from(read) - f64::from(share.clamp(0.0, 1.0))).abs() <= 0.00197);
    }
}

#[test]
fn every_turn_and_percentage_is_its_own() {
    for bits in i16::MIN..=i16::MAX {
        assert_eq!(Turn::from_radians(Turn(bits).radians()), Turn(bits));
        assert_eq!(Turn::from_degrees(Turn(bits).degrees()), Turn(bits));
    }
    assert!((0..=u8::MAX).all(|bits| Percent::new(Percent(bits).share()) == Percent(bits)));
}

#[test]
fn what_is_no_number_is_nothing() {
    for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!((Turn::from_radians(number), Turn::from_degrees(number)), (Turn(0), Turn(0)));
    }
    assert_eq!(
        [f32::NAN, -1.0, 0.0, 1.0, 2.0, f32::INFINITY].map(|share| Percent::new(share).0),
        [0, 0, 0, 255, 255, 255]
    );
    assert_eq!(
        [90.0, 180.0, -90.0, 360.0].map(|degrees| Turn::from_degrees(degrees).0),
        [1 << 14, i16::MIN, -1 << 14, 0]
    );
}

// Typed values.

/// A value that owns what it has.
#[derive(Clone, Debug)]
enum Owned {
    Plain(Value<'static>),
    Text(String),
    Bytes(Vec<u8>),
}

impl Owned {
    fn value(&self) -> Value<'_> {
        match self {
            Owned::Plain(value) => *value,
            Owned::Text(text) => Value::Text(text),
            Owned::Bytes(bytes) => Value::Bytes(bytes),
        }
    }
}

fn any_value() -> impl Strategy<Value = Owned> {
    prop_oneof![
        any::<bool>().prop_map(|value| Owned::Plain(Value::Bool(value))),
        any::<u32>().prop_map(|value| Owned::Plain(Value::U32(value))),
        any::<i32>().prop_map(|value| Owned::Plain(Value::I32(value))),
        any::<u64>().prop_map(|value| Owned::Plain(Value::U64(value))),
        any::<i64>().prop_map(|value| Owned::Plain(Value::I64(value))),
        any::<f32>().prop_map(|value| Owned::Plain(Value::F32(value))),
        any::<f64>().prop_map(|value| Owned::Plain(Value::F64(value))),
        any::<String>().prop_map(Owned::Text),
        vec(any::<u8>(), 0..40).prop_map(Owned::Bytes),
    ]
}

proptest! {
    #[test]
    fn values_say_what_they_are(
        values in vec(any_value(), 0..40),
        room in prop_oneof![1 => 0..400usize, 2 => Just(1 << 16)],
    ) {
        let values: Vec<_> = values.iter().map(Owned::value).collect();
        let mut buffer = vec![0xA5; room];
        let mut writer = Writer::new(&mut buffer);
        match write_typed(&mut writer, &values) {
            Ok(()) => {
                let mut reader = Reader::new(writer.written());
                let read = read_typed(&mut reader).unwrap();
                prop_assert_eq!(read.len(), values.len());
                prop_assert_eq!(read.collect::<Vec<_>>(), values);
                prop_assert_eq!(reader.finish(), Ok(()));
            }
            Err(NoRoom) => prop_assert!(room < 1 << 16 && writer.used() == 0),
        }
    }

    #[test]
    fn any_bytes_are_values_or_refused(bytes in vec(prop_oneof![0..10u8, any::<u8>()], 0..200)) {
        let mut reader = Reader::new(&bytes);
        let mark = reader.mark();
        match read_typed(&mut reader) {
            Ok(values) => {
                let values: Vec<_> = values.collect();
                prop_assert_eq!(values.len(), usize::from(bytes[0]));
                let mut buffer = [0xA5; 200];
                let mut writer = Writer::new(&mut buffer);
                write_typed(&mut writer, &values).unwrap();
                prop_assert_eq!(writer.written(), &bytes[..bytes.len() - reader.remaining()]);
            }
            Err(_) => prop_assert_eq!(reader.mark(), mark),
        }
    }
}

#[test]
fn values_are_as_many_as_may_be_and_of_known_kinds() {
    let mut buffer = [0; 1024];
    let mut writer = Writer::new(&mut buffer);
    write_typed(&mut writer, &[Value::U32(300), Value::Bool(true), Value::Text("a")]).unwrap();
    assert_eq!(writer.written(), [3, 1, 0, 7, 0xAC, 0x02, 1, 1, b'a']);
    let mut writer = Writer::new(&mut buffer);
    write_typed(&mut writer, &[Value::Bool(true); TYPED_VALUES_MAX]).unwrap();
    assert_eq!(read_typed(&mut Reader::new(writer.written())).unwrap().len(), TYPED_VALUES_MAX);
    let mut writer = Writer::new(&mut buffer);
    writer.bytes(&[0; TYPED_VALUES_MAX + 1]).unwrap();
    writer.raw(&[0; TYPED_VALUES_MAX + 1]).unwrap();
    assert_eq!(read_typed(&mut Reader::new(writer.written())).map(drop), Err(Malformed::TooLong));
    assert_eq!(read_typed(&mut Reader::new(&[1, 9, 0, 0])).map(drop), Err(Malformed::UnknownValue));
}
