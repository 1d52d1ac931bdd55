//! The world that is replicated: the truth about it, and what the server knows.

use super::*;

/// What an entity really is.
#[derive(Clone)]
pub struct Truth {
    /// Of the entity that is there, or was last.
    pub generation: u8,
    pub is_there: bool,
    pub state: State<Character>,
    pub rate: Rate,
}

pub fn no_entity() -> Truth {
    Truth { generation: 0, is_there: false, state: State::default(), rate: Rate::Full }
}

/// The world at some moment.
pub type Past = Rc<Vec<Rc<Truth>>>;

/// What happens in a world and how often. Chances are per mille and tick.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub entities: usize,
    pub viewers: usize,
    pub ticks: u32,
    /// The version that versions continue from, and the number of the first snapshot: both wrap.
    pub first_version: u16,
    pub first_snapshot: u16,
    /// Chance that an entity changes.
    pub change: u32,
    /// Chance that an entity goes or comes back. Above 0, rates change as well.
    pub turnover: u32,
    /// Chance that an entity enters or leaves the sight of a viewer.
    pub roaming: u32,
    /// Chance that a player's own state changes, and that it gets another body.
    pub own: u32,
    pub body: u32,
    /// Chance that there is an event about an entity.
    pub events: u32,
    /// Ticks between two updates of what a viewer sees.
    pub looks: u64,
    /// Chance that a message is lost, and that it comes twice.
    pub loss: u32,
    pub copies: u32,
    /// Longest time of a message in ticks.
    pub delay: u32,
    /// Chance that a time begins in which nothing arrives.
    pub blackout: u32,
    pub pacing: Pacing,
}

/// The owner of the world: the truth, and the replica of it.
pub struct World {
    pub truth: Vec<Rc<Truth>>,
    pub replica: Replica<Character>,
    pub encoder: Encoder,
    pub happenings: Happenings,
    /// The entities that the events of this tick are about.
    pub events: Vec<EntityId>,
    /// It does not wrap, as ticks on the wire do.
    pub tick: u64,
}

impl World {
    pub fn new(entities: usize, tick: u64, first_version: u16) -> Self {
        World {
            truth: (0..entities).map(|_| Rc::new(no_entity())).collect(),
            replica: Replica::new(entities, first_version, Character::default()),
            encoder: Encoder::new(entities),
            happenings: Happenings::new(entities),
            events: Vec::new(),
            tick,
        }
    }

    pub fn wire_tick(&self) -> u32 {
        self.tick as u32
    }

    /// Applies a change as the simulation does.
    pub fn apply(&mut self, change: Change<Character>) {
        self.replica.apply(self.wire_tick(), &change);
        self.encoder.forget(change.id().index);
    }

    pub fn state(&mut self, index: usize) {
        let Truth { generation, state, rate, .. } = *self.truth[index];
        self.apply(Change::State { id: EntityId { index: index as u16, generation }, state, kind: 0, rate });
    }

    pub fn spawn(&mut self, dice: &mut Dice, index: usize) {
        // Mostly the full rate.
        let rate = [Rate::Full, Rate::Full, Rate::Full, Rate::Reduced, Rate::Low, Rate::Never][dice.below(6)];
        let generation = self.truth[index].generation % 255 + 1;
        self.truth[index] = Rc::new(Truth { generation, is_there: true, state: any_state(dice), rate });
        self.state(index);
    }

    pub fn despawn(&mut self, index: usize) {
        let truth = Rc::make_mut(&mut self.truth[index]);
        truth.is_there = false;
        let id = EntityId { index: index as u16, generation: truth.generation };
        self.apply(Change::Gone { id });
    }

    /// Makes a random change to an entity.
    pub fn disturb(&mut self, dice: &mut Dice, index: usize, shape: &Shape) {
        if dice.per_mille(shape.turnover) {
            if !self.truth[index].is_there {
                self.spawn(dice, index);
            } else {
                // When an entity goes and comes back within a tick, its owner may leave out the first change.
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
        // A core that has missed a change gets the same state twice.
        for _ in 0..1 + dice.below(10) / 9 {
            let truth = Rc::make_mut(&mut self.truth[index]);
            alter(dice, &mut truth.state);
            if shape.turnover > 0 && dice.per_mille(20) {
                truth.rate = [Rate::Full, Rate::Reduced, Rate::Low, Rate::Never][dice.below(4)];
            }
            self.state(index);
        }
    }

    /// The events of a tick: some about entities that are no more.
    pub fn happen(&mut self, dice: &mut Dice, shape: &Shape) {
        self.events.clear();
        for index in 0..self.truth.len() {
            let present = self.truth[index].generation;
            let generation = if dice.per_mille(200) { present.wrapping_sub(1) } else { present };
            if generation != 0 && dice.per_mille(shape.events) {
                let about = EntityId { index: index as u16, generation };
                self.happenings.push(about, Channel::UNRELIABLE, &[generation]);
                self.events.push(about);
            }
        }
        self.happenings.next_tick();
    }
}

pub fn any_state(dice: &mut Dice) -> State<Character> {
    let mut state = State::default();
    (0..10).for_each(|_| alter(dice, &mut state));
    state
}

/// Makes a random change to a state, of any size.
pub fn alter(dice: &mut Dice, state: &mut State<Character>) {
    let reach = [1, 100, 30_000, 8_000_000, u32::MAX >> 1][dice.below(5)];
    let mut step = || dice.between(0, 2 * reach).wrapping_sub(reach);
    let steps = [step(), step(), step()];
    let Position { x, y, z } = state.position;
    let shown = &mut state.shown;
    match dice.below(20) {
        0..=6 => state.position = Position { x: x.wrapping_add(steps[0]), y: y.wrapping_add(steps[1]), z },
        7 | 8 => state.position.z = z.wrapping_add(steps[2]),
        9 | 10 => state.rotation = std::array::from_fn(|axis| state.rotation[axis].wrapping_add(steps[axis] as u16)),
        11 | 12 => state.velocity = std::array::from_fn(|axis| state.velocity[axis].wrapping_add(steps[axis] as i16)),
        13 => state.leap = state.leap.wrapping_add(1),
        14 => shown.animation = steps[0] as u16,
        15 => (shown.health, shown.mana) = (steps[0] as u8, steps[1] as u8),
        16 => (shown.states, shown.buffs) = (steps[0] as u8, steps[1] as u8),
        17 => (shown.faction, shown.score) = (steps[0] as u8, steps[1]),
        18 => *shown = Character::default(),
        // Repeated without a change.
        _ => {}
    }
}
