//! States, entries and inputs: what is written reads back, within its documented size.

use crate::samples::*;
use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_world::codec::Reader;
use ringshard_world::limits::*;
use ringshard_world::messages::*;
use ringshard_world::view::Change;
use ringshard_world::{Map, Position, State, View};

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
    /// Any subset of fields reads back and changes nothing else.
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
    fn changed_fields_are_exactly_those_that_differ((base, state) in any_change()) {
        let changed = state.changed_from(&base);
        let alike = State { kind: base.kind, faction: base.faction, ..state };
        prop_assert_eq!(merged(&base, &state, changed), alike);
        for field in (0..5).map(|bit| 1 << bit).filter(|field| changed & field != 0) {
            prop_assert_ne!(merged(&base, &state, changed & !field), alike);
        }
    }

    /// An entity arrives in full, then as a difference, and then leaves.
    #[test]
    fn a_view_holds_what_the_entries_say(
        (base, state) in any_change(),
        ((mask, first), (changed, then)) in (any_variables(), any_variables()),
        (index, generation, version, age) in (any::<u16>(), any::<u8>(), any::<u16>(), 1..=BASELINE_AGE_MAX),
    ) {
        let id = id(index, generation);
        let version = u32::from(version);
        let whole = Versioned { id, version, state: &base, variables: &first };
        let entry = written(|writer| write_full(whole, mask, writer));
        let plain = written(|writer| write_full(whole, 0, writer));
        prop_assert!(plain.len() <= PLAIN_ENTRY_BYTES_MAX && entry.len() <= ENTRY_BYTES_MAX);
        let mut view = View::new();
        let mut changes = Vec::new();
        prop_assert_eq!(view.take(&snapshot(1, 10, &[entry]), |change| changes.push(change)), Ok(true));
        let seen = view.entity(id).expect("it is in the view");
        prop_assert_eq!((seen.id(), seen.tick(), seen.state()), (id, 10, &base));
        prop_assert_eq!(variables_of(seen), masked(mask, &first));

        let next = Versioned { id, version: version + age, state: &state, variables: &then };
        let entry = written(|writer| write_difference(next, version, &base, changed, writer));
        let plain = written(|writer| write_difference(next, version, &base, 0, writer));
        prop_assert!(plain.len() <= PLAIN_ENTRY_BYTES_MAX && entry.len() <= ENTRY_BYTES_MAX);
        prop_assert_eq!(view.take(&snapshot(2, 11, &[entry]), |change| changes.push(change)), Ok(true));
        let seen = view.entity(id).expect("it is still in the view");
        prop_assert_eq!((seen.tick(), seen.state()), (11, &State { kind: base.kind, faction: base.faction, ..state }));
        let both = std::array::from_fn(|number| {
            if changed >> number & 1 == 1 { then[number] } else { masked(mask, &first)[number] }
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
fn the_largest_entries_have_their_documented_size() {
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
fn a_baseline_older_than_31_versions_is_refused() {
    difference(id(1, 1), 33, &State::NONE, 1, &State::NONE);
}

#[test]
fn distances_of_any_two_positions_do_not_overflow() {
    let corner = |steps| Position { x: steps, y: steps, z: steps };
    assert_eq!(corner(0).distance_squared(corner(1 << 31)), 3 << 62);
    assert_eq!(
        corner(0).distance_squared(corner(u32::MAX)),
        u64::MAX,
        "outside every map, but a snapshot may contain them"
    );
}
