//! The whole acknowledged-delta scheme against a model: a server, a client, and a channel between them that loses, delays and
//! reorders. Each snapshot is kept with the state of the model at its time, so what the client then knows is compared with
//! what was true, and not with the code under test.

mod client;
mod model;

use client::*;
use model::*;

use crate::contract::{Own, Plain, Step, alter_own};
use crate::dice::Dice;
use ringshard::world::exchange::Change;
use ringshard::world::replication::viewer::{DigestResult, PlayerReport, Scratch};
use ringshard::world::replication::{Encoder, Happenings, Pacing, Replica, Viewer};
use ringshard::world::store::Rate;
use ringshard_protocol::wire::Channel;
use ringshard_world::character::Character;
use ringshard_world::codec::Writer;
use ringshard_world::messages::{InputHeader, Owner, SnapshotHeader};
use ringshard_world::view::Change as Seen;
use ringshard_world::{EntityId, Fields, Position, State, View};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Size of the largest entry of a character.
const ENTRY_BYTES: usize = 5 + 28 + <Character as Fields>::BYTES_MAX;
/// Nothing happens.
const CALM: Shape = Shape {
    entities: 4,
    viewers: 1,
    ticks: 0,
    first_version: 0,
    first_snapshot: 0,
    change: 0,
    turnover: 0,
    roaming: 0,
    own: 0,
    body: 0,
    events: 0,
    looks: 1,
    loss: 0,
    copies: 0,
    delay: 0,
    blackout: 0,
    pacing: Pacing { bytes_max: 500, near: 1, far_tenths: 33, still: 10, refresh: 300 },
};
/// Ticks after which clients must know a world at rest completely, over a channel without loss: up to the next refresh and
/// its acknowledgments.
const SETTLING: u32 = 900;

/// Runs a world, then lets it come to rest.
fn run(seed: u64, shape: &Shape) -> Outcome {
    let dice = &mut Dice::new(seed);
    // Ticks on the wire wrap.
    let first_tick = [1, 1_000_000, (1 << 32) - 150][dice.below(3)];
    let mut world = World::new(shape.entities, first_tick, shape.first_version);
    let client = |_| Client::new(shape.entities, shape.first_snapshot);
    let mut clients: Vec<Client> = (0..shape.viewers).map(client).collect();
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
    let Shape { entities, looks, pacing, events, .. } = *shape;
    let calm = Shape { entities, looks, pacing, events, delay: 1, ..CALM };
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
    world.happen(dice, shape);
    let mut past: Past = Rc::new(world.truth.clone());
    let mut agreements = Vec::new();
    for client in clients {
        if dice.per_mille(shape.blackout) {
            let until = world.tick + u64::from(dice.between(10, 150));
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
    Shape {
        entities: dice.between(1, 24) as usize,
        viewers: dice.between(1, 3) as usize,
        ticks: dice.between(100, 300),
        first_version: [0, 1, u16::MAX - 60, u16::MAX - 1][dice.below(4)],
        first_snapshot: [0, 1, 30_000, u16::MAX - 100][dice.below(4)],
        change: [20, 100, 400, 900][dice.below(4)],
        turnover: [0, 2, 20, 100][dice.below(4)],
        roaming: [0, 2, 20, 100][dice.below(4)],
        own: [0, 50, 900][dice.below(3)],
        body: [0, 10, 300][dice.below(3)],
        events: [0, 10, 300][dice.below(3)],
        looks: [1, 3, 16][dice.below(3)],
        loss: [0, 10, 100, 300, 500][dice.below(5)],
        copies: [0, 100][dice.below(2)],
        delay: [0, 1, 5, 20][dice.below(4)],
        blackout: [0, 0, 5][dice.below(3)],
        pacing: Pacing {
            // The configuration refuses a budget that the largest entry does not fit.
            bytes_max: ENTRY_BYTES + [0, 10, 100, 400][dice.below(4)],
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
    // Otherwise nothing was tried.
    let Outcome { owners, owner_differences, heard, .. } = outcome;
    assert!(owner_differences > owners / 2 && owners > owner_differences + 1_000 && heard > 10_000, "{outcome:?}");
}

/// Without loss, most digests can be checked: a digest that is never checked would find nothing.
#[test]
fn most_digests_are_checked_without_loss() {
    for seed in 0..20 {
        let Shape { entities, viewers, ticks, looks, first_version, first_snapshot, .. } = any_shape(seed);
        let shape =
            Shape { entities, viewers, ticks, looks, first_version, first_snapshot, change: 100, roaming: 2, ..CALM };
        let outcome = run(seed, &shape);
        assert!(outcome.agreed > 4 * outcome.unknown, "{outcome:?} in {shape:?}");
    }
}

/// Entities that never leave, such as the player's own: what is known of them outlives snapshot numbers and ticks of 16 bits.
#[test]
fn snapshot_numbers_wrap() {
    let shape = Shape { ticks: 72_000, change: 950, own: 300, body: 100, loss: 100, copies: 20, delay: 2, ..CALM };
    let outcome = run(2, &shape);
    assert!(outcome.snapshots > 1 << 16, "{outcome:?}");
    assert!(outcome.agreed > 2 * outcome.unknown, "{outcome:?}");
    assert!(outcome.owner_differences > outcome.owners * 9 / 10, "{outcome:?}");
}

/// A world with one client that sees the entity 0, once everything is known.
fn one_at_rest(scratch: &mut Scratch) -> (World, [Client; 1]) {
    let dice = &mut Dice::new(1);
    let mut world = World::new(CALM.entities, 1, 0);
    let mut clients = [Client::new(CALM.entities, 0)];
    clients[0].wanted[0] = true;
    world.truth[0] = Rc::new(Truth { generation: 1, is_there: true, state: any_state(dice), ..no_entity() });
    world.state(0);
    (0..30).for_each(|_| drop(tick(dice, &mut world, &mut clients, &CALM, scratch)));
    assert!(clients[0].is_up_to_date(&world));
    (world, clients)
}

/// The client receives, but its acknowledgments are lost: the server repeats the same difference from the same baseline, and
/// the whole own state once its baseline is too old.
#[test]
fn a_client_whose_acknowledgments_are_lost_stays_up_to_date() {
    let (dice, scratch) = (&mut Dice::new(1), &mut Scratch::default());
    let (mut world, mut clients) = one_at_rest(scratch);
    clients[0].up.dark_until = u64::MAX;
    Rc::make_mut(&mut world.truth[0]).state.shown.health ^= 1;
    world.state(0);
    for round in 0..3000_u32 {
        clients[0].owner.own.ammunition = round as u16;
        tick(dice, &mut world, &mut clients, &CALM, scratch);
        assert_eq!(clients[0].view.owner().own.ammunition, round as u16);
        let baseline = clients[0].view.newest().unwrap().baseline;
        assert!(round < 40 || baseline == 0, "the baseline is {baseline} snapshots back, but it has expired");
    }
    assert!(clients[0].is_up_to_date(&world));
}

/// Each change is sent until it is acknowledged, and no longer.
#[test]
fn an_own_state_that_rests_costs_nothing() {
    let (dice, scratch) = (&mut Dice::new(1), &mut Scratch::default());
    let (mut world, mut clients) = one_at_rest(scratch);
    clients[0].owner =
        Owner { body: Some(EntityId { index: 0, generation: 1 }), own: Own { x: 5.0, ..Own::default() } };
    (0..10).for_each(|_| drop(tick(dice, &mut world, &mut clients, &CALM, scratch)));
    assert_eq!(*clients[0].view.owner(), clients[0].owner);
    let before = clients[0].outcome.snapshots;
    (0..200).for_each(|_| drop(tick(dice, &mut world, &mut clients, &CALM, scratch)));
    assert_eq!(clients[0].outcome.snapshots - before, 20, "a snapshot without news leaves every 10 ticks");
}

/// Input messages of an earlier presence may still arrive. Their digests are of a view that is gone.
#[test]
fn an_acknowledgment_of_a_snapshot_before_the_first_one_is_not_taken() {
    let (dice, scratch) = (&mut Dice::new(1), &mut Scratch::default());
    for first in [0, 7, 40_000, u16::MAX] {
        let mut world = World::new(CALM.entities, 1, 0);
        let mut client = Client::new(CALM.entities, first);
        for sent in 0..5 {
            for before in [1, 2, 60, 0x7000] {
                let newest = first.wrapping_sub(before);
                assert!(!client.viewer.acknowledge(1, newest, u64::MAX), "{sent} sent, {newest}");
            }
            client.owner.own.ammunition = sent + 1;
            let past = Rc::new(world.truth.clone());
            client.serve(dice, &mut world, &past, &CALM, scratch);
            assert!(client.viewer.acknowledge(1, first.wrapping_add(sent), 0), "{sent}");
        }
        assert!(!client.viewer.acknowledge(1, first.wrapping_add(5), 0), "it was not sent yet");
    }
}

/// Two zeros are equal, so a difference leaves the other one out: both ends must still have the same digest.
#[test]
fn a_negative_zero_does_not_make_digests_differ() {
    ringshard_world::wire! { pub struct Scaled { pub size: f32, pub kind: u8 } }
    let digest = |size: f32| State { shown: Scaled { size, kind: 1 }, ..State::default() }.digest_on(0);
    assert_eq!(digest(0.0), digest(-0.0));
    assert_ne!(digest(0.0), digest(1.0));
}

/// Of an entity's end: the event often comes in the tick in which it is gone, or after a core has heard that it is.
#[test]
fn those_who_saw_an_entity_hear_of_its_end() {
    for delay_of_event in 0..3 {
        let (dice, scratch) = (&mut Dice::new(1), &mut Scratch::default());
        let (mut world, mut clients) = one_at_rest(scratch);
        let about = EntityId { index: 0, generation: 1 };
        clients[0].up.dark_until = u64::MAX;
        world.despawn(0);
        (0..delay_of_event).for_each(|_| drop(tick(dice, &mut world, &mut clients, &CALM, scratch)));
        world.happenings.push(about, Channel::UNRELIABLE, &[1]);
        tick(dice, &mut world, &mut clients, &CALM, scratch);
        assert_eq!(scratch.heard, [about], "{delay_of_event} ticks later");
    }
}

#[test]
fn those_who_know_that_an_entity_left_their_sight_do_not_hear_of_it() {
    let (dice, scratch) = (&mut Dice::new(1), &mut Scratch::default());
    let (mut world, mut clients) = one_at_rest(scratch);
    clients[0].up.dark_until = u64::MAX;
    clients[0].wanted[0] = false;
    tick(dice, &mut world, &mut clients, &CALM, scratch);
    world.happenings.push(EntityId { index: 0, generation: 1 }, Channel::UNRELIABLE, &[1]);
    tick(dice, &mut world, &mut clients, &CALM, scratch);
    assert_eq!(scratch.heard, []);
}

/// Far more changes than fit: every entity gets its turn.
#[test]
fn entities_that_do_not_fit_are_sent_before_long() {
    const ENTITIES: usize = 60;
    let pacing = Pacing { bytes_max: ENTRY_BYTES + 20, ..Pacing::default() };
    let shape = Shape { entities: ENTITIES, delay: 2, pacing, ..CALM };
    let (dice, scratch) = (&mut Dice::new(3), &mut Scratch::default());
    let mut world = World::new(ENTITIES, 1, 0);
    let mut clients = [Client::new(ENTITIES, 0)];
    for index in 0..ENTITIES {
        let state = State { position: Position { x: index as u32, ..Position::default() }, ..State::default() };
        world.truth[index] = Rc::new(Truth { generation: 1, is_there: true, state, ..no_entity() });
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
            let oldest = clients[0].view.entities().map(|seen| world.tick - seen.tick()).max();
            assert_eq!(clients[0].view.entities().count(), ENTITIES);
            // Half of them are far and count a sixth as much; one or two of them fit a snapshot.
            assert!(oldest < Some(150), "an entity was last sent {oldest:?} ticks ago");
        }
    }
}
