//! Snapshots, entries and states that the tests of this binary share.

use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_world::codec::{NoRoom, Writer};
use ringshard_world::entity::FACTIONS_MAX;
use ringshard_world::limits::*;
use ringshard_world::messages::*;
use ringshard_world::state::fields;
use ringshard_world::view::{Pose, Seen, digest_on};
use ringshard_world::{EntityId, EntityKind, Position, State, View};

pub const NO_VARIABLES: [i32; VARIABLES] = [0; VARIABLES];

/// Versions that the wire can tell apart.
pub const VERSIONS: usize = BASELINE_AGE_MAX as usize + 1;

/// The bytes that `write` writes, or None where `room` bytes are too few.
pub fn within(room: usize, write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Option<Vec<u8>> {
    let mut buffer = vec![0xA5; room];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer).ok().map(|()| writer.written().to_vec())
}

pub fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Vec<u8> {
    within(1 << 17, write).expect("there is room")
}

pub fn snapshot(number: u16, tick: u32, entries: &[Vec<u8>]) -> Vec<u8> {
    let header = written(|writer| SnapshotHeader { number, tick, input: 0 }.write(writer));
    [header, entries.concat()].concat()
}

pub fn full(id: EntityId, version: u32, state: &State) -> Vec<u8> {
    written(|writer| write_full(Versioned { id, version, state, variables: &NO_VARIABLES }, 0, writer))
}

pub fn difference(id: EntityId, version: u32, state: &State, base_version: u32, base: &State) -> Vec<u8> {
    let entity = Versioned { id, version, state, variables: &NO_VARIABLES };
    written(|writer| write_difference(entity, base_version, base, 0, writer))
}

pub fn id(index: u16, generation: u8) -> EntityId {
    EntityId { index, generation }
}

pub fn at(x: u32) -> State {
    State { position: Position { x, y: 0, z: 0 }, ..State::NONE }
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

pub fn any_kind() -> impl Strategy<Value = EntityKind> {
    prop::sample::select(EntityKind::ALL.to_vec())
}

pub fn any_state() -> impl Strategy<Value = State> {
    let place = (any_u32(), any_u32(), any_u32()).prop_map(|(x, y, z)| Position { x, y, z });
    let motion = (place, [any_i16(), any_i16(), any_i16()], [any_u16(), any_u16(), any_u16()], any_u16());
    let status = (0..4u8, any::<u8>(), any::<u8>(), 0..2u8);
    (motion, status, any_kind(), 0..FACTIONS_MAX).prop_map(
        |((position, velocity, rotation, animation), (states, buffs, health, mana), kind, faction)| State {
            position,
            velocity,
            rotation,
            animation,
            states,
            buffs,
            health,
            mana,
            kind,
            faction,
        },
    )
}

/// Two states of one entity that differ in some fields only.
pub fn any_change() -> impl Strategy<Value = (State, State)> {
    (any_state(), any_state(), any::<u8>()).prop_map(|(base, other, mask)| (base, merged(&base, &other, mask)))
}

/// `base` with the fields of `other` that `changed` names.
pub fn merged(base: &State, other: &State, changed: u8) -> State {
    let mut state = *base;
    if changed & fields::POSITION != 0 {
        state.position = other.position;
    }
    if changed & fields::ROTATION != 0 {
        state.rotation = other.rotation;
    }
    if changed & fields::ANIMATION != 0 {
        state.animation = other.animation;
    }
    if changed & fields::FLAGS != 0 {
        let State { states, buffs, health, mana, .. } = *other;
        state = State { states, buffs, health, mana, ..state };
    }
    if changed & fields::VELOCITY != 0 {
        state.velocity = other.velocity;
    }
    state
}

pub fn any_variables() -> impl Strategy<Value = (u64, [i32; VARIABLES])> {
    let mask = prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), (0..64u32).prop_map(|bit| 1 << bit)];
    (mask, vec(any_i32(), VARIABLES)).prop_map(|(mask, values)| (mask, values.try_into().unwrap()))
}

/// The values of the variables in a mask; the others are 0.
pub fn masked(mask: u64, values: &[i32; VARIABLES]) -> [i32; VARIABLES] {
    std::array::from_fn(|number| if mask >> number & 1 == 1 { values[number] } else { 0 })
}

pub fn variables_of(seen: &Seen) -> [i32; VARIABLES] {
    std::array::from_fn(|number| seen.variable(number as u8))
}

/// Versions that a client holds of an entity.
pub fn versions_held(seen: &Seen) -> usize {
    format!("{seen:?}").matches("Sample {").count()
}

/// Asserts the invariants of any view.
pub fn check_view(view: &View) {
    let mut all: Vec<_> = view.entities().collect();
    assert_eq!(all.len(), view.len());
    all.sort_by_key(|seen| seen.id().index);
    assert!(all.is_sorted_by(|a, b| a.id().index < b.id().index), "an index occurs twice");
    let digest = all.iter().fold(0, |digest, seen| digest_on(digest, seen.id(), seen.state()));
    assert_eq!(view.digest(), digest);
    for seen in all {
        assert!((1..=VERSIONS).contains(&versions_held(seen)));
        assert!(seen.state().faction < FACTIONS_MAX);
        for tick in [f64::NEG_INFINITY, -1.0, 0.0, 0.5, seen.tick() as f64 - 0.5, 1e10, f64::INFINITY, f64::NAN] {
            let Pose { position, .. } = seen.pose(tick);
            assert!(position.iter().all(|axis| (0.0..=f64::from(u32::MAX)).contains(axis)), "{position:?} at {tick}");
        }
    }
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
    let head = (0..3u16, 0..3u8, 0..100u32);
    (head, any_change(), any_variables(), 0..=BASELINE_AGE_MAX, 0..12u8).prop_map(
        |((index, generation, version), (base, state), (mask, variables), age, pick)| {
            let entity =
                Versioned { id: id(index, generation), version: version + 40, state: &state, variables: &variables };
            let mask = if pick < 8 { 0 } else { mask };
            written(|writer| match (pick, age) {
                (0, _) => write_gone(index, writer),
                (1..4, _) | (_, 0) => write_full(entity, mask, writer),
                _ => write_difference(entity, entity.version - age, &base, mask, writer),
            })
        },
    )
}

pub fn any_snapshot() -> impl Strategy<Value = Vec<u8>> {
    let entries = prop_oneof![vec(any_entry(), 0..4), vec(any_sound_entry(), 0..4)];
    let sound = (1..70u16, any::<u32>(), entries).prop_map(|(number, tick, entries)| snapshot(number, tick, &entries));
    prop_oneof![1 => vec(any::<u8>(), 0..40), 9 => sound]
}
