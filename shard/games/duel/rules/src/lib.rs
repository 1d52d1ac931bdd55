//! What the server and the clients of the duel agree on: 2 to 8 discs push each other off a platform.
//!
//! All numbers are integers, so the step has the same result on every machine. Lengths are in 256ths of a unit.

use ringshard_rollback::{Inputs, Packet, SEATS_MAX, Together};
use ringshard_world::{Pose, Rules};

/// One unit.
const UNIT: i32 = 256;
/// The radius of the platform.
pub const PLATFORM: i32 = 380 * UNIT;
/// The radius of a disc.
pub const RADIUS: i32 = 40 * UNIT;
/// How far from the middle discs start.
const START: i32 = 220 * UNIT;
/// Ticks for which a disc that fell is out.
pub const OUT_TICKS: u8 = 60;
/// Ticks from one dash to the next.
const REST_TICKS: u8 = 75;
/// What full thrust adds to the speed in a tick.
const THRUST: i32 = 130;
/// What a dash adds.
const DASH: i32 = 16 * UNIT;
/// A disc loses this part of its speed in a tick.
const FRICTION: i32 = 24;
/// The unit vectors to the starts, in 256ths: no sine is needed.
const STARTS: [[i32; 2]; SEATS_MAX] =
    [[256, 0], [-256, 0], [0, 256], [0, -256], [181, 181], [-181, -181], [181, -181], [-181, 181]];

ringshard_world::wire! {
    /// What a player does in one tick.
    pub struct Input {
        /// Thrust along x and y, in 127ths.
        pub x: i8,
        pub y: i8,
        /// Leaps ahead, if it has rested.
        pub dash: bool,
    }

    /// A player's disc.
    pub struct Disc {
        pub at: [i32; 2],
        pub speed: [i32; 2],
        /// Ticks until it can dash again.
        pub rest: u8,
        /// Ticks until it is back on the platform.
        pub out: u8,
        /// Times that it fell.
        pub falls: u16,
    }

    /// The state of a match.
    pub struct Ring {
        pub discs: [Disc; SEATS_MAX],
    }

    /// Players have no state of their own: it is all in the match.
    pub struct Own {}
    pub struct Shown {}
    pub enum Ask { Nothing }
    pub enum Answer { Nothing }
    pub enum Event {
        Match { packet: Packet },
    }
}

/// The rules of the duel.
#[derive(Clone, Copy, Default)]
pub struct DuelRules;

impl Rules for DuelRules {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Ask;
    type Answer = Answer;
    type Event = Event;

    fn step(&self, _own: &mut Own, _input: &Input) {}

    fn pose(&self, _own: &Own) -> Pose {
        Pose::default()
    }
}

/// The state in which a match begins.
pub fn start() -> Ring {
    let mut ring = Ring::default();
    ring.discs.iter_mut().enumerate().for_each(|(seat, disc)| place(disc, seat));
    ring
}

fn place(disc: &mut Disc, seat: usize) {
    *disc = Disc { at: STARTS[seat].map(|part| part * (START / 256)), falls: disc.falls, ..Disc::default() };
}

impl Together for DuelRules {
    type State = Ring;
    type Input = Input;

    fn step_together(&self, ring: &mut Ring, inputs: &Inputs<Input>) {
        let seats = inputs.seats();
        for (seat, input) in inputs.all().iter().enumerate() {
            glide(&mut ring.discs[seat], seat, input);
        }
        for seat in 0..seats {
            let (before, after) = ring.discs.split_at_mut(seat + 1);
            let present = |other: &usize| inputs.is_present(seat) && inputs.is_present(seat + 1 + other);
            (0..seats - seat - 1).filter(present).for_each(|other| collide(&mut before[seat], &mut after[other]));
        }
        for disc in &mut ring.discs[..seats] {
            if disc.out == 0 && length(disc.at) > i64::from(PLATFORM) {
                disc.out = OUT_TICKS;
                disc.falls = disc.falls.saturating_add(1);
            }
        }
    }
}

/// Moves a disc by one tick.
fn glide(disc: &mut Disc, seat: usize, input: &Input) {
    if disc.out > 0 {
        disc.out -= 1;
        if disc.out == 0 {
            place(disc, seat);
        }
        return;
    }
    disc.rest = disc.rest.saturating_sub(1);
    let dashes = input.dash && disc.rest == 0;
    if dashes {
        disc.rest = REST_TICKS;
    }
    let thrust = if dashes { DASH } else { THRUST };
    for (axis, push) in [input.x, input.y].into_iter().enumerate() {
        // No input is stronger than full thrust.
        let push = i32::from(push.max(-127)) * thrust / 127;
        disc.speed[axis] += push - disc.speed[axis] / FRICTION;
        disc.at[axis] += disc.speed[axis];
    }
}

/// Two discs that touch exchange their speed along the line between them, and are moved apart.
fn collide(one: &mut Disc, other: &mut Disc) {
    let way = [other.at[0] - one.at[0], other.at[1] - one.at[1]];
    let (distance, touching) = (length(way), i64::from(2 * RADIUS));
    if one.out > 0 || other.out > 0 || distance == 0 || distance >= touching {
        return;
    }
    let along =
        |speed: [i32; 2]| (0..2).map(|axis| i64::from(speed[axis]) * i64::from(way[axis])).sum::<i64>() / distance;
    let closing = (along(one.speed) - along(other.speed)).max(0);
    let apart = (touching - distance) / 2 + 1;
    for (axis, way) in way.into_iter().enumerate() {
        let part = |much: i64| (much * i64::from(way) / distance) as i32;
        one.speed[axis] -= part(closing);
        other.speed[axis] += part(closing);
        one.at[axis] -= part(apart);
        other.at[axis] += part(apart);
    }
}

/// The length of a vector, rounded down.
pub fn length(vector: [i32; 2]) -> i64 {
    vector.map(|part| i64::from(part) * i64::from(part)).iter().sum::<i64>().isqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(moves: [Input; 2]) -> Inputs<Input> {
        let mut inputs = Inputs::neutral(Input::default(), 2, 0b11);
        moves.into_iter().enumerate().for_each(|(seat, input)| inputs.set(seat, input));
        inputs
    }

    #[test]
    fn who_does_nothing_is_pushed_off_by_who_runs() {
        let mut ring = start();
        let left = Input { x: -127, y: 0, dash: false };
        for _ in 0..300 {
            DuelRules.step_together(&mut ring, &inputs([left, Input::default()]));
        }
        assert!(ring.discs[1].falls > 0, "{ring:?}");
    }

    #[test]
    fn a_dash_is_faster_and_has_to_rest() {
        let mut ring = start();
        let dash = Input { x: -127, y: 0, dash: true };
        DuelRules.step_together(&mut ring, &inputs([dash, Input::default()]));
        let fast = ring.discs[0].speed[0];
        DuelRules.step_together(&mut ring, &inputs([dash, Input::default()]));
        assert!(fast == -DASH && ring.discs[0].speed[0] > fast - DASH, "{ring:?}");
    }

    #[test]
    fn a_disc_that_fell_comes_back_and_remembers_its_falls() {
        let mut ring = start();
        let away = Input { x: 127, y: 0, dash: true };
        for _ in 0..200 {
            DuelRules.step_together(&mut ring, &inputs([away, Input::default()]));
        }
        assert!(ring.discs[0].falls >= 1 && length(ring.discs[0].at) < i64::from(PLATFORM + RADIUS), "{ring:?}");
    }

    #[test]
    fn an_empty_seat_pushes_nobody() {
        let mut ring = start();
        ring.discs[1].at = [ring.discs[0].at[0] + RADIUS, 0];
        let before = ring;
        DuelRules.step_together(&mut ring, &Inputs::neutral(Input::default(), 2, 0b01));
        assert_eq!(ring, before);
    }
}
