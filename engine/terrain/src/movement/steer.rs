//! The velocity that a character wants, and how fast it gets it.

use super::tuning::Tuning;
use super::types::{Gait, Steering, Walker, keys};
use crate::vector::Vector;
use ringshard_world::limits::TICKS_PER_SECOND;
use ringshard_world::turn;

/// The length of a tick, in seconds.
pub(super) const TICK_SECONDS: f32 = 1.0 / TICKS_PER_SECOND as f32;

/// The gait and velocity with which a character begins its way. `depth` is how deep its feet are under water.
#[inline]
pub(super) fn steer(tuning: &Tuning, walker: &Walker, steering: &Steering, depth: f32) -> (Gait, Vector) {
    let gait = gait(tuning, walker, steering, depth);
    let wish = wish(tuning, gait, steering);
    let [x, y, z] = walker.velocity;
    let jumps = walker.gait() == Gait::Ground && gait == Gait::Air && z <= 0.0;
    let change = TICK_SECONDS
        * if matches!(gait, Gait::Ground | Gait::Swim) || jumps {
            tuning.acceleration
        } else {
            tuning.air_acceleration
        };
    // In the air, a character that does not steer keeps its velocity.
    let steers = matches!(gait, Gait::Ground | Gait::Swim) || wish != [0.0; 3];
    let [x, y] = if steers { approach([x, y], [wish[0], wish[1]], change) } else { [x, y] };
    let z = match gait {
        Gait::Ground => 0.0,
        Gait::Swim => z + (wish[2] - z).clamp(-change, change),
        // The gravity of half a tick: so a jump from level ground is as high as it is in a calculation without ticks.
        Gait::Air if jumps => tuning.jump_speed - tuning.gravity * TICK_SECONDS / 2.0,
        Gait::Air | Gait::Slide => (z - tuning.gravity * TICK_SECONDS).max(-tuning.fall_speed_max),
    };
    (gait, [x, y, z])
}

fn gait(tuning: &Tuning, walker: &Walker, steering: &Steering, depth: f32) -> Gait {
    let jumps = steering.keys & keys::JUMP != 0;
    match walker.gait() {
        _ if depth > tuning.swim_depth => Gait::Swim,
        Gait::Swim => Gait::Air,
        // A game that gives a character a velocity upwards launches it.
        Gait::Ground if jumps || walker.velocity[2] > 0.0 => Gait::Air,
        gait => gait,
    }
}

/// The velocity that the player wants.
fn wish(tuning: &Tuning, gait: Gait, steering: &Steering) -> Vector {
    let speed = match gait {
        Gait::Swim => tuning.swim_speed,
        _ if steering.keys & keys::RUN != 0 => tuning.run_speed,
        _ => tuning.walk_speed,
    };
    let upwards = match steering.keys & (keys::JUMP | keys::DIVE) {
        keys::JUMP => tuning.swim_speed,
        keys::DIVE => -tuning.swim_speed,
        _ => 0.0,
    };
    if steering.forward == 0 && steering.left == 0 {
        return [0.0, 0.0, if gait == Gait::Swim { upwards } else { 0.0 }];
    }
    let [forward, left] = [steering.forward, steering.left].map(|part| f32::from(part.max(-127)) / 127.0);
    let by = speed / (forward * forward + left * left).sqrt().max(1.0);
    let [x, y] = turn::direction(steering.yaw);
    [(forward * x - left * y) * by, (forward * y + left * x) * by, if gait == Gait::Swim { upwards } else { 0.0 }]
}

/// Changes a velocity towards another one, by `most` at most.
fn approach([x, y]: [f32; 2], [to_x, to_y]: [f32; 2], most: f32) -> [f32; 2] {
    let (off_x, off_y) = (to_x - x, to_y - y);
    let off_squared = off_x * off_x + off_y * off_y;
    if off_squared <= most * most {
        return [to_x, to_y];
    }
    let by = most / off_squared.sqrt();
    [x + off_x * by, y + off_y * by]
}
