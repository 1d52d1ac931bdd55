//! A history allocates when it is made: as much as it states. Records and queries allocate nothing.

use crate::allocator_calls;
use crate::layouts::Layout;
use ringshard::world::rewind::{History, Hitbox, SAMPLE_BYTES, Sample};
use ringshard_world::{Map, Position};

const HITBOXES: &[Hitbox] = &[
    Hitbox::Capsule { radius: 40.0, half_height: 90.0, offset_z: 90.0 },
    Hitbox::Box { half: [200.0, 80.0, 60.0], offset_z: 60.0 },
];

#[test]
fn the_memory_of_a_history_is_as_stated() {
    for entities_max in [1, 1_000, 10_000] {
        let made = || drop(History::new(entities_max, Map::default(), HITBOXES));
        let measured = allocation_counter::measure(made).bytes_max as usize;
        let stated = History::bytes(entities_max);
        assert!(measured.abs_diff(stated) < 1_000, "{entities_max} entities: {measured} bytes, {stated} stated");
        assert!(stated > 64 * SAMPLE_BYTES * entities_max);
    }
}

#[test]
fn records_and_queries_do_not_allocate() {
    for layout in [Layout::Uniform, Layout::Crowd, Layout::Point] {
        let map = Map::default();
        let places = layout.places(800, 1);
        let mut history = History::new(places.len(), map, HITBOXES);
        let mut found = 0;
        let calls = allocator_calls(|| {
            for tick in 1..=100u64 {
                // Fewer and more entities than before, each a little farther on.
                let count = [800, 1, 799, 0][tick as usize % 4];
                let samples = places[..count].iter().zip(0..=u16::MAX).map(|(&Position { x, y, z }, index)| {
                    let position = Position { x: x - tick as u32, y, z };
                    (index, Sample { position, generation: 1, hitbox: (index % 2) as u8, ..Sample::NONE })
                });
                history.record(tick, samples);
                for (number, &place) in places.iter().step_by(80).enumerate() {
                    let past = history.at(tick as f64 - number as f64 * 1.4);
                    let point = map.point(place);
                    found += usize::from(past.ray(point, [1.0, 0.1, 0.0], 1e6, |id| id.index % 5 != 0).is_some());
                    past.sphere(point, 500.0, |_, _, _| found += 1);
                }
            }
        });
        assert_eq!(calls, 0, "{layout:?}");
        assert!(found > 100, "{layout:?}: {found} found");
    }
}
