//! The rules of the demonstration game: what its server and its clients share.
//!
//! | module | for |
//! |---|---|
//! | [`types`] | what both ends send: inputs, own state, asks, answers, events |
//! | here | [`DemoRules`]: the step of a player |
//!
//! Players run, jump, swim and shoot on a map that both ends hold. The step of their movement is
//! [`ringshard_terrain::movement`], which gives the same bits on every machine. So a client predicts the server's result bit for
//! bit.

#![forbid(unsafe_code)]

pub mod types;

#[cfg(test)]
mod tests;

pub use ringshard_world::character::Character;
pub use types::{Answer, Ask, Event, Input, Own, Refusal, actions};

use ringshard_terrain::Terrain;
use ringshard_terrain::movement::{self, Steering, Tuning, Walker, keys};
use ringshard_world::{Pose, Rules};
use std::sync::Arc;

/// Ticks between two shots of a player.
pub const SHOT_COOLDOWN: u16 = 30;
/// Potions of a player that enters or restarts.
pub const POTIONS: u8 = 3;
/// Most bytes of what a player says at once.
pub const TEXT_BYTES_MAX: usize = 200;

/// The rules of the demonstration. Both ends hold the same map.
#[derive(Clone, Debug)]
pub struct DemoRules {
    /// The map.
    pub terrain: Arc<Terrain>,
    /// How fast, high and steep players go.
    pub tuning: Tuning,
}

impl DemoRules {
    /// The rules on this map.
    pub fn on(terrain: Arc<Terrain>) -> DemoRules {
        DemoRules { terrain, tuning: Tuning::default() }
    }
}

impl Default for DemoRules {
    /// The rules on level ground, on the default map.
    fn default() -> Self {
        DemoRules::on(Terrain::shared_flat())
    }
}

impl Rules for DemoRules {
    type Input = Input;
    type Own = Own;
    type Shown = Character;
    type Ask = Ask;
    type Answer = Answer;
    type Event = Event;

    fn step(&self, own: &mut Own, input: &Input) {
        own.shot.count_down();
        let tuning = if own.slowed { half_as_fast(&self.tuning) } else { self.tuning };
        let (mut walker, steering) = (own.walker(), own.steering(input));
        movement::step(&self.terrain, &tuning, &mut walker, &steering);
        own.set_walker(&walker);
        if input.actions & actions::SHOOT != 0 && !own.stunned {
            own.shot.start(SHOT_COOLDOWN);
        }
    }

    fn pose(&self, own: &Own) -> Pose {
        own.walker().pose()
    }

    fn level(&self) -> u32 {
        self.terrain.digest()
    }
}

/// The tuning of a slowed player.
fn half_as_fast(tuning: &Tuning) -> Tuning {
    let [walk_speed, run_speed, swim_speed] =
        [tuning.walk_speed, tuning.run_speed, tuning.swim_speed].map(|speed| speed / 2.0);
    Tuning { walk_speed, run_speed, swim_speed, ..*tuning }
}

impl Own {
    /// A player that enters at a point.
    pub fn at([x, y, height]: [f32; 3]) -> Own {
        Own { point: [x, y], height, potions: POTIONS, ..Own::default() }
    }

    /// Whether the player has shot in the last step.
    pub fn has_shot(&self) -> bool {
        self.shot.ticks() == SHOT_COOLDOWN
    }

    /// Its character, as the shared step moves it.
    pub fn walker(&self) -> Walker {
        let ([x, y], [along_x, along_y]) = (self.point, self.velocity);
        Walker {
            point: [x, y, self.height],
            velocity: [along_x, along_y, self.rise],
            yaw: self.yaw,
            gait: self.gait,
            leap: self.leap,
        }
    }

    /// Takes over what the shared step has changed.
    pub fn set_walker(&mut self, walker: &Walker) {
        let ([x, y, height], [along_x, along_y, rise]) = (walker.point, walker.velocity);
        (self.point, self.height) = ([x, y], height);
        (self.velocity, self.rise) = ([along_x, along_y], rise);
        (self.yaw, self.gait, self.leap) = (walker.yaw, walker.gait, walker.leap);
    }

    /// What it can do of what the player wants.
    fn steering(&self, input: &Input) -> Steering {
        let Input { forward, left, yaw, keys, .. } = *input;
        // The server makes a neutral input for a silent client. Its player does not turn.
        let is_neutral = *input == Input::default();
        if self.stunned || self.frozen || is_neutral {
            // It keeps on falling and sliding.
            return Steering { yaw: self.yaw, ..Steering::default() };
        }
        Steering { forward, left, yaw, keys }
    }
}

impl Input {
    /// Runs where the player looks, in 65,536ths of a turn from the x axis towards the y axis.
    pub fn running(yaw: u16) -> Input {
        Input { forward: 127, yaw, keys: keys::RUN, ..Input::default() }
    }
}
