//! The whole acknowledged-delta scheme against a model: a server, a client, and a channel between them that loses, delays and
//! reorders. Each snapshot is kept with the state of the model at its time, so what the client then knows is compared with
//! what was true, and not with the code under test.

mod client;
mod model;

use client::*;
use model::*;

use crate::dice::Dice;
use ringshard::world::exchange::Change;
use ringshard::world::replication::viewer::{DigestResult, Scratch};
use ringshard::world::replication::{Encoder, Pacing, Replica, Viewer};
use ringshard::world::store::Rate;
use ringshard_world::codec::Writer;
use ringshard_world::entity::states;
use ringshard_world::limits::VARIABLES;
use ringshard_world::messages::{Input, PLAIN_ENTRY_BYTES_MAX, SnapshotHeader};
use ringshard_world::view::Change as Seen;
use ringshard_world::{EntityId, EntityKind, Position, State, View};
use std::rc::Rc;

/// Ticks after which clients must know a world at rest completely, over a channel without loss: up to the next refresh and
/// its acknowledgments.
const SETTLING: u32 = 900;

/// Runs a world, then lets it come to rest.
fn run(seed: u64, shape: &Shape) -> Outcome {
    let dice = &mut Dice::new(seed);
    let mut world = World::new(shape.entities, dice.between(1, 1_000_000));
    let mut clients: Vec<Client> = (0..shape.viewers).map(|_| Client::new(shape.entities)).collect();
    let mut scratch = Scratch::default();
    for index in 0..shape.entities {
        if dice.per_mille(800) {
            world.spawn(dice, index);
        }
        clients.iter_mut().for_each(|client| client.wanted[index] = dice.per_mille(600));
    }
    for _ in 0..shape.ticks {
        tick(dice, &mut world, &mut clients, shape, &mut scratch);
    }
    let calm = Shape { change: 0, turnover: 0, roaming: 0, loss: 0, delay: 1, blackout: 0, ..*shape };
    for client in &mut clients {
        (client.down.dark_until, client.up.dark_until) = (0, 0);
    }
    let rested = (0..SETTLING).find(|_| {
        let agreements = tick(dice, &mut world, &mut clients, &calm, &mut scratch);
        let agreed = agreements.iter().all(|&agreement| agreement == DigestResult::Agreed);
        agreed && clients.iter().all(|client| client.is_up_to_date(&world))
    });
    assert!(rested.is_some(), "clients do not get to know a world at rest completely");
    clients.iter().fold(Outcome::default(), |all, client| all.plus(client.outcome))
}

fn tick(
    dice: &mut Dice,
    world: &mut World,
    clients: &mut [Client],
    shape: &Shape,
    scratch: &mut Scratch,
) -> Vec<DigestResult> {
    world.tick += 1;
    world.encoder.clear();
    for index in 0..shape.entities {
        world.disturb(dice, index, shape);
    }
    let mut past: Past = Rc::new(world.truth.clone());
    let mut agreements = Vec::new();
    for client in clients {
        if dice.per_mille(shape.blackout) {
            let until = world.tick + dice.between(10, 150);
            match dice.below(3) {
                0 => client.down.dark_until = until,
                1 => client.up.dark_until = until,
                _ => (client.down.dark_until, client.up.dark_until) = (until, until),
            }
        }
        // Changes of other cores can arrive between any two clients.
        if shape.change > 0 && dice.per_mille(300) {
            let index = dice.below(shape.entities);
            world.disturb(dice, index, shape);
            past = Rc::new(world.truth.clone());
        }
        agreements.push(client.acknowledge(dice, world, scratch));
        client.roam(dice, shape);
        if world.tick.is_multiple_of(shape.looks) {
            client.look(world);
        }
        client.serve(dice, world, &past, shape, scratch);
        client.receive(dice, world.tick, shape);
    }
    agreements
}

/// A random shape.
fn any_shape(seed: u64) -> Shape {
    let dice = &mut Dice::new(seed ^ 0x005A_4E00);
    let variables = [0, 0, 1, 5, VARIABLES][dice.below(5)];
    // At least the size of the largest entry: the configuration refuses a smaller budget.
    let bytes_min = PLAIN_ENTRY_BYTES_MAX + 1 + 6 * variables;
    Shape {
        entities: dice.between(1, 24) as usize,
        viewers: dice.between(1, 3) as usize,
        ticks: dice.between(100, 300),
        variables,
        change: [20, 100, 400, 900][dice.below(4)],
        turnover: [0, 2, 20, 100][dice.below(4)],
        roaming: [0, 2, 20, 100][dice.below(4)],
        looks: [1, 3, 16][dice.below(3)],
        loss: [0, 10, 100, 300, 500][dice.below(5)],
        delay: [0, 1, 5, 20][dice.below(4)],
        blackout: [0, 0, 5][dice.below(3)],
        pacing: Pacing {
            bytes_max: bytes_min + [0, 10, 100, 400][dice.below(4)],
            refresh: [30, 300][dice.below(2)],
            ..Pacing::default()
        },
    }
}

/// Runs a random world; a failure names its seed.
fn run_any(seed: u64) -> Outcome {
    let shape = any_shape(seed);
    match std::panic::catch_unwind(|| run(seed, &shape)) {
        Ok(outcome) => outcome,
        Err(_) => panic!("seed {seed}: {shape:?}"),
    }
}

#[test]
fn clients_know_the_truth_whatever_the_channel_does() {
    let outcome = (0..300).map(run_any).fold(Outcome::default(), Outcome::plus);
    assert!(outcome.agreed > outcome.unknown, "{outcome:?}");
}

/// Without loss, most digests can be checked: a digest that is never checked would find nothing.
#[test]
fn most_digests_are_checked_without_loss() {
    for seed in 0..20 {
        let (pacing, change) = (Pacing::default(), 100);
        let shape =
            Shape { change, loss: 0, delay: 0, blackout: 0, turnover: 0, roaming: 2, pacing, ..any_shape(seed) };
        let outcome = run(seed, &shape);
        assert!(outcome.agreed > 4 * outcome.unknown, "{outcome:?} in {shape:?}");
    }
}

/// Entities that never leave, such as the player's own: what is known of them outlives snapshot numbers and ticks of 16 bits.
#[test]
fn snapshot_numbers_wrap() {
    let calm = Shape {
        entities: 4,
        viewers: 1,
        ticks: 72_000,
        variables: 2,
        change: 950,
        turnover: 0,
        roaming: 0,
        looks: 1,
        loss: 100,
        delay: 2,
        blackout: 0,
        pacing: Pacing::default(),
    };
    let outcome = run(2, &calm);
    assert!(outcome.snapshots > 1 << 16, "{outcome:?}");
    assert!(outcome.agreed > 2 * outcome.unknown, "{outcome:?}");
}

/// The client receives, but its acknowledgments are lost: the server repeats the same difference from the same baseline.
#[test]
fn a_client_whose_acknowledgments_are_lost_stays_up_to_date() {
    let still =
        Shape { viewers: 1, change: 0, turnover: 0, roaming: 0, loss: 0, delay: 1, blackout: 0, ..any_shape(0) };
    let (dice, scratch) = (&mut Dice::new(1), &mut Scratch::default());
    let mut world = World::new(still.entities, 1);
    let mut clients = [Client::new(still.entities)];
    clients[0].wanted[0] = true;
    world.truth[0] =
        Rc::new(Truth { generation: 1, is_there: true, state: any_state(dice), rate: Rate::Full, ..NO_ENTITY });
    world.state(0);
    (0..30).for_each(|_| drop(tick(dice, &mut world, &mut clients, &still, scratch)));
    assert!(clients[0].is_up_to_date(&world));
    clients[0].up.dark_until = u32::MAX;
    Rc::make_mut(&mut world.truth[0]).state.health ^= 1;
    world.state(0);
    (0..3000).for_each(|_| drop(tick(dice, &mut world, &mut clients, &still, scratch)));
    assert!(clients[0].is_up_to_date(&world));
}

/// Far more changes than fit: every entity gets its turn.
#[test]
fn entities_that_do_not_fit_are_sent_before_long() {
    const ENTITIES: usize = 60;
    let pacing = Pacing { bytes_max: PLAIN_ENTRY_BYTES_MAX + 20, ..Pacing::default() };
    let (loss, delay) = (0, 2);
    let shape = Shape {
        entities: ENTITIES,
        viewers: 1,
        change: 0,
        turnover: 0,
        roaming: 0,
        blackout: 0,
        looks: 1,
        loss,
        delay,
        pacing,
        ..any_shape(0)
    };
    let (dice, scratch) = (&mut Dice::new(3), &mut Scratch::default());
    let mut world = World::new(ENTITIES, 1);
    let mut clients = [Client::new(ENTITIES)];
    for index in 0..ENTITIES {
        let state = State { position: Position { x: index as u32, ..Position::default() }, ..State::NONE };
        world.truth[index] = Rc::new(Truth { generation: 1, is_there: true, state, ..NO_ENTITY });
        world.state(index);
        clients[0].wanted[index] = true;
        clients[0].near[index] = index % 2 == 0;
    }
    for tick_number in 1..=1_000u32 {
        for index in 0..ENTITIES {
            Rc::make_mut(&mut world.truth[index]).state.position.x += 1_000;
            world.state(index);
        }
        tick(dice, &mut world, &mut clients, &shape, scratch);
        if tick_number > 200 {
            let oldest = clients[0].view.entities().map(|seen| u64::from(world.tick) - seen.tick()).max();
            assert_eq!(clients[0].view.entities().count(), ENTITIES);
            // Half of them are far and count a sixth as much; one or two of them fit a snapshot.
            assert!(oldest < Some(150), "an entity was last sent {oldest:?} ticks ago");
        }
    }
}
