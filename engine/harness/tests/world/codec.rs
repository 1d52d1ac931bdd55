//! Written values read back. Bytes that no writer produces give an error, and an error changes nothing.

use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_world::codec::*;

/// A value that a message can contain.
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
    /// As bits, because a NaN is not equal to itself.
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
        }
    }

    /// Reads an item of the same type.
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
        })
    }
}

/// Numbers of every length with equal probability.
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
    ];
    prop_oneof![byte_wise, others, any_bits()]
}

/// Encodes the items one after the other.
fn encode(items: &[Item]) -> Vec<u8> {
    let mut buffer = vec![0xA5; 1 << 16];
    let mut writer = Writer::new(&mut buffer);
    items.iter().for_each(|item| item.write(&mut writer).unwrap());
    writer.written().to_vec()
}

proptest! {
    #[test]
    fn items_read_back(items in vec(any_item(), 0..40)) {
        let bytes = encode(&items);
        let mut reader = Reader::new(&bytes);
        for item in &items {
            prop_assert_eq!(&item.read(&mut reader).unwrap(), item);
        }
        prop_assert_eq!(reader.finish(), Ok(()));
    }

    /// Consecutive bit fields are packed without gaps, and a byte-wise value between them begins at a whole byte.
    #[test]
    fn bit_fields_are_packed_as_in_a_list_of_bits(
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
                _ => unreachable!("the strategy gives no other item"),
            };
            model.extend((0..count).map(|bit| value >> bit & 1 == 1));
        }
        model.resize(model.len().next_multiple_of(8), false);
        let bits_of = |byte: u8| (0..8).map(move |bit| byte >> bit & 1 == 1);
        prop_assert_eq!(encode(&items).into_iter().flat_map(bits_of).collect::<Vec<_>>(), model);
    }

    /// In a short buffer, each item is written as a whole or not at all.
    #[test]
    fn an_item_without_room_changes_nothing(items in vec(any_item(), 0..40), room in 0..200usize) {
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
        prop_assert_eq!(writer.written(), encode(&fitted));
    }

    #[test]
    fn a_rewind_undoes_writes(
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
        prop_assert_eq!(writer.written(), encode(&[kept, then].concat()));
    }

    /// Reads any bytes as any items. An error leaves the reader where it was, and the items that were read encode to the
    /// same bytes.
    #[test]
    fn any_bytes_are_decoded_or_refused(items in vec(any_item(), 0..40), bytes in vec(any::<u8>(), 0..200)) {
        let mut reader = Reader::new(&bytes);
        let mut read = Vec::new();
        for item in &items {
            let mark = reader.mark();
            match item.read(&mut reader) {
                Ok(item) => read.push(item),
                Err(_) => prop_assert_eq!(reader.mark(), mark),
            }
        }
        let again = encode(&read);
        let len = bytes.len() - reader.remaining();
        prop_assert_eq!(again.len(), len);
        // The unread bits of the last byte may have any value.
        let (last, whole) = (again.last(), again.len().saturating_sub(1));
        prop_assert_eq!(&again[..whole], &bytes[..whole]);
        prop_assert!(last.is_none_or(|last| bytes[whole] & last == *last));
    }

    /// A message with an altered byte, or cut short, does not read as the original.
    #[test]
    fn a_damaged_message_does_not_read_as_the_original(
        items in vec(any_item(), 1..40),
        at in any::<prop::sample::Index>(),
        by in 1..=255u8,
        cut in any::<bool>(),
    ) {
        let mut bytes = encode(&items);
        prop_assume!(!bytes.is_empty());
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= by }
        let mut reader = Reader::new(&bytes);
        let same = items.iter().all(|item| item.read(&mut reader).as_ref() == Ok(item));
        prop_assert!(!same || reader.finish().is_err());
    }

    #[test]
    fn a_reader_rewinds(first in any_item(), second in any_item()) {
        let bytes = encode(&[first.clone(), second.clone()]);
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
fn numbers_are_encoded_as_documented() {
    let bytes = |item: Item| encode(&[item]);
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
    assert_eq!(encode(&[Item::Bits(0b101, 3), Item::U8(7)]), [0b101, 7]);
    assert_eq!(encode(&[Item::Bits(0b101, 3), Item::Bits(0x1FF, 9)]), [0b1111_1101, 0b1111]);
}

#[test]
fn malformed_items_are_refused() {
    let u32_of = |bytes: &[u8]| Reader::new(bytes).varint_u32();
    let u64_of = |bytes: &[u8]| Reader::new(bytes).varint_u64();
    // More bytes than the number needs.
    assert_eq!(u32_of(&[0x80, 0]), Err(Malformed::VarInt));
    assert_eq!(u64_of(&[0xFF, 0x80, 0]), Err(Malformed::VarInt));
    // More bits than the type has, in the last byte and in an extra byte.
    assert_eq!(u32_of(&[0xFF, 0xFF, 0xFF, 0xFF, 0x1F]), Err(Malformed::VarInt));
    assert_eq!(u32_of(&[0xFF, 0xFF, 0xFF, 0xFF, 0x8F, 1]), Err(Malformed::VarInt));
    let longest = |last: &[u8]| [&[0xFF; 9], last].concat();
    assert_eq!(u64_of(&longest(&[1])), Ok(u64::MAX));
    assert_eq!(u64_of(&longest(&[2])), Err(Malformed::VarInt));
    assert_eq!(u64_of(&longest(&[0x81, 1])), Err(Malformed::VarInt));
    // Incomplete items.
    assert_eq!(u32_of(&[]), Err(Malformed::TooShort));
    assert_eq!(u32_of(&[0x80]), Err(Malformed::TooShort));
    assert_eq!(Reader::new(&[1]).u16(), Err(Malformed::TooShort));
    assert_eq!(Reader::new(&[1]).bits(9), Err(Malformed::TooShort));
    assert_eq!(Reader::new(&[3, 1, 2]).bytes(), Err(Malformed::TooShort));
    assert_eq!(Reader::new(&longest(&[1])).bytes(), Err(Malformed::TooShort), "the length is larger than any memory");
    assert_eq!(Reader::new(&[2]).bool(), Err(Malformed::UnknownValue));
    assert_eq!(Reader::new(&[7]).up_to(6), Err(Malformed::UnknownValue));
    assert_eq!(Reader::new(&[2, 0xC3, 0x28]).text(), Err(Malformed::NotUtf8));
    assert_eq!(Reader::new(&[1]).finish(), Err(Malformed::TooLong));
    // A padding bit that is 1, before a byte and at the end.
    let mut reader = Reader::new(&[0b1101, 9]);
    assert_eq!(reader.bits(3), Ok(0b101));
    assert_eq!(reader.u8(), Err(Malformed::Padding));
    assert_eq!((reader.bits(5), reader.u8()), (Ok(1), Ok(9)), "after the error the reader is where it was");
    let mut reader = Reader::new(&[0b1101]);
    assert_eq!(reader.bits(3), Ok(0b101));
    assert_eq!(reader.finish(), Err(Malformed::Padding));
}

#[test]
#[should_panic = "more than 3 bits"]
fn a_bit_field_refuses_a_number_with_more_bits() {
    let _ = Writer::new(&mut [0; 8]).bits(8, 3);
}

#[test]
#[should_panic = "only goes back"]
fn a_mark_behind_a_rewind_is_invalid() {
    let mut buffer = [0; 8];
    let mut writer = Writer::new(&mut buffer);
    let start = writer.mark();
    writer.u8(1).unwrap();
    let late = writer.mark();
    writer.rewind(start);
    writer.rewind(late);
}
