//! Following a path, tick by tick.

use crate::Path;
use ringshard_terrain::movement::{Steering, Walker, keys};

/// A corner counts as reached within this, in units.
const REACHED: f32 = 12.0;
/// Also if it lies behind, and the character passes it within this.
const PASSED: f32 = 40.0;
/// The character is stuck if it has not come nearer to its corner by [`PROGRESS`] units for this many ticks.
const STUCK_TICKS: u16 = 45;
/// See [`STUCK_TICKS`].
const PROGRESS: f32 = 4.0;

/// What the character does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Going {
    /// It is on its way.
    On,
    /// It has arrived, or has no path.
    Arrived,
    /// Something is in its way, which the mesh does not know. Ask for a new path, or for another goal.
    Stuck,
}

/// Follows one path after the other. Nothing is allocated while it follows one.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Follower {
    path: Path,
    /// The corner that it walks to.
    next: usize,
    /// How near to it the character has come, and since when it has not come nearer.
    nearest: f32,
    stuck_ticks: u16,
}

impl Follower {
    /// Takes a new path.
    pub fn start(&mut self, path: Path) {
        *self = Follower { path, next: 1, nearest: f32::INFINITY, stuck_ticks: 0 };
    }

    /// Forgets its path.
    pub fn stop(&mut self) {
        self.path.corners.clear();
        self.next = 0;
    }

    /// Whether it has a path that it has not finished.
    pub fn is_going(&self) -> bool {
        self.next < self.path.corners.len()
    }

    /// The end of its path.
    pub fn goal(&self) -> Option<[f32; 3]> {
        self.path.corners.last().copied()
    }

    /// How to steer in this tick, and what the character does. Call it once per tick.
    pub fn steer(&mut self, walker: &Walker, runs: bool) -> (Steering, Going) {
        let mut steering = Steering { yaw: walker.yaw, ..Steering::default() };
        while self.is_going() && self.has_reached(walker.point) {
            self.next += 1;
            (self.nearest, self.stuck_ticks) = (f32::INFINITY, 0);
        }
        let Some(&corner) = self.path.corners.get(self.next) else { return (steering, Going::Arrived) };
        let [x, y] = [corner[0] - walker.point[0], corner[1] - walker.point[1]];
        let distance = x.hypot(y);
        if distance < self.nearest - PROGRESS {
            (self.nearest, self.stuck_ticks) = (distance, 0);
        } else {
            self.stuck_ticks += 1;
            if self.stuck_ticks >= STUCK_TICKS {
                self.stop();
                return (steering, Going::Stuck);
            }
        }
        steering.yaw = (y.atan2(x) / std::f32::consts::TAU * 65_536.0) as i32 as u16;
        steering.forward = 127;
        steering.keys = if runs { keys::RUN } else { 0 };
        (steering, Going::On)
    }

    fn has_reached(&self, [x, y, _]: [f32; 3]) -> bool {
        let corner = self.path.corners[self.next];
        let to = [corner[0] - x, corner[1] - y];
        let distance = to[0].hypot(to[1]);
        let before = self.path.corners[self.next - 1];
        let along = [corner[0] - before[0], corner[1] - before[1]];
        let is_behind = to[0] * along[0] + to[1] * along[1] <= 0.0;
        distance <= REACHED || is_behind && distance <= PASSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moves as it steers, without any ground.
    fn go(walker: &mut Walker, steering: Steering) {
        let turn = f32::from(steering.yaw) / 65_536.0 * std::f32::consts::TAU;
        let step = f32::from(steering.forward) / 127.0 * 600.0 / 60.0;
        walker.point[0] += step * turn.cos();
        walker.point[1] += step * turn.sin();
    }

    #[test]
    fn a_path_is_followed_to_its_end() {
        let corners = vec![[0.0; 3], [500.0, 0.0, 0.0], [500.0, 500.0, 0.0], [0.0, 510.0, 0.0]];
        let (mut follower, mut walker) = (Follower::default(), Walker::default());
        assert_eq!(follower.steer(&walker, true).1, Going::Arrived, "it has no path");
        follower.start(Path { corners });
        for _ in 0..200 {
            let (steering, going) = follower.steer(&walker, true);
            if going == Going::Arrived {
                assert!((walker.point[0]).hypot(walker.point[1] - 510.0) < PASSED);
                return;
            }
            assert_eq!(going, Going::On);
            go(&mut walker, steering);
        }
        panic!("it has not arrived: {walker:?}");
    }

    #[test]
    fn a_character_that_does_not_get_nearer_is_stuck() {
        let (mut follower, walker) = (Follower::default(), Walker::default());
        follower.start(Path { corners: vec![[0.0; 3], [500.0, 0.0, 0.0]] });
        let stuck = (0..100).find(|_| follower.steer(&walker, false).1 == Going::Stuck);
        assert_eq!(stuck, Some(usize::from(STUCK_TICKS)));
        assert!(!follower.is_going());
    }
}
