//! The replication finds, writes and acknowledges entries without allocating, once the largest tick is over.

use crate::allocator_calls;
use crate::contract::{Own, Plain, alter_own};
use crate::dice::Dice;
use ringshard::world::exchange::Change;
use ringshard::world::replication::viewer::{PlayerReport, Scratch};
use ringshard::world::replication::{Encoder, Happenings, Pacing, Replica, Viewer};
use ringshard::world::store::Rate;
use ringshard_protocol::wire::Channel;
use ringshard_world::character::Character;
use ringshard_world::messages::Owner;
use ringshard_world::{EntityId, State, View};

const ENTITIES: u16 = 200;
const VIEWERS: usize = 10;
const WARMING: u32 = 300;
const TICKS: u32 = 600;

/// A world whose entities change at random, and its viewers.
struct World {
    dice: Dice,
    tick: u32,
    replica: Replica<Character>,
    encoder: Encoder,
    happenings: Happenings,
    scratch: Scratch,
    states: Vec<State<Character>>,
    viewers: Vec<(Viewer<Own>, View<Plain>)>,
    owner: Owner<Own>,
    heard: usize,
    messages: [[u8; 1024]; VIEWERS],
    lens: [usize; VIEWERS],
}

impl World {
    fn new() -> Self {
        World {
            dice: Dice::new(7),
            tick: 0,
            replica: Replica::new(ENTITIES.into(), 0, Character::default()),
            encoder: Encoder::new(ENTITIES.into()),
            happenings: Happenings::new(ENTITIES.into()),
            scratch: Scratch::default(),
            states: vec![State::default(); ENTITIES.into()],
            viewers: (0..VIEWERS).map(|_| (Viewer::new(Own::default(), 0, 0), View::new(&Plain, 0))).collect(),
            owner: Owner::default(),
            heard: 0,
            messages: [[0; 1024]; VIEWERS],
            lens: [0; VIEWERS],
        }
    }

    /// Changes each entity with this chance.
    fn change(&mut self, per_mille: u32) {
        let World { dice, tick, replica, encoder, happenings, states, .. } = self;
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
            (state.shown.health, state.shown.score) = (dice.bits() as u8, dice.bits() as u32);
            replica.apply(*tick, &Change::State { id, state: *state, kind: 0, rate: Rate::Full });
            encoder.forget(index);
            happenings.push(id, Channel::UNRELIABLE, &[7; 40]);
        }
        happenings.next_tick();
    }

    /// Takes the acknowledgment of each viewer with this chance, changes what it sees, and writes its snapshot.
    fn replicate(&mut self, per_mille: u32) {
        let World { dice, tick, replica, encoder, happenings, scratch, viewers, owner, messages, lens, .. } = self;
        alter_own(dice, &mut owner.own);
        owner.body = Some(EntityId { index: dice.below(ENTITIES.into()) as u16, generation: 1 });
        for (at, (viewer, view)) in viewers.iter_mut().enumerate() {
            if dice.per_mille(per_mille)
                && let Some((newest, before)) = view.received()
            {
                viewer.acknowledge(*tick, newest, before);
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
            let report = PlayerReport { owner, lead: 0, input_age: 0 };
            let message = &mut messages[at];
            lens[at] = viewer.snapshot(*tick, &report, &pacing, replica, encoder, happenings, scratch, message);
            self.heard += scratch.heard.iter().map(|&about| happenings.about(about).count()).sum::<usize>();
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
            // While it warms up, acknowledgments are rare, so that all rings grow.
            world.replicate(if is_warm { per_mille } else { 300 });
        });
        entries += world.deliver();
        calls += if is_warm { calls_of_tick } else { 0 };
    }
    assert!(entries > 10 * TICKS && world.heard > 10 * TICKS as usize, "{entries} entries, {} events", world.heard);
    assert_eq!(calls, 0, "calls to the allocator");
}
