//! A client, what its server knows of it, and the channel between them.

use super::model::*;
use super::*;

/// Largest size of a message.
pub const MESSAGE_BYTES: usize = 1024;

/// A snapshot, and what was true when it left.
pub struct Sent {
    pub bytes: Vec<u8>,
    pub world: Past,
    pub shown: Vec<u16>,
}

/// Messages on their way: when each arrives.
pub struct Channel<T> {
    pub in_flight: Vec<(u32, T)>,
    pub dark_until: u32,
}

impl<T> Channel<T> {
    pub fn new() -> Self {
        Channel { in_flight: Vec::new(), dark_until: 0 }
    }

    pub fn send(&mut self, dice: &mut Dice, tick: u32, shape: &Shape, message: T) {
        if tick >= self.dark_until && !dice.per_mille(shape.loss) {
            self.in_flight.push((tick + dice.between(0, shape.delay), message));
        }
    }

    pub fn arrived(&mut self, dice: &mut Dice, tick: u32) -> Vec<T> {
        let mut arrived: Vec<T> =
            self.in_flight.extract_if(.., |&mut (at, _)| at <= tick).map(|(_, sent)| sent).collect();
        for at in 1..arrived.len() {
            arrived.swap(at, dice.below(at + 1));
        }
        arrived
    }
}

/// A client, and what its server knows of it.
pub struct Client {
    pub viewer: Viewer,
    pub view: View,
    /// The entities that it should see, where they exist and are visible.
    pub wanted: Vec<bool>,
    pub near: Vec<bool>,
    pub down: Channel<Sent>,
    pub up: Channel<Vec<u8>>,
    pub inputs: u16,
    pub outcome: Outcome,
}

/// What the test counted.
#[derive(Clone, Copy, Default, Debug)]
pub struct Outcome {
    pub snapshots: u64,
    /// Digests on which both ends agreed.
    pub agreed: u64,
    /// Digests that the server could not check.
    pub unknown: u64,
}

impl Outcome {
    pub fn plus(self, other: Outcome) -> Outcome {
        Outcome {
            snapshots: self.snapshots + other.snapshots,
            agreed: self.agreed + other.agreed,
            unknown: self.unknown + other.unknown,
        }
    }
}

impl Client {
    pub fn new(entities: usize) -> Self {
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

    /// Updates what the viewer sees, as the interest management does.
    pub fn look(&mut self, world: &World) {
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

    pub fn roam(&mut self, dice: &mut Dice, shape: &Shape) {
        for index in 0..shape.entities {
            if dice.per_mille(shape.roaming) {
                self.wanted[index] = !self.wanted[index];
                self.near[index] = dice.per_mille(500);
            }
        }
    }

    /// The tick of the server.
    pub fn serve(&mut self, dice: &mut Dice, world: &mut World, past: &Past, shape: &Shape, scratch: &mut Scratch) {
        let mut message = [0; MESSAGE_BYTES];
        let World { replica, encoder, tick, .. } = world;
        let len = self.viewer.snapshot(*tick, &shape.pacing, replica, encoder, scratch, &mut message);
        if len > 0 {
            self.outcome.snapshots += 1;
            assert!(len <= SnapshotHeader::BYTES + shape.pacing.bytes_max, "{len} bytes are over the budget");
            let shown = self.viewer.shown().collect();
            let sent = Sent { bytes: message[..len].to_vec(), world: past.clone(), shown };
            self.down.send(dice, *tick, shape, sent);
        }
    }

    /// The tick of the client: what arrives must be true as of when it left.
    pub fn receive(&mut self, dice: &mut Dice, tick: u32, shape: &Shape) {
        for Sent { bytes, world, shown } in self.down.arrived(dice, tick) {
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
                        assert!(!same || !shown.contains(&id.index), "{id:?} left the view, but is in sight");
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

    /// Asserts that the view shows an entity as it was.
    pub fn compare(&self, id: EntityId, world: &[Rc<Truth>], tick: u32) {
        let (truth, seen) = (&world[usize::from(id.index)], self.view.entity(id));
        let seen = seen.unwrap_or_else(|| panic!("{id:?} changed, but is not in the view"));
        assert!(truth.is_there && truth.generation == id.generation, "{id:?} did not exist");
        assert!(is_visible(world, id.index.into()), "{id:?} was sent, but is invisible");
        assert_eq!(*seen.state(), truth.state, "{id:?} at {tick}");
        assert_eq!(seen.tick(), u64::from(tick));
        for (number, &value) in truth.variables.iter().enumerate() {
            assert_eq!(seen.variable(number as u8), value, "variable {number} of {id:?} at {tick}");
        }
    }

    /// The server takes acknowledgments: both ends must agree on every digest that can be checked.
    pub fn acknowledge(&mut self, dice: &mut Dice, world: &World, scratch: &mut Scratch) -> DigestResult {
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

    /// Whether the view shows exactly what is in sight, as it is.
    pub fn is_up_to_date(&self, world: &World) -> bool {
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
