//! Time of a turn of a border: `cargo bench -p ringshard --bench border`. No test depends on it.

use divan::{Bencher, counter::ItemsCount};
use ringshard::world::border::{Border, BorderRates, BorderSettings, Contract, Neighbour, NeighbourId, Rect};
use ringshard::world::exchange::{Change, Exchange};
use ringshard::world::store::Rate;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::character::Character;
use ringshard_world::{EntityId, Map, State};

const TICK: Duration = Duration::from_nanos(16_666_667);

fn main() {
    divan::main();
}

/// A host whose entities are all in sight of its neighbour, and move in every tick.
struct Host {
    core: Exchange<Character>,
    border: Border<Character>,
    changes: Vec<Change<Character>>,
}

impl Host {
    fn new(incarnation: u64, entities: usize) -> Host {
        let (mut cores, end) = Exchange::with_border(1, 2 * entities);
        let contract = Contract {
            number: 1,
            blank: Character::default(),
            map: Map::default(),
            sight: vec![10_000.0],
            hitboxes: 0,
            is_command: |_| true,
            is_event: |_| true,
        };
        let rates = BorderRates { bytes_per_second: u32::MAX, ..BorderRates::default() };
        let settings = BorderSettings { incarnation, rates, ..BorderSettings::default() };
        let border = Border::new(end, contract, settings);
        Host { core: cores.pop().expect("there is a core"), border, changes: Vec::with_capacity(entities) }
    }

    fn publish(&mut self, now: Instant, tick: u32, entities: usize) {
        self.core.receive(|_| (), |_, _| ());
        self.changes.clear();
        self.changes.extend((0..entities as u16).map(|index| {
            let position = Map::default().quantise([f32::from(index % 100) * 90.0, 1_000.0 + tick as f32 * 8.0, 100.0]);
            let state = State { position, velocity: [0, 250, 0], ..State::blank(Character::default()) };
            Change::State { id: EntityId { index, generation: 1 }, state, kind: 0, rate: Rate::Full }
        }));
        self.core.publish(now, &self.changes, None, |_| unreachable!("the border takes every batch"));
    }

    fn turn(&mut self, now: Instant, other: &mut Host) {
        let area = vec![Rect { min: [0.0, 0.0], max: [1_000.0, 1_000_000.0] }];
        self.border.turn(now, &[Neighbour { id: NeighbourId(1), area }]);
        while let Some((_, message)) = self.border.poll_send() {
            other.border.receive(now, NeighbourId(1), &message);
        }
    }
}

/// Both hosts show each other this many entities: each turn takes, shows and sends.
#[divan::bench(args = [100, 1_000, 4_000], sample_count = 30, sample_size = 20)]
fn turn(bencher: Bencher<'_, '_>, entities: usize) {
    let (mut one, mut other) = (Host::new(1, entities), Host::new(2, entities));
    let (mut now, mut tick) = (Instant::from_nanos(1_000_000_000), 0);
    let mut pass = || {
        (now, tick) = (now + TICK, tick + 1);
        one.publish(now, tick, entities);
        other.publish(now, tick, entities);
        one.turn(now, &mut other);
        other.turn(now, &mut one);
    };
    (0..120).for_each(|_| pass());
    // Both borders turn.
    bencher.counter(ItemsCount::new(2 * entities)).bench_local(pass);
}
