//! The world messages of `PROTOCOL.md`: their vectors and their tables.

use crate::document::{Vector, table, vectors};
use ringshard_world::codec::{NoRoom, Reader, Writer};
use ringshard_world::entity::{FACTIONS_MAX, buffs, states};
use ringshard_world::limits::VARIABLES;
use ringshard_world::map::SECTION_STEPS_LOG2;
use ringshard_world::messages::{
    Input, SnapshotHeader, Versioned, Welcome, kinds, write_difference, write_full, write_gone,
};
use ringshard_world::{EntityId, EntityKind, Map, Position, State, View};

/// The bytes that `write` writes.
fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Vec<u8> {
    let mut buffer = [0; 1024];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer).expect("there is room");
    writer.written().to_vec()
}

/// The value of `key` as a newest snapshot and the bits of those before it.
fn received(vector: &Vector, key: &str) -> (u16, u64) {
    let bytes: [u8; 10] = vector.array(key);
    let (newest, before) = bytes.split_at(2);
    (u16::from_le_bytes(newest.try_into().unwrap()), u64::from_le_bytes(before.try_into().unwrap()))
}

pub fn input(vector: &Vector) {
    let value = Input {
        received: vector.has("received").then(|| received(vector, "received")),
        digest: vector.has("digest").then(|| vector.u32("digest")),
        number: vector.u16("number"),
        direction: vector.u16("direction"),
        pace: vector.byte("pace"),
        actions: vector.byte("actions"),
    };
    assert_eq!(written(|writer| value.write(writer)), vector.get("message"));
    assert_eq!(Input::read(vector.get("message")), Ok(value));
}

pub fn input_bad(vector: &Vector) {
    for (name, message) in vector.values() {
        assert!(Input::read(message).is_err(), "{name}");
    }
}

pub fn welcome(vector: &Vector) {
    let sections: [u8; 6] = vector.array("sections");
    let sections = [0, 2, 4].map(|at| u16::from_le_bytes([sections[at], sections[at + 1]]));
    let [edge, height, step] = ["edge", "height", "step"].map(|key| f32::from_le_bytes(vector.array(key)));
    let map = Map::new([edge, height], sections, [1, 1, 1]).expect("it is a map");
    let player = EntityId { index: vector.u16("index"), generation: vector.byte("generation") };
    let value = Welcome { player, tick: vector.u32("tick"), map };
    assert_eq!(written(|writer| value.write(writer)), vector.get("message"));
    assert_eq!(Welcome::read(vector.get("message")), Ok(Some(value)));

    assert_eq!((map.step(), map.shape()), (step, ([edge, height], sections)));
    let tall = vector.u32("height_steps");
    let far =
        Position { x: (u32::from(sections[0]) << SECTION_STEPS_LOG2) - 1, y: 0, z: u32::from(sections[2]) * tall - 1 };
    assert!(map.contains(far));
    assert!(!map.contains(Position { x: far.x + 1, ..far }) && !map.contains(Position { z: far.z + 1, ..far }));
}

pub fn refusal(vector: &Vector) {
    assert_eq!(Welcome::REFUSAL, vector.get("message"));
    assert_eq!(Welcome::read(vector.get("message")), Ok(None));
}

pub fn answer_bad(vector: &Vector) {
    for (name, message) in vector.values() {
        assert!(Welcome::read(message).is_err(), "{name}");
    }
}

/// The value of `key` as a state.
fn state(vector: &Vector, key: &str) -> State {
    let reader = &mut Reader::new(vector.get(key));
    let mut read = || {
        Ok::<_, ringshard_world::codec::Malformed>(State {
            position: Position { x: reader.u32()?, y: reader.u32()?, z: reader.u32()? },
            velocity: [reader.i16()?, reader.i16()?, reader.i16()?],
            rotation: [reader.u16()?, reader.u16()?, reader.u16()?],
            animation: reader.u16()?,
            states: reader.u8()?,
            buffs: reader.u8()?,
            health: reader.u8()?,
            mana: reader.u8()?,
            kind: EntityKind::from_number(reader.u8()?).expect("a kind"),
            faction: reader.u8()?,
        })
    };
    let state = read().expect("a state has 32 bytes");
    assert_eq!(state.digest_bytes(), vector.get(key));
    state
}

/// The value of `key` as variables: a mask, and all values.
fn variables(vector: &Vector, key: &str) -> (u64, [i32; VARIABLES]) {
    let (mut mask, mut values) = (0, [0; VARIABLES]);
    let (entries, rest) = vector.get(key).as_chunks::<5>();
    assert!(rest.is_empty());
    for &[number, a, b, c, d] in entries {
        mask |= 1 << number;
        values[usize::from(number)] = i32::from_le_bytes([a, b, c, d]);
    }
    (mask, values)
}

fn header(number: u16) -> Vec<u8> {
    written(|writer| SnapshotHeader { number, tick: number.into(), input: 0 }.write(writer))
}

/// Asserts that a view of `snapshots` shows `entity`.
fn check_seen(entity: Versioned<'_>, snapshots: &[Vec<u8>]) {
    let mut view = View::new();
    for snapshot in snapshots {
        assert_eq!(view.take(snapshot, |_| {}), Ok(true));
    }
    let seen = view.entity(entity.id).expect("it is in view");
    assert_eq!(seen.state(), entity.state);
    for (number, &value) in entity.variables.iter().enumerate() {
        assert_eq!(seen.variable(number as u8), value, "variable {number}");
    }
}

pub fn full(vector: &Vector) {
    let (mask, values) = variables(vector, "variables");
    let id = EntityId { index: vector.u16("index"), generation: vector.byte("generation") };
    let state = state(vector, "state");
    let entity = Versioned { id, version: vector.u32("version"), state: &state, variables: &values };
    let entry = vector.get("entry");
    assert_eq!(written(|writer| write_full(entity, mask, writer)), entry);
    check_seen(entity, &[[&header(0), entry].concat()]);
}

pub fn difference(vector: &Vector) {
    let (mask, values) = variables(vector, "variables");
    let id = EntityId { index: vector.u16("index"), generation: 9 };
    let (state, base) = (state(vector, "state"), state(vector, "base"));
    let entity = Versioned { id, version: vector.u32("version"), state: &state, variables: &values };
    let base_version = vector.u32("base_version");
    let entry = vector.get("entry");
    assert_eq!(written(|writer| write_difference(entity, base_version, &base, mask, writer)), entry);
    let known = Versioned { id, version: base_version, state: &base, variables: &[0; VARIABLES] };
    let known = written(|writer| write_full(known, 0, writer));
    check_seen(entity, &[[header(0), known].concat(), [&header(1), entry].concat()]);
}

pub fn gone(vector: &Vector) {
    assert_eq!(written(|writer| write_gone(vector.u16("index"), writer)), vector.get("entry"));
}

pub fn snapshots(vector: &Vector) {
    let mut view = View::new();
    for name in ["first", "second", "late", "third", "fourth"] {
        assert_eq!(view.take(vector.get(name), |_| {}), Ok(name != "late"));
        assert_eq!(view.received(), Some(received(vector, &format!("{name}_received"))), "{name}");
        assert_eq!(view.digest(), vector.u32(&format!("{name}_digest")), "{name}");
        if name == "third" {
            let monster = view.entities().find(|seen| seen.state().kind == EntityKind::Monster).expect("a monster");
            let (_, values) = variables(vector, "third_variables");
            assert_eq!(std::array::from_fn(|number| monster.variable(number as u8)), values);
        }
    }
}

pub fn snapshot_bad(vector: &Vector) {
    let before = &vectors()["world-snapshots"];
    for (name, message) in vector.values() {
        let mut view = View::new();
        assert_eq!(view.take(before.get("first"), |_| {}), Ok(true));
        assert!(view.take(message, |_| {}).is_err(), "{name}");
        assert_eq!(view.received(), Some(received(before, "first_received")), "{name}");
        assert_eq!(view.digest(), before.u32("first_digest"), "{name}");
        assert_eq!(view.take(before.get("second"), |_| {}), Ok(true), "{name}");
        assert_eq!(view.digest(), before.u32("second_digest"), "{name}");
    }
}

/// The snapshots consist of the entries of the other vectors.
#[test]
fn the_world_vectors_build_on_each_other() {
    let vectors = vectors();
    let snapshot = |name| vectors["world-snapshots"].get(name);
    let entry = |name: &str| vectors[&*format!("world-{name}")].get("entry");
    let item = &snapshot("third")[snapshot("third").len() - 9..];
    let stories: [(&str, Vec<&[u8]>); 5] = [
        ("first", vec![entry("full-zeros"), entry("full")]),
        ("second", vec![entry("difference"), entry("difference-longest")]),
        ("late", vec![]),
        ("third", vec![entry("difference-variables"), entry("difference-around"), item]),
        ("fourth", vec![entry("gone"), entry("difference-nothing")]),
    ];
    for (name, entries) in stories {
        assert_eq!(snapshot(name)[SnapshotHeader::BYTES..], entries.concat(), "{name}");
    }
    let input = &vectors["world-input-digest"];
    assert_eq!(input.get("received"), snapshot("first_received"));
    assert_eq!(input.get("digest"), snapshot("first_digest"));
    assert_eq!(entry("difference-longest").len(), 4 + State::DIFFERENCE_BYTES_MAX);
}

#[test]
fn the_kinds_of_messages_are_those_of_the_code() {
    let rows = table(&["number", "sent by", "message", "on channel", "what it is"]);
    let row = |at: usize| [rows[at][0], rows[at][1], rows[at][2]];
    assert_eq!(row(0), [&*kinds::SYNC_ENTITY_QUANTIZED.to_string(), "client", "SyncEntityQuantized"]);
    for (at, side) in [(1, "client"), (2, "server")] {
        assert_eq!(row(at), [&*kinds::ENTER_TO_WORLD.to_string(), side, "EnterToWorld"]);
    }
    assert_eq!(row(3), [&*kinds::DELTA_SYNC.to_string(), "server", "DeltaSync"]);
    assert_eq!((row(4)[0], rows.len()), (&*format!("{} to 255", kinds::GAME), 5));
}

#[test]
fn the_kinds_of_entities_are_those_of_the_code() {
    let rows = table(&["kind of entity", "is"]);
    assert_eq!(rows.len(), EntityKind::ALL.len());
    for row in rows {
        let kind = EntityKind::from_number(row[0].parse().unwrap()).expect("a kind");
        let name: String = row[1].split(' ').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        assert_eq!(format!("{kind:?}"), name);
    }
}

#[test]
fn the_flags_of_entities_are_those_of_the_code() {
    let code = [
        ("alive", states::ALIVE, "frozen", buffs::FROZEN),
        ("in combat", states::IN_COMBAT, "poisoned", buffs::POISONED),
        ("moving", states::MOVING, "burning", buffs::BURNING),
        ("casting", states::CASTING, "slowed", buffs::SLOWED),
        ("invisible", states::INVISIBLE, "stunned", buffs::STUNNED),
        ("stunned", states::STUNNED, "invisible", buffs::INVISIBLE),
        ("falling", states::FALLING, "invulnerable", buffs::INVULNERABLE),
    ];
    let rows = table(&["bit", "in states", "in buffs"]);
    assert_eq!(rows.len(), code.len());
    for (row, (state, state_bit, buff, buff_bit)) in rows.into_iter().zip(code) {
        let bit = u8::from_str_radix(row[0].trim_start_matches("0x"), 16).unwrap();
        assert_eq!((row[1], row[2], bit, bit), (state, buff, state_bit, buff_bit));
    }
}

/// Whether a view that knows an entity takes a snapshot with one more entry, whose head has these fields.
fn taken(known: &[u8], age: u16, fields: u16, rest: &[u8]) -> bool {
    let head = (1 + age) | age << 5 | fields << 10;
    let entry = [&[7, 0][..], &head.to_le_bytes(), rest].concat();
    let mut view = View::new();
    assert_eq!(view.take(&[&header(0), known].concat(), |_| {}), Ok(true));
    view.take(&[&header(1)[..], &entry].concat(), |_| {}) == Ok(true)
}

/// The table of reserved values, value by value.
#[test]
fn reserved_values_in_world_messages_are_treated_as_the_document_says() {
    type Check = fn(u8) -> bool;
    type Row = (&'static str, &'static str, Check, Check);
    const KNOWN: [u8; 8] = [7, 0, 1, 4, 1, 0, 0, 0];
    let rows: [Row; 8] = [
        (
            "EnterToWorld, answer",
            "2 to 255",
            |value| {
                let mut message = vectors()["world-welcome"].get("message").to_vec();
                message[1] = value;
                Welcome::read(&message).is_ok() || value == 0
            },
            |value| value < 2,
        ),
        (
            "input, flags",
            "0x04 to 0x80",
            |value| {
                let len = [8, 18, 12, 22][usize::from(value % 4)];
                Input::read(&[&[1, value][..], &[0; 20]].concat()[..len]).is_ok()
            },
            |value| value < 4,
        ),
        ("full entry, kind", "9 to 255", |value| taken(&[], 0, 1, &[1, value, 0, 0]), |value| value < 9),
        ("full entry, faction", "64 to 255", |value| taken(&[], 0, 1, &[1, 0, value, 0]), |value| value < FACTIONS_MAX),
        (
            "axes, widths",
            "0x40, 0x80",
            |value| {
                let len: usize = (0..3).map(|axis| [0, 1, 2, 4][usize::from(value >> (2 * axis) & 3)]).sum();
                taken(&KNOWN, 1, 1, &[&[value][..], &vec![0; len]].concat())
            },
            |value| value < 0x40,
        ),
        (
            "status, first byte",
            "0x10 to 0x80",
            |value| taken(&KNOWN, 1, 8, &[&[value][..], &vec![0; (value & 15).count_ones() as usize]].concat()),
            |value| value < 0x10,
        ),
        (
            "variables, number",
            "64 to 255",
            |value| taken(&KNOWN, 1, 32, &[1, value, 0]),
            |value| value < VARIABLES as u8,
        ),
        ("states and buffs", "0x80", |value| taken(&KNOWN, 1, 8, &[3, value, value]), |_| true),
    ];
    let document = table(&["in a world message", "reserved", "receiver"]);
    // The tests of servers and games check the kinds.
    assert_eq!(document[0][..2], ["kind", "0, 2, 4, 5, 7 to 31"]);
    assert_eq!(document.len(), rows.len() + 1);
    for ((place, reserved, check, expected), row) in rows.into_iter().zip(&document[1..]) {
        assert_eq!([place, reserved], row[..2]);
        for value in 0..=255 {
            assert_eq!(check(value), expected(value), "{place}: {value}");
        }
    }
}
