//! Maps: points and positions, and the welcome that carries a map.

use crate::samples::*;
use proptest::prelude::*;
use ringshard_world::limits::*;
use ringshard_world::map::MapError;
use ringshard_world::messages::*;
use ringshard_world::{Map, Position};

fn any_map() -> impl Strategy<Value = Map> {
    let length = prop_oneof![Just(25_600.0), (-20..20i32, 1.0..2.0f32).prop_map(|(log2, part)| part * 2f32.powi(log2))];
    let height = prop_oneof![Just(1.0), Just(0.25), Just(1e-9), 0.0001..1.0f32];
    let count = || prop_oneof![1..40u16, Just(WORLD_SECTIONS_MAX), 1..=WORLD_SECTIONS_MAX];
    (length, height, [count(), count(), count()]).prop_map(|(edge, part, sections)| {
        Map::new([edge, edge * part], sections, [1, 1, 1]).expect("the map is sound")
    })
}

/// The last position on each axis.
fn last(map: &Map) -> [u32; 3] {
    let Position { x, y, z } = map.quantise([f32::INFINITY; 3]);
    [x, y, z]
}

fn steps(position: Position) -> [u32; 3] {
    [position.x, position.y, position.z]
}

/// The largest rounding error of a float near `value`.
fn rounding(value: f32) -> f64 {
    (f64::from(value.next_up()) - f64::from(value)) / 2.0
}

proptest! {
    #[test]
    fn a_position_is_the_nearest_to_its_point(map in any_map(), parts in [0.0..=1.0f64, 0.0..=1.0f64, 0.0..=1.0f64]) {
        let size = map.size();
        let point: [f32; 3] = std::array::from_fn(|axis| (f64::from(size[axis]) * parts[axis]) as f32);
        let position = map.quantise(point);
        prop_assert!(map.contains(position));
        let again = map.point(position);
        let step = f64::from(map.step());
        for axis in 0..3 {
            let off = (f64::from(again[axis]) - f64::from(point[axis])).abs();
            // Beyond the last position there are points, but no further position.
            let at_the_end = steps(position)[axis] == last(&map)[axis];
            let most = if at_the_end { step } else { step / 2.0 } * (1.0 + 1e-6);
            prop_assert!(off <= most + 2.0 * rounding(size[axis].min(again[axis] + point[axis])), "{off} of {step}");
        }
    }

    /// Where floats can tell steps apart, quantising a point gives its position.
    #[test]
    fn a_position_survives_the_way_to_a_point_and_back(map in any_map(), picks in [any::<u32>(), any::<u32>(), any::<u32>()]) {
        let [x, y, z] = std::array::from_fn(|axis| picks[axis] % last(&map)[axis].saturating_add(1).min(1 << 22));
        let position = Position { x, y, z };
        prop_assert_eq!(map.quantise(map.point(position)), position);
    }

    #[test]
    fn any_point_has_a_position(map in any_map(), point in [any::<u32>(), any::<u32>(), any::<u32>()]) {
        prop_assert!(map.contains(map.quantise(point.map(f32::from_bits))));
    }

    /// A welcome carries the map unchanged.
    #[test]
    fn a_welcome_reads_back(map in any_map(), first_snapshot in any::<u16>(), tick in any::<u32>()) {
        let welcome = EnterAnswer::Welcome(Welcome { tick, first_snapshot, map });
        let bytes = written(|writer| welcome.write(writer));
        prop_assert_eq!(bytes.len(), EnterAnswer::BYTES_MAX);
        prop_assert_eq!(EnterAnswer::read(&bytes), Ok(welcome));
        for cut in 0..bytes.len() {
            prop_assert!(EnterAnswer::read(&bytes[..cut]).is_err());
        }
        prop_assert!(EnterAnswer::read(&[&bytes[..], &[0]].concat()).is_err());
    }

    /// Any bytes in position of a map: the map is sound, or the welcome is refused.
    #[test]
    fn a_welcome_has_a_sound_map_or_is_refused(edge in any::<u32>(), height in any::<u32>(), sections in [any_u16(), any_u16(), any_u16()]) {
        let welcome = Welcome { tick: 1, first_snapshot: 1, map: Map::default() };
        let mut bytes = written(|writer| EnterAnswer::Welcome(welcome).write(writer));
        bytes.truncate(8);
        bytes.extend([edge.to_le_bytes(), height.to_le_bytes()].concat());
        bytes.extend(sections.map(u16::to_le_bytes).concat());
        let Ok(EnterAnswer::Welcome(Welcome { map, .. })) = EnterAnswer::read(&bytes) else { return Ok(()) };
        prop_assert!(map.step().is_normal() && map.size().iter().all(|length| length.is_finite() && *length > 0.0));
        let again = EnterAnswer::Welcome(Welcome { map, ..welcome });
        prop_assert_eq!(EnterAnswer::read(&written(|writer| again.write(writer))), Ok(again));
        prop_assert!(map.contains(Position::default()) && map.contains(map.quantise(map.size())));
    }
}

#[test]
fn points_outside_the_map_are_moved_to_its_edge() {
    let map = Map::default();
    let [x, y, z] = last(&map);
    assert_eq!([x, y, z], [32 * 65_536 - 1, 32 * 65_536 - 1, 4 * 16_384 - 1]);
    let cases = [
        ([f32::NAN, f32::NAN, f32::NAN], [0, 0, 0]),
        ([f32::NEG_INFINITY, -1.0, -0.0], [0, 0, 0]),
        ([f32::INFINITY, f32::MAX, 25_600.0], [x, y, z]),
        ([819_200.0, 819_199.9, 25_599.7], [x, y, z]),
    ];
    for (point, position) in cases {
        assert_eq!(steps(map.quantise(point)), position, "{point:?}");
    }
    let beyond = Position { x: x + 1, y: 0, z: 0 };
    assert!(map.contains(Position { x, y, z }) && !map.contains(beyond));
}

#[test]
fn unsound_maps_are_refused() {
    let map = |edge, height| Map::new([edge, height], [1, 1, 1], [1, 1, 1]);
    for edge in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-40, 1e-35, f32::MIN_POSITIVE] {
        assert!(map(edge, edge).is_err_and(|error| matches!(error, MapError::Edge(_))), "{edge}");
    }
    for height in [0.0, -1.0, f32::NAN, f32::INFINITY, 1.1] {
        assert!(map(1.0, height).is_err_and(|error| matches!(error, MapError::Edge(_))), "{height}");
    }
    assert!(map(f32::MAX / 2.0, 1.0).is_ok());
    assert!(Map::new([f32::MAX / 2.0, 1.0], [3, 1, 1], [1, 1, 1]).is_err(), "the far corner of the map is not finite");
    for count in [0, WORLD_SECTIONS_MAX + 1, u16::MAX] {
        assert_eq!(Map::new([1.0, 1.0], [1, 1, count], [1, 1, 1]), Err(MapError::Sections(count.into())));
    }
    assert_eq!(Map::new([1.0, 1.0], [u16::MAX; 3], [u16::MAX; 3]), Err(MapError::Sections(u32::from(u16::MAX).pow(2))));
}
