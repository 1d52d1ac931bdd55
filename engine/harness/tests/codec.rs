//! Values are read back as they were written. Every other encoding is an error, and an error changes nothing.

use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_world::codec::*;

/// A value of any type that a message can have.
#[derive(Clone, PartialEq, Debug)]
enum Item {
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    I8(i8),
    I16(i16),
    I32(i32),
    /// As bits, because NaN is not equal to itself.
    F32(u32),
    VarI32(i32),
    Raw(Vec<u8>),
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
            Item::F32(bits) => writer.f32(f32::from_bits(*bits)),
            Item::VarI32(value) => writer.varint_i32(*value),
            Item::Raw(bytes) => writer.raw(bytes),
        }
    }

    /// Reads another value of the same type.
    fn read(&self, reader: &mut Reader<'_>) -> Result<Item, Malformed> {
        Ok(match self {
            Item::U8(_) => Item::U8(reader.u8()?),
            Item::U16(_) => Item::U16(reader.u16()?),
            Item::U32(_) => Item::U32(reader.u32()?),
            Item::U64(_) => Item::U64(reader.u64()?),
            Item::I8(_) => Item::I8(reader.i8()?),
            Item::I16(_) => Item::I16(reader.i16()?),
            Item::I32(_) => Item::I32(reader.i32()?),
            Item::F32(_) => Item::F32(reader.f32()?.to_bits()),
            Item::VarI32(_) => Item::VarI32(reader.varint_i32()?),
            Item::Raw(bytes) => {
                let mut ahead = reader.clone();
                let read = bytes.iter().map(|_| ahead.u8()).collect::<Result<_, _>>()?;
                *reader = ahead;
                Item::Raw(read)
            }
        })
    }
}

fn any_item() -> impl Strategy<Value = Item> {
    prop_oneof![
        any::<u8>().prop_map(Item::U8),
        any::<u16>().prop_map(Item::U16),
        any::<u32>().prop_map(Item::U32),
        any::<u64>().prop_map(Item::U64),
        any::<i8>().prop_map(Item::I8),
        any::<i16>().prop_map(Item::I16),
        any::<i32>().prop_map(Item::I32),
        any::<u32>().prop_map(Item::F32),
        // Every length is equally likely.
        (any::<i32>(), 0..32u32).prop_map(|(bits, shift)| Item::VarI32(bits >> shift)),
        vec(any::<u8>(), 0..300).prop_map(Item::Raw),
    ]
}

/// Writes all items one behind the other; gives the bytes.
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

    /// With too little room, each item is written whole or not at all.
    #[test]
    fn an_item_without_room_leaves_no_trace(items in vec(any_item(), 0..40), room in 0..200usize) {
        let mut buffer = vec![0xA5; room];
        let mut writer = Writer::new(&mut buffer);
        let mut fitted = Vec::new();
        for item in &items {
            let before = writer.written().to_vec();
            match item.write(&mut writer) {
                Ok(()) => fitted.push(item.clone()),
                Err(NoRoom) => prop_assert_eq!(writer.written(), before),
            }
        }
        prop_assert_eq!(writer.written(), written(&fitted));
    }

    /// Several items that must be together are all written, or none of them.
    #[test]
    fn a_whole_is_written_or_leaves_no_trace(
        kept in vec(any_item(), 0..5),
        whole in vec(any_item(), 0..10),
        room in 0..2_000usize,
    ) {
        let mut buffer = vec![0xA5; 5 * 300 + room];
        let mut writer = Writer::new(&mut buffer);
        kept.iter().for_each(|item| item.write(&mut writer).unwrap());
        let fits = writer.whole(|writer| whole.iter().try_for_each(|item| item.write(writer))).is_ok();
        let expected = if fits { [kept, whole].concat() } else { kept };
        prop_assert_eq!(writer.written(), written(&expected));
    }

    /// Bytes that are read as something write the same bytes again. An error consumes nothing.
    #[test]
    fn any_bytes_are_read_or_refused(items in vec(any_item(), 0..40), bytes in vec(any::<u8>(), 0..200)) {
        let mut reader = Reader::new(&bytes);
        let mut read = Vec::new();
        for item in &items {
            let before = reader.remaining();
            match item.read(&mut reader) {
                Ok(item) => read.push(item),
                Err(_) => prop_assert_eq!(reader.remaining(), before),
            }
        }
        prop_assert_eq!(&written(&read)[..], &bytes[..bytes.len() - reader.remaining()]);
    }

    /// A message with a byte changed or cut off reads as something else, or not at all.
    #[test]
    fn a_damaged_message_is_noticed(
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
}

#[test]
fn numbers_have_the_documented_bytes() {
    let bytes = |item: Item| written(&[item]);
    assert_eq!(bytes(Item::U32(0x0102_0304)), [4, 3, 2, 1]);
    assert_eq!(bytes(Item::I16(-2)), [0xFE, 0xFF]);
    assert_eq!(bytes(Item::F32(1.0f32.to_bits())), [0, 0, 0x80, 0x3F]);
    assert_eq!(bytes(Item::VarI32(0)), [0]);
    assert_eq!(bytes(Item::VarI32(-1)), [1]);
    assert_eq!(bytes(Item::VarI32(-64)), [127]);
    assert_eq!(bytes(Item::VarI32(-65)), [0x81, 0x01]);
    assert_eq!(bytes(Item::VarI32(150)), [0xAC, 0x02]);
    assert_eq!(bytes(Item::VarI32(i32::MIN)), [0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);
}

#[test]
fn other_encodings_are_refused() {
    let varint = |bytes: &[u8]| Reader::new(bytes).varint_i32();
    // More bytes than it needs.
    assert_eq!(varint(&[0x80, 0]), Err(Malformed::VarInt));
    // More bits than it has: by value, and by length.
    assert_eq!(varint(&[0xFF, 0xFF, 0xFF, 0xFF, 0x1F]), Err(Malformed::VarInt));
    assert_eq!(varint(&[0xFF, 0xFF, 0xFF, 0xFF, 0x8F, 1]), Err(Malformed::VarInt));
    // Too few bytes.
    assert_eq!(varint(&[]), Err(Malformed::TooShort));
    assert_eq!(varint(&[0x80]), Err(Malformed::TooShort));
    assert_eq!(Reader::new(&[1]).u16(), Err(Malformed::TooShort));
    assert_eq!(Reader::new(&[1]).finish(), Err(Malformed::TooLong));
}
