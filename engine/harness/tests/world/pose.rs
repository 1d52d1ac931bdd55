//! Where an entity is between two snapshots.

use crate::samples::*;
use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_world::view::Pose;
use ringshard_world::{State, View};

/// A view that received the entity in full at these ticks.
fn view_of(states: &[(u32, State)]) -> View {
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
fn a_pose_is_interpolated_between_known_states() {
    let view = view_of(&[(10, at(100)), (20, at(200)), (24, at(0))]);
    let lines = [(0.0, 100.0), (10.0, 100.0), (15.0, 150.0), (19.5, 195.0), (20.0, 200.0), (21.0, 150.0), (24.0, 0.0)];
    for (tick, x) in lines.into_iter().chain([(1e9, 0.0), (f64::INFINITY, 0.0), (f64::NEG_INFINITY, 100.0)]) {
        assert_eq!(pose(&view, tick).position, [x, 0.0, 0.0], "at {tick}");
    }
    let far = view_of(&[(0, at(0)), (2, at(u32::MAX))]);
    assert_eq!(pose(&far, 1.0).position[0], f64::from(u32::MAX) / 2.0);
}

#[test]
fn a_rotation_takes_the_shorter_way() {
    let turned = |yaw, pitch, roll| State { rotation: [yaw, pitch, roll], ..State::NONE };
    let view = view_of(&[(0, turned(0xFFF0, 0x0010, 0x1000)), (4, turned(0x0010, 0xFFF0, 0x3000))]);
    assert_eq!(pose(&view, 1.0).rotation, [0xFFF8, 0x0008, 0x1800]);
    assert_eq!(pose(&view, 2.0).rotation, [0, 0, 0x2000]);
    assert_eq!(pose(&view, 3.0).rotation, [0x0008, 0xFFF8, 0x2800]);
    let half = view_of(&[(0, turned(0, 0x4000, 0)), (2, turned(0x8000, 0xC000, 0x7FFF))]);
    assert_eq!(pose(&half, 1.0).rotation, [0xC000, 0, 0x3FFF]);
    assert_eq!(pose(&half, 2.0).rotation, [0x8000, 0xC000, 0x7FFF]);
}

/// An entity that stands still and is repeated does not move back to where it came from.
#[test]
fn a_repeated_entity_stays_where_it_is() {
    let mut in_full = view_of(&[(0, at(0)), (10, at(100))]);
    let mut by_difference = view_of(&[(0, at(0)), (10, at(100))]);
    let full_again = full(id(1, 1), 1, &at(100));
    let difference_again = difference(id(1, 1), 1, &at(100), 0, &at(0));
    for (view, again) in [(&mut in_full, full_again), (&mut by_difference, difference_again)] {
        assert_eq!(view.take(&snapshot(2, 110, &[again]), |_| {}), Ok(true));
        for (tick, x) in [(5.0, 50.0), (10.0, 100.0), (60.0, 100.0), (110.0, 100.0), (200.0, 100.0)] {
            assert_eq!(pose(view, tick).position[0], x, "at {tick}");
        }
        // The next movement starts at the last tick at which the entity was known to stand there.
        let next = difference(id(1, 1), 2, &at(200), 1, &at(100));
        assert_eq!(view.take(&snapshot(3, 120, &[next]), |_| {}), Ok(true));
        assert_eq!([100.0, 110.0, 115.0, 120.0].map(|tick| pose(view, tick).position[0]), [100.0, 100.0, 150.0, 200.0]);
    }
}

proptest! {
    #[test]
    fn a_pose_lies_between_known_states(
        states in vec((1..100u32, any_state()), 1..20),
        part in 0.0..1.0f64,
        pick in any::<prop::sample::Index>(),
    ) {
        let mut tick = 0;
        let states: Vec<_> = states.into_iter().map(|(later, state)| { tick += later; (tick, state) }).collect();
        let view = view_of(&states);
        for (tick, state) in &states {
            let Pose { position, rotation } = pose(&view, f64::from(*tick));
            prop_assert_eq!(position, [state.position.x, state.position.y, state.position.z].map(f64::from));
            prop_assert_eq!(rotation, state.rotation);
        }
        let Some(pairs) = Some(states.windows(2).collect::<Vec<_>>()).filter(|pairs| !pairs.is_empty()) else {
            return Ok(());
        };
        let [(from, a), (to, b)] = pick.get(&pairs)[..] else { unreachable!("windows of two are pairs") };
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
