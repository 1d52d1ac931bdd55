//! What a bot wants: it walks, rests, shoots and chats.

use super::shared::{Behaviour, Shared};
use ringshard_demo_rules::{Input, actions};
use ringshard_world::limits::TICKS_PER_SECOND;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Inputs until a bot decides again whether to walk or rest.
const MOOD: u32 = 2 * TICKS_PER_SECOND;

pub struct Brain {
    behaviour: Behaviour,
    shared: Arc<Shared>,
    inputs: u32,
    direction: u16,
    walks: bool,
    chance: u32,
}

impl Brain {
    /// Brains with different numbers differ.
    pub fn new(number: usize, behaviour: Behaviour, shared: Arc<Shared>) -> Self {
        let chance = (number as u32).wrapping_mul(0x9E37_79B9) | 1;
        Brain { behaviour, shared, inputs: 0, direction: 0, walks: false, chance }
    }

    /// A random number from 0 to 1.
    fn draw(&mut self) -> f64 {
        // Marsaglia's xorshift: good enough for behaviour.
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 17;
        self.chance ^= self.chance << 5;
        f64::from(self.chance) / f64::from(u32::MAX)
    }

    /// The input of the next tick.
    pub fn input(&mut self) -> Input {
        self.inputs = self.inputs.wrapping_add(1);
        if self.inputs % MOOD == 1 {
            self.walks = self.draw() < self.behaviour.moving;
            self.direction = (self.draw() * 65_535.0) as u16;
        }
        let stand_still = self.shared.stand_still.load(Ordering::Relaxed);
        self.walks &= !stand_still;
        let shoots = self.draw() < self.behaviour.fight / f64::from(TICKS_PER_SECOND) && !stand_still;
        Input {
            direction: self.direction,
            pace: if self.walks { 255 } else { 0 },
            actions: if shoots { actions::SHOOT } else { 0 },
        }
    }

    /// Whether it says something in this tick.
    pub fn speaks(&mut self) -> bool {
        self.draw() < self.behaviour.chat / f64::from(TICKS_PER_SECOND)
    }
}
