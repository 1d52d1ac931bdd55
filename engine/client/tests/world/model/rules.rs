//! A small game: players walk, slip and leap.

use ringshard_client::world::contract::Text;
use ringshard_client::{Pose, Rules};

ringshard_client::world::wire! {
    pub struct Input { pub x: i8, pub y: i8, pub leap: bool }
    pub struct Own { pub x: f32, pub y: f32, pub vx: f32, pub vy: f32, pub leap: u8, pub steps: u32 }
    pub struct Shown { pub health: u8 }
    pub enum Ask { Double { number: u32 }, Nothing }
    pub enum Answer { Doubled { number: u32 } }
    pub enum Event { Said { text: Text<20> } }
}

pub struct Walking {
    /// Speed of a full stick, in units per second.
    pub speed: f32,
}

impl Default for Walking {
    fn default() -> Self {
        Walking { speed: 600.0 }
    }
}

impl Rules for Walking {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Ask;
    type Answer = Answer;
    type Event = Event;

    fn step(&self, own: &mut Own, input: &Input) {
        let wanted = |stick: i8| f32::from(stick) / 127.0 * self.speed;
        // Inertia: a wrong input shows in all states after it.
        own.vx += (wanted(input.x) - own.vx) * 0.2;
        own.vy += (wanted(input.y) - own.vy) * 0.2;
        own.x += own.vx / 60.0;
        own.y += own.vy / 60.0;
        own.steps = own.steps.wrapping_add(1);
        if input.leap {
            own.x += 10_000.0;
            own.leap = own.leap.wrapping_add(1);
        }
    }

    fn pose(&self, own: &Own) -> Pose {
        Pose { point: [own.x, own.y, 0.0], velocity: [own.vx, own.vy, 0.0], leap: own.leap, ..Pose::default() }
    }
}
