//! Where a player aims.

use ringshard_world::turn;
use std::f32::consts::TAU;

/// Where shots begin, and what bots aim at: in units above the feet.
pub const CHEST: f32 = 120.0;
/// How far from there a shot hits a player.
pub const RADIUS: f32 = 40.0;
/// How far a shot reaches.
pub const RANGE: f32 = 6_000.0;

/// The chest of a player whose feet are there.
pub fn chest([x, y, z]: [f32; 3]) -> [f32; 3] {
    [x, y, z + CHEST]
}

/// The direction of yaw and pitch, of length 1.
pub fn direction(yaw: u16, pitch: i16) -> [f32; 3] {
    let ([x, y], [level, up]) = (turn::direction(yaw), turn::direction(pitch as u16));
    [x * level, y * level, up]
}

/// The yaw and pitch of a direction.
pub fn angles([x, y, z]: [f32; 3]) -> (u16, i16) {
    // Negative angles wrap.
    let turn = |angle: f32| (angle / TAU * 65_536.0) as i32;
    (turn(y.atan2(x)) as u16, turn(z.atan2(x.hypot(y))) as i16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_angles_of_a_direction_give_the_direction() {
        for (yaw, pitch) in [(0, 0), (1, -1), (1 << 14, 9_000), (30_000, -16_000), (65_535, 100)] {
            let (found_yaw, found_pitch) = angles(direction(yaw, pitch));
            assert!(found_yaw.wrapping_sub(yaw).wrapping_add(1) <= 2, "{yaw} {found_yaw}");
            assert!((found_pitch - pitch).abs() <= 1, "{pitch} {found_pitch}");
        }
    }
}
