//! The world as it is replicated: what is written is read, whatever comes is borne, and a client that hears only some of
//! it knows what it should.

use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_world::codec::{NoRoom, Reader, Writer};
use ringshard_world::entity::FACTIONS_MAX;
use ringshard_world::limits::*;
use ringshard_world::map::MapError;
use ringshard_world::messages::*;
use ringshard_world::state::fields;
use ringshard_world::view::{Change, Pose, Seen, ViewError, digest_on};
use ringshard_world::{EntityId, EntityKind, Map, Position, State, View};
use std::collections::{BTreeMap, BTreeSet};
use std::slice::from_ref;

const NO_VARIABLES: [i32; VARIABLES] = [0; VARIABLES];
/// Versions that are told apart on the wire.
const VERSIONS: usize = BASELINE_AGE_MAX as usize + 1;

/// What `write` writes, at most `room` bytes.
fn within(room: usize, write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Option<Vec<u8>> {
    let mut buffer = vec![0xA5; room];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer).ok().map(|()| writer.written().to_vec())
}

fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Vec<u8> {
    within(1 << 17, write).expect("there is room")
}

fn snapshot(number: u16, tick: u32, entries: &[Vec<u8>]) -> Vec<u8> {
    let header = written(|writer| SnapshotHeader { number, tick, input: 0 }.write(writer));
    [header, entries.concat()].concat()
}

fn full(id: EntityId, version: u32, state: &State) -> Vec<u8> {
    written(|writer| write_full(Versioned { id, version, state, variables: &NO_VARIABLES }, 0, writer))
}

fn difference(id: EntityId, version: u32, state: &State, base_version: u32, base: &State) -> Vec<u8> {
    let entity = Versioned { id, version, state, variables: &NO_VARIABLES };
    written(|writer| write_difference(entity, base_version, base, 0, writer))
}

fn id(index: u16, generation: u8) -> EntityId {
    EntityId { index, generation }
}

fn at(x: u32) -> State {
    State { position: Position { x, y: 0, z: 0 }, ..State::NONE }
}

// States, entries and inputs.

macro_rules! any_extreme {
    ($($name:ident: $type:ty)*) => {$(
        /// Often at an end of what there is, or close to one where its width changes.
        fn $name() -> impl Strategy<Value = $type> {
            let close = (any::<$type>(), -3..4i8).prop_map(|(pick, by)| {
                let ends = [0, <$type>::MIN, <$type>::MAX, 0x7F, (0x7FFF & <$type>::MAX as u64) as $type];
                ends[pick as usize % ends.len()].wrapping_add(by as $type)
            });
            prop_oneof![close, any::<$type>()]
        }
    )*};
}

any_extreme! { any_u32: u32 any_u16: u16 any_i16: i16 any_i32: i32 }

fn any_kind() -> impl Strategy<Value = EntityKind> {
    prop::sample::select(EntityKind::ALL.to_vec())
}

fn any_state() -> impl Strategy<Value = State> {
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

/// Two states of one entity, the same in the fields of which the mask says so.
fn any_change() -> impl Strategy<Value = (State, State)> {
    (any_state(), any_state(), any::<u8>()).prop_map(|(base, other, mask)| (base, merged(&base, &other, mask)))
}

/// `base` with those fields of `other`.
fn merged(base: &State, other: &State, changed: u8) -> State {
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

fn any_variables() -> impl Strategy<Value = (u64, [i32; VARIABLES])> {
    let mask = prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), (0..64u32).prop_map(|bit| 1 << bit)];
    (mask, vec(any_i32(), VARIABLES)).prop_map(|(mask, values)| (mask, values.try_into().unwrap()))
}

/// Values of the variables of a mask; the others are 0.
fn masked(mask: u64, values: &[i32; VARIABLES]) -> [i32; VARIABLES] {
    std::array::from_fn(|number| if mask >> number & 1 == 1 { values[number] } else { 0 })
}

fn variables_of(seen: &Seen) -> [i32; VARIABLES] {
    std::array::from_fn(|number| seen.variable(number as u8))
}

fn any_input() -> impl Strategy<Value = Input> {
    let body = (any::<u16>(), any::<u16>(), any::<u8>(), any::<u8>());
    (any::<Option<(u16, u64)>>(), any::<Option<u32>>(), body).prop_map(
        |(received, digest, (number, direction, pace, actions))| Input {
            received,
            digest,
            number,
            direction,
            pace,
            actions,
        },
    )
}

proptest! {
    /// Whichever fields are written, they read back, and nothing else has changed.
    #[test]
    fn a_difference_reads_back(base in any_state(), other in any_state(), changed in 0..0x20u8) {
        let bytes = written(|writer| other.write_difference(&base, changed, writer));
        prop_assert!(bytes.len() <= State::DIFFERENCE_BYTES_MAX);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(base.read_difference(changed, &mut reader), Ok(merged(&base, &other, changed)));
        prop_assert_eq!(reader.finish(), Ok(()));
        for room in 0..bytes.len() {
            prop_assert_eq!(within(room, |writer| other.write_difference(&base, changed, writer)), None);
            prop_assert!(base.read_difference(changed, &mut Reader::new(&bytes[..room])).is_err());
        }
    }

    #[test]
    fn what_has_changed_is_what_must_be_told((base, state) in any_change()) {
        let changed = state.changed_from(&base);
        let alike = State { kind: base.kind, faction: base.faction, ..state };
        prop_assert_eq!(merged(&base, &state, changed), alike);
        for field in (0..5).map(|bit| 1 << bit).filter(|field| changed & field != 0) {
            prop_assert_ne!(merged(&base, &state, changed & !field), alike);
        }
    }

    /// An entity told in full, then by a difference, then gone.
    #[test]
    fn entries_are_what_the_client_then_knows(
        (base, state) in any_change(),
        ((told, first), (changed, then)) in (any_variables(), any_variables()),
        (index, generation, version, age) in (any::<u16>(), any::<u8>(), any::<u16>(), 1..=BASELINE_AGE_MAX),
    ) {
        let id = id(index, generation);
        let version = u32::from(version);
        let whole = Versioned { id, version, state: &base, variables: &first };
        let entry = written(|writer| write_full(whole, told, writer));
        let plain = written(|writer| write_full(whole, 0, writer));
        prop_assert!(plain.len() <= PLAIN_ENTRY_BYTES_MAX && entry.len() <= ENTRY_BYTES_MAX);
        let mut view = View::new();
        let mut changes = Vec::new();
        prop_assert_eq!(view.take(&snapshot(1, 10, &[entry]), |change| changes.push(change)), Ok(true));
        let seen = view.entity(id).expect("it was told of");
        prop_assert_eq!((seen.id(), seen.tick(), seen.state()), (id, 10, &base));
        prop_assert_eq!(variables_of(seen), masked(told, &first));

        let next = Versioned { id, version: version + age, state: &state, variables: &then };
        let entry = written(|writer| write_difference(next, version, &base, changed, writer));
        let plain = written(|writer| write_difference(next, version, &base, 0, writer));
        prop_assert!(plain.len() <= PLAIN_ENTRY_BYTES_MAX && entry.len() <= ENTRY_BYTES_MAX);
        prop_assert_eq!(view.take(&snapshot(2, 11, &[entry]), |change| changes.push(change)), Ok(true));
        let seen = view.entity(id).expect("it is still there");
        prop_assert_eq!((seen.tick(), seen.state()), (11, &State { kind: base.kind, faction: base.faction, ..state }));
        let both = std::array::from_fn(|number| {
            if changed >> number & 1 == 1 { then[number] } else { masked(told, &first)[number] }
        });
        prop_assert_eq!(variables_of(seen), both);

        let gone = written(|writer| write_gone(index, writer));
        prop_assert_eq!(view.take(&snapshot(3, 12, &[gone]), |change| changes.push(change)), Ok(true));
        prop_assert!(view.is_empty() && view.digest() == 0);
        prop_assert_eq!(changes, [Change::Entered(id), Change::Updated(id), Change::Left(id)]);
    }

    #[test]
    fn an_input_reads_back(input in any_input(), more in vec(any::<u8>(), 1..9)) {
        let bytes = written(|writer| input.write(writer));
        prop_assert!(bytes.len() <= Input::BYTES_MAX);
        prop_assert_eq!(Input::read(&bytes), Ok(input));
        for cut in 0..bytes.len() {
            prop_assert!(Input::read(&bytes[..cut]).is_err(), "cut to {}", cut);
        }
        prop_assert!(Input::read(&[bytes, more].concat()).is_err());
    }
}

#[test]
fn the_largest_entries_are_as_large_as_it_is_said() {
    let wide = State {
        position: Position { x: 0x8000_0000, y: 0x8000_0000, z: 0x8000_0000 },
        velocity: [i16::MAX; 3],
        rotation: [0x8000; 3],
        animation: 1,
        states: 1,
        buffs: 1,
        health: 1,
        mana: 1,
        ..State::NONE
    };
    let entity = Versioned { id: id(1, 1), version: 1, state: &wide, variables: &[i32::MIN; VARIABLES] };
    assert_eq!(written(|writer| write_full(entity, 0, writer)).len(), PLAIN_ENTRY_BYTES_MAX);
    assert_eq!(written(|writer| write_full(entity, u64::MAX, writer)).len(), ENTRY_BYTES_MAX);
    let input = Input { received: Some((0, 0)), digest: Some(0), ..Input::default() };
    assert_eq!(written(|writer| input.write(writer)).len(), Input::BYTES_MAX);
    let welcome = Welcome { player: id(1, 1), tick: 0, map: Map::default() };
    assert_eq!(written(|writer| welcome.write(writer)).len(), Welcome::BYTES);
}

#[test]
#[should_panic(expected = "a baseline is 1 to 31 versions old, not 32")]
fn what_is_too_old_is_no_baseline() {
    difference(id(1, 1), 33, &State::NONE, 1, &State::NONE);
}

#[test]
fn distances_of_any_two_places_are_numbers() {
    let corner = |steps| Position { x: steps, y: steps, z: steps };
    assert_eq!(corner(0).distance_squared(corner(1 << 31)), 3 << 62);
    assert_eq!(corner(0).distance_squared(corner(u32::MAX)), u64::MAX, "of no map: but a snapshot may have them");
}

// Whatever comes.

/// Entries that make sense more often than bytes do: of few entities, with few versions.
fn any_entry() -> impl Strategy<Value = Vec<u8>> {
    let head = (0..4u16, 0..32u16, prop_oneof![Just(0), 1..4u16, 0..32u16], prop_oneof![Just(0), Just(1), 0..64u16]);
    (head, vec(prop_oneof![3 => 0..3u8, 1 => any::<u8>()], 0..12)).prop_map(|((index, version, age, fields), rest)| {
        let bits = version | age << 5 | fields << 10;
        [&index.to_le_bytes()[..], &bits.to_le_bytes(), &rest].concat()
    })
}

/// Entries that can be read, whatever they build on.
fn any_sound_entry() -> impl Strategy<Value = Vec<u8>> {
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

fn any_snapshot() -> impl Strategy<Value = Vec<u8>> {
    let entries = prop_oneof![vec(any_entry(), 0..4), vec(any_sound_entry(), 0..4)];
    let sound = (1..70u16, any::<u32>(), entries).prop_map(|(number, tick, entries)| snapshot(number, tick, &entries));
    prop_oneof![1 => vec(any::<u8>(), 0..40), 9 => sound]
}

/// Versions that a client holds of an entity.
fn versions_held(seen: &Seen) -> usize {
    format!("{seen:?}").matches("Sample {").count()
}

/// What holds of any view.
fn check_view(view: &View) {
    let mut all: Vec<_> = view.entities().collect();
    assert_eq!(all.len(), view.len());
    all.sort_by_key(|seen| seen.id().index);
    assert!(all.is_sorted_by(|a, b| a.id().index < b.id().index), "each index once");
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

proptest! {
    #[test]
    fn a_view_bears_any_snapshots(messages in vec(any_snapshot(), 0..60)) {
        let mut view = View::new();
        for message in messages {
            let before = view.received();
            // Newer or not, sound or not.
            if view.take(&message, |_| {}) != Ok(true) {
                prop_assert_eq!(view.received(), before);
            }
        }
        check_view(&view);
    }

    /// As long as versions are told again and again, or jump about, no more of them are held than there are numbers.
    #[test]
    fn a_view_holds_few_versions(entries in vec((any_sound_entry(), any::<bool>()), 0..300)) {
        let mut view = View::new();
        for (number, (entry, again)) in entries.into_iter().enumerate() {
            let number = 2 * number as u16;
            let _ = view.take(&snapshot(number, number.into(), from_ref(&entry)), |_| {});
            if again {
                let _ = view.take(&snapshot(number + 1, number.into(), &[entry]), |_| {});
            }
        }
        check_view(&view);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..60), changed in any::<u8>(), base in any_state()) {
        let _ = Input::read(&bytes).map(|input| assert_eq!(written(|writer| input.write(writer)), bytes));
        let _ = Welcome::read(&bytes);
        for kind in [kinds::SYNC_ENTITY_QUANTIZED, kinds::ENTER_TO_WORLD, kinds::DELTA_SYNC] {
            let message = [&[kind][..], &bytes].concat();
            let _ = Input::read(&message).map(|input| assert_eq!(written(|writer| input.write(writer)), message));
            let _ = Welcome::read(&message);
            let _ = View::new().take(&message, |_| {});
        }
        let _ = base.read_difference(changed, &mut Reader::new(&bytes));
    }
}

#[test]
fn a_view_has_room_for_every_index() {
    let mut view = View::new();
    for generation in [1, 2] {
        for (number, indices) in (0..=u16::MAX).collect::<Vec<_>>().chunks(4096).enumerate() {
            let entries: Vec<_> = indices.iter().map(|&index| full(id(index, generation), 1, &at(1))).collect();
            let number = u16::from(generation) * 100 + number as u16;
            assert_eq!(view.take(&snapshot(number, 1, &entries), |_| {}), Ok(true));
        }
        assert_eq!(view.len(), WORLD_ENTITIES_MAX);
    }
    assert!(view.entities().all(|seen| seen.id().generation == 2));
}

#[test]
fn what_builds_on_the_unknown_is_not_taken() {
    let mut view = View::new();
    let lost = difference(id(1, 1), 2, &at(2), 1, &at(1));
    assert_eq!(view.take(&snapshot(1, 1, from_ref(&lost)), |_| {}), Err(ViewError::UnknownBaseline(1)));
    assert_eq!(view.received(), None);
    assert_eq!(view.take(&snapshot(2, 2, &[full(id(1, 1), 7, &at(7))]), |_| {}), Ok(true));
    assert_eq!(view.take(&snapshot(3, 3, &[lost]), |_| {}), Err(ViewError::UnknownBaseline(1)));
    assert_eq!((view.received(), view.entity(id(1, 1)).unwrap().state()), (Some((2, 0)), &at(7)));
}

#[test]
fn one_index_is_one_entity_after_another() {
    let mut view = View::new();
    let mut changes = Vec::new();
    assert_eq!(view.take(&snapshot(1, 1, &[full(id(1, 1), 1, &at(1))]), |_| {}), Ok(true));
    assert_eq!(view.take(&snapshot(2, 2, &[full(id(1, 2), 2, &at(2))]), |change| changes.push(change)), Ok(true));
    assert_eq!(changes, [Change::Left(id(1, 1)), Change::Entered(id(1, 2))]);
    assert!(view.entity(id(1, 1)).is_none());
    // What was known of the former is not what the next builds on.
    let on_the_former = difference(id(1, 2), 3, &at(3), 1, &at(1));
    assert_eq!(view.take(&snapshot(3, 3, &[on_the_former]), |_| {}), Err(ViewError::UnknownBaseline(1)));
}

// Acknowledgments.

proptest! {
    /// What is said to be received is what a set of all that was taken says.
    #[test]
    fn acknowledgments_name_what_was_taken(
        first in any::<u16>(),
        ahead in vec(prop_oneof![4 => 1..4i16, 2 => 60..70i16, 1 => -70..1i16, 1 => any_i16()], 0..200),
    ) {
        let mut view = View::new();
        prop_assert_eq!(view.received(), None);
        // Beyond 2^16, so that none of those before is below 0.
        let mut newest = u64::from(first) + (1 << 20);
        let mut taken = BTreeSet::from([newest]);
        prop_assert_eq!(view.take(&snapshot(first, 0, &[]), |_| {}), Ok(true));
        for ahead in ahead {
            let number = newest.wrapping_add_signed(ahead.into());
            prop_assert_eq!(view.take(&snapshot(number as u16, 0, &[]), |_| {}), Ok(ahead > 0));
            if ahead > 0 {
                newest = number;
                taken.insert(number);
            }
            let before = (0..64).filter(|bit| taken.contains(&(newest - 1 - bit))).map(|bit| 1 << bit).sum();
            prop_assert_eq!(view.received(), Some((newest as u16, before)));
        }
    }
}

#[test]
fn acknowledgments_reach_64_snapshots_back() {
    for (gap, before) in [(1, 0b11), (63, 0b11 << 62), (64, 1 << 63), (65, 0), (66, 0), (0x7FFF, 0)] {
        let mut view = View::new();
        for number in [0xFFF0, 0xFFF1, 0xFFF1_u16.wrapping_add(gap)] {
            assert_eq!(view.take(&snapshot(number, 0, &[]), |_| {}), Ok(true));
        }
        assert_eq!(view.received(), Some((0xFFF1_u16.wrapping_add(gap), before)), "gap of {gap}");
    }
}

// A server and a client that do not hear all of each other.

/// What happens between a server and a client.
#[derive(Clone, Debug)]
enum Happening {
    /// An entity becomes something else.
    Changes(usize, State, Option<(u8, i32)>),
    /// An entity is gone, and another has its place.
    Succeeds(usize, State),
    /// An entity goes out of sight, or comes back.
    Hides(usize),
    /// A snapshot tells of these entities, of some afresh; and it arrives, or does not, or after the next one.
    Snapshot { told: u8, afresh: u8, fate: Fate },
    /// So many snapshots of these entities arrive, of which nothing more is heard for now.
    Silence { told: u8, count: usize },
    /// The client's input arrives.
    Input,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    Arrives,
    Lost,
    Late,
}

const ENTITIES: usize = 3;

fn any_happening() -> impl Strategy<Value = Happening> {
    let entity = || 0..ENTITIES;
    let fate = prop_oneof![6 => Just(Fate::Arrives), 2 => Just(Fate::Lost), 1 => Just(Fate::Late)];
    prop_oneof![
        8 => (entity(), any_state(), any::<Option<(u8, i32)>>())
            .prop_map(|(entity, state, set)| Happening::Changes(entity, state, set)),
        1 => (entity(), any_state()).prop_map(|(entity, state)| Happening::Succeeds(entity, state)),
        1 => entity().prop_map(Happening::Hides),
        12 => (any::<u8>(), prop_oneof![4 => Just(0), 1 => any::<u8>()], fate)
            .prop_map(|(told, afresh, fate)| Happening::Snapshot { told, afresh, fate }),
        1 => (any::<u8>(), 1..40usize).prop_map(|(told, count)| Happening::Silence { told, count }),
        6 => Just(Happening::Input),
    ]
}

/// An entity at one of its versions; which variables that version set.
type Version = (State, [i32; VARIABLES], u64);

/// An entity, as the server has it.
struct Original {
    id: EntityId,
    visible: bool,
    version: u32,
    versions: BTreeMap<u32, Version>,
    acknowledged: Option<u32>,
    /// Snapshots before this one say nothing of it.
    since: u64,
}

/// What the entry of a snapshot said: which entity, and its version, or that it was gone.
type Said = (usize, EntityId, Option<u32>);

/// The rules of `PROTOCOL.md` for servers, and nothing else of one.
struct Server {
    entities: Vec<Original>,
    number: u64,
    sent: BTreeMap<u64, Vec<Said>>,
}

impl Server {
    fn new() -> Self {
        let born = |index| Original {
            id: id(index as u16, 1),
            visible: true,
            version: 1,
            versions: BTreeMap::from([(1, (State::NONE, NO_VARIABLES, 0))]),
            acknowledged: None,
            since: 0,
        };
        // Numbers of snapshots go round in the course of a test.
        Server { entities: (0..ENTITIES).map(born).collect(), number: 0xFFE0, sent: BTreeMap::new() }
    }

    fn change(&mut self, entity: usize, state: State, set: Option<(u8, i32)>) {
        let entity = &mut self.entities[entity];
        let (former, mut variables, _) = entity.versions[&entity.version];
        let state = State { kind: former.kind, faction: former.faction, ..state };
        let set = set.map(|(number, value)| (usize::from(number) % VARIABLES, value));
        if let Some((number, value)) = set {
            variables[number] = value;
        }
        entity.version += 1;
        entity.versions.insert(entity.version, (state, variables, set.map_or(0, |(number, _)| 1 << number)));
    }

    fn succeed(&mut self, entity: usize, state: State) {
        let entity = &mut self.entities[entity];
        entity.id.generation += 1;
        entity.version += 1;
        entity.versions = BTreeMap::from([(entity.version, (state, NO_VARIABLES, 0))]);
        (entity.acknowledged, entity.since) = (None, self.number);
    }

    fn hide(&mut self, entity: usize) {
        let entity = &mut self.entities[entity];
        entity.visible ^= true;
        (entity.acknowledged, entity.since) = (None, self.number);
    }

    fn entry(entity: &Original, afresh: bool) -> Vec<u8> {
        let Original { id, version, versions, .. } = entity;
        if !entity.visible {
            return written(|writer| write_gone(id.index, writer));
        }
        let (state, variables, _) = &versions[version];
        let versioned = Versioned { id: *id, version: *version, state, variables };
        let baseline = entity.acknowledged.filter(|&base| base < *version && version - base <= BASELINE_AGE_MAX);
        match baseline.filter(|_| !afresh) {
            None => {
                let set = (0..VARIABLES).filter(|&number| variables[number] != 0).map(|number| 1 << number).sum();
                written(|writer| write_full(versioned, set, writer))
            }
            Some(base) => {
                let set = versions.range(base + 1..).fold(0, |set, (_, (_, _, changed))| set | changed);
                written(|writer| write_difference(versioned, base, &versions[&base].0, set, writer))
            }
        }
    }

    /// The next snapshot, and its number.
    fn snapshot(&mut self, told: u8, afresh: u8) -> (u64, Vec<u8>) {
        let number = self.number;
        self.number += 1;
        let told: Vec<_> = (0..ENTITIES).filter(|entity| told >> entity & 1 == 1).collect();
        let entries: Vec<_> =
            told.iter().map(|&entity| Self::entry(&self.entities[entity], afresh >> entity & 1 == 1)).collect();
        let said = |&entity: &usize| {
            let Original { id, visible, version, .. } = self.entities[entity];
            (entity, id, visible.then_some(version))
        };
        self.sent.insert(number, told.iter().map(said).collect());
        (number, snapshot(number as u16, number as u32, &entries))
    }

    fn acknowledge(&mut self, newest: u16, before: u64) {
        let newest = (0..self.number).rev().find(|number| *number as u16 == newest).expect("it was sent");
        let arrived = (0..64).filter(|bit| before >> bit & 1 == 1).map(|bit| newest - 1 - bit).chain([newest]);
        for number in arrived {
            for &(entity, _, version) in &self.sent[&number] {
                let entity = &mut self.entities[entity];
                if number >= entity.since {
                    entity.acknowledged = entity.acknowledged.max(version);
                }
            }
        }
    }
}

/// What the client must know: of each entity, which it is, and in which version.
type Known = BTreeMap<usize, (EntityId, Version)>;

fn deliver(server: &Server, view: &mut View, known: &mut Known, (number, message): (u64, &[u8])) {
    assert_eq!(view.take(message, |_| {}), Ok(true), "snapshot {number}");
    for &(entity, id, version) in &server.sent[&number] {
        match version {
            // Nobody succeeds it between a snapshot and its arrival: the version is still there.
            Some(version) => known.insert(entity, (id, server.entities[entity].versions[&version])),
            None => known.remove(&entity),
        };
    }
    assert_eq!(view.len(), known.len());
    for (id, (state, variables, _)) in known.values() {
        let seen = view.entity(*id).expect("it was told of");
        assert_eq!((seen.state(), variables_of(seen)), (state, *variables));
    }
    let digest = known.values().fold(0, |digest, (id, (state, ..))| digest_on(digest, *id, state));
    assert_eq!(view.digest(), digest);
}

proptest! {
    /// A server that keeps to the rules never builds on what its client does not have, whatever is lost, late or silent; and
    /// the client then knows what it was told.
    #[test]
    fn a_client_knows_what_it_was_told(happenings in vec(any_happening(), 0..150)) {
        let (mut server, mut view, mut known) = (Server::new(), View::new(), Known::new());
        let mut late = None;
        for happening in happenings {
            match happening {
                Happening::Changes(entity, state, set) => server.change(entity, state, set),
                Happening::Succeeds(entity, state) => server.succeed(entity, state),
                Happening::Hides(entity) => server.hide(entity),
                Happening::Silence { told, count } => {
                    for _ in 0..count {
                        let (number, message) = server.snapshot(told, 0);
                        deliver(&server, &mut view, &mut known, (number, &message));
                    }
                }
                Happening::Snapshot { told, afresh, fate } => {
                    let (number, message) = server.snapshot(told, afresh);
                    match fate {
                        Fate::Lost => {}
                        Fate::Late => late = Some(message),
                        Fate::Arrives => {
                            deliver(&server, &mut view, &mut known, (number, &message));
                            if let Some(late) = late.take() {
                                prop_assert_eq!(view.take(&late, |_| panic!("too late")), Ok(false));
                            }
                        }
                    }
                }
                Happening::Input => {
                    let input = Input { received: view.received(), ..Input::default() };
                    let input = Input::read(&written(|writer| input.write(writer))).expect("an input");
                    if let Some((newest, before)) = input.received {
                        server.acknowledge(newest, before);
                    }
                }
            }
        }
        check_view(&view);
    }
}

/// A version told again and again, while no acknowledgment arrives, does not drive out the one that it builds on.
#[test]
fn a_baseline_outlasts_a_silence() {
    let mut view = View::new();
    assert_eq!(view.take(&snapshot(0, 0, &[full(id(1, 1), 4, &at(4))]), |_| {}), Ok(true));
    for number in 1..200 {
        let again = difference(id(1, 1), 5, &at(5), 4, &at(4));
        assert_eq!(view.take(&snapshot(number, number.into(), &[again]), |_| {}), Ok(true), "snapshot {number}");
    }
    assert_eq!(view.entity(id(1, 1)).unwrap().tick(), 199);
    check_view(&view);
}

/// The oldest version that a server may build on is still there when all of those after it were told.
#[test]
fn a_baseline_lasts_for_31_versions() {
    let mut view = View::new();
    assert_eq!(view.take(&snapshot(0, 0, &[full(id(1, 1), 100, &at(100))]), |_| {}), Ok(true));
    for age in 1..=BASELINE_AGE_MAX {
        let entry = difference(id(1, 1), 100 + age, &at(100 + age), 100, &at(100));
        assert_eq!(view.take(&snapshot(age as u16, age, &[entry]), |_| {}), Ok(true), "age {age}");
        assert_eq!(view.entity(id(1, 1)).unwrap().state(), &at(100 + age));
    }
    // Once the server builds on a later one, those before are not needed.
    let entry = difference(id(1, 1), 132, &at(132), 131, &at(131));
    assert_eq!(view.take(&snapshot(32, 32, &[entry]), |_| {}), Ok(true));
    assert_eq!(versions_held(view.entity(id(1, 1)).unwrap()), 2);
}

// Poses.

/// An entity that was told of at these ticks, in full.
fn told(states: &[(u32, State)]) -> View {
    let mut view = View::new();
    for (version, (tick, state)) in states.iter().enumerate() {
        let entry = full(id(1, 1), version as u32, state);
        assert_eq!(view.take(&snapshot(version as u16, *tick, &[entry]), |_| {}), Ok(true));
    }
    view
}

fn pose(view: &View, tick: f64) -> Pose {
    view.entity(id(1, 1)).expect("it is in view").pose(tick)
}

#[test]
fn a_pose_is_on_the_line_between_what_is_known() {
    let view = told(&[(10, at(100)), (20, at(200)), (24, at(0))]);
    let lines = [(0.0, 100.0), (10.0, 100.0), (15.0, 150.0), (19.5, 195.0), (20.0, 200.0), (21.0, 150.0), (24.0, 0.0)];
    for (tick, x) in lines.into_iter().chain([(1e9, 0.0), (f64::INFINITY, 0.0), (f64::NEG_INFINITY, 100.0)]) {
        assert_eq!(pose(&view, tick).position, [x, 0.0, 0.0], "at {tick}");
    }
    let far = told(&[(0, at(0)), (2, at(u32::MAX))]);
    assert_eq!(pose(&far, 1.0).position[0], f64::from(u32::MAX) / 2.0);
}

#[test]
fn a_turn_goes_the_shorter_way_round() {
    let turned = |yaw, pitch, roll| State { rotation: [yaw, pitch, roll], ..State::NONE };
    let view = told(&[(0, turned(0xFFF0, 0x0010, 0x1000)), (4, turned(0x0010, 0xFFF0, 0x3000))]);
    assert_eq!(pose(&view, 1.0).rotation, [0xFFF8, 0x0008, 0x1800]);
    assert_eq!(pose(&view, 2.0).rotation, [0, 0, 0x2000]);
    assert_eq!(pose(&view, 3.0).rotation, [0x0008, 0xFFF8, 0x2800]);
    let half = told(&[(0, turned(0, 0x4000, 0)), (2, turned(0x8000, 0xC000, 0x7FFF))]);
    assert_eq!(pose(&half, 1.0).rotation, [0xC000, 0, 0x3FFF]);
    assert_eq!(pose(&half, 2.0).rotation, [0x8000, 0xC000, 0x7FFF]);
}

/// What stands still, and is told of again, does not go back to where it came from.
#[test]
fn what_is_told_again_stays_where_it_is() {
    let mut in_full = told(&[(0, at(0)), (10, at(100))]);
    let mut by_difference = told(&[(0, at(0)), (10, at(100))]);
    let full_again = full(id(1, 1), 1, &at(100));
    let told_again = difference(id(1, 1), 1, &at(100), 0, &at(0));
    for (view, again) in [(&mut in_full, full_again), (&mut by_difference, told_again)] {
        assert_eq!(view.take(&snapshot(2, 110, &[again]), |_| {}), Ok(true));
        for (tick, x) in [(5.0, 50.0), (10.0, 100.0), (60.0, 100.0), (110.0, 100.0), (200.0, 100.0)] {
            assert_eq!(pose(view, tick).position[0], x, "at {tick}");
        }
        // From when it was last known to stand there.
        let next = difference(id(1, 1), 2, &at(200), 1, &at(100));
        assert_eq!(view.take(&snapshot(3, 120, &[next]), |_| {}), Ok(true));
        assert_eq!([100.0, 110.0, 115.0, 120.0].map(|tick| pose(view, tick).position[0]), [100.0, 100.0, 150.0, 200.0]);
    }
}

proptest! {
    #[test]
    fn a_pose_is_between_what_is_known(
        states in vec((1..100u32, any_state()), 1..20),
        part in 0.0..1.0f64,
        pick in any::<prop::sample::Index>(),
    ) {
        let mut tick = 0;
        let states: Vec<_> = states.into_iter().map(|(later, state)| { tick += later; (tick, state) }).collect();
        let view = told(&states);
        for (tick, state) in &states {
            let Pose { position, rotation } = pose(&view, f64::from(*tick));
            prop_assert_eq!(position, [state.position.x, state.position.y, state.position.z].map(f64::from));
            prop_assert_eq!(rotation, state.rotation);
        }
        let Some(pairs) = Some(states.windows(2).collect::<Vec<_>>()).filter(|pairs| !pairs.is_empty()) else {
            return Ok(());
        };
        let [(from, a), (to, b)] = pick.get(&pairs)[..] else { unreachable!("they are pairs") };
        let Pose { position, rotation } = pose(&view, f64::from(from) + part * f64::from(to - from));
        let axes = [(a.position.x, b.position.x), (a.position.y, b.position.y), (a.position.z, b.position.z)];
        for ((from, to), at) in axes.into_iter().zip(position) {
            let line = f64::from(from) * (1.0 - part) + f64::from(to) * part;
            prop_assert!((at - line).abs() < 0.01, "{at} is not {part} of the way from {from} to {to}");
        }
        for ((from, to), at) in a.rotation.into_iter().zip(b.rotation).zip(rotation) {
            let way = i32::from(to.wrapping_sub(from) as i16);
            let gone = i32::from(at.wrapping_sub(from) as i16);
            prop_assert!((f64::from(gone) - f64::from(way) * part).abs() <= 1.0 + 0.01, "{gone} of {way}");
        }
    }
}

// Maps.

fn any_map() -> impl Strategy<Value = Map> {
    let length = prop_oneof![Just(25_600.0), (-20..20i32, 1.0..2.0f32).prop_map(|(log2, part)| part * 2f32.powi(log2))];
    let height = prop_oneof![Just(1.0), Just(0.25), Just(1e-9), 0.0001..1.0f32];
    let count = || prop_oneof![1..40u16, Just(WORLD_SECTIONS_MAX), 1..=WORLD_SECTIONS_MAX];
    (length, height, [count(), count(), count()])
        .prop_map(|(edge, part, sections)| Map::new([edge, edge * part], sections, [1, 1, 1]).expect("it is a map"))
}

/// Steps of the map along each axis, less one.
fn last(map: &Map) -> [u32; 3] {
    let Position { x, y, z } = map.quantise([f32::INFINITY; 3]);
    [x, y, z]
}

fn steps(position: Position) -> [u32; 3] {
    [position.x, position.y, position.z]
}

/// Half of what lies between a float and the next.
fn rounding(value: f32) -> f64 {
    (f64::from(value.next_up()) - f64::from(value)) / 2.0
}

proptest! {
    #[test]
    fn a_place_is_the_nearest_to_its_point(map in any_map(), parts in [0.0..=1.0f64, 0.0..=1.0f64, 0.0..=1.0f64]) {
        let size = map.size();
        let point: [f32; 3] = std::array::from_fn(|axis| (f64::from(size[axis]) * parts[axis]) as f32);
        let place = map.quantise(point);
        prop_assert!(map.contains(place));
        let again = map.point(place);
        let step = f64::from(map.step());
        for axis in 0..3 {
            let off = (f64::from(again[axis]) - f64::from(point[axis])).abs();
            // Beyond the last place there are points, but no place.
            let at_the_end = steps(place)[axis] == last(&map)[axis];
            let most = if at_the_end { step } else { step / 2.0 } * (1.0 + 1e-6);
            prop_assert!(off <= most + 2.0 * rounding(size[axis].min(again[axis] + point[axis])), "{off} of {step}");
        }
    }

    /// Where floats can tell steps apart, a place is its point's place.
    #[test]
    fn a_place_is_its_points_place(map in any_map(), picks in [any::<u32>(), any::<u32>(), any::<u32>()]) {
        let [x, y, z] = std::array::from_fn(|axis| picks[axis] % last(&map)[axis].saturating_add(1).min(1 << 22));
        let place = Position { x, y, z };
        prop_assert_eq!(map.quantise(map.point(place)), place);
    }

    #[test]
    fn any_point_has_a_place(map in any_map(), point in [any::<u32>(), any::<u32>(), any::<u32>()]) {
        prop_assert!(map.contains(map.quantise(point.map(f32::from_bits))));
    }

    /// What goes over the wire is the same map at the other end.
    #[test]
    fn a_welcome_reads_back(map in any_map(), index in any::<u16>(), generation in any::<u8>(), tick in any::<u32>()) {
        let welcome = Welcome { player: id(index, generation), tick, map };
        let bytes = written(|writer| welcome.write(writer));
        prop_assert_eq!(bytes.len(), Welcome::BYTES);
        prop_assert_eq!(Welcome::read(&bytes), Ok(Some(welcome)));
        for cut in 0..bytes.len() {
            prop_assert!(Welcome::read(&bytes[..cut]).is_err());
        }
        prop_assert!(Welcome::read(&[&bytes[..], &[0]].concat()).is_err());
    }

    /// Whatever map a server says it has: it is one, or it is refused.
    #[test]
    fn a_welcome_has_a_map_or_is_refused(edge in any::<u32>(), height in any::<u32>(), sections in [any_u16(), any_u16(), any_u16()]) {
        let welcome = Welcome { player: id(1, 1), tick: 1, map: Map::default() };
        let mut bytes = written(|writer| welcome.write(writer));
        bytes.truncate(9);
        bytes.extend([edge.to_le_bytes(), height.to_le_bytes()].concat());
        bytes.extend(sections.map(u16::to_le_bytes).concat());
        let Ok(Some(Welcome { map, .. })) = Welcome::read(&bytes) else { return Ok(()) };
        prop_assert!(map.step().is_normal() && map.size().iter().all(|length| length.is_finite() && *length > 0.0));
        let again = Welcome { map, ..welcome };
        prop_assert_eq!(Welcome::read(&written(|writer| again.write(writer))), Ok(Some(again)));
        prop_assert!(map.contains(Position::default()) && map.contains(map.quantise(map.size())));
    }
}

#[test]
fn points_outside_are_taken_to_the_edge() {
    let map = Map::default();
    let [x, y, z] = last(&map);
    assert_eq!([x, y, z], [32 * 65_536 - 1, 32 * 65_536 - 1, 4 * 16_384 - 1]);
    let cases = [
        ([f32::NAN, f32::NAN, f32::NAN], [0, 0, 0]),
        ([f32::NEG_INFINITY, -1.0, -0.0], [0, 0, 0]),
        ([f32::INFINITY, f32::MAX, 25_600.0], [x, y, z]),
        ([819_200.0, 819_199.9, 25_599.7], [x, y, z]),
    ];
    for (point, place) in cases {
        assert_eq!(steps(map.quantise(point)), place, "{point:?}");
    }
    let beyond = Position { x: x + 1, y: 0, z: 0 };
    assert!(map.contains(Position { x, y, z }) && !map.contains(beyond));
}

#[test]
fn what_is_no_map_is_refused() {
    let map = |edge, height| Map::new([edge, height], [1, 1, 1], [1, 1, 1]);
    for edge in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-40, 1e-35, f32::MIN_POSITIVE] {
        assert!(map(edge, edge).is_err_and(|error| matches!(error, MapError::Edge(_))), "{edge}");
    }
    for height in [0.0, -1.0, f32::NAN, f32::INFINITY, 1.1] {
        assert!(map(1.0, height).is_err_and(|error| matches!(error, MapError::Edge(_))), "{height}");
    }
    assert!(map(f32::MAX / 2.0, 1.0).is_ok());
    assert!(Map::new([f32::MAX / 2.0, 1.0], [3, 1, 1], [1, 1, 1]).is_err(), "its far corner is nowhere");
    for count in [0, WORLD_SECTIONS_MAX + 1, u16::MAX] {
        assert_eq!(Map::new([1.0, 1.0], [1, 1, count], [1, 1, 1]), Err(MapError::Sections(count.into())));
    }
    assert_eq!(Map::new([1.0, 1.0], [u16::MAX; 3], [u16::MAX; 3]), Err(MapError::Sections(u32::from(u16::MAX).pow(2))));
}
