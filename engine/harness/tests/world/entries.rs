//! States and entries: what is written reads back, within its documented size.

use crate::samples::*;
use proptest::prelude::*;
use ringshard_world::codec::Reader;
use ringshard_world::limits::*;
use ringshard_world::messages::*;
use ringshard_world::state::{DIFFERENCE_BYTES_MAX, fields};
use ringshard_world::view::Change;
use ringshard_world::{Map, Pose, Position, State};

ringshard_world::wire! {
    /// As large as what an entity shows may be.
    pub struct LargeShown { pub all: [[u8; 17]; 15] }
}

proptest! {
    /// Any subset of fields reads back and changes nothing else.
    #[test]
    fn a_difference_reads_back(base in any_state(), other in any_state(), changed in 0..=fields::ALL) {
        let bytes = written(|writer| other.write_difference(&base, changed, writer));
        prop_assert!(bytes.len() <= DIFFERENCE_BYTES_MAX);
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
        prop_assert_eq!(merged(&base, &state, changed), state);
        for field in (0..5).map(|bit| 1 << bit).filter(|field| changed & field != 0) {
            prop_assert_ne!(merged(&base, &state, changed & !field), state);
        }
    }

    #[test]
    fn fields_that_no_state_has_are_refused(changed in fields::ALL + 1.., rest in any::<[u8; 32]>()) {
        prop_assert!(blank().read_difference(changed, &mut Reader::new(&rest)).is_err());
    }

    /// States that differ in anything have different bytes in digests.
    #[test]
    fn a_digest_covers_every_field((base, state) in any_change()) {
        prop_assert_eq!(base.digest_on(7) == state.digest_on(7), base == state);
    }

    /// An entity arrives in full, then as a difference, and then leaves.
    #[test]
    fn a_view_holds_what_the_entries_say(
        (base, state) in any_change(),
        (id, version, age) in (any_id(), any::<u16>(), 1..=BASELINE_AGE_MAX),
    ) {
        let version = u32::from(version);
        let entry = full(id, version, &base);
        prop_assert!(entry.len() <= ENTRY_BYTES_MAX);
        let mut view = view_from(1);
        let mut changes = Vec::new();
        prop_assert_eq!(view.take(&snapshot(1, 10, &[entry]), |change| changes.push(change)), Ok(true));
        let seen = view.entity(id).expect("it is in the view");
        prop_assert_eq!((seen.id(), seen.tick(), seen.state()), (id, 10, &base));

        let entry = difference(id, version + age, &state, version, &base);
        prop_assert!(entry.len() <= ENTRY_BYTES_MAX);
        prop_assert_eq!(view.take(&snapshot(2, 11, &[entry]), |change| changes.push(change)), Ok(true));
        let seen = view.entity(id).expect("it is still in the view");
        prop_assert_eq!((seen.tick(), seen.state()), (11, &state));

        let gone = written(|writer| write_gone(id.index, writer));
        prop_assert_eq!(view.take(&snapshot(3, 12, &[gone]), |change| changes.push(change)), Ok(true));
        prop_assert!(view.is_empty() && view.digest() == 0);
        prop_assert_eq!(changes, [Change::Entered(id), Change::Updated(id), Change::Left(id)]);
    }

    /// What a client shows is as near to what the game set as the steps of the map allow.
    #[test]
    fn a_pose_survives_replication_up_to_a_step(
        point in [0.0..800_000.0f32, 0.0..800_000.0f32, 0.0..25_000.0f32],
        velocity in [-65_000.0..65_000.0f32, -65_000.0..65_000.0f32, -65_000.0..65_000.0f32],
        (rotation, leap) in any::<([u16; 3], u8)>(),
    ) {
        let map = Map::default();
        let pose = Pose { point, velocity, rotation, leap };
        let state = State::quantise(&map, &pose, Shown::default());
        let again = state.pose(&map);
        prop_assert_eq!((again.rotation, again.leap), (rotation, leap));
        for axis in 0..3 {
            prop_assert!((again.point[axis] - point[axis]).abs() <= map.step());
            prop_assert!((again.velocity[axis] - velocity[axis]).abs() <= 1.01);
        }
        prop_assert_eq!(State::quantise(&map, &again, Shown::default()), state);
    }
}

#[test]
fn velocities_that_do_not_fit_are_clamped() {
    let quantised = |speed| {
        let pose = Pose { velocity: [speed; 3], ..Pose::default() };
        State::quantise(&Map::default(), &pose, Shown::default()).velocity[1]
    };
    for (speed, counts) in [(1e9, i16::MAX), (-1e9, i16::MIN), (f32::INFINITY, i16::MAX), (f32::NAN, 0), (-3.0, -2)] {
        assert_eq!(quantised(speed), counts, "{speed}");
    }
}

#[test]
fn the_largest_entries_have_their_documented_size() {
    let blank = State::blank(LargeShown { all: [[0; 17]; 15] });
    let wide = State {
        position: Position { x: 0x8000_0000, y: 0x8000_0000, z: 0x8000_0000 },
        velocity: [i16::MAX; 3],
        rotation: [0x8000; 3],
        leap: 1,
        shown: LargeShown { all: [[1; 17]; 15] },
    };
    let entity = Versioned { id: id(1, 1), version: 1, state: &wide };
    assert_eq!(written(|writer| write_full(entity, &blank, writer)).len(), ENTRY_BYTES_MAX);
    assert!(full(id(1, 1), 1, &at(1 << 30)).len() <= FULL_ENTRY_BYTES_USUAL);
}

/// A blank state is sent with its position, because an entry without fields says that the entity is gone.
#[test]
fn a_blank_state_is_not_gone() {
    let mut view = view_from(1);
    assert_eq!(view.take(&snapshot(1, 1, &[full(id(3, 1), 1, &blank())]), |_| {}), Ok(true));
    assert_eq!(view.entity(id(3, 1)).map(|seen| *seen.state()), Some(blank()));
}

#[test]
#[should_panic(expected = "a baseline is 1 to 31 versions old, not 32")]
fn a_baseline_older_than_31_versions_is_refused() {
    difference(id(1, 1), 33, &blank(), 1, &blank());
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
