//! A client, what its server knows of it, and the channel between them.

use super::model::*;
use super::*;

/// Largest size of a message.
pub const MESSAGE_BYTES: usize = 1024;

/// A snapshot, and what was true when it left.
#[derive(Clone)]
pub struct Sent {
    pub bytes: Vec<u8>,
    pub world: Past,
    pub shown: Vec<u16>,
    pub owner: Owner<Own>,
    pub lead: i8,
    pub input_age: u8,
}

/// Messages on their way: when each arrives.
pub struct Way<T> {
    pub in_flight: Vec<(u64, T)>,
    pub dark_until: u64,
}

impl<T: Clone> Way<T> {
    pub fn new() -> Self {
        Way { in_flight: Vec::new(), dark_until: 0 }
    }

    pub fn send(&mut self, dice: &mut Dice, tick: u64, shape: &Shape, message: T) {
        if tick >= self.dark_until && !dice.per_mille(shape.loss) {
            for _ in 0..1 + u32::from(dice.per_mille(shape.copies)) {
                self.in_flight.push((tick + u64::from(dice.between(0, shape.delay)), message.clone()));
            }
        }
    }

    pub fn arrived(&mut self, dice: &mut Dice, tick: u64) -> Vec<T> {
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
    pub viewer: Viewer<Own>,
    pub view: View<Plain>,
    pub owner: Owner<Own>,
    /// The entities that it should see, where they exist.
    pub wanted: Vec<bool>,
    pub near: Vec<bool>,
    /// The generation of each entity in sight, and entities that have left it.
    pub sees: HashMap<u16, u8>,
    pub has_left: HashSet<EntityId>,
    pub down: Way<Sent>,
    pub up: Way<Vec<u8>>,
    pub outcome: Outcome,
}

/// What the test counted.
#[derive(Clone, Copy, Default, Debug)]
pub struct Outcome {
    pub snapshots: u64,
    /// Owner blocks of snapshots that arrived in order, and those of them that were differences from an earlier one.
    pub owners: u64,
    pub owner_differences: u64,
    /// Events heard.
    pub heard: u64,
    /// Digests on which both ends agreed.
    pub agreed: u64,
    /// Digests that the server could not check.
    pub unknown: u64,
}

impl Outcome {
    pub fn plus(self, other: Outcome) -> Outcome {
        Outcome {
            snapshots: self.snapshots + other.snapshots,
            owners: self.owners + other.owners,
            owner_differences: self.owner_differences + other.owner_differences,
            heard: self.heard + other.heard,
            agreed: self.agreed + other.agreed,
            unknown: self.unknown + other.unknown,
        }
    }
}

impl Client {
    pub fn new(entities: usize, first_snapshot: u16) -> Self {
        Client {
            viewer: Viewer::new(Own::default(), 0, first_snapshot),
            view: View::new(&Plain, first_snapshot),
            owner: Owner::default(),
            wanted: vec![false; entities],
            near: vec![true; entities],
            sees: HashMap::new(),
            has_left: HashSet::new(),
            down: Way::new(),
            up: Way::new(),
            outcome: Outcome::default(),
        }
    }

    /// Updates what the viewer sees, as the interest management does.
    pub fn look(&mut self, world: &World) {
        let sees = |index: u16| {
            let truth = &world.truth[usize::from(index)];
            self.wanted[usize::from(index)] && truth.is_there && truth.rate != Rate::Never
        };
        let shown: Vec<u16> = self.viewer.shown().collect();
        let entering = (0..world.truth.len() as u16).filter(|&index| sees(index) && !shown.contains(&index));
        for &index in shown.iter().filter(|&&index| !sees(index)) {
            self.viewer.leave(index);
            let generation = self.sees.remove(&index).expect("it was in sight");
            self.has_left.insert(EntityId { index, generation });
        }
        for index in entering {
            let generation = world.replica.generation(index);
            self.viewer.enter(index, generation);
            self.sees.insert(index, generation);
        }
        self.viewer.set_near(|index| self.near[usize::from(index)]);
    }

    pub fn roam(&mut self, dice: &mut Dice, shape: &Shape) {
        for index in 0..shape.entities {
            if dice.per_mille(shape.roaming) {
                self.wanted[index] = !self.wanted[index];
                self.near[index] = dice.per_mille(500);
            }
        }
        if dice.per_mille(shape.own) {
            alter_own(dice, &mut self.owner.own);
        }
        if dice.per_mille(shape.body) {
            let (index, generation) = (dice.below(shape.entities) as u16, dice.between(1, 255) as u8);
            self.owner.body = dice.per_mille(700).then_some(EntityId { index, generation });
        }
    }

    /// The tick of the server.
    pub fn serve(&mut self, dice: &mut Dice, world: &mut World, past: &Past, shape: &Shape, scratch: &mut Scratch) {
        let mut message = [0; MESSAGE_BYTES];
        let tick = world.wire_tick();
        let World { replica, encoder, happenings, .. } = world;
        let (lead, input_age) = (dice.bits() as i8, dice.bits() as u8);
        let report = PlayerReport { owner: &self.owner, lead, input_age };
        let missed = sorted(self.viewer.heard(happenings, replica).collect());
        let viewer = &mut self.viewer;
        let len = viewer.snapshot(tick, &report, &shape.pacing, replica, encoder, happenings, scratch, &mut message);
        assert_eq!(missed, sorted(scratch.heard.clone()), "a client that is not served hears the same");
        self.check_heard(world, &missed);
        if len > 0 {
            self.outcome.snapshots += 1;
            let shown = self.viewer.shown().collect();
            let sent =
                Sent { bytes: message[..len].to_vec(), world: past.clone(), shown, owner: self.owner, lead, input_age };
            self.down.send(dice, world.tick, shape, sent);
        }
    }

    /// The client hears of exactly the entities that it sees; and maybe of those that it saw before.
    fn check_heard(&mut self, world: &World, heard: &[EntityId]) {
        let is_seen = |id: &EntityId| self.sees.get(&id.index) == Some(&id.generation);
        for about in &world.events {
            assert!(!is_seen(about) || heard.contains(about), "{about:?} is in sight, but its event is not heard");
        }
        for about in heard {
            let about_it = world.happenings.concern(about.index);
            assert!(about_it && (is_seen(about) || self.has_left.contains(about)), "{about:?} is heard, but not seen");
        }
        assert!(heard.windows(2).all(|pair| pair[0] < pair[1]), "an event is heard once: {heard:?}");
        self.outcome.heard += heard.iter().map(|&about| world.happenings.about(about).count() as u64).sum::<u64>();
        // The snapshot has told the client which entities are there now.
        for (&index, generation) in &mut self.sees {
            let now = world.replica.generation(index);
            if now != *generation {
                self.has_left.insert(EntityId { index, generation: *generation });
                *generation = now;
            }
        }
        self.sees.retain(|_, &mut generation| generation != 0);
    }

    /// The tick of the client: what arrives must be true as of when it left.
    pub fn receive(&mut self, dice: &mut Dice, tick: u64, shape: &Shape) {
        for Sent { bytes, world, shown, owner, lead, input_age } in self.down.arrived(dice, tick) {
            let mut news = Vec::new();
            let former = (self.view.newest(), *self.view.owner());
            let taken = self.view.take(&bytes, |change| news.push(change)).expect("an honest server's snapshot");
            let header = self.view.newest().expect("one came");
            if !taken {
                assert_eq!((Some(header), *self.view.owner()), former, "an old snapshot changes nothing");
                continue;
            }
            assert_eq!(
                *self.view.owner(),
                owner,
                "the own state at {}, from baseline {}",
                header.tick,
                header.baseline
            );
            assert_eq!((header.lead, header.input_age), (lead, input_age));
            assert!(bytes.len() <= SnapshotHeader::BYTES_MAX + shape.pacing.bytes_max, "over the budget");
            self.outcome.owners += 1;
            self.outcome.owner_differences += u64::from(header.baseline > 0);
            for change in news {
                match change {
                    Seen::Entered(id) | Seen::Updated(id) => self.compare(id, &world),
                    Seen::Left(id) => {
                        let same = world[usize::from(id.index)].generation == id.generation;
                        assert!(!same || !shown.contains(&id.index), "{id:?} left the view, but is in sight");
                    }
                }
            }
        }
        let received = self.view.received();
        let digest = received.map(|_| self.view.digest());
        let header = InputHeader { received, digest, tick: tick as u32 };
        let mut bytes = [0; 256];
        let mut writer = Writer::new(&mut bytes);
        header.write(&Step::default(), &[], &mut writer).unwrap();
        let input = writer.written().to_vec();
        self.up.send(dice, tick, shape, input);
    }

    /// Asserts that the view shows an entity as it was.
    pub fn compare(&self, id: EntityId, world: &[Rc<Truth>]) {
        let (truth, seen) = (&world[usize::from(id.index)], self.view.entity(id));
        let seen = seen.unwrap_or_else(|| panic!("{id:?} changed, but is not in the view"));
        assert!(truth.is_there && truth.generation == id.generation, "{id:?} did not exist");
        assert_eq!(*seen.state(), truth.state, "{id:?} at {}", self.view.tick());
        assert_eq!(seen.tick(), self.view.tick());
    }

    /// The server takes acknowledgments: both ends must agree on every digest that can be checked.
    pub fn acknowledge(&mut self, dice: &mut Dice, world: &World, scratch: &mut Scratch) -> DigestResult {
        let mut last = DigestResult::Unknown;
        for bytes in self.up.arrived(dice, world.tick) {
            let (header, _) = InputHeader::read(&bytes, &Step::default()).unwrap();
            let Some((newest, before)) = header.received else { continue };
            if !self.viewer.acknowledge(world.wire_tick(), newest, before) {
                continue;
            }
            last = self.viewer.check(header.digest.unwrap(), &world.replica, scratch);
            assert_ne!(last, DigestResult::Differs, "of snapshot {newest} at tick {}", world.tick);
            self.outcome.agreed += u64::from(last == DigestResult::Agreed);
            self.outcome.unknown += u64::from(last == DigestResult::Unknown);
        }
        last
    }

    /// Whether the view shows exactly what is in sight, as it is, and the own state.
    pub fn is_up_to_date(&self, world: &World) -> bool {
        let seen = |index: usize| {
            let Truth { generation, is_there, state, rate } = &*world.truth[index];
            let id = EntityId { index: index as u16, generation: *generation };
            let in_sight = self.wanted[index] && *is_there && *rate != Rate::Never;
            match self.view.entity(id) {
                Some(seen) => in_sight && seen.state() == state,
                None => !in_sight,
            }
        };
        let in_sight = (0..world.truth.len()).filter(|&index| seen(index)).count();
        let all = in_sight == world.truth.len() && self.view.len() == self.viewer.shown_len();
        all && *self.view.owner() == self.owner
    }
}

fn sorted(mut ids: Vec<EntityId>) -> Vec<EntityId> {
    ids.sort_unstable();
    ids
}
