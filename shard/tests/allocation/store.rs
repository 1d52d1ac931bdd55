//! The entity store does not allocate after its construction.

use crate::allocator_calls;
use ringshard::world::store::{Entities, Factions, Relation};
use ringshard_world::EntityKind;
use ringshard_world::entity::buffs;

const CAPACITY: usize = 1000;
const TICKS: u64 = 1000;

/// Without a warm-up: the first use must not allocate either.
#[test]
fn filling_using_and_emptying_a_store_does_not_allocate() {
    let mut entities = Entities::new(0, CAPACITY);
    let mut factions = Factions::default();
    let (mut ended, mut changed) = (0, 0);
    let calls = allocator_calls(|| {
        factions.relate(1, 2, Relation::Enemy);
        for tick in 1..=TICKS {
            while let Ok(id) = entities.spawn(EntityKind::Monster, 1, [0.0; 3]) {
                for kind in 0..7 {
                    assert!(entities.apply_buff(id, 1 << kind, 1, tick + 1 + u64::from(id.index) % 600));
                }
            }
            assert_eq!(entities.len(), CAPACITY);
            for place in (tick as usize % 7..CAPACITY).step_by(7) {
                let id = entities.id_at(place).expect("it is full");
                entities.set_point(id, [tick as f32; 3]);
                entities.set_variable(id, tick as usize % 64, tick as i32);
                entities.apply_buff(id, buffs::BURNING, 9, tick + 300);
                entities.remove_buff(id, buffs::FROZEN);
            }
            entities.expire_buffs(tick, |_, _| ended += 1);
            entities.drain_dirty(|_, _, _| changed += 1);
            for place in (tick as usize % 11..CAPACITY).step_by(11) {
                let id = entities.id_at(place).expect("it is full");
                assert!(entities.despawn(id));
            }
            assert_eq!(entities.ids().count(), entities.len());
        }
    });
    assert!(ended > 5_000 && changed > 100_000, "{ended} buffs ended, {changed} entities changed");
    assert_eq!(calls, 0);
}
