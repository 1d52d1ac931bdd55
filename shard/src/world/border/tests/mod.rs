//! What travels, byte for byte: what is written is read, and nothing else is.

use super::contract::Contract;
use super::letter::{Letter, Subject};
use super::letters::Letters;
use super::message::{Entry, Header, read_entry, write_full, write_gone, write_update};
use super::seen::{Seen, Traits};
use super::window::Window;
use crate::world::store::Rate;
use proptest::prelude::*;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_world::character::Character;
use ringshard_world::codec::{Reader, Writer};
use ringshard_world::{EntityId, Map, Position, State};

fn contract() -> Contract<Character> {
    Contract {
        number: 0xC0DE,
        blank: Character::default(),
        map: Map::default(),
        sight: vec![1_000.0; 3],
        hitboxes: 2,
        is_command: |_| true,
        is_event: |_| true,
    }
}

fn seen() -> impl Strategy<Value = Seen<Character>> {
    let state =
        (0..2_000_000_u32, 0..2_000_000_u32, 0..60_000_u32, any::<[i16; 3]>(), any::<[u16; 3]>(), any::<[u8; 3]>());
    let traits = (0..3_u8, 0..4_usize, prop::sample::select(vec![0, 1, 255_u8]));
    (state, traits).prop_map(|((x, y, z, velocity, rotation, [leap, health, faction]), (kind, rate, hitbox))| {
        let shown = Character { health, faction, ..Character::default() };
        let rate = [Rate::Full, Rate::Reduced, Rate::Low, Rate::Never][rate];
        let state = State { position: Position { x, y, z }, velocity, rotation, leap, shown };
        Seen { state, traits: Traits { kind, rate, hitbox } }
    })
}

fn id() -> impl Strategy<Value = EntityId> {
    (any::<u16>(), 1..=u8::MAX).prop_map(|(index, generation)| EntityId { index, generation })
}

proptest! {
    #[test]
    fn headers_are_read_as_written(
        (session, to, number, at) in (1..u64::MAX, any::<u64>(), 1..u64::MAX, any::<u64>()),
        (newest, earlier, lag, expected) in (any::<u64>(), any::<u64>(), any::<Option<i64>>(), any::<u64>()),
    ) {
        let arrived = Window { newest, earlier };
        let header = Header { session, to, number, at, arrived, lag: lag.filter(|&lag| lag != i64::MIN), expected };
        let mut buffer = [0; 128];
        let mut writer = Writer::new(&mut buffer);
        header.write(5, &mut writer).unwrap();
        prop_assert_eq!(Header::read(5, &mut Reader::new(writer.written())), Ok(header));
        prop_assert!(Header::read(6, &mut Reader::new(writer.written())).is_err());
        for len in 0..writer.used() {
            prop_assert!(Header::read(5, &mut Reader::new(&writer.written()[..len])).is_err());
        }
    }

    #[test]
    fn entries_are_read_as_written(id in id(), base in any::<u16>(), one in seen(), other in seen()) {
        let contract = contract();
        let mut buffer = [0; 512];
        let mut writer = Writer::new(&mut buffer);
        write_full(id, base, &one, &contract.blank, &mut writer).unwrap();
        write_update(id, (base, &one), &other, &mut writer).unwrap();
        write_update(id, (base, &one), &one, &mut writer).unwrap();
        write_gone(id, &mut writer).unwrap();
        for has_base in [true, false] {
            let mut reader = Reader::new(writer.written());
            let mut read = || {
                read_entry(&contract, &mut reader, |read_id, number| {
                    assert_eq!((read_id, number), (id, base));
                    has_base.then_some(one.state)
                }).unwrap()
            };
            let traits = (one.traits != other.traits).then_some(other.traits);
            let state = |state| has_base.then_some(state);
            prop_assert_eq!(read(), Entry::Full { id, base, seen: one });
            prop_assert_eq!(read(), Entry::Update { id, base, traits, state: state(other.state) });
            prop_assert_eq!(read(), Entry::Update { id, base, traits: None, state: state(one.state) });
            prop_assert_eq!(read(), Entry::Gone { id });
            prop_assert_eq!(reader.remaining(), 0);
        }
    }

    #[test]
    fn whatever_is_read_is_on_the_map_and_in_the_tables(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let contract = contract();
        let mut reader = Reader::new(&bytes);
        while reader.remaining() > 0 {
            let Ok(entry) = read_entry(&contract, &mut reader, |_, _| Some(State::default())) else { break };
            if let Entry::Full { seen: Seen { state, traits }, .. } = entry {
                prop_assert!(contract.map.contains(state.position) && traits.kind < 3);
                prop_assert!(traits.hitbox < 2 || traits.hitbox == 255);
            }
            if let Entry::Update { state: Some(state), .. } = entry {
                prop_assert!(contract.map.contains(state.position));
            }
        }
        let _ = (Header::read(0, &mut Reader::new(&bytes)), Letters::read(&mut Reader::new(&bytes)));
    }

    #[test]
    fn letters_are_read_as_written(to in id(), from in id(), channel in 0..16_u8, which in 0..4, len in 0..232_usize) {
        let channel = Channel::new(channel).unwrap();
        let subject = [
            Subject::Game,
            Subject::ToPlayer(channel),
            Subject::ToViewersOfYours(channel),
            Subject::ToViewersOfMine(channel),
        ][which as usize];
        let letter = Letter::new(subject, to, from, &vec![9; len]);
        let mut buffer = [0; 300];
        let mut writer = Writer::new(&mut buffer);
        letter.write(&mut writer).unwrap();
        let mut reader = Reader::new(writer.written());
        prop_assert_eq!(Letter::read(&mut reader), Ok(letter));
        prop_assert_eq!(reader.remaining(), 0);
        for len in 0..writer.used() {
            prop_assert!(Letter::read(&mut Reader::new(&writer.written()[..len])).is_err());
        }
    }
}

/// The bytes of a message, so that a change of them is noticed.
#[test]
fn a_message_byte_for_byte() {
    let contract = contract();
    let mut buffer = [0; 32 * 1_024];
    let mut writer = Writer::new(&mut buffer);
    let arrived = Window { newest: 200, earlier: 1 };
    let header = Header { session: 2, to: 3, number: 1, at: 300, arrived, lag: Some(-1), expected: 4 };
    header.write(contract.number, &mut writer).unwrap();
    let (one, other) = (EntityId { index: 0x0102, generation: 3 }, EntityId { index: 5, generation: 6 });
    let mut letters = Letters::new();
    assert!(letters.push(Letter::new(Subject::ToPlayer(Channel::RELIABLE_ORDERED), one, other, b"hi")));
    assert_eq!(letters.write(Instant::ZERO, Duration::MAX, &mut writer), Ok(1));
    let traits = Traits { kind: 1, rate: Rate::Low, hitbox: 255 };
    let base = Seen { state: State { leap: 7, ..State::default() }, traits };
    let state = State { position: Position { x: 1, y: 0, z: 0 }, ..base.state };
    write_full(one, 0x0908, &base, &contract.blank, &mut writer).unwrap();
    write_update(one, (0x0908, &base), &Seen { state, traits }, &mut writer).unwrap();
    write_gone(other, &mut writer).unwrap();
    let expected = [
        &[1, 0xDE, 0xC0, 0, 0][..],
        &[2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0],
        &[1, 0xAC, 2, 0xC8, 1, 1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 4],
        &[1, 1, 1, 0x11, 2, 1, 3, 5, 0, 6, 2, b'h', b'i'],
        &[0x40, 2, 1, 3, 8, 9, 0x21, 255, 0, 0, 7, 0, 0],
        &[0x01, 2, 1, 3, 8, 9, 1, 1],
        &[0x80, 5, 0, 6],
    ];
    assert_eq!(writer.written(), expected.concat());
}
