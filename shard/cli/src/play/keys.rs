//! What the player presses, as inputs. A terminal does not say when a key is released, so a key counts for a while.

use ringshard_scripts_rules::Input;
use ringshard_terrain::movement::{Steering, keys};
use std::time::{Duration, Instant};

/// How long a direction counts: longer than it takes until a key that is held repeats.
const DIRECTION_TIME: Duration = Duration::from_millis(550);
/// How long a button and a jump count: some ticks, so that none is missed.
const BUTTON_TIME: Duration = Duration::from_millis(80);

/// A direction on the screen, whose upper edge is the end of the y axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    Right = 0,
    Up = 1,
    Left = 2,
    Down = 3,
}

/// The keys that count at present.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys {
    /// For each direction, until when it counts.
    directions: [Option<Instant>; 4],
    jump: Option<Instant>,
    /// For each button, until when it counts.
    buttons: [Option<Instant>; 16],
    /// Where the player looks, in 65,536ths of a turn.
    yaw: u16,
    pub walks: bool,
}

impl Keys {
    /// A direction key is pressed.
    pub fn go(&mut self, direction: Direction, now: Instant) {
        let opposite = (direction as usize + 2) % 4;
        self.directions[opposite] = None;
        self.directions[direction as usize] = Some(now + DIRECTION_TIME);
    }

    /// Stands still.
    pub fn stop(&mut self) {
        self.directions = [None; 4];
    }

    /// The jump key is pressed.
    pub fn jump(&mut self, now: Instant) {
        self.jump = Some(now + BUTTON_TIME);
    }

    /// A button is pressed: 1 to 16.
    pub fn press(&mut self, button: usize, now: Instant) {
        self.buttons[button - 1] = Some(now + BUTTON_TIME);
    }

    /// The input for a tick.
    pub fn input(&mut self, now: Instant) -> Input {
        let counts = |until: &Option<Instant>| until.is_some_and(|until| now < until);
        let [right, up, left, down] = [0, 1, 2, 3].map(|which| i32::from(counts(&self.directions[which])));
        let forward = match eighth(right - left, up - down) {
            Some(eighth) => {
                self.yaw = eighth << 13;
                127
            }
            None => 0,
        };
        let run = if self.walks { 0 } else { keys::RUN };
        let jump = if counts(&self.jump) { keys::JUMP } else { 0 };
        let buttons =
            (0..16).filter(|&button| counts(&self.buttons[button])).fold(0, |held, button| held | 1 << button);
        let steering = Steering { forward, left: 0, yaw: self.yaw, keys: run | jump };
        Input { steering, aim: 0, buttons }
    }
}

/// A direction in eighths of a turn; none if there is no direction.
fn eighth(x: i32, y: i32) -> Option<u16> {
    match (x, y) {
        (1, 0) => Some(0),
        (1, 1) => Some(1),
        (0, 1) => Some(2),
        (-1, 1) => Some(3),
        (-1, 0) => Some(4),
        (-1, -1) => Some(5),
        (0, -1) => Some(6),
        (1, -1) => Some(7),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direction_counts_for_a_while_and_two_make_a_diagonal() {
        let (mut pressed, now) = (Keys::default(), Instant::now());
        pressed.go(Direction::Up, now);
        pressed.go(Direction::Left, now);
        let input = pressed.input(now);
        assert_eq!((input.steering.forward, input.steering.yaw), (127, 3 << 13));
        pressed.go(Direction::Right, now);
        assert_eq!(pressed.input(now).steering.yaw, 1 << 13, "the opposite direction ends");
        let later = pressed.input(now + DIRECTION_TIME);
        assert_eq!((later.steering.forward, later.steering.yaw), (0, 1 << 13), "it looks where it went");
    }

    #[test]
    fn a_button_is_held_for_some_ticks() {
        let (mut pressed, now) = (Keys::default(), Instant::now());
        pressed.press(3, now);
        pressed.jump(now);
        assert_eq!(pressed.input(now).buttons, 4);
        assert_eq!(pressed.input(now).steering.keys & keys::JUMP, keys::JUMP);
        assert_eq!(pressed.input(now + BUTTON_TIME).buttons, 0);
    }
}
