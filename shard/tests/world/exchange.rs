//! The exchange between cores against a model: in whatever order cores publish, receive and send commands, and however long
//! one does none of it, in the end every core knows of every entity what its owner knows.
//!
//! All tests but one run on one thread and take the turns of the cores in a random order. Cores share nothing but their
//! rings, which `rtrb` tests itself, so this covers every interleaving, also in the middle of a publication.

use crate::contract::{Own, Plain};
use crate::dice::Dice;
use ringshard::world::exchange::{COMMAND_BYTES_MAX, Change, Command, Exchange, Purpose};
use ringshard::world::replication::{Encoder, Replica};
use ringshard::world::rewind::{History, NO_HITBOX, PartPool, Sample};
use ringshard::world::store::Rate;
use ringshard_protocol::time::Instant;
use ringshard_world::character::Character;
use ringshard_world::codec::Writer;
use ringshard_world::messages::{ENTRY_BYTES_MAX, Owner, SnapshotHeader};
use ringshard_world::{EntityId, Map, State, View};
use std::cell::RefCell;

/// Turns of all cores after which everything must be known everywhere. Even the smallest ring carries at least one entity
/// per turn.
const SETTLING: usize = 400;

/// An entity as its owner knows it.
#[derive(Clone)]
struct Owned {
    generation: u8,
    is_there: bool,
    state: State<Character>,
    rate: Rate,
}

fn no_entity() -> Owned {
    Owned { generation: 0, is_there: false, state: State::default(), rate: Rate::Full }
}

/// A core: the entities it owns, and what it knows of the world.
struct Core {
    exchange: Exchange<Character>,
    first: u16,
    owned: Vec<Owned>,
    replica: Replica<Character>,
    tick: u32,
    parts: PartPool,
    /// Where all entities were: as the cores have recorded it, and as the replica had it.
    history: History,
    model: History,
    /// Commands sent to each core and not refused.
    sent: Vec<u32>,
    /// Commands received from each core.
    arrived: Vec<u32>,
    refused: u64,
    /// Changes published to each of the other cores.
    changes: u64,
}

impl Core {
    fn all(cores: usize, entities: usize) -> Vec<Core> {
        let core = |exchange: Exchange<Character>| {
            let (first, share) = exchange.own();
            Core {
                exchange,
                first,
                owned: vec![no_entity(); share],
                replica: Replica::new(entities, 0, Character::default()),
                tick: 1,
                parts: PartPool::new(share),
                history: History::of_parts(cores, share, Map::default(), &[]),
                model: History::new(entities, Map::default(), &[]),
                sent: vec![0; cores],
                arrived: vec![0; cores],
                refused: 0,
                changes: 0,
            }
        };
        Exchange::between(cores, entities).into_iter().map(core).collect()
    }

    fn id(&self, place: usize) -> EntityId {
        EntityId { index: self.first + place as u16, generation: self.owned[place].generation }
    }

    /// Makes a random change to one of its entities.
    fn disturb(&mut self, dice: &mut Dice) {
        let place = dice.below(self.owned.len());
        let owned = &mut self.owned[place];
        if !owned.is_there || dice.per_mille(30) {
            if owned.is_there {
                *owned = Owned { generation: owned.generation, ..no_entity() };
            }
            if dice.per_mille(700) {
                *owned = Owned { generation: owned.generation % 255 + 1, is_there: true, ..no_entity() };
                owned.state.shown.kind = dice.below(9) as u8;
            }
            return;
        }
        match dice.below(4) {
            0 | 1 => owned.state.position.x = dice.bits() as u32,
            2 => (owned.state.shown.health, owned.state.shown.score) = (dice.bits() as u8, dice.bits() as u32),
            _ => owned.rate = [Rate::Full, Rate::Reduced, Rate::Low, Rate::Never][dice.below(4)],
        }
    }

    /// The changes since the last call, as the simulation finds them.
    fn find_changes(&self) -> Vec<Change<Character>> {
        let mut changes = Vec::new();
        for (place, owned) in self.owned.iter().enumerate() {
            let id = self.id(place);
            let known = self.replica.generation(id.index);
            if !owned.is_there {
                if known != 0 {
                    changes.push(Change::Gone { id: EntityId { generation: known, ..id } });
                }
            } else if !self.replica.is_known(id, &owned.state, owned.rate) {
                changes.push(Change::State { id, state: owned.state, kind: kind_of(id), rate: owned.rate });
            }
        }
        changes
    }

    /// Publishes at the end of a tick. `meanwhile` is what other cores do while it publishes missed changes again.
    fn publish(&mut self, mut meanwhile: impl FnMut()) {
        self.tick += 1;
        let changes = self.find_changes();
        self.changes += changes.len() as u64;
        changes.iter().for_each(|change| self.replica.apply(self.tick, change));
        let Core { exchange, owned, first, parts, replica, .. } = self;
        let samples = (0..owned.len() as u16).map(|row| {
            let index = *first + row;
            (row, sample(replica.generation(index), replica.state(index)))
        });
        let part = parts.take(|part| part.record(samples, 0));
        exchange.publish(Instant::ZERO, &changes, part, |index| {
            meanwhile();
            let Owned { generation, is_there, state, rate } = owned[usize::from(index - *first)].clone();
            let id = EntityId { index, generation };
            if is_there { Change::State { id, state, kind: kind_of(id), rate } } else { Change::Gone { id } }
        });
    }

    /// Records where all entities are: the histories agree.
    fn record(&mut self) {
        let Core { exchange, replica, history, model, tick, .. } = self;
        let tick = u64::from(*tick);
        history.keep(tick, exchange.parts());
        model.record(tick, replica.living().map(|(index, generation, state)| (index, sample(generation, state))));
        for back in [0, 1, 30, 63] {
            let [past, expected] = [&*history, &*model].map(|history| history.at(tick.saturating_sub(back) as f64));
            assert_eq!(past.at(), expected.at());
            for index in (tick as usize % 5..replica.capacity()).step_by(5) {
                for generation in 1..4 {
                    let place = index as u16;
                    assert_eq!(past.sample(place, generation), expected.sample(place, generation), "{back} ticks ago");
                }
            }
        }
    }

    fn receive(&mut self) {
        let Core { exchange, replica, tick, .. } = self;
        let mut counted = 0;
        let mut applied = 0;
        let take = |changes: &[Change<Character>]| {
            changes.iter().for_each(|change| replica.apply(*tick, change));
            applied += changes.len();
        };
        let received = exchange.receive(take, |_, count| counted += count);
        assert!(received == applied && received as u64 == counted);
    }

    /// Sends a command. Commands are numbered per sender and receiver.
    fn command(&mut self, to: u16) {
        let owner = self.exchange.owner(to);
        let from = EntityId { index: self.first, generation: 1 };
        let content = self.sent[owner].to_le_bytes();
        let command = Command::new(Purpose::Game, EntityId { index: to, generation: 1 }, from, &content);
        if self.exchange.command(owner, command) {
            self.sent[owner] += 1;
        } else if owner != self.exchange.core() {
            self.refused += 1;
        }
    }

    fn run_commands(&mut self) {
        let Core { exchange, arrived, first, owned, .. } = self;
        let own = *first..*first + owned.len() as u16;
        let share = owned.len();
        exchange.commands(|command| {
            assert!(own.contains(&command.to.index), "a command arrived at the wrong core");
            let arrived = &mut arrived[usize::from(command.from.index) / share];
            assert_eq!(command.content(), arrived.to_le_bytes(), "commands are out of order");
            *arrived += 1;
        });
    }

    /// All that it knows, as a view of a client that sees everything.
    fn known(&self) -> View<Plain> {
        let mut encoder = Encoder::new(self.replica.capacity());
        let mut message = vec![0; SnapshotHeader::BYTES_MAX + self.replica.capacity() * ENTRY_BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        let nothing = Owner::<Own>::default();
        SnapshotHeader::new(0, 0, 0, 0).write(&nothing, 0, &nothing, &mut writer).unwrap();
        for index in (0..self.replica.capacity() as u16).filter(|&index| self.replica.generation(index) != 0) {
            encoder.write(&self.replica, index, 0, &mut writer).unwrap();
        }
        let mut view = View::new(&Plain, 0);
        view.take(writer.written(), |_| ()).unwrap();
        view
    }
}

fn sample(generation: u8, state: &State<Character>) -> Sample {
    let State { position, velocity, rotation, leap, .. } = *state;
    Sample { position, velocity, rotation, leap, generation, hitbox: NO_HITBOX }
}

/// The kind of an entity: any that another entity at its place does not have.
fn kind_of(id: EntityId) -> u8 {
    id.generation % 16
}

/// The first core and entity of which the core does not know what the owner knows.
fn unknown(cores: &[Core]) -> Option<(usize, EntityId)> {
    cores.iter().enumerate().find_map(|(at, core)| {
        let view = core.known();
        let mut living = 0;
        for owner in cores {
            for (place, owned) in owner.owned.iter().enumerate() {
                let id = owner.id(place);
                let same = match view.entity(id) {
                    Some(seen) => {
                        living += 1;
                        let is_known = core.replica.is_known(id, &owned.state, owned.rate);
                        let is_kind = core.replica.kind(id.index) == kind_of(id);
                        owned.is_there && *seen.state() == owned.state && is_known && is_kind
                    }
                    None => !owned.is_there,
                };
                if !same {
                    return Some((at, id));
                }
            }
        }
        assert_eq!((view.len(), core.replica.len()), (living, living));
        None
    })
}

/// Lets all cores take part without further changes: soon everything is known everywhere. Gives the number of changes that
/// were published again.
fn settle(mut cores: Vec<Core>) -> u64 {
    let counts = |cores: &[Core]| {
        let stats = cores.iter().map(|core| core.exchange.stats);
        stats.fold((0, 0), |(published, received), stats| (published + stats.published, received + stats.received))
    };
    // At rest when no core publishes or receives.
    let at_rest = (0..SETTLING).any(|_| {
        let before = counts(&cores);
        cores.iter_mut().for_each(|core| core.publish(|| ()));
        for core in &mut cores {
            core.receive();
            core.run_commands();
        }
        counts(&cores) == before
    });
    assert!(at_rest, "the exchange does not come to rest");
    assert_eq!(unknown(&cores), None, "a core does not know this entity as its owner does");
    for (at, core) in cores.iter().enumerate() {
        for other in &cores {
            assert_eq!(core.sent[other.exchange.core()], other.arrived[at], "commands were lost");
        }
        let stats = core.exchange.stats;
        assert!(stats.published + stats.overflowed >= core.changes * (cores.len() as u64 - 1));
    }
    let (published, received) = counts(&cores);
    assert_eq!(published, received);
    cores.iter().map(|core| core.exchange.stats.overflowed).sum()
}

/// Gives the number of changes published again, and of commands refused.
fn play(seed: u64) -> (u64, u64) {
    let dice = &mut Dice::new(seed);
    let count = dice.between(2, 4) as usize;
    let entities = count * [1, 2, 7, 30, 40, 80][dice.below(6)] + dice.below(count);
    let cores: Vec<RefCell<Core>> = Core::all(count, entities).into_iter().map(RefCell::new).collect();
    // How often each core receives, of a thousand turns: some cores rarely do.
    let mut diligence: Vec<u32> = (0..count).map(|_| [5, 100, 900][dice.below(3)]).collect();
    let owned = count * cores[0].borrow().owned.len();
    for turn in 0..600 {
        let at = dice.below(count);
        if turn % 100 == 0 {
            diligence[at] = [0, 5, 100, 900][dice.below(4)];
        }
        let mut core = cores[at].borrow_mut();
        match dice.below(4) {
            0 => (0..=dice.below(100)).for_each(|_| core.disturb(dice)),
            1 => {
                core.publish(|| {
                    let other = dice.below(count);
                    if other != at && dice.per_mille(diligence[other]) {
                        cores[other].borrow_mut().receive();
                    }
                });
                core.record();
            }
            2 if dice.per_mille(diligence[at]) => {
                core.receive();
                core.run_commands();
            }
            3 => (0..dice.below(60)).for_each(|_| core.command(dice.below(owned) as u16)),
            _ => {}
        }
    }
    let cores: Vec<Core> = cores.into_iter().map(RefCell::into_inner).collect();
    let refused = cores.iter().map(|core| core.refused).sum();
    (settle(cores), refused)
}

#[test]
fn in_the_end_every_core_knows_what_the_owners_know() {
    let (mut overflowed, mut refused) = (0, 0);
    for seed in 0..200 {
        match std::panic::catch_unwind(|| play(seed)) {
            Ok(counts) => (overflowed, refused) = (overflowed + counts.0, refused + counts.1),
            Err(_) => panic!("seed {seed}"),
        }
    }
    assert!(overflowed > 10_000 && refused > 1_000, "{overflowed} overflowed, {refused} refused");
}

/// A core that has stopped delays no other core.
#[test]
fn a_core_that_does_not_receive_delays_no_other() {
    let mut cores = Core::all(3, 300);
    let dice = &mut Dice::new(1);
    for _ in 0..500 {
        for core in &mut cores[..2] {
            (0..50).for_each(|_| core.disturb(dice));
            core.publish(|| ());
        }
        cores[0].receive();
        cores[1].receive();
        cores[2].tick += 1;
    }
    let knows_all = |cores: &[Core]| {
        let view = cores[1].known();
        (0..100).all(|place| {
            let owned = &cores[0].owned[place];
            view.entity(cores[0].id(place)).map(|seen| *seen.state()) == owned.is_there.then_some(owned.state)
        })
    };
    assert!(knows_all(&cores));
    assert!(settle(cores) > 10_000);
}

/// More is published than a core receives, for ever: the core learns of everything late, but of everything.
#[test]
fn a_core_that_receives_too_rarely_still_learns_of_every_entity() {
    let mut cores = Core::all(2, 320);
    let mut learned_at = vec![0; 160];
    for tick in 1..=800 {
        for owned in &mut cores[0].owned {
            (owned.generation, owned.is_there) = (1, true);
            owned.state.position.x = tick;
        }
        cores[0].publish(|| ());
        cores[1].tick += 1;
        if tick % 4 == 0 {
            let knew: Vec<State<Character>> = (0..160).map(|index| *cores[1].replica.state(index)).collect();
            cores[1].receive();
            for (index, knew) in knew.iter().enumerate() {
                if cores[1].replica.state(index as u16) != knew {
                    learned_at[index] = tick;
                }
            }
        }
    }
    let latest = learned_at.iter().enumerate().min_by_key(|(_, at)| **at);
    assert!(learned_at.iter().all(|&at| at >= 760), "the core never learned of {latest:?}");
}

#[test]
fn a_command_to_the_own_core_or_to_no_core_is_refused() {
    let mut ends = Exchange::<Character>::between(2, 5);
    let id = |index| EntityId { index, generation: 1 };
    for to in [0, 1, 4] {
        let owner = ends[0].owner(to);
        assert!(!ends[0].command(owner, Command::new(Purpose::Game, id(to), id(0), &[])));
    }
}

#[test]
#[should_panic(expected = "a command carries at most")]
fn a_command_that_is_too_long_is_a_mistake_of_the_caller() {
    let id = EntityId { index: 0, generation: 1 };
    Command::new(Purpose::Game, id, id, &[0; COMMAND_BYTES_MAX + 1]);
}

/// The same with a thread for each core.
#[test]
fn cores_on_threads_agree_in_the_end() {
    let cores = Core::all(3, 240);
    let run = |mut core: Core| {
        let dice = &mut Dice::new(core.first.into());
        for round in 0..1500 {
            (0..20).for_each(|_| core.disturb(dice));
            core.publish(|| ());
            (0..dice.below(20)).for_each(|_| core.command(dice.below(240) as u16));
            // Now and then a core is delayed.
            if round / 50 % 3 != core.exchange.core() || round % 7 == 0 {
                core.receive();
                core.run_commands();
            }
            if dice.per_mille(100) {
                std::thread::yield_now();
            }
        }
        core
    };
    let cores = std::thread::scope(|scope| {
        let threads: Vec<_> = cores.into_iter().map(|core| scope.spawn(|| run(core))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    settle(cores);
}
