//! The world that is replicated: the truth about it, and what the server knows.

use super::*;

/// What an entity really is.
#[derive(Clone)]
pub struct Truth {
    /// Of the entity that is there, or was last.
    pub generation: u8,
    pub is_there: bool,
    pub state: State,
    pub rate: Rate,
    pub variables: [i32; VARIABLES],
}

pub const NO_ENTITY: Truth =
    Truth { generation: 0, is_there: false, state: State::NONE, rate: Rate::Full, variables: [0; VARIABLES] };

/// The player whose view all clients have.
pub const PLAYER: EntityId = EntityId { index: 0, generation: 1 };

/// Whether the player may see an entity. An invisible one is seen by itself and by its faction.
pub fn is_visible(world: &[Rc<Truth>], index: usize) -> bool {
    let (own, other) = (&world[usize::from(PLAYER.index)], &world[index].state);
    // Another entity in the slot of the player's body has no special visibility.
    let has_body = own.is_there && own.generation == PLAYER.generation;
    let is_own = index == usize::from(PLAYER.index) || own.state.faction == other.faction;
    other.states & states::INVISIBLE == 0 || has_body && is_own
}

/// The world at some moment.
pub type Past = Rc<Vec<Rc<Truth>>>;

/// What happens in a world and how often. Chances are per mille and tick.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub entities: usize,
    pub viewers: usize,
    pub ticks: u32,
    /// Number of variables in use.
    pub variables: usize,
    /// Chance that an entity changes.
    pub change: u32,
    /// Chance that an entity goes or comes back. Above 0, rates change as well.
    pub turnover: u32,
    /// Chance that an entity enters or leaves the sight of a viewer.
    pub roaming: u32,
    /// Ticks between two updates of what a viewer sees.
    pub looks: u32,
    /// Chance that a message is lost.
    pub loss: u32,
    /// Longest time of a message in ticks.
    pub delay: u32,
    /// Chance that a time begins in which nothing arrives.
    pub blackout: u32,
    pub pacing: Pacing,
}

/// The owner of the world: the truth, and the replica of it.
pub struct World {
    pub truth: Vec<Rc<Truth>>,
    pub replica: Replica,
    pub encoder: Encoder,
    pub tick: u32,
}

impl World {
    pub fn new(entities: usize, tick: u32) -> Self {
        World {
            truth: (0..entities).map(|_| Rc::new(NO_ENTITY)).collect(),
            replica: Replica::new(entities),
            encoder: Encoder::new(entities),
            tick,
        }
    }

    /// Applies a change as the simulation does.
    pub fn apply(&mut self, change: Change) {
        self.replica.apply(self.tick, &change);
        self.encoder.forget(change.id().index);
    }

    pub fn state(&mut self, index: usize) {
        let Truth { generation, state, rate, .. } = *self.truth[index];
        self.apply(Change::State { id: EntityId { index: index as u16, generation }, state, rate });
    }

    pub fn variable(&mut self, index: usize, number: usize, value: i32) {
        let truth = Rc::make_mut(&mut self.truth[index]);
        truth.variables[number] = value;
        let id = EntityId { index: index as u16, generation: truth.generation };
        self.apply(Change::Variable { id, number: number as u8, value });
    }

    pub fn spawn(&mut self, dice: &mut Dice, index: usize) {
        let kind = EntityKind::ALL[dice.below(EntityKind::ALL.len())];
        let state = State { kind, faction: dice.below(64) as u8, ..any_state(dice) };
        // Mostly the full rate.
        let rate = [Rate::Full, Rate::Full, Rate::Full, Rate::Reduced, Rate::Low, Rate::Never][dice.below(6)];
        let generation = self.truth[index].generation % 255 + 1;
        self.truth[index] = Rc::new(Truth { generation, is_there: true, state, rate, variables: [0; VARIABLES] });
        self.state(index);
    }

    pub fn despawn(&mut self, index: usize) {
        let truth = Rc::make_mut(&mut self.truth[index]);
        truth.is_there = false;
        let id = EntityId { index: index as u16, generation: truth.generation };
        self.apply(Change::Gone { id });
    }

    /// Publishes all of an entity again, as a core does after an overflow.
    pub fn again(&mut self, index: usize) {
        self.state(index);
        for number in 0..VARIABLES {
            match self.truth[index].variables[number] {
                0 => {}
                value => self.variable(index, number, value),
            }
        }
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

pub fn any_state(dice: &mut Dice) -> State {
    let mut state = State::NONE;
    (0..10).for_each(|_| alter(dice, &mut state));
    state
}

/// Makes a random change to a state, of any size.
pub fn alter(dice: &mut Dice, state: &mut State) {
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
        // Repeated without a change.
        _ => {}
    }
}
