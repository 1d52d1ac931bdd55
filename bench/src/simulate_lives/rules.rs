//! The contract of the simulated game. Every value says whose it is and where it belongs, so that the model can tell a mixed,
//! lost or repeated one.

use crate::random::mix;
use ringshard_world::{Pose, Rules};

ringshard_world::wire! {
    /// Made by client `by` - 1 for a tick. A neutral input is all 0.
    pub struct Input { pub by: u32, pub tick: u32 }
    /// A presence, and a sum over all its steps.
    pub struct Own { pub presence: u32, pub steps: u32, pub sum: u32, pub x: f32, pub y: f32 }
    /// `seal` follows from the other two.
    pub struct Shown { pub serial: u32, pub version: u32, pub seal: u32 }
    pub enum Ask {
        Now { value: u32 },
        After { value: u32, ticks: u32 },
        /// Answered when the client returns from an outage.
        OnReturn { value: u32 },
        Never { value: u32 },
    }
    pub struct Answer { pub value: u32 }
    pub enum Event {
        /// A presence's message on a channel, counted from 0. A client says its attempt to enter instead of the presence.
        Numbered { presence: u32, channel: u8, number: u32 },
        /// Goes to many.
        Rumour { value: u32, seal: u32 },
    }
    /// A core's command to another, counted from 0.
    pub struct Order { pub core: u8, pub number: u32 }
    /// What a client shows to enter.
    pub struct Ticket { pub client: u32, pub attempt: u32, pub plan: u8 }
}

/// What a ticket makes the game do.
pub mod plans {
    pub const WITH_BODY: u8 = 0;
    pub const WITHOUT_BODY: u8 = 1;
    pub const REFUSED: u8 = 2;
    pub const ACCEPTED_LATER: u8 = 3;
    pub const REFUSED_LATER: u8 = 4;
    pub const PENDING: u8 = 5;
}

/// The reason for which the game refuses a plan, at once and later.
pub const REFUSAL: u8 = 20;
pub const LATE_REFUSAL: u8 = 21;
/// The reason for which it refuses a ticket that is none.
pub const WRONG_TICKET: u8 = 22;
/// The reasons for which it puts players out: these and the next nine.
pub const PUT_OUT: u8 = 40;
/// The server's reason when too much has waited for a client.
pub const BACKLOG: u8 = 255;

/// Hashes two numbers.
pub fn seal(one: u32, other: u32) -> u32 {
    mix(u64::from(one) << 32 | u64::from(other)) as u32
}

/// Where everybody is, in units: in sight of each other.
const CENTRE: [f32; 3] = [10_000.0, 10_000.0, 100.0];

#[derive(Clone, Copy)]
pub struct Lives;

impl Rules for Lives {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Ask;
    type Answer = Answer;
    type Event = Event;

    fn step(&self, own: &mut Own, input: &Input) {
        own.steps += 1;
        own.sum = seal(own.sum ^ input.by, input.tick);
        own.x = (own.sum % 2_000) as f32;
        own.y += if own.y < 2_000.0 { 1.0 } else { -2_000.0 };
    }

    fn pose(&self, own: &Own) -> Pose {
        Pose::at([CENTRE[0] + own.x, CENTRE[1] + own.y, CENTRE[2]])
    }
}
