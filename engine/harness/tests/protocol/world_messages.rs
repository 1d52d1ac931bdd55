//! The world messages of `PROTOCOL.md`: their vectors.

use crate::contract::{Answer, Ask, Color, Event, Example, Input, Own, Shown};
use crate::document::{Vector, vectors};
use ringshard_world::actions::{Acted, ActionInput, ActionState, Aim, Cast, Decided, Verdict};
use ringshard_world::codec::{NoRoom, Reader, Writer};
use ringshard_world::contract::{Cooldown, Fields, Schema, Text, Wire};
use ringshard_world::limits::INTRODUCTION_BYTES_MAX;
use ringshard_world::map::SECTION_STEPS_LOG2;
use ringshard_world::messages::*;
use ringshard_world::state::DIFFERENCE_BYTES_MAX;
use ringshard_world::{EntityId, Map, Position, Refusal, Rules, State, View};
use std::net::{Ipv6Addr, SocketAddr};

type Seen = View<Example>;
type Actions = ActionState<5, 2>;

/// The bytes that `write` writes.
pub fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Vec<u8> {
    let mut buffer = [0; 1024];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer).expect("there is room");
    writer.written().to_vec()
}

/// The value that fills the bytes of `key`, which it is encoded as.
fn value<T: Wire>(vector: &Vector, key: &str) -> T {
    let value = read_whole::<T>(vector.get(key)).expect("it is a value of the type");
    assert_eq!(written(|writer| value.write(writer)), vector.get(key), "{key}");
    value
}

/// The value of `key` as a newest snapshot and the bits of those before it.
fn received(vector: &Vector, key: &str) -> (u16, u64) {
    let bytes: [u8; 10] = vector.array(key);
    let (newest, before) = bytes.split_at(2);
    (u16::from_le_bytes(newest.try_into().unwrap()), u64::from_le_bytes(before.try_into().unwrap()))
}

pub fn schema(vector: &Vector) {
    let Schema([input, own, shown, ask, answer, event, level]) = Example.schema();
    let numbers = [
        ("u8", u8::SCHEMA),
        ("i64", i64::SCHEMA),
        ("bool", bool::SCHEMA),
        ("f32", f32::SCHEMA),
        ("entity_id", EntityId::SCHEMA),
        ("cooldown", Cooldown::SCHEMA),
        ("text_8", Text::<8>::SCHEMA),
        ("text_0", Text::<0>::SCHEMA),
        ("option_u32", Option::<u32>::SCHEMA),
        ("option_entity_id", Option::<EntityId>::SCHEMA),
        ("f32_2", <[f32; 2]>::SCHEMA),
        ("i16_3", <[i16; 3]>::SCHEMA),
        ("u8_0", <[u8; 0]>::SCHEMA),
        ("color", <Color as Wire>::SCHEMA),
        ("input", input),
        ("own", own),
        ("shown", shown),
        ("ask", ask),
        ("answer", answer),
        ("event", event),
    ];
    for (key, number) in numbers {
        assert_eq!(vector.u32(key), number, "{key}");
    }
    assert_eq!((vector.u32("level"), level), (Example.level(), Example.level()));
    assert_eq!(own, <Own as Fields>::SCHEMA);
}

pub fn actions(vector: &Vector) {
    assert_eq!(vector.u32("action_input"), <ActionInput as Wire>::SCHEMA);
    assert_eq!(vector.u32("action_state_5_2"), Actions::SCHEMA);
    assert_eq!(vector.u32("acted"), Acted::SCHEMA);
    value::<ActionInput>(vector, "input");
    let state: Actions = value(vector, "state");
    assert_eq!((state.cooldown(2), state.shared_cooldown(), state.cooldown(3)), (300, 18, 0));
    assert_eq!([state.resource(0), state.resource(1)], [500, 3]);
    let aim = Aim::Point { point: [1.5, -2.0, 0.0] };
    assert_eq!(state.cast(), Some(&Cast { number: 8, action: 1, ticks: 90, aim }));
    let verdict = Verdict::Refused { why: Refusal::Busy };
    assert_eq!((state.number(), state.decided()), (9, Decided { number: 9, verdict }));
    let parts = ["running", "cooldowns", "resources", "cast", "number", "decided"].map(|part| vector.get(part));
    assert_eq!(parts.concat(), vector.get("state"));
}

pub fn actions_rest(vector: &Vector) {
    assert_eq!(value::<Actions>(vector, "state"), Actions::default());
}

pub fn actions_bad(vector: &Vector) {
    for key in ["above", "none_left", "no_verdict"] {
        assert!(read_whole::<Actions>(vector.get(key)).is_err(), "{key}");
    }
}

pub fn enter_request(vector: &Vector) {
    let numbers: [u8; Schema::BYTES] = vector.array("schema");
    let (numbers, _) = numbers.as_chunks::<4>();
    let schema = Schema(std::array::from_fn(|at| u32::from_le_bytes(numbers[at])));
    assert_eq!(schema.difference(&Example.schema()), None);
    let request = EnterRequest { schema, ticket: vector.get("ticket") };
    assert_eq!(written(|writer| request.write(writer)), vector.get("message"));
    assert_eq!(EnterRequest::read(vector.get("message")), Ok(request));
}

pub fn enter_request_bad(vector: &Vector) {
    for (name, message) in vector.values() {
        assert!(EnterRequest::read(message).is_err(), "{name}");
    }
}

fn enter_answer(vector: &Vector, answer: EnterAnswer) {
    assert_eq!(written(|writer| answer.write(writer)), vector.get("message"));
    assert_eq!(EnterAnswer::read(vector.get("message")), Ok(answer));
}

pub fn enter_welcome(vector: &Vector) {
    enter_answer(vector, EnterAnswer::Welcome(welcome(vector)));
}

pub fn enter_moved(vector: &Vector) {
    enter_answer(vector, EnterAnswer::Moved(welcome(vector)));
}

fn welcome(vector: &Vector) -> Welcome {
    let sections: [u8; 6] = vector.array("sections");
    let sections = [0, 2, 4].map(|at| u16::from_le_bytes([sections[at], sections[at + 1]]));
    let [edge, height, step] = ["edge", "height", "step"].map(|key| f32::from_le_bytes(vector.array(key)));
    let map = Map::new([edge, height], sections, [1, 1, 1]).expect("it is a map");
    assert_eq!((map.step(), map.shape()), (step, ([edge, height], sections)));
    let tall = vector.u32("height_steps");
    let far =
        Position { x: (u32::from(sections[0]) << SECTION_STEPS_LOG2) - 1, y: 0, z: u32::from(sections[2]) * tall - 1 };
    assert!(map.contains(far));
    assert!(!map.contains(Position { x: far.x + 1, ..far }) && !map.contains(Position { z: far.z + 1, ..far }));
    Welcome { tick: vector.u32("tick"), first_snapshot: vector.u16("first_snapshot"), map }
}

pub fn enter_refused(vector: &Vector) {
    enter_answer(vector, EnterAnswer::Refused(vector.byte("reason")));
}

pub fn enter_wrong_schema(vector: &Vector) {
    let which = ringshard_world::contract::ContractPart::from_number(vector.byte("part")).expect("a part");
    enter_answer(vector, EnterAnswer::WrongSchema(which));
}

pub fn enter_put_out(vector: &Vector) {
    enter_answer(vector, EnterAnswer::PutOut(vector.byte("reason")));
}

pub fn enter_bad(vector: &Vector) {
    for (name, message) in vector.values() {
        assert!(EnterAnswer::read(message).is_err(), "{name}");
    }
}

pub fn input(vector: &Vector) {
    let header = InputHeader {
        received: vector.has("received").then(|| received(vector, "received")),
        digest: vector.has("digest").then(|| vector.u32("digest")),
        tick: vector.u32("tick"),
    };
    let inputs: Vec<_> = (1..)
        .take_while(|at| vector.has(&format!("input_{at}")))
        .map(|at| TimedInput {
            input: value::<Input>(vector, &format!("input_{at}")),
            view_delay: vector.u16(&format!("view_delay_{at}")),
        })
        .collect();
    let message = vector.get("message");
    assert_eq!(written(|writer| header.write(&Input::default(), &inputs, writer)), message);
    let (read, timed) = InputHeader::read(message, &Input::default()).expect("it is an input message");
    assert_eq!(read, header);
    let ticks = (0..inputs.len() as u32).rev().map(|before| header.tick.wrapping_sub(before));
    assert!(timed.iter().eq(ticks.zip(inputs)));
}

pub fn input_bad(vector: &Vector) {
    for (name, message) in vector.values() {
        assert!(InputHeader::read(message, &Input::default()).is_err(), "{name}");
    }
}

/// The value of `key` as a state.
fn state(vector: &Vector, key: &str) -> State<Shown> {
    let reader = &mut Reader::new(vector.get(key));
    let mut read = || {
        Ok::<_, ringshard_world::codec::Malformed>(State {
            position: Position { x: reader.u32()?, y: reader.u32()?, z: reader.u32()? },
            velocity: [reader.i16()?, reader.i16()?, reader.i16()?],
            rotation: [reader.u16()?, reader.u16()?, reader.u16()?],
            leap: reader.u8()?,
            shown: Shown::read(reader)?,
        })
    };
    let state = read().expect("it is a state");
    assert_eq!(reader.remaining(), 0, "{key}");
    assert_eq!(state.digest_on(0), crc32c::crc32c(vector.get(key)), "{key}");
    state
}

fn blank() -> State<Shown> {
    State::blank(Shown::default())
}

/// A snapshot whose owner block says nothing.
pub fn header(number: u16) -> Vec<u8> {
    let nothing = Owner::<Own>::default();
    written(|writer| SnapshotHeader::new(number, number.into(), 0, 0).write(&nothing, 0, &nothing, writer))
}

/// Asserts that a view of `snapshots` shows `entity`.
fn check_seen(entity: Versioned<'_, Shown>, snapshots: &[Vec<u8>]) {
    let mut view = Seen::new(&Example, 0);
    for snapshot in snapshots {
        assert_eq!(view.take(snapshot, |_| {}), Ok(true));
    }
    let seen = view.entity(entity.id).expect("it is in view");
    assert_eq!(seen.state(), entity.state);
}

pub fn full(vector: &Vector) {
    let id = EntityId { index: vector.u16("index"), generation: vector.byte("generation") };
    let state = state(vector, "state");
    let entity = Versioned { id, version: vector.u32("version"), state: &state };
    let entry = vector.get("entry");
    assert_eq!(written(|writer| write_full(entity, &blank(), writer)), entry);
    check_seen(entity, &[[&header(0), entry].concat()]);
}

pub fn difference(vector: &Vector) {
    let id = EntityId { index: vector.u16("index"), generation: 9 };
    let (state, base) = (state(vector, "state"), state(vector, "base"));
    let entity = Versioned { id, version: vector.u32("version"), state: &state };
    let base_version = vector.u32("base_version");
    let entry = vector.get("entry");
    assert_eq!(written(|writer| write_difference(entity, base_version, &base, writer)), entry);
    let known = Versioned { id, version: base_version, state: &base };
    let known = written(|writer| write_full(known, &blank(), writer));
    check_seen(entity, &[[header(0), known].concat(), [&header(1), entry].concat()]);
}

pub fn gone(vector: &Vector) {
    assert_eq!(written(|writer| write_gone(vector.u16("index"), writer)), vector.get("entry"));
}

fn owner_of(vector: &Vector, prefix: &str) -> Owner<Own> {
    let body: EntityId = value(vector, &format!("{prefix}body"));
    Owner { body: (body.generation != 0).then_some(body), own: value(vector, &format!("{prefix}own")) }
}

pub fn owner(vector: &Vector) {
    let (owner, base) = (owner_of(vector, ""), owner_of(vector, "base_"));
    let (number, tick, baseline) = (vector.u16("number"), vector.u32("tick"), u16::from(vector.byte("baseline")));
    let (lead, input_age) = (vector.byte("lead") as i8, vector.byte("input_age"));
    let interval = if vector.has("input_interval") { vector.byte("input_interval") } else { 1 };
    let header = SnapshotHeader::new(number, tick, lead, input_age).with_input_interval(interval);
    assert_eq!(written(|writer| header.write(&owner, baseline, &base, writer)), vector.get("message"));
    let reader = &mut Reader::new(vector.get("message"));
    let read = SnapshotHeader::read(reader).expect("it is a snapshot");
    assert_eq!(
        (read.number, read.tick, read.lead, read.input_age, read.input_interval, read.baseline),
        (number, tick, lead, input_age, interval, baseline)
    );
    assert_eq!(read.read_owner(base, reader), Ok(owner));
    assert_eq!(reader.remaining(), 0);
}

pub fn snapshots(vector: &Vector) {
    let mut view = Seen::new(&Example, vector.u16("first_snapshot"));
    for name in ["early", "first", "second", "late", "third", "fourth"] {
        let ignored = name == "early" || name == "late";
        let before = (view.received(), view.digest(), *view.owner());
        assert_eq!(view.take(vector.get(name), |_| {}), Ok(!ignored), "{name}");
        let after = (view.received(), view.digest(), *view.owner());
        if ignored {
            assert_eq!(after, before, "{name}");
            continue;
        }
        let received = received(vector, &format!("{name}_received"));
        let digest = vector.u32(&format!("{name}_digest"));
        assert_eq!(after, (Some(received), digest, owner_of(vector, &format!("{name}_"))), "{name}");
    }
}

pub fn snapshot_bad(vector: &Vector) {
    let before = &vectors()["world-snapshots"];
    for (name, message) in vector.values() {
        let mut view = Seen::new(&Example, before.u16("first_snapshot"));
        assert_eq!(view.take(before.get("first"), |_| {}), Ok(true));
        assert!(view.take(message, |_| {}).is_err(), "{name}");
        assert_eq!(view.received(), Some(received(before, "first_received")), "{name}");
        assert_eq!(view.digest(), before.u32("first_digest"), "{name}");
        assert_eq!(view.take(before.get("second"), |_| {}), Ok(true), "{name}");
        assert_eq!(view.digest(), before.u32("second_digest"), "{name}");
        assert_eq!(view.owner(), &owner_of(before, "second_"), "{name}");
    }
}

pub fn snapshot_unusual(vector: &Vector) {
    let before = &vectors()["world-snapshots"];
    for (name, message) in vector.values().filter(|(name, _)| !name.ends_with("_digest")) {
        let mut view = Seen::new(&Example, before.u16("first_snapshot"));
        assert_eq!(view.take(before.get("first"), |_| {}), Ok(true));
        assert_eq!(view.take(message, |_| {}), Ok(true), "{name}");
        assert_eq!(view.digest(), vector.u32(&format!("{name}_digest")), "{name}");
        assert_eq!(view.owner().body, None, "{name}");
    }
}

/// Checks the number of the variant; the tests of its fields follow from the message as a whole.
fn variant(vector: &Vector, value: &impl Wire) {
    assert_eq!(written(|writer| value.write(writer))[0], vector.byte("variant"));
}

fn text<const N: usize>(vector: &Vector, key: &str) -> Text<N> {
    value(vector, key)
}

fn ask(vector: &Vector, ask: Ask) {
    let (number, message) = (vector.u16("number"), vector.get("message"));
    variant(vector, &ask);
    assert_eq!(written(|writer| write_ask(number, &ask, writer)), message);
    let (read, rest) = read_ask_number(message).expect("it is an ask");
    assert_eq!((read, read_whole::<Ask>(rest)), (number, Ok(ask)));
}

pub fn ask_open(vector: &Vector) {
    ask(vector, Ask::Open { door: value(vector, "door") });
}

pub fn ask_rename(vector: &Vector) {
    ask(vector, Ask::Rename { name: text(vector, "name") });
}

pub fn ask_surrender(vector: &Vector) {
    ask(vector, Ask::Surrender);
}

pub fn ask_bad(vector: &Vector) {
    for (name, message) in vector.values() {
        let read = read_ask_number(message);
        assert_eq!(read.is_ok(), name.starts_with("malformed"), "{name}");
        assert!(read.is_err() || read_whole::<Ask>(read.unwrap().1).is_err(), "{name}");
    }
}

fn answer(vector: &Vector, answered: Answered<Answer>) {
    let (number, message) = (vector.u16("number"), vector.get("message"));
    assert_eq!(written(|writer| write_answer(number, &answered, writer)), message);
    assert_eq!(read_answer(message), Ok((number, answered)));
}

pub fn answer_opened(vector: &Vector) {
    variant(vector, &Answer::Opened);
    answer(vector, Answered::Answer(Answer::Opened));
}

pub fn answer_locked(vector: &Vector) {
    let locked = Answer::Locked { key: value(vector, "key") };
    variant(vector, &locked);
    answer(vector, Answered::Answer(locked));
}

pub fn answer_too_many(vector: &Vector) {
    answer(vector, Answered::TooMany);
}

pub fn answer_malformed(vector: &Vector) {
    answer(vector, Answered::Malformed);
}

pub fn answer_bad(vector: &Vector) {
    for (name, message) in vector.values() {
        assert!(read_answer::<Answer>(message).is_err(), "{name}");
    }
}

fn event(vector: &Vector, event: Event) {
    variant(vector, &event);
    assert_eq!(written(|writer| write_event(&event, writer)), vector.get("message"));
    assert_eq!(read_event(vector.get("message")), Ok(event));
}

pub fn event_said(vector: &Vector) {
    event(vector, Event::Said { words: text(vector, "words") });
}

pub fn event_shot(vector: &Vector) {
    event(vector, Event::Shot { by: value(vector, "by"), along: value(vector, "along"), hit: value(vector, "hit") });
}

pub fn event_bad(vector: &Vector) {
    for (name, message) in vector.values() {
        assert!(read_event::<Event>(message).is_err(), "{name}");
    }
}

pub fn change_server(vector: &Vector) {
    let address = Ipv6Addr::from(vector.array::<16>("address")).to_canonical();
    let address = SocketAddr::new(address, vector.u16("port"));
    let change = ChangeServer { core: vector.byte("core"), key: vector.array("key"), address };
    assert_eq!(written(|writer| change.write(writer)), vector.get("message"));
    assert_eq!(vector.get("message").len(), ChangeServer::BYTES);
    assert_eq!(ChangeServer::read(vector.get("message")), Ok(change));
}

pub fn change_server_bad(vector: &Vector) {
    for (name, message) in vector.values() {
        assert!(ChangeServer::read(message).is_err(), "{name}");
    }
}

pub fn introduction(vector: &Vector) {
    let introduction = Introduction { player: value(vector, "player"), bytes: vector.get("bytes") };
    let mut message = [0; 100];
    let mut writer = Writer::new(&mut message);
    introduction.write(&mut writer).unwrap();
    assert_eq!(writer.written(), vector.get("message"));
    assert_eq!(Introduction::read(vector.get("message")), Ok(introduction));
}

pub fn introduction_bad(vector: &Vector) {
    for (name, message) in vector.values() {
        assert!(Introduction::read(message).is_err(), "{name}");
    }
    let long = [&[27, 1, 0, 1], &[7; INTRODUCTION_BYTES_MAX + 1][..]].concat();
    assert!(Introduction::read(&long).is_err());
    assert!(Introduction::read(&long[..long.len() - 1]).is_ok());
}

/// The snapshots consist of the entries of the other vectors.
#[test]
fn the_world_vectors_build_on_each_other() {
    let vectors = vectors();
    let snapshot = |name| vectors["world-snapshots"].get(name);
    let entry = |name: &str| vectors[&*format!("world-{name}")].get("entry");
    let item = &snapshot("third")[snapshot("third").len() - 9..];
    let stories: [(&str, Vec<&[u8]>); 4] = [
        ("first", vec![entry("full"), entry("full-blank")]),
        ("second", vec![entry("difference"), entry("difference-longest")]),
        ("third", vec![entry("difference-inside"), entry("difference-around"), item]),
        ("fourth", vec![entry("gone"), entry("difference-nothing")]),
    ];
    for (name, entries) in stories {
        assert!(snapshot(name).ends_with(&entries.concat()), "{name}");
    }
    let head = |name| &snapshot(name)[SnapshotHeader::BYTES..];
    assert!(head("first").starts_with(&vectors["world-owner"].get("message")[SnapshotHeader::BYTES..]));
    assert!(head("second").starts_with(&vectors["world-owner-no-body"].get("message")[SnapshotHeader::BYTES..]));
    let input = &vectors["world-input-digest"];
    assert_eq!(input.get("received"), snapshot("first_received"));
    assert_eq!(input.get("digest"), snapshot("first_digest"));
    let shown_bytes_max = <Shown as Fields>::BYTES_MAX - 1; // A text of 8 bytes has a length of one byte.
    assert_eq!(
        entry("difference-longest").len(),
        4 + DIFFERENCE_BYTES_MAX - ringshard_world::limits::SHOWN_BYTES_MAX + shown_bytes_max
    );
}
