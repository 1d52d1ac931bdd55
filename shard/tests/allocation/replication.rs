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

/// A world whose entities change at random, and its viewers.
struct World {
    dice: Dice,
    tick: u32,
    replica: Replica,
    encoder: Encoder,
    scratch: Scratch,
    states: Vec<State>,
    viewers: Vec<(Viewer, View)>,
    messages: [[u8; 1024]; VIEWERS],
    lens: [usize; VIEWERS],
}

impl World {
    fn new() -> Self {
        let player = EntityId { index: 0, generation: 1 };
        World {
            dice: Dice::new(7),
            tick: 0,
            replica: Replica::new(ENTITIES.into()),
            encoder: Encoder::new(ENTITIES.into()),
            scratch: Scratch::default(),
            states: vec![State::NONE; ENTITIES.into()],
            viewers: (0..VIEWERS).map(|_| (Viewer::new(player), View::new())).collect(),
            messages: [[0; 1024]; VIEWERS],
            lens: [0; VIEWERS],
        }
    }

    /// Changes each entity with this chance.
    fn change(&mut self, per_mille: u32) {
        let World { dice, tick, replica, encoder, states, .. } = self;
        encoder.clear();
        for index in 0..ENTITIES {
            // Entities have different ages.
            let id = EntityId { index, generation: (1 + (*tick + u32::from(index)) / 500) as u8 };
            if !dice.per_mille(per_mille) {
                continue;
            }
            let state = &mut states[usize::from(index)];
            state.position.x ^= dice.bits() as u32;
            state.position.y ^= dice.bits() as u32;
            state.health = dice.bits() as u8;
            replica.apply(*tick, &Change::State { id, state: *state, rate: Rate::Full });
            replica.apply(*tick, &Change::Variable { id, number: dice.below(64) as u8, value: dice.bits() as i32 });
            encoder.forget(index);
        }
    }

    /// Takes the acknowledgment of each viewer with this chance, changes what it sees, and writes its snapshot.
    fn replicate(&mut self, per_mille: u32) {
        let World { dice, tick, replica, encoder, scratch, viewers, messages, lens, .. } = self;
        for (at, (viewer, view)) in viewers.iter_mut().enumerate() {
            if dice.per_mille(per_mille)
                && let Some((newest, before)) = view.received()
            {
                viewer.acknowledge(*tick, newest, before, replica);
                viewer.check(0, replica, scratch);
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
            lens[at] = viewer.snapshot(*tick, &pacing, replica, encoder, scratch, &mut messages[at]);
        }
    }

    /// Most snapshots arrive; gives the number of their entries.
    fn deliver(&mut self) -> u32 {
        let World { dice, viewers, messages, lens, .. } = self;
        let mut entries = 0;
        for (at, (_, view)) in viewers.iter_mut().enumerate() {
            if lens[at] > 0 && dice.per_mille(900) {
                view.take(&messages[at][..lens[at]], |_| entries += 1).unwrap();
            }
        }
        entries
    }
}

#[test]
fn replication_does_not_allocate() {
    let mut world = World::new();
    let (mut calls, mut entries) = (0, 0);
    for tick in 1..=WARMING + TICKS {
        world.tick = tick;
        // The warm-up ticks have every possible change; later ticks have fewer, and others each time.
        let is_warm = tick > WARMING;
        let per_mille = if is_warm { 700 } else { 1000 };
        let calls_of_tick = allocator_calls(|| {
            world.change(per_mille);
            world.replicate(per_mille);
        });
        entries += world.deliver();
        calls += if is_warm { calls_of_tick } else { 0 };
    }
    assert!(entries > 10 * TICKS, "{entries} entries");
    assert_eq!(calls, 0, "calls to the allocator");
}
