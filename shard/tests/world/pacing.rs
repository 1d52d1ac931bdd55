//! How often a client is told of what, and that what does not fit today is told tomorrow.

use ringshard::world::exchange::Change;
use ringshard::world::replication::viewer::{DigestResult, Scratch};
use ringshard::world::replication::{Encoder, Pacing, Replica, Viewer};
use ringshard::world::store::Rate;
use ringshard_world::limits::VARIABLES;
use ringshard_world::messages::SnapshotHeader;
use ringshard_world::view::Change as Seen;
use ringshard_world::{EntityId, Position, State, View};

/// Ticks until everybody knows what there is, and its first acknowledgments have come.
const BEGINNING: u32 = 60;

fn id(index: u16) -> EntityId {
    EntityId { index, generation: 1 }
}

/// A world of one viewer, over a channel that loses nothing: what leaves in a tick is acknowledged before the next.
struct World {
    tick: u32,
    pacing: Pacing,
    replica: Replica,
    encoder: Encoder,
    scratch: Scratch,
    viewer: Viewer,
    view: View,
    states: Vec<State>,
    rates: Vec<Rate>,
    /// Entities told of in the last tick, and whether in full.
    told: Vec<(u16, bool)>,
}

impl World {
    fn new(entities: usize, pacing: Pacing) -> Self {
        let mut world = World {
            tick: 1,
            pacing,
            replica: Replica::new(entities),
            encoder: Encoder::new(entities),
            scratch: Scratch::default(),
            viewer: Viewer::new(id(0)),
            view: View::new(),
            states: vec![State { health: 255, ..State::NONE }; entities],
            rates: vec![Rate::Full; entities],
            told: Vec::new(),
        };
        for index in 0..entities as u16 {
            world.publish(index);
            world.viewer.enter(index, 1);
        }
        world
    }

    fn publish(&mut self, index: u16) {
        let (state, rate) = (self.states[usize::from(index)], self.rates[usize::from(index)]);
        self.replica.apply(self.tick, &Change::State { id: id(index), state, rate });
        self.encoder.forget(index);
    }

    /// A small step.
    fn move_on(&mut self, index: u16) {
        self.states[usize::from(index)].position.x += 1;
        self.publish(index);
    }

    /// As much as can change at once without being told in full.
    fn change_all(&mut self, index: u16) {
        let state = &mut self.states[usize::from(index)];
        let Position { x, y, z } = state.position;
        // Back and forth, so that each difference is a large one.
        state.position = Position { x: x ^ 1 << 30, y: y ^ 1 << 30, z: z ^ 1 << 30 };
        state.velocity = state.velocity.map(|axis| axis ^ 1 << 14);
        state.rotation = state.rotation.map(|axis| axis ^ 1 << 14);
        self.publish(index);
    }

    fn all_near(&mut self, near: bool) {
        self.viewer.set_near(|_| near);
    }

    /// A tick in which `change` happens. Its snapshot arrives, and so does what the client says to it.
    fn tick(&mut self, change: impl FnOnce(&mut World)) {
        self.tick += 1;
        self.encoder.clear();
        change(self);
        let mut message = [0; 1024];
        let World { tick, pacing, replica, encoder, scratch, viewer, view, told, .. } = self;
        let len = viewer.snapshot(*tick, pacing, replica, encoder, scratch, &mut message);
        told.clear();
        if len == 0 {
            return;
        }
        let entry = SnapshotHeader::BYTES..len;
        let is_full = |bytes: &[u8]| u16::from_le_bytes([bytes[2], bytes[3]]) >> 5 & 31 == 0;
        view.take(&message[..len], |change| match change {
            // Only of a snapshot's first entry is it known where it stands.
            Seen::Entered(id) | Seen::Updated(id) => told.push((id.index, is_full(&message[entry.clone()]))),
            Seen::Left(id) => panic!("{id:?} did not leave"),
        })
        .unwrap();
        let (newest, before) = view.received().unwrap();
        assert!(viewer.acknowledge(*tick, newest, before, replica));
        assert_ne!(viewer.check(view.digest(), replica, scratch), DigestResult::Differs);
    }

    fn begin(&mut self) {
        (0..BEGINNING).for_each(|_| self.tick(|_| ()));
        assert_eq!(self.view.len(), self.states.len());
    }

    /// In how many of `ticks` ticks entity 0 is told of, as `change` happens in each.
    fn told_in(&mut self, ticks: u32, mut change: impl FnMut(&mut World)) -> u32 {
        (0..ticks)
            .map(|_| {
                self.tick(&mut change);
                u32::from(self.told.iter().any(|&(index, _)| index == 0))
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
fn what_moves_nearby_is_told_of_in_every_tick() {
    let mut world = alone();
    assert_eq!(world.told_in(600, |world| world.move_on(0)), 600);
}

#[test]
fn what_moves_far_away_is_told_of_18_times_a_second() {
    for offset in 0..10 {
        let mut world = alone();
        world.told_in(offset, |_| ());
        world.all_near(false);
        let told = world.told_in(600, |world| world.move_on(0));
        assert!((175..=185).contains(&told), "{told} times in 10 s, where 180 were wanted");
    }
}

#[test]
fn what_hardly_moves_is_told_of_6_times_a_second() {
    for near in [true, false] {
        let mut world = alone();
        world.all_near(near);
        let told = world.told_in(600, |world| {
            if world.tick % 5 == 0 {
                world.move_on(0);
            }
        });
        assert_eq!(told, 60);
    }
}

/// What has moved, and stands now: what is changed of it from time to time is not movement.
#[test]
fn what_has_stopped_moving_hardly_moves() {
    let mut world = alone();
    world.told_in(60, |world| world.move_on(0));
    world.told_in(60, |_| ());
    let told = world.told_in(600, |world| {
        if world.tick % 5 == 0 {
            let value = world.tick as i32;
            world.replica.apply(world.tick, &Change::Variable { id: id(0), number: 0, value });
            world.encoder.forget(0);
        }
    });
    assert_eq!(told, 60);
}

#[test]
fn under_load_what_is_far_comes_less_often() {
    for (level, wanted) in [(1, 90), (2, 45), (3, 23)] {
        let mut world = World::new(1, Pacing::default().shed(level));
        world.begin();
        world.all_near(false);
        let told = world.told_in(600, |world| world.move_on(0));
        assert!(told.abs_diff(wanted) <= 3, "{told} times at level {level}, where {wanted} were wanted");
    }
}

#[test]
fn an_entity_is_told_of_as_often_as_it_says() {
    for (rate, most) in [(Rate::Full, 600), (Rate::Reduced, 200), (Rate::Low, 60), (Rate::Never, 3)] {
        let mut world = alone();
        world.rates[0] = rate;
        let told = world.told_in(600, |world| world.move_on(0));
        assert!(told.abs_diff(most) <= 1, "{told} times at {rate:?}");
    }
}

#[test]
fn what_does_not_change_is_told_again_in_full() {
    let mut world = alone();
    let mut at = Vec::new();
    for _ in 0..1500 {
        world.tick(|_| ());
        if let Some(&(_, is_full)) = world.told.first() {
            assert!(is_full);
            at.push(world.tick);
        }
    }
    assert_eq!(at.len(), 5);
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] == 300), "{at:?}");
}

/// The longest that anybody waits in a world in which all of `entities` change as `change` says, in every tick.
fn longest_wait(entities: u16, bytes_max: usize, mut change: impl FnMut(&mut World, u16)) -> u32 {
    let mut world = World::new(entities.into(), Pacing { bytes_max, ..Pacing::default() });
    let mut told_at = vec![world.tick; entities.into()];
    let mut longest = 0;
    for _ in 0..1000 {
        world.tick(|world| (0..entities).for_each(|index| change(world, index)));
        for &(index, _) in &world.told {
            let told_at = &mut told_at[usize::from(index)];
            longest = longest.max(world.tick - *told_at);
            *told_at = world.tick;
        }
    }
    told_at.iter().fold(longest, |longest, told_at| longest.max(world.tick - told_at))
}

#[test]
fn everybody_is_told_of_when_three_of_fifty_fit() {
    // A full entry is 9 bytes and more, and a difference 6: in the beginning fewer fit.
    let longest = longest_wait(50, 30, World::move_on);
    assert!(longest <= 50, "somebody waited {longest} ticks");
}

#[test]
fn everybody_is_told_of_when_near_ones_come_first() {
    let longest = longest_wait(50, 30, |world, index| {
        world.viewer.set_near(|index| index % 2 == 0);
        world.move_on(index);
    });
    assert!(longest <= 50, "somebody waited {longest} ticks");
}

/// More than was thought: differences larger than most.
#[test]
fn everybody_is_told_of_when_entries_are_larger_than_usual() {
    for entities in [20, 25, 28, 31, 40, 100] {
        let longest = longest_wait(entities, 500, World::change_all);
        assert!(longest <= 12, "of {entities} somebody waited {longest} ticks");
    }
}

/// The largest entry there is fits only when nearly nothing else does.
#[test]
fn everybody_is_told_of_when_one_needs_nearly_all_of_the_room() {
    let longest = longest_wait(40, 450, |world, index| {
        world.move_on(index);
        for number in 0..VARIABLES * usize::from(index == 39) {
            let value = i32::MIN + world.tick as i32;
            world.replica.apply(world.tick, &Change::Variable { id: id(index), number: number as u8, value });
        }
    });
    assert!(longest <= 50, "somebody waited {longest} ticks");
}

/// One entry for all who have the same version, whoever they are.
#[test]
fn an_entry_is_encoded_once() {
    const VIEWERS: usize = 20;
    let mut world = World::new(8, Pacing::default());
    let mut viewers: Vec<(Viewer, View)> = (0..VIEWERS)
        .map(|_| {
            let mut viewer = Viewer::new(id(0));
            (0..8).for_each(|index| viewer.enter(index, 1));
            (viewer, View::new())
        })
        .collect();
    for tick in 2..300 {
        world.tick = tick;
        world.encoder.clear();
        (0..8).for_each(|index| world.move_on(index));
        let World { pacing, replica, encoder, scratch, .. } = &mut world;
        let (encoded, taken) = (encoder.encoded, encoder.taken);
        for (at, (viewer, view)) in viewers.iter_mut().enumerate() {
            let mut message = [0; 1024];
            let len = viewer.snapshot(tick, pacing, replica, encoder, scratch, &mut message);
            view.take(&message[..len], |_| ()).unwrap();
            // Half of them say so late: they are 2 versions behind, and the others 1.
            if at % 2 == 0 || tick % 2 == 0 {
                let (newest, before) = view.received().unwrap();
                assert!(viewer.acknowledge(tick, newest, before, replica));
            }
        }
        let (encoded, taken) = (encoder.encoded - encoded, encoder.taken - taken);
        assert_eq!(taken, 8 * VIEWERS as u64);
        let versions = if tick <= 3 { encoded <= 16 } else { encoded == 8 * (1 + u64::from(tick % 2 == 0)) };
        assert!(versions, "{encoded} entries were encoded in tick {tick}");
        assert!((0..8).all(|index| viewers[1].1.entity(id(index)).unwrap().state() == replica.state(index)));
    }
}
