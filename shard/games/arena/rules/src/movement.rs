//! How a player moves and shoots in one tick.

use crate::level::WALLS;
use crate::{Body, Input};
use ringshard_world::limits::TICKS_PER_SECOND;
use std::f32::consts::TAU;

/// Full speed, in units per second.
pub const SPEED: f32 = 600.0;
/// How much the velocity changes along an axis in a tick, in units per second.
pub const ACCELERATION: f32 = 100.0;
/// How far a player reaches around its point.
pub const RADIUS: f32 = 40.0;
/// How far a shot reaches.
pub const RANGE: f32 = 6_000.0;
/// Ticks between two shots.
pub const COOLDOWN_TICKS: u16 = 12;
const TICK_SECONDS: f32 = 1.0 / TICKS_PER_SECOND as f32;

/// Whether the last step of a player fired a shot.
pub fn has_fired(body: &Body) -> bool {
    body.weapon.ticks() == COOLDOWN_TICKS
}

/// The direction of a yaw, of length 1.
pub fn direction(yaw: u16) -> [f32; 2] {
    let (sin, cos) = (f32::from(yaw) / 65_536.0 * TAU).sin_cos();
    [cos, sin]
}

/// The yaw of a direction.
pub fn yaw(direction: [f32; 2]) -> u16 {
    // Negative angles wrap.
    (direction[1].atan2(direction[0]) / TAU * 65_536.0) as i32 as u16
}

/// Advances a player by one tick.
pub fn step(body: &mut Body, input: &Input) {
    body.weapon.count_down();
    body.respawn.count_down();
    if !body.alive {
        body.velocity = [0.0; 2];
        return;
    }
    body.yaw = input.yaw;
    for (axis, wanted) in wanted_velocity(input).into_iter().enumerate() {
        let change = (wanted - body.velocity[axis]).clamp(-ACCELERATION, ACCELERATION);
        body.velocity[axis] += change;
        // One axis after the other: a player that walks into a wall slides along it.
        move_along(body, axis);
    }
    if input.fire {
        body.weapon.start(COOLDOWN_TICKS);
    }
}

/// The velocity that the input asks for, at most [`SPEED`].
fn wanted_velocity(input: &Input) -> [f32; 2] {
    let [cos, sin] = direction(input.yaw);
    let [forward, strafe] = [input.forward, input.strafe].map(|part| f32::from(part.max(-127)) / 127.0);
    let length = forward.hypot(strafe).max(1.0);
    [cos * forward - sin * strafe, sin * forward + cos * strafe].map(|part| part / length * SPEED)
}

/// Moves along one axis, up to the first wall.
fn move_along(body: &mut Body, axis: usize) {
    let before = body.point[axis];
    body.point[axis] += body.velocity[axis] * TICK_SECONDS;
    if let Some(wall) = WALLS.iter().find(|wall| wall.overlaps(body.point, RADIUS)) {
        let is_below = before < (wall.low[axis] + wall.high[axis]) / 2.0;
        body.point[axis] = if is_below { wall.low[axis] - RADIUS } else { wall.high[axis] + RADIUS };
        body.velocity[axis] = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{CORNER, SIDE};

    const NORTH: u16 = 1 << 14;

    fn at([x, y]: [f32; 2]) -> Body {
        Body { point: [CORNER + x, CORNER + y], alive: true, ..Body::default() }
    }

    fn walk(body: &mut Body, ticks: u32, input: Input) {
        (0..ticks).for_each(|_| step(body, &input));
    }

    #[test]
    fn a_player_accelerates_to_full_speed_in_any_direction_and_stops_when_it_lets_go() {
        for (forward, strafe, yaw) in [(127, 0, 0), (0, -128, NORTH), (127, 127, 9_000), (-128, 127, 40_000)] {
            let mut body = at([SIDE / 3.0; 2]);
            step(&mut body, &Input { forward, strafe, yaw, fire: false });
            let [x, y] = body.velocity;
            assert!(x.hypot(y) < SPEED / 2.0, "it has not accelerated yet");
            walk(&mut body, 20, Input { forward, strafe, yaw, fire: false });
            let [x, y] = body.velocity;
            assert!((x.hypot(y) - SPEED).abs() < 0.1, "{forward} {strafe}: {x} {y}");
            walk(&mut body, 20, Input { yaw, ..Input::default() });
            assert_eq!(body.velocity, [0.0; 2]);
        }
    }

    #[test]
    fn a_player_stops_at_a_wall_and_slides_along_it() {
        // The wall above begins at y = 1,200.
        let mut body = at([1_300.0, 1_000.0]);
        walk(&mut body, 60, Input { forward: 127, strafe: -64, yaw: NORTH, fire: false });
        assert_eq!(body.point[1], CORNER + 1_200.0 - RADIUS);
        assert!(body.point[0] > CORNER + 1_400.0, "it slides, {:?}", body.point);
    }

    #[test]
    fn whoever_walks_at_random_never_gets_into_a_wall() {
        let mut chance = 1_u32;
        let mut body = at([500.0; 2]);
        for _ in 0..20_000 {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let yaw = if chance >> 27 == 0 { chance as u16 } else { body.yaw };
            step(&mut body, &Input { forward: 127, strafe: (chance >> 16) as i8, yaw, fire: false });
            assert!(!WALLS.iter().any(|wall| wall.overlaps(body.point, RADIUS)), "{:?}", body.point);
        }
    }

    #[test]
    fn a_held_trigger_shoots_once_per_cooldown_and_the_dead_do_nothing() {
        let mut body = at([500.0; 2]);
        let held = Input { forward: 127, fire: true, ..Input::default() };
        let mut shots = 0;
        for _ in 0..60 {
            step(&mut body, &held);
            shots += u16::from(has_fired(&body));
        }
        assert_eq!(shots, 60 / COOLDOWN_TICKS);
        body.alive = false;
        let point = body.point;
        for _ in 0..60 {
            step(&mut body, &held);
            assert!(!has_fired(&body));
        }
        assert_eq!((body.point, body.velocity), (point, [0.0; 2]));
    }

    #[test]
    fn the_yaw_of_a_direction_gives_the_direction() {
        for angle in [0, 1, NORTH, 30_000, 65_535] {
            assert!(yaw(direction(angle)).wrapping_sub(angle).wrapping_add(1) <= 2, "{angle}");
        }
    }
}
