//! The dump of a shot.

use super::model::HITBOXES;
use ringshard::world::rewind::{Grant, History, RewindDump, Sample, Shot, Verdict};
use ringshard_world::Map;

/// Five entities in a row along x that walk along y; the shot goes along x and is accepted by the third alone.
fn shot_at(history: &mut History, map: &Map) -> Shot {
    for tick in 1..=20u64 {
        let walking = |index: u16| Sample {
            position: map.quantise([1_000.0 + 300.0 * f32::from(index), 1_000.0 + 20.0 * tick as f32, 100.0]),
            generation: 7,
            hitbox: (index % 3) as u8,
            ..Sample::NONE
        };
        history.record(tick, (0..5).map(|index| (index, walking(index))));
    }
    let grant = Grant { at: 10.5, verdict: Verdict::Granted };
    let (from, direction) = ([500.0, 1_210.0, 120.0], [3.0, 0.0, 0.0]);
    let hit = history.at(grant.at).ray(from, direction, 1e9, |id| id.index == 2);
    Shot { now_tick: 20, claimed: 10.5, grant, from, direction, length: f32::MAX, hit, reach: 300.0 }
}

fn dumped(change: impl Fn(&mut Shot)) -> RewindDump {
    let map = Map::default();
    let mut history = History::new(10, map, HITBOXES);
    let mut shot = shot_at(&mut history, &map);
    change(&mut shot);
    history.at(shot.grant.at).dump(&history.at(20.0), &shot)
}

#[test]
fn a_dump_says_where_everybody_was_and_is() {
    let dump = dumped(|_| ());
    assert_eq!((dump.entities.len(), dump.left_out), (5, 0));
    for entity in &dump.entities {
        assert_eq!((entity.rewound.unwrap().point[1] / 5.0).round() * 5.0, 1_210.0);
        assert_eq!((entity.present.unwrap().point[1] / 5.0).round() * 5.0, 1_400.0);
        assert_eq!(entity.hit, entity.index == 2);
        assert!(entity.met_at.is_some(), "the ray meets all of them");
        assert_eq!(entity.hitbox, HITBOXES[usize::from(entity.index % 3)]);
    }
    let ray = dump.ray.unwrap();
    assert_eq!((ray.direction, ray.hit_at), ([1.0, 0.0, 0.0], dump.entities[2].met_at));
    assert!(ray.length < 2e6, "a ray ends with the map: {}", ray.length);
}

#[test]
fn a_dump_survives_json() {
    let dump = dumped(|_| ());
    assert_eq!(serde_json::from_str::<RewindDump>(&dump.to_json()).unwrap(), dump);
    let wrong = dumped(|shot| (shot.claimed, shot.direction) = (f64::NAN, [0.0; 3]));
    assert_eq!((wrong.claimed_tick, wrong.ray, wrong.entities.len()), (None, None, 0));
    assert_eq!(serde_json::from_str::<RewindDump>(&wrong.to_json()).unwrap(), wrong);
}

#[test]
fn the_drawing_has_a_shape_per_hitbox_and_no_number_that_is_none() {
    let dump = dumped(|_| ());
    let svg = dump.to_svg();
    let count = |what: &str| svg.matches(what).count();
    // Entities 0, 1, 3 and 4 are round, then and at present; the ray begins with a circle.
    assert_eq!((count("<circle"), count("<polygon")), (2 * 4 + 1, 2));
    assert_eq!(count("stroke-width=\"2\""), 2, "one is hit, and the legend shows it");
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("granted 10.50, 9.50 ticks back (Granted)") && svg.contains("units"));
    let nothing = dumped(|shot| shot.direction = [0.0; 3]).to_svg();
    let upwards = dumped(|shot| shot.direction = [0.0, 0.0, 1.0]).to_svg();
    for svg in [svg, nothing, upwards] {
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

#[test]
fn a_dump_lists_the_nearest_when_there_are_too_many() {
    let map = Map::default();
    let mut history = History::new(1_000, map, HITBOXES);
    let there = |index: u16| Sample {
        position: map.quantise([10_000.0, 1_000.0 + f32::from(index), 100.0]),
        generation: 1,
        hitbox: 0,
        ..Sample::NONE
    };
    history.record(1, (0..1_000).map(|index| (index, there(index))));
    let grant = Grant { at: 1.0, verdict: Verdict::Granted };
    let (from, direction) = ([0.0, 1_000.0, 110.0], [1.0, 0.0, 0.0]);
    let shot = Shot { now_tick: 1, claimed: 1.0, grant, from, direction, length: 20_000.0, hit: None, reach: 500.0 };
    let dump = history.at(1.0).dump(&history.at(1.0), &shot);
    assert_eq!((dump.entities.len(), dump.left_out), (256, 530 - 256));
    assert!(dump.entities.iter().map(|entity| entity.index).eq(0..256));
}
