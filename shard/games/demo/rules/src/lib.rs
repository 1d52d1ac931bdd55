//! The rules of the demonstration game: what its server and its clients share.
//!
//! | module | for |
//! |---|---|
//! | [`types`] | what both ends send: inputs, own state, asks, answers, events |
//! | here | [`DemoRules`]: the step of a player |
//!
//! Players walk and shoot on a flat map. A step uses only additions, multiplications and comparisons of 32-bit floats, which
//! give the same result on every machine. So a client predicts the server's result bit for bit.

#![forbid(unsafe_code)]

pub mod types;

#[cfg(test)]
mod tests;

pub use ringshard_world::character::Character;
pub use types::{Answer, Ask, Event, Input, Own, Refusal, actions};

use ringshard_world::limits::TICKS_PER_SECOND;
use ringshard_world::{Map, Pose, Rules, turn};

/// Fastest walk, in units per second: 6 m/s.
pub const WALK_MAX: f32 = 600.0;
/// Ticks between two shots of a player.
pub const SHOT_COOLDOWN: u16 = 30;
/// Potions of a player that enters or restarts.
pub const POTIONS: u8 = 3;
/// Most bytes of what a player says at once.
pub const TEXT_BYTES_MAX: usize = 200;

/// The rules of the demonstration. Both ends hold the same size of the map.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DemoRules {
    /// The far edges of the map along x and y, in units: players stay within.
    pub size: [f32; 2],
}

impl DemoRules {
    /// The rules on this map.
    pub fn on(map: &Map) -> DemoRules {
        let [width, depth, _] = map.size();
        DemoRules { size: [width, depth] }
    }
}

impl Default for DemoRules {
    /// The rules on the default map.
    fn default() -> Self {
        DemoRules::on(&Map::default())
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
        own.walk(input);
        for axis in 0..2 {
            let way = own.velocity[axis] / TICKS_PER_SECOND as f32;
            own.point[axis] = (own.point[axis] + way).clamp(0.0, self.size[axis]);
        }
        if input.actions & actions::SHOOT != 0 && !own.stunned {
            own.shot.start(SHOT_COOLDOWN);
        }
    }

    fn pose(&self, own: &Own) -> Pose {
        let ([x, y], [along_x, along_y]) = (own.point, own.velocity);
        Pose { point: [x, y, 0.0], velocity: [along_x, along_y, 0.0], rotation: [own.direction, 0, 0], leap: own.leap }
    }
}

impl Own {
    /// A player that enters at a point.
    pub fn at(point: [f32; 2]) -> Own {
        Own { point, potions: POTIONS, ..Own::default() }
    }

    /// Whether the player has shot in the last step.
    pub fn has_shot(&self) -> bool {
        self.shot.ticks() == SHOT_COOLDOWN
    }

    /// How fast the player can walk now, in units per second.
    pub fn speed_max(&self) -> f32 {
        match self {
            _ if self.stunned || self.frozen => 0.0,
            _ if self.slowed => WALK_MAX / 2.0,
            _ => WALK_MAX,
        }
    }

    fn walk(&mut self, input: &Input) {
        let speed = self.speed_max() * f32::from(input.pace) / 255.0;
        if speed == 0.0 {
            self.velocity = [0.0; 2];
            return;
        }
        self.direction = input.direction;
        self.velocity = turn::direction(input.direction).map(|axis| axis * speed);
    }
}
