//! The types of a contract.

use crate::input::Input as Fuzzed;
use ringshard_world::actions::{ActionInput, ActionState};
use ringshard_world::codec::{Reader, Writer};
use ringshard_world::contract::{Cooldown, Fields, Text, Wire, read_difference, write_difference};
use ringshard_world::{EntityId, Pose, Rules};

ringshard_world::wire! {
    pub struct Input { pub forward: i8, pub right: i8, pub yaw: u16, pub jump: bool, pub target: Option<EntityId> }
    pub struct Own {
        pub fuel: u8,
        pub ammo: u16,
        pub score: u32,
        pub account: u64,
        pub lean: i8,
        pub slope: i16,
        pub debt: i32,
        pub clock: i64,
        pub speed: f32,
        pub grounded: bool,
        pub spot: [f32; 2],
        pub dash: Cooldown,
    }
    pub struct Color { pub red: u8, pub green: u8, pub blue: u8 }
    pub struct Shown { pub health: u8, pub name: Text<8>, pub carries: Option<EntityId>, pub color: Color }
    pub enum Ask { Open { door: EntityId }, Rename { name: Text<8> }, Surrender }
    pub enum Answer { Opened, Locked { key: u32, tries: [Option<u16>; 2] } }
    pub enum Event { Said { words: Text<200> }, Shot { by: EntityId, along: [i16; 3], far: f32 }, Calm }
}

/// A game with these types.
pub struct Game;

impl Rules for Game {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Ask;
    type Answer = Answer;
    type Event = Event;

    fn step(&self, _: &mut Own, _: &Input) {}

    fn pose(&self, _: &Own) -> Pose {
        Pose::default()
    }

    fn blank_shown(&self) -> Shown {
        Shown { health: 100, ..Shown::default() }
    }

    fn blank_own(&self) -> Own {
        Own { fuel: 50, ..Own::default() }
    }
}

/// The longest piece.
const PIECE_BYTES_MAX: usize = 300;

/// Reads each piece as a value and as a difference of every type. A value is written as the same bytes, except that the
/// sign of a zero is lost.
pub fn contract(data: &[u8]) {
    let mut input = Fuzzed::new(data);
    let mut differences = (Input::default(), Game.blank_own(), Game.blank_shown());
    while !input.is_empty() {
        let piece = input.piece(PIECE_BYTES_MAX);
        value::<Input>(piece, true);
        value::<Own>(piece, false);
        value::<Shown>(piece, true);
        value::<Ask>(piece, true);
        value::<Answer>(piece, true);
        value::<Event>(piece, false);
        value::<[Option<Shown>; 2]>(piece, true);
        value::<ActionInput>(piece, false);
        value::<ActionState<5, 2>>(piece, false);
        difference(&mut differences.0, piece, true);
        difference(&mut differences.1, piece, false);
        difference(&mut differences.2, piece, true);
    }
}

fn value<T: Wire + PartialEq>(bytes: &[u8], keeps_bytes: bool) {
    let mut reader = Reader::new(bytes);
    let Ok(value) = T::read(&mut reader) else { return };
    let mut buffer = vec![0; T::BYTES_MAX];
    let mut writer = Writer::new(&mut buffer);
    value.write(&mut writer).expect("that is the largest");
    let read = &bytes[..bytes.len() - reader.remaining()];
    assert_eq!(writer.used(), read.len());
    assert!(!keeps_bytes || writer.written() == read);
    assert!(T::read(&mut Reader::new(writer.written())).is_ok_and(|again| again == value));
}

/// A difference leads to a state. The difference to that state, written anew, leaves out fields that did not change.
fn difference<T: Fields>(state: &mut T, bytes: &[u8], keeps_bytes: bool) {
    let (base, mut reader) = (*state, Reader::new(bytes));
    let mut next = base;
    if read_difference(&mut next, &mut reader).is_err() {
        return;
    }
    let mut buffer = vec![0; T::BYTES_MAX];
    let mut writer = Writer::new(&mut buffer);
    write_difference(&next, &base, &mut writer).expect("that is the largest");
    let read = &bytes[..bytes.len() - reader.remaining()];
    assert!(writer.used() <= read.len());
    assert!(!keeps_bytes || writer.used() < read.len() || writer.written() == read);
    let mut again = base;
    assert!(read_difference(&mut again, &mut Reader::new(writer.written())).is_ok() && again == next);
    *state = next;
}
