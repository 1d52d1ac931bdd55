//! A contract, and the snapshots, entries and states that the tests of this binary share.

use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_world::codec::{NoRoom, Writer};
use ringshard_world::contract::{Cooldown, Text};
use ringshard_world::limits::*;
use ringshard_world::messages::*;
use ringshard_world::state::fields;
use ringshard_world::view::{Seen, digest_on};
use ringshard_world::{EntityId, Pose, Position, Rules, State, View};

ringshard_world::wire! {
    pub struct Input { pub forward: i8, pub right: i8, pub yaw: u16, pub jump: bool, pub target: Option<EntityId> }

    /// Fields of every type, and more than fit into a set of one byte.
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

#[derive(Debug)]
pub struct Sample;

impl Rules for Sample {
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

    /// Not what `Default` gives: full entries are differences from this.
    fn blank_shown(&self) -> Shown {
        Shown { health: 100, ..Shown::default() }
    }

    fn blank_own(&self) -> Own {
        Own { fuel: 50, ..Own::default() }
    }
}

/// Versions that the wire can tell apart.
pub const VERSIONS: usize = BASELINE_AGE_MAX as usize + 1;

/// The bytes that `write` writes, or None where `room` bytes are too few.
pub fn within(room: usize, write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Option<Vec<u8>> {
    let mut buffer = vec![0xA5; room];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer).ok().map(|()| writer.written().to_vec())
}

pub fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Vec<u8> {
    within(1 << 13, write).expect("there is room")
}

/// A view before the first snapshot, whose number is `first`.
pub fn view_from(first: u16) -> View<Sample> {
    View::new(&Sample, first)
}

pub fn blank_owner() -> Owner<Own> {
    Owner { body: None, own: Sample.blank_own() }
}

/// A snapshot whose owner block is the blank one.
pub fn snapshot(number: u16, tick: u32, entries: &[Vec<u8>]) -> Vec<u8> {
    let owner = blank_owner();
    let header = written(|writer| SnapshotHeader::new(number, tick, NO_LEAD, 255).write(&owner, 0, &owner, writer));
    [header, entries.concat()].concat()
}

pub fn blank() -> State<Shown> {
    State::blank(Sample.blank_shown())
}

pub fn full(id: EntityId, version: u32, state: &State<Shown>) -> Vec<u8> {
    written(|writer| write_full(Versioned { id, version, state }, &blank(), writer))
}

pub fn difference(id: EntityId, version: u32, state: &State<Shown>, base_version: u32, base: &State<Shown>) -> Vec<u8> {
    written(|writer| write_difference(Versioned { id, version, state }, base_version, base, writer))
}

pub fn id(index: u16, generation: u8) -> EntityId {
    EntityId { index, generation }
}

pub fn at(x: u32) -> State<Shown> {
    State { position: Position { x, y: 0, z: 0 }, ..blank() }
}

macro_rules! any_extreme {
    ($($name:ident: $type:ty)*) => {$(
        /// Often the smallest or largest value, or close to a value where the encoded width changes.
        pub fn $name() -> impl Strategy<Value = $type> {
            let close = (any::<$type>(), -3..4i8).prop_map(|(pick, by)| {
                let ends = [0, <$type>::MIN, <$type>::MAX, 0x7F, (0x7FFF & <$type>::MAX as u64) as $type];
                ends[pick as usize % ends.len()].wrapping_add(by as $type)
            });
            prop_oneof![close, any::<$type>()]
        }
    )*};
}

any_extreme! { any_u32: u32 any_u16: u16 any_i16: i16 any_i32: i32 }

pub fn any_id() -> impl Strategy<Value = EntityId> {
    (any_u16(), 1..=u8::MAX).prop_map(|(index, generation)| id(index, generation))
}

pub fn any_f32() -> impl Strategy<Value = f32> {
    use prop::num::f32::{NORMAL, SUBNORMAL, ZERO};
    prop_oneof![Just(f32::MAX), Just(f32::MIN), Just(-0.0), NORMAL | SUBNORMAL | ZERO]
}

pub fn any_text<const N: usize>() -> impl Strategy<Value = Text<N>> {
    prop_oneof![any::<String>(), "[a-zä€😀]{0,200}"].prop_map(|text| Text::new(&text))
}

pub fn any_cooldown() -> impl Strategy<Value = Cooldown> {
    any_u16().prop_map(|ticks| {
        let mut cooldown = Cooldown::default();
        cooldown.start(ticks);
        cooldown
    })
}

pub fn any_input() -> impl Strategy<Value = Input> {
    (any::<i8>(), any::<i8>(), any_u16(), any::<bool>(), prop::option::of(any_id()))
        .prop_map(|(forward, right, yaw, jump, target)| Input { forward, right, yaw, jump, target })
}

pub fn any_own() -> impl Strategy<Value = Own> {
    let unsigned = (any::<u8>(), any_u16(), any_u32(), any::<u64>());
    let signed = (any::<i8>(), any_i16(), any_i32(), any::<i64>());
    let others = (any_f32(), any::<bool>(), [any_f32(), any_f32()], any_cooldown());
    (unsigned, signed, others).prop_map(
        |((fuel, ammo, score, account), (lean, slope, debt, clock), (speed, grounded, spot, dash))| Own {
            fuel,
            ammo,
            score,
            account,
            lean,
            slope,
            debt,
            clock,
            speed,
            grounded,
            spot,
            dash,
        },
    )
}

pub fn any_owner() -> impl Strategy<Value = Owner<Own>> {
    (prop::option::of(any_id()), any_own()).prop_map(|(body, own)| Owner { body, own })
}

pub fn any_shown() -> impl Strategy<Value = Shown> {
    let color = any::<[u8; 3]>().prop_map(|[red, green, blue]| Color { red, green, blue });
    (any::<u8>(), any_text(), prop::option::of(any_id()), color).prop_map(|(health, name, carries, color)| Shown {
        health,
        name,
        carries,
        color,
    })
}

pub fn any_ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        any_id().prop_map(|door| Ask::Open { door }),
        any_text().prop_map(|name| Ask::Rename { name }),
        Just(Ask::Surrender),
    ]
}

pub fn any_answer() -> impl Strategy<Value = Answer> {
    let locked = (any_u32(), any::<[Option<u16>; 2]>()).prop_map(|(key, tries)| Answer::Locked { key, tries });
    prop_oneof![Just(Answer::Opened), locked]
}

pub fn any_event() -> impl Strategy<Value = Event> {
    let shot = (any_id(), [any_i16(), any_i16(), any_i16()], any_f32());
    prop_oneof![
        any_text().prop_map(|words| Event::Said { words }),
        shot.prop_map(|(by, along, far)| Event::Shot { by, along, far }),
        Just(Event::Calm),
    ]
}

pub fn any_state() -> impl Strategy<Value = State<Shown>> {
    let place = (any_u32(), any_u32(), any_u32()).prop_map(|(x, y, z)| Position { x, y, z });
    let motion = ([any_i16(), any_i16(), any_i16()], [any_u16(), any_u16(), any_u16()], any::<u8>());
    (place, motion, any_shown()).prop_map(|(position, (velocity, rotation, leap), shown)| State {
        position,
        velocity,
        rotation,
        leap,
        shown,
    })
}

/// Two states of one entity that differ in some fields only.
pub fn any_change() -> impl Strategy<Value = (State<Shown>, State<Shown>)> {
    (any_state(), any_state(), any::<u8>()).prop_map(|(base, other, mask)| (base, merged(&base, &other, mask)))
}

/// `base` with the fields of `other` that `changed` names.
pub fn merged(base: &State<Shown>, other: &State<Shown>, changed: u8) -> State<Shown> {
    let mut state = *base;
    if changed & fields::POSITION != 0 {
        state.position = other.position;
    }
    if changed & fields::ROTATION != 0 {
        state.rotation = other.rotation;
    }
    if changed & fields::LEAP != 0 {
        state.leap = other.leap;
    }
    if changed & fields::SHOWN != 0 {
        state.shown = other.shown;
    }
    if changed & fields::VELOCITY != 0 {
        state.velocity = other.velocity;
    }
    state
}

/// Asserts the invariants of any view.
pub fn check_view(view: &mut View<Sample>) {
    let mut all: Vec<_> = view.entities().collect();
    assert_eq!(all.len(), view.len());
    all.sort_by_key(|seen| seen.id().index);
    assert!(all.is_sorted_by(|a, b| a.id().index < b.id().index), "an index occurs twice");
    let digest = all.iter().fold(0, |digest, seen| digest_on(digest, seen.id(), seen.state()));
    assert!(all.iter().all(|seen| (1..=VERSIONS).contains(&versions_held(seen))));
    assert_eq!(view.digest(), digest);
}

/// Versions that a client holds of an entity.
pub fn versions_held(seen: &Seen<Shown>) -> usize {
    seen.samples().len()
}

/// Entries of few entities with few versions: more often sound than random bytes.
pub fn any_entry() -> impl Strategy<Value = Vec<u8>> {
    let head = (0..4u16, 0..32u16, prop_oneof![Just(0), 1..4u16, 0..32u16], prop_oneof![Just(0), Just(1), 0..64u16]);
    (head, vec(prop_oneof![3 => 0..3u8, 1 => any::<u8>()], 0..12)).prop_map(|((index, version, age, fields), rest)| {
        let bits = version | age << 5 | fields << 10;
        [&index.to_le_bytes()[..], &bits.to_le_bytes(), &rest].concat()
    })
}

/// Entries that can be read, whatever their baseline.
pub fn any_sound_entry() -> impl Strategy<Value = Vec<u8>> {
    let head = (0..3u16, 0..3u8, 40..140u32);
    (head, any_change(), 0..=BASELINE_AGE_MAX, 0..12u8).prop_map(
        |((index, generation, version), (base, state), age, pick)| match (pick, age) {
            (0, _) => written(|writer| write_gone(index, writer)),
            (1..4, _) | (_, 0) => full(id(index, generation), version, &state),
            _ => difference(id(index, generation), version, &state, version - age, &base),
        },
    )
}

pub fn any_snapshot() -> impl Strategy<Value = Vec<u8>> {
    let entries = prop_oneof![vec(any_entry(), 0..4), vec(any_sound_entry(), 0..4)];
    let base = prop_oneof![3 => Just(None), 1 => (0..=OWNER_BASELINE_MAX, any_owner()).prop_map(Some)];
    let sound =
        (1..70u16, any::<u32>(), any_owner(), base, entries).prop_map(|(number, tick, owner, base, entries)| {
            let (baseline, base) = base.unwrap_or((0, blank_owner()));
            let header = SnapshotHeader::new(number, tick, 0, 0);
            let header = written(|writer| header.write(&owner, baseline, &base, writer));
            [header, entries.concat()].concat()
        });
    prop_oneof![1 => vec(any::<u8>(), 0..40), 9 => sound]
}
