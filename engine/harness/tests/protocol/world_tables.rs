//! The tables of `PROTOCOL.md#world-messages`.

use crate::contract::{Answer, Ask, Event, Example, Input, Shown};
use crate::document::{fenced_blocks, table, vectors};
use crate::world_messages::{header, written};
use ringshard_requests::message::kinds as services;
use ringshard_world::View;
use ringshard_world::actions::ActionState;
use ringshard_world::character::{Character, EntityKind, FACTIONS_MAX, buffs, states};
use ringshard_world::contract::{ContractPart, Fields, Schema, Wire, mix};
use ringshard_world::limits::*;
use ringshard_world::messages::*;
use ringshard_world::state::fields;

#[test]
fn the_kinds_of_messages_are_those_of_the_code() {
    let rows = table(&["number", "sent by", "message", "on channel", "what it is"]);
    let rows: Vec<_> = rows.iter().map(|row| (row[0].parse().expect("a kind"), row[1], row[2])).collect();
    let code = [
        (kinds::SYNC_ENTITY_QUANTIZED, "client", "SyncEntityQuantized"),
        (kinds::ENTER_TO_WORLD, "client", "EnterToWorld"),
        (kinds::ENTER_TO_WORLD, "server", "EnterToWorld"),
        (kinds::DELTA_SYNC, "server", "DeltaSync"),
        (kinds::EVENT, "both", "Event"),
        (kinds::ASK, "client", "Ask"),
        (kinds::ANSWER, "server", "Answer"),
        (services::HELLO, "client", "Hello"),
        (services::GREETING, "server", "Greeting"),
        (services::CALL, "client", "Call"),
        (services::OUTCOME, "server", "Outcome"),
        (services::CANCEL, "client", "Cancel"),
        (services::OPEN, "client", "Open"),
        (services::OPENED, "server", "Opened"),
        (services::FETCH, "client", "Fetch"),
        (services::PIECE, "server", "Piece"),
        (services::STOP, "client", "Stop"),
        (services::NOTICE, "server", "Notice"),
        (kinds::INTRODUCTION, "both", "Introduction"),
        (kinds::CHANGE_SERVER, "server", "ChangeServer"),
    ];
    assert_eq!(rows, code);
}

#[test]
fn the_parts_of_a_contract_are_those_of_the_code() {
    let rows = table(&["number", "part", "is", "bytes at most", "what it is"]);
    let rows: Vec<_> = rows.iter().map(|row| (row[0].to_owned(), row[1].to_owned())).collect();
    let code: Vec<_> = ContractPart::ALL.iter().map(|part| ((*part as u8).to_string(), part.to_string())).collect();
    assert_eq!(rows, code);
}

#[test]
fn the_fields_of_an_entry_are_those_of_the_code() {
    let code = [
        ("position", fields::POSITION),
        ("rotation", fields::ROTATION),
        ("leap", fields::LEAP),
        ("shown", fields::SHOWN),
        ("velocity", fields::VELOCITY),
    ];
    let rows = table(&["in fields", "field", "bytes"]);
    let rows: Vec<_> = rows.iter().map(|row| (row[1], hex(row[0]))).collect();
    assert_eq!(rows, code.map(|(name, bit)| (name, u32::from(bit))));
    assert_eq!(fields::ALL, code.iter().map(|(_, bit)| bit).sum::<u8>());
}

fn hex(text: &str) -> u32 {
    u32::from_str_radix(text.trim_start_matches("0x"), 16).expect("a number in hexadecimal")
}

/// A stranger can follow the example step by step.
#[test]
fn the_example_of_a_schema_number_is_right() {
    ringshard_world::wire! {
        pub struct Example { pub health: u8, pub at: [f32; 2] }
    }
    let results: Vec<_> = table(&["step", "result"]).iter().map(|row| hex(row[1])).collect();
    let base = mix(0x811C_9DC5, "struct");
    let health = mix(base ^ u8::SCHEMA, "health");
    assert_eq!(results, [u8::SCHEMA, f32::SCHEMA, <[f32; 2]>::SCHEMA, base, health, <Example as Wire>::SCHEMA]);
}

#[test]
fn the_demonstration_shows_the_character_of_the_code() {
    let blocks: Vec<_> = fenced_blocks().filter(|(info, _)| *info == "contract demonstration").collect();
    let [(_, text)] = blocks[..] else { panic!("the document must have the contract once") };
    let fields = text.split_once("struct Shown {\n").and_then(|(_, rest)| rest.split_once('}')).expect("a struct").0;
    let mut number = mix(0x811C_9DC5, "struct");
    for line in fields.lines() {
        let (name, kind) = line.trim().trim_end_matches(',').split_once(": ").expect("a field");
        number = mix(number ^ mix(0x811C_9DC5, kind), name);
    }
    assert_eq!(number, <Character as Fields>::SCHEMA);
    let rows = table(&["of the demonstration", "value"]);
    let factions = format!("whose side the entity is on, less than {FACTIONS_MAX}");
    assert!(rows.contains(&vec!["Shown, faction", &*factions]));
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
fn the_flags_of_characters_are_those_of_the_code() {
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
        let bit = hex(row[0]) as u8;
        assert_eq!((row[1], row[2], bit, bit), (state, buff, state_bit, buff_bit));
    }
}

/// The message of a vector with another byte.
fn altered(name: &str, at: usize, value: u8, rest: &[u8]) -> Vec<u8> {
    let mut message = vectors()[name].get("message")[..=at].to_vec();
    message[at] = value;
    message.extend_from_slice(rest);
    message
}

/// Whether a view that knows an entity takes a snapshot with one more entry, whose head has these fields.
fn taken(fields: u16, rest: &[u8]) -> bool {
    const KNOWN: [u8; 6] = [7, 0, 1, 4, 1, 0];
    let head = 2 | 1 << 5 | fields << 10;
    let entry = [&[7, 0][..], &u16::to_le_bytes(head), rest].concat();
    let mut view = View::new(&Example, 0);
    assert_eq!(view.take(&[&header(0)[..], &KNOWN].concat(), |_| {}), Ok(true));
    view.take(&[&header(1)[..], &entry].concat(), |_| {}) == Ok(true)
}

fn reads_input(message: &[u8]) -> bool {
    InputHeader::read(message, &Input::default()).is_ok()
}

type Check = fn(u8) -> bool;

/// The rows of the table: how a message with this value is read, and for which values it is read.
const RESERVED: [(&str, &str, Check, Check); 14] = [
    (
        "EnterToWorld, answer",
        "5 to 255",
        |value| {
            let welcome =
                altered("world-enter-welcome", 1, value, &vectors()["world-enter-welcome"].get("message")[2..]);
            EnterAnswer::read(&welcome).is_ok() || EnterAnswer::read(&welcome[..3]).is_ok()
        },
        |value| value < 5,
    ),
    (
        "wrong schema, part",
        "7 to 255",
        |value| EnterAnswer::read(&altered("world-enter-wrong-schema", 2, value, &[])).is_ok(),
        |value| value < 7,
    ),
    (
        "snapshot, input interval",
        "0, 1, 5 to 255",
        |value| {
            let mut view = View::new(&Example, 0);
            view.take(&[&header(0)[..SnapshotHeader::BYTES - 1], &[0x80, value]].concat(), |_| {}).is_ok()
        },
        |value| (2..=4).contains(&value),
    ),
    (
        "entry, fields",
        "0x20",
        |value| taken((value & 0x3F).into(), &[0; 5][..(value & 0x1F).count_ones() as usize]),
        |value| value & 0x20 == 0,
    ),
    (
        "full entry, generation",
        "0",
        |value| {
            let entry = [7, 0, 1, 4, value, 0];
            View::new(&Example, 0).take(&[&header(0)[..], &entry].concat(), |_| {}) == Ok(true)
        },
        |value| value != 0,
    ),
    (
        "axes, widths",
        "0x40, 0x80",
        |value| {
            let len: usize = (0..3).map(|axis| [0, 1, 2, 4][usize::from(value >> (2 * axis) & 3)]).sum();
            taken(1, &[&[value][..], &vec![0; len]].concat())
        },
        |value| value < 0x40,
    ),
    (
        "input message, flags",
        "0x04 to 0x80",
        |value| {
            let len = [7, 17, 11, 21][usize::from(value % 4)];
            reads_input(&[&[1, value][..], &[0; 20]].concat()[..len])
        },
        |value| value < 4,
    ),
    (
        "input message, count",
        "17 to 255",
        |value| reads_input(&[&[1, 0, 0, 0, 0, 0, value][..], &vec![0; 3 * usize::from(value)]].concat()),
        |value| usize::from(value) <= INPUTS_PER_MESSAGE_MAX,
    ),
    (
        "answer, outcome",
        "3 to 255",
        |value| {
            let opened: &[u8] = if value == 0 { &[0] } else { &[] };
            read_answer::<Answer>(&altered("world-answer-opened", 3, value, opened)).is_ok()
        },
        |value| value < 3,
    ),
    (
        "set of fields",
        "bits of fields that the struct does not have",
        |value| {
            // The fields of Shown in the set: one byte each, and three of the color.
            let color = if value >> 3 & 1 == 1 { 2 } else { 0 };
            let shown = [&[value & 0x7F][..], &vec![0; (value & 0x7F).count_ones() as usize + color]].concat();
            taken(fields::SHOWN.into(), &shown)
        },
        |value| value & 0x7F < 16,
    ),
    ("bool", "2 to 255", |value| reads_input(&[1, 0, 0, 0, 0, 0, 1, 0, 0, 8, value]), |value| value < 2),
    (
        "f32",
        "NaN and infinities",
        // Its upper 8 bits of the exponent; the sign is the other half of the values.
        |value| {
            read_whole::<f32>(&(u32::from(value) << 23 | 1).to_le_bytes()).is_ok()
                && read_whole::<f32>(&(1 << 31 | u32::from(value) << 23).to_le_bytes()).is_ok()
        },
        |value| value < 255,
    ),
    (
        "enum, variant",
        "numbers that the enum does not have",
        |value| {
            read_whole::<Ask>(&[&[value][..], &[0; 3][..[3, 1][usize::from(value != 0)]]].concat()).is_ok()
                || read_event::<Event>(&[7, value]).is_ok()
        },
        |value| value < 3,
    ),
    (
        "ActionState, running",
        "bits above A; a cooldown of 0",
        |value| {
            let running = value & 0x7F;
            let cooldowns = [u8::from(value < 0x80), 0].repeat(running.count_ones() as usize);
            read_whole::<ActionState<5, 0>>(&[&[running][..], &cooldowns, &[0; 4]].concat()).is_ok()
        },
        |value| value < 64 || value == 128,
    ),
];

#[test]
fn reserved_values_in_world_messages_are_treated_as_the_document_says() {
    let document = table(&["in a world message", "reserved", "receiver"]);
    // The tests of servers and clients check the kinds.
    assert_eq!(document[0][..2], ["kind", "0, 2, 4, 5, 10 to 15, 29 to 255"]);
    assert_eq!(document.len(), RESERVED.len() + 1);
    for ((place, reserved, check, expected), row) in RESERVED.into_iter().zip(&document[1..]) {
        assert_eq!([place, reserved, "drops the message"], row[..]);
        for value in 0..=255 {
            assert_eq!(check(value), expected(value), "{place}: {value}");
        }
    }
}

#[test]
fn the_longest_ticket_is_read_and_a_longer_one_is_refused() {
    let message = |len| [&[kinds::ENTER_TO_WORLD][..], &vec![1; Schema::BYTES + len]].concat();
    let longest = message(TICKET_BYTES_MAX);
    assert_eq!(EnterRequest::read(&longest).map(|request| request.ticket.len()), Ok(TICKET_BYTES_MAX));
    assert_eq!(longest.len(), EnterRequest::BYTES_MAX);
    assert!(EnterRequest::read(&message(TICKET_BYTES_MAX + 1)).is_err());
    assert!(written(|writer| Shown::default().write(writer)).len() <= <Shown as Wire>::BYTES_MAX);
}
