//! What a bot wants: it runs, jumps, goes around obstacles, rests, shoots and chats.

use super::shared::{Behaviour, Shared};
use ringshard_demo_rules::{Input, Own, actions};
use ringshard_terrain::movement::keys;
use ringshard_world::limits::TICKS_PER_SECOND;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Inputs until a bot decides again whether to run or rest.
const MOOD: u32 = 2 * TICKS_PER_SECOND;
/// Jumps per second of a bot that runs, where there is something to jump over.
const JUMPS: f64 = 0.3;
/// A bot that is slower than this, in units per second, for so many inputs does not get past something.
const STUCK: (f32, u32) = (100.0, 20);

#[derive(Clone)]
pub struct Brain {
    behaviour: Behaviour,
    shared: Arc<Shared>,
    inputs: u32,
    yaw: u16,
    runs: bool,
    /// For how many inputs it wanted to run and could not.
    stuck: u32,
    chance: u32,
}

impl Brain {
    /// Brains with different numbers differ.
    pub fn new(number: usize, behaviour: Behaviour, shared: Arc<Shared>) -> Self {
        let chance = (number as u32).wrapping_mul(0x9E37_79B9) | 1;
        Brain { behaviour, shared, inputs: 0, yaw: 0, runs: false, stuck: 0, chance }
    }

    /// A random number from 0 to 1.
    fn draw(&mut self) -> f64 {
        // Marsaglia's xorshift: good enough for behaviour.
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 17;
        self.chance ^= self.chance << 5;
        f64::from(self.chance) / f64::from(u32::MAX)
    }

    /// The input of the next tick. `own` is its state, if it knows it.
    pub fn input(&mut self, own: Option<&Own>) -> Input {
        self.inputs = self.inputs.wrapping_add(1);
        if self.inputs % MOOD == 1 {
            self.runs = self.draw() < self.behaviour.moving;
            let yaw = (self.draw() * 65_535.0) as u16;
            self.yaw = if self.runs { yaw } else { self.yaw };
        }
        let stand_still = self.shared.stand_still.load(Ordering::Relaxed);
        self.runs &= !stand_still;
        let turns = self.turns_away(own);
        let jumps =
            self.shared.has_obstacles && self.runs && (turns || self.draw() < JUMPS / f64::from(TICKS_PER_SECOND));
        let shoots = self.draw() < self.behaviour.fight / f64::from(TICKS_PER_SECOND) && !stand_still;
        Input {
            forward: if self.runs { 127 } else { 0 },
            left: 0,
            yaw: self.yaw,
            keys: if jumps { keys::RUN | keys::JUMP } else { keys::RUN },
            actions: if shoots { actions::SHOOT } else { 0 },
        }
    }

    /// Goes around what it does not get past.
    fn turns_away(&mut self, own: Option<&Own>) -> bool {
        if !self.shared.has_obstacles || !self.runs {
            self.stuck = 0;
            return false;
        }
        let (slow, patience) = STUCK;
        let is_slow = own.is_some_and(|own| own.velocity[0].hypot(own.velocity[1]) < slow);
        self.stuck = if is_slow { self.stuck + 1 } else { 0 };
        let turns = self.stuck >= patience;
        if turns {
            // Between a quarter and three quarters of a turn.
            self.yaw = self.yaw.wrapping_add((16_384.0 + self.draw() * 32_768.0) as u16);
            self.stuck = 0;
        }
        turns
    }

    /// Whether it says something in this tick.
    pub fn speaks(&mut self) -> bool {
        self.draw() < self.behaviour.chat / f64::from(TICKS_PER_SECOND)
    }
}
