//! Records against the same structs declared with `wire!`, and the guard of handles.

use crate::error::rs_error;
use crate::game::{Functions, Game};
use crate::handle::{self, Source, with};
use crate::layout::{Declared, EMPTY, Layout, rs_kind};
use crate::record::Record;
use crate::types::{entity_number, rs_pose};
use client::protocol::crypto::SecretKey;
use client::protocol::time::Instant;
use client::{Client, ClientConfig, EntityId};
use ringshard_world::codec::{Reader, Writer};
use ringshard_world::contract::{Cooldown, Fields, Text, read_difference, write_difference};
use std::ffi::c_void;

ringshard_world::wire! {
    /// A field of each kind.
    pub struct Everything {
        pub u8: u8,
        pub i8: i8,
        pub u16: u16,
        pub i16: i16,
        pub u32: u32,
        pub i32: i32,
        pub u64: u64,
        pub i64: i64,
        pub f32: f32,
        pub flag: bool,
        pub who: Option<EntityId>,
        pub ready: Cooldown,
        pub name: Text<5>,
        pub point: [f32; 3],
        pub one: [u16; 1],
    }
}

/// The fields in C: name, kind, count, and offset in a struct of 96 bytes, not in their order.
const DECLARED: [(&str, rs_kind, u8, u16); 15] = [
    ("u8", rs_kind::U8, 0, 95),
    ("i8", rs_kind::I8, 0, 0),
    ("u16", rs_kind::U16, 0, 2),
    ("i16", rs_kind::I16, 0, 4),
    ("u32", rs_kind::U32, 0, 8),
    ("i32", rs_kind::I32, 0, 12),
    ("u64", rs_kind::U64, 0, 16),
    ("i64", rs_kind::I64, 0, 24),
    ("f32", rs_kind::F32, 0, 32),
    ("flag", rs_kind::Bool, 0, 36),
    ("who", rs_kind::Entity, 0, 40),
    ("ready", rs_kind::Cooldown, 0, 44),
    ("name", rs_kind::Text, 5, 47),
    ("point", rs_kind::F32, 3, 56),
    ("one", rs_kind::U16, 1, 68),
];

fn layout() -> &'static Layout {
    let declared = DECLARED.map(|(name, kind, count, offset)| Ok(Declared { name, offset, kind: kind as u8, count }));
    Layout::new(declared.into_iter(), 96, 256).unwrap().shared().unwrap()
}

/// The same value in C.
fn record_of(value: &Everything) -> Record {
    let mut record = Record::new(layout());
    let mut put = |offset: usize, bytes: &[u8]| record.bytes_mut()[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(95, &value.u8.to_ne_bytes());
    put(0, &value.i8.to_ne_bytes());
    put(2, &value.u16.to_ne_bytes());
    put(4, &value.i16.to_ne_bytes());
    put(8, &value.u32.to_ne_bytes());
    put(12, &value.i32.to_ne_bytes());
    put(16, &value.u64.to_ne_bytes());
    put(24, &value.i64.to_ne_bytes());
    put(32, &value.f32.to_ne_bytes());
    put(36, &[value.flag.into()]);
    put(40, &value.who.map_or(0, entity_number).to_ne_bytes());
    put(44, &value.ready.ticks().to_ne_bytes());
    put(47, &[value.name.as_str().len() as u8]);
    put(48, value.name.as_str().as_bytes());
    for (at, axis) in value.point.iter().enumerate() {
        put(56 + 4 * at, &axis.to_ne_bytes());
    }
    put(68, &value.one[0].to_ne_bytes());
    record
}

/// A seeded walk through values, in which most fields are often the same.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 24
    }

    fn value(&mut self) -> Everything {
        let mut value = Everything::default();
        let chosen = self.next();
        let mut next = |bit: u32| if chosen >> bit & 1 == 1 { self.next() } else { 0 };
        (value.u8, value.i8) = (next(0) as u8, next(1) as i8);
        (value.u16, value.i16) = (next(2) as u16, next(3) as i16);
        (value.u32, value.i32) = (next(4) as u32, next(5) as i32);
        (value.u64, value.i64) = (next(6) << 30, -((next(7) >> 1) as i64));
        (value.f32, value.flag) = (next(8) as f32 - 1e11, next(9) & 1 == 1);
        let number = next(10);
        value.who =
            (number & 1 == 1).then_some(EntityId { index: (number >> 1) as u16, generation: (number >> 17) as u8 });
        value.ready.start(next(11) as u16);
        value.name = Text::new(["", "a", "gräu", "a\0b", "12345"][(next(12) % 5) as usize]);
        value.point = [13, 14, 15].map(|bit| next(bit) as f32 / 7.0);
        value.one = [next(16) as u16];
        value
    }
}

fn bytes_of<T: Fields>(value: &T, base: &T) -> Vec<u8> {
    let mut buffer = [0; 512];
    let mut writer = Writer::new(&mut buffer);
    write_difference(value, base, &mut writer).unwrap();
    writer.written().to_vec()
}

#[test]
fn a_record_has_the_bytes_and_the_number_of_the_struct_that_the_server_declares() {
    assert_eq!(layout().schema, <Everything as Fields>::SCHEMA);
    assert_eq!(Record::new(layout()).all(), Everything::default().all());
    let mut dice = Dice(1);
    let (mut base, mut differing) = (Everything::default(), 0);
    for _ in 0..2_000 {
        let value = dice.value();
        let bytes = bytes_of(&value, &base);
        assert_eq!(bytes, bytes_of(&record_of(&value), &record_of(&base)), "{value:?} from {base:?}");
        let mut read = record_of(&base);
        let mut reader = Reader::new(&bytes);
        read_difference(&mut read, &mut reader).unwrap();
        reader.finish().unwrap();
        assert_eq!(read.bytes(), record_of(&value).bytes(), "{value:?} from {base:?}");
        differing += usize::from(value != base);
        assert_eq!(read == record_of(&base), value == base);
        base = value;
    }
    assert!(differing > 1_900);
}

#[test]
fn malformed_bytes_are_refused_by_a_record_as_by_the_struct() {
    let mut dice = Dice(2);
    let mut refused = 0;
    for _ in 0..5_000 {
        let mut bytes = bytes_of(&dice.value(), &Everything::default());
        let at = dice.next() as usize % bytes.len();
        bytes[at] ^= 1 << (dice.next() % 8);
        bytes.truncate(bytes.len() - (dice.next() % 3 / 2) as usize);
        let (mut value, mut record) = (Everything::default(), Record::new(layout()));
        let as_struct = read_difference(&mut value, &mut Reader::new(&bytes));
        let as_record = read_difference(&mut record, &mut Reader::new(&bytes));
        assert_eq!(as_struct, as_record, "{bytes:?}");
        refused += usize::from(as_struct.is_err());
    }
    assert!((500..4_500).contains(&refused), "{refused}");
}

#[test]
fn what_a_program_writes_into_a_record_never_makes_bad_bytes() {
    let blank = Record::new(layout());
    let mut record = blank;
    // NaN, a flag of 255, a text that is longer than its field, and an entity that cannot be.
    record.bytes_mut().fill(0xFF);
    assert!(record.wrong_text().is_some());
    let bytes = bytes_of(&record, &blank);
    let mut value = Everything::default();
    read_difference(&mut value, &mut Reader::new(&bytes)).unwrap();
    assert_eq!((value.f32, value.flag, value.who, value.name.as_str()), (0.0, true, None, ""));
}

#[test]
fn equal_layouts_are_one() {
    assert!(std::ptr::eq(layout(), layout()));
}

extern "C" fn step(_: *mut c_void, _: *const c_void, _: *mut c_void) {}
extern "C" fn place(_: *const c_void, _: *mut rs_pose, _: *mut c_void) {}

#[test]
fn a_panic_ends_its_call_and_every_later_one_but_free() {
    let record = Record::new(&EMPTY);
    let functions = Functions { step, place, agrees: None, user: std::ptr::null_mut() };
    let game = Game {
        input: &EMPTY,
        own: &EMPTY,
        shown: &EMPTY,
        messages: [0; 3],
        level: 0,
        neutral_input: record,
        blank_own: record,
        blank_shown: record,
        functions,
    };
    let config = ClientConfig::new(SecretKey::from_bytes([7; 32]).public());
    let client = handle::new(Source::Bare(Client::new(game, config, b"", Instant::ZERO, [1; 32]).unwrap()));
    // SAFETY: the handle is not freed before the last line.
    let call = |panics: bool| unsafe {
        with(client, |_| {
            assert!(!panics, "as the test wants");
            Ok(5)
        })
    };
    assert_eq!(call(false), 5);
    assert_eq!(call(true), rs_error::Internal as i32);
    assert_eq!(call(false), rs_error::Poisoned as i32);
    // SAFETY: `new` made it, and nothing uses it after this.
    unsafe { handle::free(client) };
}
