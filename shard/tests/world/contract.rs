//! The contract of the tests that use no game: any own state, and entities that show a character.

use crate::dice::Dice;
use ringshard_world::character::Character;
use ringshard_world::{Pose, Rules};

ringshard_world::wire! {
    /// A player's input.
    pub struct Step { pub by: i8 }
    /// A player's own state.
    pub struct Own { pub x: f32, pub y: f32, pub ammunition: u16, pub cooldowns: [u8; 5] }
    /// Nothing is asked, answered or told.
    pub struct Nothing {}
}

/// The rules of the tests.
pub struct Plain;

impl Rules for Plain {
    type Input = Step;
    type Own = Own;
    type Shown = Character;
    type Ask = Nothing;
    type Answer = Nothing;
    type Event = Nothing;

    fn step(&self, own: &mut Own, input: &Step) {
        own.x += f32::from(input.by);
    }

    fn pose(&self, own: &Own) -> Pose {
        Pose::at([own.x, own.y, 0.0])
    }
}

/// Makes a random change to an own state.
pub fn alter_own(dice: &mut Dice, own: &mut Own) {
    match dice.below(6) {
        0 | 1 => own.x += dice.below(100) as f32 - 50.0,
        2 => own.y = [0.0, -0.0, 1.5, f32::MAX][dice.below(4)],
        3 => own.ammunition = dice.bits() as u16,
        4 => own.cooldowns[dice.below(5)] = dice.bits() as u8,
        _ => *own = Own::default(),
    }
}
