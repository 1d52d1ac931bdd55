//! The entity store does not allocate after its construction.

use crate::allocator_calls;
use ringshard::world::store::{Entities, Rate};
use ringshard_world::Pose;
use ringshard_world::character::Character;

const CAPACITY: usize = 1000;
const TICKS: usize = 1000;

/// Without a warm-up: the first use must not allocate either.
#[test]
fn filling_using_and_emptying_a_store_does_not_allocate() {
    let mut entities = Entities::new(0, CAPACITY, Character::default());
    let mut changed = 0;
    let calls = allocator_calls(|| {
        for tick in 1..=TICKS {
            while entities.spawn(Pose::default(), Character::default()).is_ok() {}
            assert_eq!(entities.len(), CAPACITY);
            for row in (tick % 7..CAPACITY).step_by(7) {
                let id = entities.id_at(row).expect("it is full");
                *entities.pose_mut(id).expect("it lives") = Pose::at([tick as f32; 3]);
                entities.shown_mut(id).expect("it lives").score = tick as u32;
                entities.set_rate(id, Rate::Low);
                changed += 1;
            }
            entities.columns_mut().poses.iter_mut().for_each(|pose| pose.point[0] += 1.0);
            for row in (tick % 11..CAPACITY).step_by(11) {
                let id = entities.id_at(row).expect("it is full");
                assert!(entities.despawn(id));
            }
            assert_eq!(entities.ids().count(), entities.len());
        }
    });
    assert!(changed > 100_000, "{changed} entities changed");
    assert_eq!(calls, 0);
}
