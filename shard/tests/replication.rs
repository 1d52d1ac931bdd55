//! The whole acknowledged-delta scheme against a model: server and client, and between them a channel that loses, delays
//! and reorders. What the world was when a snapshot left is kept beside it, and not taken from what is tested: so what
//! the client then holds can be compared with what was true.

mod dice;

use dice::Dice;
use ringshard::world::exchange::Change;
use ringshard::world::replication::viewer::{DigestResult, Scratch};
use ringshard::world::replication::{Encoder, Pacing, Replica, Viewer};
use ringshard::world::store::Rate;
use ringshard_world::codec::Writer;
use ringshard_world::entity::states;
use ringshard_world::limits::VARIABLES;
use ringshard_world::snapshot::{Input, PLAIN_ENTRY_BYTES_MAX, SnapshotHeader};
use ringshard_world::view::Change as Seen;
use ringshard_world::{EntityId, EntityKind, Position, State, View};
use std::rc::Rc;

/// Bytes of a message at most.
const MESSAGE_BYTES: usize = 1024;
/// Ticks in which a world that has come to rest must have been told of to the end, over a channel that works: until the
/// next refresh, and until what went out after it is acknowledged.
const SETTLING: u32 = 900;

/// What an entity is, whoever may know it.
#[derive(Clone)]
struct Truth {
    /// Of who is there, or was last.
    generation: u8,
    is_there: bool,
    state: State,
    rate: Rate,
    variables: [i32; VARIABLES],
}

const NOBODY: Truth =
    Truth { generation: 0, is_there: false, state: State::NONE, rate: Rate::Full, variables: [0; VARIABLES] };

/// Whose view all clients have.
const PLAYER: EntityId = EntityId { index: 0, generation: 1 };

/// Whether the player may see an entity: who is invisible is seen by itself and by its faction.
fn is_visible(world: &[Rc<Truth>], index: usize) -> bool {
    let (own, other) = (&world[usize::from(PLAYER.index)], &world[index].state);
    // Another that has the place of the player's body is no more visible to it than others.
    let has_body = own.is_there && own.generation == PLAYER.generation;
    let is_own = index == usize::from(PLAYER.index) || own.state.faction == other.faction;
    other.states & states::INVISIBLE == 0 || has_body && is_own
}

/// The world at some moment.
type Past = Rc<Vec<Rc<Truth>>>;

/// What happens in a world, and how often.
#[derive(Clone, Copy, Debug)]
struct Shape {
    entities: usize,
    viewers: usize,
    ticks: u32,
    /// Variables that are used.
    variables: usize,
    /// Of a thousand, that an entity changes in a tick.
    change: u32,
    /// Of a thousand, that it goes, or comes back; and whether how often it is told of may change.
    turnover: u32,
    /// Of a thousand, that it comes into somebody's sight, or leaves it.
    roaming: u32,
    /// Ticks between two looks of a viewer.
    looks: u32,
    /// Of a thousand, that a message is lost.
    loss: u32,
    /// Ticks that a message takes at most.
    delay: u32,
    /// Of a thousand, that a spell begins in which nothing arrives.
    blackout: u32,
    pacing: Pacing,
}

/// The world's owner: the truth, and the replica that is told of it.
struct World {
    truth: Vec<Rc<Truth>>,
    replica: Replica,
    encoder: Encoder,
    tick: u32,
}

impl World {
    fn new(entities: usize, tick: u32) -> Self {
        World {
            truth: (0..entities).map(|_| Rc::new(NOBODY)).collect(),
            replica: Replica::new(entities),
            encoder: Encoder::new(entities),
            tick,
        }
    }

    /// What the simulation does with each change.
    fn apply(&mut self, change: Change) {
        self.replica.apply(self.tick, &change);
        self.encoder.forget(change.id().index);
    }

    fn state(&mut self, index: usize) {
        let Truth { generation, state, rate, .. } = *self.truth[index];
        self.apply(Change::State { id: EntityId { index: index as u16, generation }, state, rate });
    }

    fn variable(&mut self, index: usize, number: usize, value: i32) {
        let truth = Rc::make_mut(&mut self.truth[index]);
        truth.variables[number] = value;
        let id = EntityId { index: index as u16, generation: truth.generation };
        self.apply(Change::Variable { id, number: number as u8, value });
    }

    fn spawn(&mut self, dice: &mut Dice, index: usize) {
        let kind = EntityKind::ALL[dice.below(EntityKind::ALL.len())];
        let state = State { kind, faction: dice.below(64) as u8, ..any_state(dice) };
        // Rarely anything but the usual.
        let rate = [Rate::Full, Rate::Full, Rate::Full, Rate::Reduced, Rate::Low, Rate::Never][dice.below(6)];
        let generation = self.truth[index].generation % 255 + 1;
        self.truth[index] = Rc::new(Truth { generation, is_there: true, state, rate, variables: [0; VARIABLES] });
        self.state(index);
    }

    fn despawn(&mut self, index: usize) {
        let truth = Rc::make_mut(&mut self.truth[index]);
        truth.is_there = false;
        let id = EntityId { index: index as u16, generation: truth.generation };
        self.apply(Change::Gone { id });
    }

    /// Everything of an entity again, as a core does that had no room for some of it.
    fn again(&mut self, index: usize) {
        self.state(index);
        for number in 0..VARIABLES {
            match self.truth[index].variables[number] {
                0 => {}
                value => self.variable(index, number, value),
            }
        }
    }

    /// Anything that may happen to an entity.
    fn disturb(&mut self, dice: &mut Dice, index: usize, shape: &Shape) {
        if dice.per_mille(shape.turnover) {
            if !self.truth[index].is_there {
                self.spawn(dice, index);
            } else {
                // Gone and come again within a tick, its owner may leave out the first, or not.
                if dice.per_mille(700) {
                    self.despawn(index);
                }
                if dice.per_mille(500) {
                    self.spawn(dice, index);
                }
            }
        }
        if !self.truth[index].is_there || !dice.per_mille(shape.change) {
            return;
        }
        match dice.below(10) {
            0..=5 => {
                let truth = Rc::make_mut(&mut self.truth[index]);
                alter(dice, &mut truth.state);
                if shape.turnover > 0 && dice.per_mille(20) {
                    truth.rate = [Rate::Full, Rate::Reduced, Rate::Low, Rate::Never][dice.below(4)];
                }
                self.state(index);
            }
            6..=8 if shape.variables > 0 => {
                if dice.per_mille(500) {
                    alter(dice, &mut Rc::make_mut(&mut self.truth[index]).state);
                    self.state(index);
                }
                for _ in 0..=dice.below(3) {
                    let value = [0, 1, -1, i32::MIN, dice.bits() as i32][dice.below(5)];
                    self.variable(index, dice.below(shape.variables), value);
                }
            }
            9 => self.again(index),
            _ => {}
        }
    }
}

fn any_state(dice: &mut Dice) -> State {
    let mut state = State::NONE;
    (0..10).for_each(|_| alter(dice, &mut state));
    state
}

/// A step of any size; or anything else.
fn alter(dice: &mut Dice, state: &mut State) {
    let reach = [1, 100, 30_000, 8_000_000, u32::MAX >> 1][dice.below(5)];
    let mut step = || dice.between(0, 2 * reach).wrapping_sub(reach);
    let steps = [step(), step(), step()];
    let Position { x, y, z } = state.position;
    match dice.below(20) {
        0..=7 => state.position = Position { x: x.wrapping_add(steps[0]), y: y.wrapping_add(steps[1]), z },
        8 | 9 => state.position.z = z.wrapping_add(steps[2]),
        10 | 11 => state.rotation = std::array::from_fn(|axis| state.rotation[axis].wrapping_add(steps[axis] as u16)),
        12 | 13 => state.velocity = std::array::from_fn(|axis| state.velocity[axis].wrapping_add(steps[axis] as i16)),
        14 => state.animation = steps[0] as u16,
        15 => state.health = steps[0] as u8,
        16 => state.mana = steps[0] as u8,
        17 => (state.states, state.buffs) = (steps[0] as u8, steps[1] as u8),
        18 => state.faction = steps[0] as u8 % 64,
        // Said again, as it was.
        _ => {}
    }
}

/// A snapshot, with what was true when it left.
struct Told {
    bytes: Vec<u8>,
    world: Past,
    shown: Vec<u16>,
}

/// Messages on their way: when each arrives.
struct Channel<T> {
    under_way: Vec<(u32, T)>,
    dark_until: u32,
}

impl<T> Channel<T> {
    fn new() -> Self {
        Channel { under_way: Vec::new(), dark_until: 0 }
    }

    fn send(&mut self, dice: &mut Dice, tick: u32, shape: &Shape, message: T) {
        if tick >= self.dark_until && !dice.per_mille(shape.loss) {
            self.under_way.push((tick + dice.between(0, shape.delay), message));
        }
    }

    fn arrived(&mut self, dice: &mut Dice, tick: u32) -> Vec<T> {
        let mut arrived: Vec<T> =
            self.under_way.extract_if(.., |&mut (at, _)| at <= tick).map(|(_, told)| told).collect();
        for at in 1..arrived.len() {
            arrived.swap(at, dice.below(at + 1));
        }
        arrived
    }
}

/// A client, and what its server knows of it.
struct Client {
    viewer: Viewer,
    view: View,
    /// What it should see, if it is there and may be told of.
    wanted: Vec<bool>,
    near: Vec<bool>,
    down: Channel<Told>,
    up: Channel<Vec<u8>>,
    inputs: u16,
    outcome: Outcome,
}

/// How it went.
#[derive(Clone, Copy, Default, Debug)]
struct Outcome {
    snapshots: u64,
    /// Digests on which both sides agreed.
    agreed: u64,
    /// Digests of which the server could say nothing.
    unknown: u64,
}

impl Outcome {
    fn plus(self, other: Outcome) -> Outcome {
        Outcome {
            snapshots: self.snapshots + other.snapshots,
            agreed: self.agreed + other.agreed,
            unknown: self.unknown + other.unknown,
        }
    }
}

impl Client {
    fn new(entities: usize) -> Self {
        Client {
            viewer: Viewer::new(PLAYER),
            view: View::new(),
            wanted: vec![false; entities],
            near: vec![true; entities],
            down: Channel::new(),
            up: Channel::new(),
            inputs: 0,
            outcome: Outcome::default(),
        }
    }

    /// What the neighbourhood does.
    fn look(&mut self, world: &World) {
        let sees = |index: u16| {
            let truth = &world.truth[usize::from(index)];
            let shown = self.wanted[usize::from(index)] && is_visible(&world.truth, index.into());
            shown && truth.is_there && truth.rate != Rate::Never
        };
        let shown: Vec<u16> = self.viewer.shown().collect();
        let entering = (0..world.truth.len() as u16).filter(|&index| sees(index) && !shown.contains(&index));
        shown.iter().filter(|&&index| !sees(index)).for_each(|&index| self.viewer.leave(index));
        entering.for_each(|index| self.viewer.enter(index, world.replica.generation(index)));
        self.viewer.set_near(|index| self.near[usize::from(index)]);
    }

    fn roam(&mut self, dice: &mut Dice, shape: &Shape) {
        for index in 0..shape.entities {
            if dice.per_mille(shape.roaming) {
                self.wanted[index] = !self.wanted[index];
                self.near[index] = dice.per_mille(500);
            }
        }
    }

    /// The server's half of a tick.
    fn serve(&mut self, dice: &mut Dice, world: &mut World, past: &Past, shape: &Shape, scratch: &mut Scratch) {
        let mut message = [0; MESSAGE_BYTES];
        let World { replica, encoder, tick, .. } = world;
        let len = self.viewer.snapshot(*tick, &shape.pacing, replica, encoder, scratch, &mut message);
        if len > 0 {
            self.outcome.snapshots += 1;
            assert!(len <= SnapshotHeader::BYTES + shape.pacing.bytes_max, "{len} bytes are over the budget");
            let shown = self.viewer.shown().collect();
            let told = Told { bytes: message[..len].to_vec(), world: past.clone(), shown };
            self.down.send(dice, *tick, shape, told);
        }
    }

    /// The client's: whatever comes is true, as of when it left.
    fn listen(&mut self, dice: &mut Dice, tick: u32, shape: &Shape) {
        for Told { bytes, world, shown } in self.down.arrived(dice, tick) {
            let mut news = Vec::new();
            let newest = self.view.newest();
            let taken = self.view.take(&bytes, |change| news.push(change)).expect("an honest server's snapshot");
            let header = self.view.newest().expect("one came");
            assert!(header.tick <= tick && (taken || newest == Some(header)));
            for change in news {
                match change {
                    Seen::Entered(id) | Seen::Updated(id) => self.compare(id, &world, header.tick),
                    Seen::Left(id) => {
                        let same = world[usize::from(id.index)].generation == id.generation;
                        assert!(!same || !shown.contains(&id.index), "{id:?} is in sight, and was said to be gone");
                    }
                }
            }
        }
        self.inputs = self.inputs.wrapping_add(1);
        let received = self.view.received();
        let digest = received.map(|_| self.view.digest());
        let input = Input { received, digest, number: self.inputs, ..Input::default() };
        let mut bytes = [0; Input::BYTES_MAX];
        let mut writer = Writer::new(&mut bytes);
        input.write(&mut writer).unwrap();
        let input = writer.written().to_vec();
        self.up.send(dice, tick, shape, input);
    }

    /// What is known of an entity of which there was news is what it was.
    fn compare(&self, id: EntityId, world: &[Rc<Truth>], tick: u32) {
        let (truth, seen) = (&world[usize::from(id.index)], self.view.entity(id));
        let seen = seen.unwrap_or_else(|| panic!("{id:?} was told of, and is not there"));
        assert!(truth.is_there && truth.generation == id.generation, "{id:?} was not there");
        assert!(is_visible(world, id.index.into()), "{id:?} was told of, and is invisible");
        assert_eq!(*seen.state(), truth.state, "{id:?} at {tick}");
        assert_eq!(seen.tick(), u64::from(tick));
        for (number, &value) in truth.variables.iter().enumerate() {
            assert_eq!(seen.variable(number as u8), value, "variable {number} of {id:?} at {tick}");
        }
    }

    /// The server's: what is acknowledged, client and server agree on, as far as anything is known.
    fn hear(&mut self, dice: &mut Dice, world: &World, scratch: &mut Scratch) -> DigestResult {
        let mut last = DigestResult::Unknown;
        for bytes in self.up.arrived(dice, world.tick) {
            let input = Input::read(&bytes).unwrap();
            let Some((newest, before)) = input.received else { continue };
            if !self.viewer.acknowledge(world.tick, newest, before, &world.replica) {
                continue;
            }
            last = self.viewer.check(input.digest.unwrap(), &world.replica, scratch);
            assert_ne!(last, DigestResult::Differs, "of snapshot {newest} at tick {}", world.tick);
            self.outcome.agreed += u64::from(last == DigestResult::Agreed);
            self.outcome.unknown += u64::from(last == DigestResult::Unknown);
        }
        last
    }

    /// Whether all that is in sight is known as it is, and nothing else.
    fn is_up_to_date(&self, world: &World) -> bool {
        let seen = |index: usize| {
            let Truth { generation, is_there, state, rate, variables } = &*world.truth[index];
            let id = EntityId { index: index as u16, generation: *generation };
            let in_sight = self.wanted[index] && *is_there && *rate != Rate::Never && is_visible(&world.truth, index);
            match self.view.entity(id) {
                Some(seen) => {
                    let same = |(number, value): (usize, &i32)| seen.variable(number as u8) == *value;
                    in_sight && seen.state() == state && variables.iter().enumerate().all(same)
                }
                None => !in_sight,
            }
        };
        let in_sight = (0..world.truth.len()).filter(|&index| seen(index)).count();
        in_sight == world.truth.len() && self.view.entities().count() == self.viewer.shown_len()
    }
}

/// Plays a world through, and then lets it come to rest.
fn play(seed: u64, shape: &Shape) -> Outcome {
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
    assert!(rested.is_some(), "clients are not told to the end of a world at rest");
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
        // What other cores publish comes at any time between two clients.
        if shape.change > 0 && dice.per_mille(300) {
            let index = dice.below(shape.entities);
            world.disturb(dice, index, shape);
            past = Rc::new(world.truth.clone());
        }
        agreements.push(client.hear(dice, world, scratch));
        client.roam(dice, shape);
        if world.tick.is_multiple_of(shape.looks) {
            client.look(world);
        }
        client.serve(dice, world, &past, shape, scratch);
        client.listen(dice, world.tick, shape);
    }
    agreements
}

/// A world of which the seed says everything.
fn any_shape(seed: u64) -> Shape {
    let dice = &mut Dice::new(seed ^ 0x005A_4E00);
    let variables = [0, 0, 1, 5, VARIABLES][dice.below(5)];
    // As much as the largest entry takes at least: a smaller budget is refused where a world is configured.
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

/// Says with which seed it failed.
fn play_any(seed: u64) -> Outcome {
    let shape = any_shape(seed);
    match std::panic::catch_unwind(|| play(seed, &shape)) {
        Ok(outcome) => outcome,
        Err(_) => panic!("seed {seed}: {shape:?}"),
    }
}

#[test]
fn clients_know_what_is_so_whatever_the_channel_does() {
    let outcome = (0..300).map(play_any).fold(Outcome::default(), Outcome::plus);
    assert!(outcome.agreed > outcome.unknown, "{outcome:?}");
}

/// Where nothing is lost, nothing is unknown for long: a digest that says nothing finds nothing.
#[test]
fn digests_say_something() {
    for seed in 0..20 {
        let (pacing, change) = (Pacing::default(), 100);
        let shape =
            Shape { change, loss: 0, delay: 0, blackout: 0, turnover: 0, roaming: 2, pacing, ..any_shape(seed) };
        let outcome = play(seed, &shape);
        assert!(outcome.agreed > 4 * outcome.unknown, "{outcome:?} in {shape:?}");
    }
}

/// Entities that one is never rid of, such as one's own: what is known of them outlives the numbers of snapshots, and
/// ticks of 16 bits.
#[test]
fn numbers_of_snapshots_begin_anew() {
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
    let outcome = play(2, &calm);
    assert!(outcome.snapshots > 1 << 16, "{outcome:?}");
    assert!(outcome.agreed > 2 * outcome.unknown, "{outcome:?}");
}

/// The client hears, and is not heard: the same is said again and again, and from the same baseline.
#[test]
fn who_is_not_heard_can_go_on_from_what_it_is_known_to_have() {
    let still =
        Shape { viewers: 1, change: 0, turnover: 0, roaming: 0, loss: 0, delay: 1, blackout: 0, ..any_shape(0) };
    let (dice, scratch) = (&mut Dice::new(1), &mut Scratch::default());
    let mut world = World::new(still.entities, 1);
    let mut clients = [Client::new(still.entities)];
    clients[0].wanted[0] = true;
    world.truth[0] =
        Rc::new(Truth { generation: 1, is_there: true, state: any_state(dice), rate: Rate::Full, ..NOBODY });
    world.state(0);
    (0..30).for_each(|_| drop(tick(dice, &mut world, &mut clients, &still, scratch)));
    assert!(clients[0].is_up_to_date(&world));
    clients[0].up.dark_until = u32::MAX;
    Rc::make_mut(&mut world.truth[0]).state.health ^= 1;
    world.state(0);
    (0..3000).for_each(|_| drop(tick(dice, &mut world, &mut clients, &still, scratch)));
    assert!(clients[0].is_up_to_date(&world));
}

/// Far more changes than there is room to tell of: everybody is told of in turn, and nobody never.
#[test]
fn whoever_there_is_no_room_for_is_told_of_before_long() {
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
        world.truth[index] = Rc::new(Truth { generation: 1, is_there: true, state, ..NOBODY });
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
            // Half of them are far, and count a sixth as much; a snapshot has room for one or two of those.
            assert!(oldest < Some(150), "one was last told of {oldest:?} ticks ago");
        }
    }
}
