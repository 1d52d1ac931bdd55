//! How often a client receives each entity, and that every entity gets its turn.

use crate::contract::{Own, Plain};
use ringshard::world::exchange::Change;
use ringshard::world::replication::viewer::{DigestResult, PlayerReport, Scratch};
use ringshard::world::replication::{Encoder, Happenings, Pacing, Replica, Viewer};
use ringshard::world::store::Rate;
use ringshard_world::character::Character;
use ringshard_world::messages::{Owner, SnapshotHeader};
use ringshard_world::view::Change as Seen;
use ringshard_world::{EntityId, Position, State, View};

/// Ticks until the client knows every entity and its first acknowledgments have arrived.
const BEGINNING: u32 = 60;

/// The players have no own state: only entities count here.
const OWNER: Owner<Own> = Owner { body: None, own: Own { x: 0.0, y: 0.0, ammunition: 0, cooldowns: [0; 5] } };
const REPORT: PlayerReport<'_, Own> = PlayerReport { owner: &OWNER, lead: 0, input_age: 0 };

fn id(index: u16) -> EntityId {
    EntityId { index, generation: 1 }
}

/// A world with one viewer on a channel without loss: a snapshot is acknowledged before the next tick.
struct World {
    tick: u32,
    pacing: Pacing,
    replica: Replica<Character>,
    encoder: Encoder,
    happenings: Happenings,
    scratch: Scratch,
    viewer: Viewer<Own>,
    view: View<Plain>,
    states: Vec<State<Character>>,
    rates: Vec<Rate>,
    /// Entities sent in the last tick, and whether in full.
    sent: Vec<(u16, bool)>,
}

impl World {
    fn new(entities: usize, pacing: Pacing) -> Self {
        let mut world = World {
            tick: 1,
            pacing,
            replica: Replica::new(entities, 0, Character::default()),
            encoder: Encoder::new(entities),
            happenings: Happenings::new(entities),
            scratch: Scratch::default(),
            viewer: Viewer::new(OWNER.own, 0, 0),
            view: View::new(&Plain, 0),
            states: vec![State::default(); entities],
            rates: vec![Rate::Full; entities],
            sent: Vec::new(),
        };
        for index in 0..entities as u16 {
            world.publish(index);
            world.viewer.enter(index, 1);
        }
        world
    }

    fn publish(&mut self, index: u16) {
        let (state, rate) = (self.states[usize::from(index)], self.rates[usize::from(index)]);
        self.replica.apply(self.tick, &Change::State { id: id(index), state, kind: 0, rate });
        self.encoder.forget(index);
    }

    /// Moves an entity by one step.
    fn move_on(&mut self, index: u16) {
        self.states[usize::from(index)].position.x += 1;
        self.publish(index);
    }

    /// Changes as much of an entity as a difference can carry.
    fn change_all(&mut self, index: u16) {
        let state = &mut self.states[usize::from(index)];
        let Position { x, y, z } = state.position;
        // Back and forth, so that each difference is large.
        state.position = Position { x: x ^ 1 << 30, y: y ^ 1 << 30, z: z ^ 1 << 30 };
        state.velocity = state.velocity.map(|axis| axis ^ 1 << 14);
        state.rotation = state.rotation.map(|axis| axis ^ 1 << 14);
        let Character { kind, faction, states, buffs, health, mana, animation, score } = state.shown;
        state.shown = Character {
            kind: !kind,
            faction: !faction,
            states: !states,
            buffs: !buffs,
            health: !health,
            mana: !mana,
            animation: !animation,
            score: !score,
        };
        self.publish(index);
    }

    fn all_near(&mut self, near: bool) {
        self.viewer.set_near(|_| near);
    }

    /// Runs a tick in which `change` happens. Its snapshot and the acknowledgment arrive.
    fn tick(&mut self, change: impl FnOnce(&mut World)) {
        self.tick += 1;
        self.encoder.clear();
        change(self);
        let mut message = [0; 1024];
        let World { tick, pacing, replica, encoder, happenings, scratch, viewer, view, sent, .. } = self;
        let len = viewer.snapshot(*tick, &REPORT, pacing, replica, encoder, happenings, scratch, &mut message);
        sent.clear();
        if len == 0 {
            return;
        }
        let entry = SnapshotHeader::BYTES..len;
        let is_full = |bytes: &[u8]| u16::from_le_bytes([bytes[2], bytes[3]]) >> 5 & 31 == 0;
        view.take(&message[..len], |change| match change {
            // The test knows the offset of the first entry only.
            Seen::Entered(id) | Seen::Updated(id) => sent.push((id.index, is_full(&message[entry.clone()]))),
            Seen::Left(id) => panic!("{id:?} must not leave"),
        })
        .unwrap();
        let (newest, before) = view.received().unwrap();
        assert!(viewer.acknowledge(*tick, newest, before));
        assert_ne!(viewer.check(view.digest(), replica, scratch), DigestResult::Differs);
    }

    fn begin(&mut self) {
        (0..BEGINNING).for_each(|_| self.tick(|_| ()));
        assert_eq!(self.view.len(), self.states.len());
    }

    /// The number of ticks, out of `ticks`, that send entity 0 while `change` happens in each.
    fn ticks_with_updates(&mut self, ticks: u32, mut change: impl FnMut(&mut World)) -> u32 {
        (0..ticks)
            .map(|_| {
                self.tick(&mut change);
                u32::from(self.sent.iter().any(|&(index, _)| index == 0))
            })
            .sum()
    }
}

fn alone() -> World {
    let mut world = World::new(1, Pacing::default());
    world.begin();
    world
}

#[test]
fn a_near_moving_entity_is_sent_in_every_tick() {
    let mut world = alone();
    assert_eq!(world.ticks_with_updates(600, |world| world.move_on(0)), 600);
}

#[test]
fn a_far_moving_entity_is_sent_18_times_per_second() {
    for offset in 0..10 {
        let mut world = alone();
        world.ticks_with_updates(offset, |_| ());
        world.all_near(false);
        let sent = world.ticks_with_updates(600, |world| world.move_on(0));
        assert!((175..=185).contains(&sent), "{sent} times in 10 s instead of 180");
    }
}

#[test]
fn a_rarely_moving_entity_is_sent_6_times_per_second() {
    for near in [true, false] {
        let mut world = alone();
        world.all_near(near);
        let sent = world.ticks_with_updates(600, |world| {
            if world.tick % 5 == 0 {
                world.move_on(0);
            }
        });
        assert_eq!(sent, 60);
    }
}

/// The entity has moved and stands now: an occasional change of what it shows is no movement.
#[test]
fn an_entity_that_has_stopped_counts_as_rarely_moving() {
    let mut world = alone();
    world.ticks_with_updates(60, |world| world.move_on(0));
    world.ticks_with_updates(60, |_| ());
    let sent = world.ticks_with_updates(600, |world| {
        if world.tick % 5 == 0 {
            world.states[0].shown.score = world.tick;
            world.publish(0);
        }
    });
    assert_eq!(sent, 60);
}

#[test]
fn under_load_far_entities_are_sent_less_often() {
    for (level, wanted) in [(1, 90), (2, 45), (3, 23)] {
        let mut world = World::new(1, Pacing::default().shed(level));
        world.begin();
        world.all_near(false);
        let sent = world.ticks_with_updates(600, |world| world.move_on(0));
        assert!(sent.abs_diff(wanted) <= 3, "{sent} times at level {level} instead of {wanted}");
    }
}

#[test]
fn the_rate_of_an_entity_limits_how_often_it_is_sent() {
    for (rate, most) in [(Rate::Full, 600), (Rate::Reduced, 200), (Rate::Low, 60), (Rate::Never, 1)] {
        let mut world = alone();
        world.rates[0] = rate;
        let sent = world.ticks_with_updates(600, |world| world.move_on(0));
        assert!(sent.abs_diff(most) <= 1, "{sent} times at {rate:?}");
    }
}

#[test]
fn an_unchanged_entity_is_refreshed_in_full() {
    let mut world = alone();
    let mut at = Vec::new();
    for _ in 0..1500 {
        world.tick(|_| ());
        if let Some(&(_, is_full)) = world.sent.first() {
            assert!(is_full);
            at.push(world.tick);
        }
    }
    assert_eq!(at.len(), 5);
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] == 300), "{at:?}");
}

/// The longest that any entity waits while all of them change in every tick.
fn longest_wait(entities: u16, bytes_max: usize, mut change: impl FnMut(&mut World, u16)) -> u32 {
    let mut world = World::new(entities.into(), Pacing { bytes_max, ..Pacing::default() });
    let mut sent_at = vec![world.tick; entities.into()];
    let mut longest = 0;
    for _ in 0..1000 {
        world.tick(|world| (0..entities).for_each(|index| change(world, index)));
        for &(index, _) in &world.sent {
            let sent_at = &mut sent_at[usize::from(index)];
            longest = longest.max(world.tick - *sent_at);
            *sent_at = world.tick;
        }
    }
    sent_at.iter().fold(longest, |longest, sent_at| longest.max(world.tick - sent_at))
}

#[test]
fn every_entity_gets_a_turn_when_three_of_fifty_fit() {
    // A full entry has 9 bytes or more and a difference 6, so fewer fit in the beginning.
    let longest = longest_wait(50, 30, World::move_on);
    assert!(longest <= 50, "an entity waited {longest} ticks");
}

#[test]
fn every_entity_gets_a_turn_when_near_entities_come_first() {
    let longest = longest_wait(50, 30, |world, index| {
        world.viewer.set_near(|index| index % 2 == 0);
        world.move_on(index);
    });
    assert!(longest <= 50, "an entity waited {longest} ticks");
}

/// The differences are larger than most.
#[test]
fn every_entity_gets_a_turn_when_entries_are_larger_than_usual() {
    for entities in [20, 25, 28, 31, 40, 100] {
        let longest = longest_wait(entities, 500, World::change_all);
        assert!(longest <= 12, "of {entities} an entity waited {longest} ticks");
    }
}

/// The entry that [`World::change_all`] makes: head, generation, position, rotation, velocity, and all that is shown.
const LARGEST_ENTRY_BYTES: usize = 4 + 1 + 13 + 7 + 7 + 2 + 12;

/// The largest entry fits only when nearly nothing else does.
#[test]
fn every_entity_gets_a_turn_when_one_entry_needs_nearly_all_of_the_budget() {
    let longest = longest_wait(40, LARGEST_ENTRY_BYTES, |world, index| {
        if index == 39 {
            world.change_all(index);
        } else {
            world.move_on(index);
        }
    });
    assert!(longest <= 50, "an entity waited {longest} ticks");
}

/// All clients with the same version get the same bytes.
#[test]
fn an_entry_is_encoded_once_for_all_clients() {
    const VIEWERS: usize = 20;
    let mut world = World::new(8, Pacing::default());
    let mut viewers: Vec<(Viewer<Own>, View<Plain>)> = (0..VIEWERS)
        .map(|_| {
            let mut viewer = Viewer::new(OWNER.own, 0, 0);
            (0..8).for_each(|index| viewer.enter(index, 1));
            (viewer, View::new(&Plain, 0))
        })
        .collect();
    for tick in 2..300 {
        world.tick = tick;
        world.encoder.clear();
        (0..8).for_each(|index| world.move_on(index));
        let World { pacing, replica, encoder, happenings, scratch, .. } = &mut world;
        let (encoded, taken) = (encoder.encoded, encoder.taken);
        for (at, (viewer, view)) in viewers.iter_mut().enumerate() {
            let mut message = [0; 1024];
            let len = viewer.snapshot(tick, &REPORT, pacing, replica, encoder, happenings, scratch, &mut message);
            view.take(&message[..len], |_| ()).unwrap();
            // Half of the clients acknowledge late: they are 2 versions behind, the others 1.
            if at % 2 == 0 || tick % 2 == 0 {
                let (newest, before) = view.received().unwrap();
                assert!(viewer.acknowledge(tick, newest, before));
            }
        }
        let (encoded, taken) = (encoder.encoded - encoded, encoder.taken - taken);
        assert_eq!(taken, 8 * VIEWERS as u64);
        let versions = if tick <= 3 { encoded <= 16 } else { encoded == 8 * (1 + u64::from(tick % 2 == 0)) };
        assert!(versions, "{encoded} entries were encoded in tick {tick}");
        assert!((0..8).all(|index| viewers[1].1.entity(id(index)).unwrap().state() == replica.state(index)));
    }
}
