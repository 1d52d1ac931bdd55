//! The replication finds, writes and acknowledges entries without allocating, once the largest tick is over.

use crate::allocator_calls;
use crate::dice::Dice;
use ringshard::world::exchange::Change;
use ringshard::world::replication::viewer::Scratch;
use ringshard::world::replication::{Encoder, Pacing, Replica, Viewer};
use ringshard::world::store::Rate;
use ringshard_world::{EntityId, State, View};

const ENTITIES: u16 = 200;
const VIEWERS: usize = 10;
const WARMING: u32 = 300;
const TICKS: u32 = 600;

#[test]
fn replication_does_not_allocate() {
    let dice = &mut Dice::new(7);
    let mut replica = Replica::new(ENTITIES.into());
    let mut encoder = Encoder::new(ENTITIES.into());
    let mut scratch = Scratch::default();
    let mut viewers: Vec<(Viewer, View)> =
        (0..VIEWERS).map(|_| (Viewer::new(EntityId { index: 0, generation: 1 }), View::new())).collect();
    let mut states = vec![State::NONE; ENTITIES.into()];
    let mut messages = [[0; 1024]; VIEWERS];
    let (mut calls, mut entries) = (0, 0);
    for tick in 1..=WARMING + TICKS {
        // The warm-up ticks have every possible change; later ticks have fewer, and others each time.
        let is_warm = tick > WARMING;
        let may = if is_warm { 700 } else { 1000 };
        let calls_of_tick = allocator_calls(|| {
            encoder.clear();
            for index in 0..ENTITIES {
                // Entities have different ages.
                let id = EntityId { index, generation: (1 + (tick + u32::from(index)) / 500) as u8 };
                if !dice.per_mille(may) {
                    continue;
                }
                let state = &mut states[usize::from(index)];
                state.position.x ^= dice.bits() as u32;
                state.position.y ^= dice.bits() as u32;
                state.health = dice.bits() as u8;
                replica.apply(tick, &Change::State { id, state: *state, rate: Rate::Full });
                replica.apply(tick, &Change::Variable { id, number: dice.below(64) as u8, value: dice.bits() as i32 });
                encoder.forget(index);
            }
        });
        let mut lens = [0; VIEWERS];
        let calls_of_viewers = allocator_calls(|| {
            for (at, (viewer, view)) in viewers.iter_mut().enumerate() {
                if dice.per_mille(may)
                    && let Some((newest, before)) = view.received()
                {
                    viewer.acknowledge(tick, newest, before, &replica);
                    viewer.check(0, &replica, &mut scratch);
                }
                let index = dice.below(ENTITIES.into()) as u16;
                let generation = replica.generation(index);
                if viewer.shown().any(|shown| shown == index) {
                    viewer.leave(index);
                } else if generation != 0 {
                    viewer.enter(index, generation);
                }
                viewer.set_near(|index| index % 3 != 0);
                let pacing = Pacing { bytes_max: 900, ..Pacing::default() };
                lens[at] = viewer.snapshot(tick, &pacing, &replica, &mut encoder, &mut scratch, &mut messages[at]);
            }
        });
        for (at, (_, view)) in viewers.iter_mut().enumerate() {
            if lens[at] > 0 && dice.per_mille(900) {
                view.take(&messages[at][..lens[at]], |_| entries += 1).unwrap();
            }
        }
        calls += if is_warm { calls_of_tick + calls_of_viewers } else { 0 };
    }
    assert!(entries > 10 * TICKS, "{entries} entries");
    assert_eq!(calls, 0);
}
