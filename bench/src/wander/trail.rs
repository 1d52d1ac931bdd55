//! Where a player was, to find out how old the state is from which it goes on after its host was killed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Points are remembered for so long.
const MEMORY: Duration = Duration::from_secs(60);
/// Time between two points.
const SPACING: Duration = Duration::from_millis(50);
/// How far from its trail a player may come back, in units: it walks a little before its client learns where it is.
const NEAR: f32 = 100.0;

/// The last points of a player.
#[derive(Default)]
pub(super) struct Trail(VecDeque<(Instant, [f32; 2])>);

impl Trail {
    pub fn note(&mut self, now: Instant, point: [f32; 2]) {
        if self.0.back().is_some_and(|(at, _)| now - *at < SPACING) {
            return;
        }
        self.0.push_back((now, point));
        while self.0.front().is_some_and(|(at, _)| now - *at > MEMORY) {
            self.0.pop_front();
        }
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How long before `lost` the player was at this point. None: it was not there lately, so its state is another one.
    pub fn age(&self, lost: Instant, point: [f32; 2]) -> Option<Duration> {
        let was_near = |(_, [x, y]): &&(Instant, [f32; 2])| (x - point[0]).hypot(y - point[1]) < NEAR;
        self.0.iter().rev().find(was_near).map(|(at, _)| lost.saturating_duration_since(*at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_that_of_the_latest_point_nearby() {
        let start = Instant::now();
        let mut trail = Trail::default();
        for second in 0..10 {
            trail.note(start + Duration::from_secs(second), [second as f32 * 500.0, 0.0]);
        }
        let lost = start + Duration::from_secs(12);
        assert_eq!(trail.age(lost, [2_040.0, 30.0]), Some(Duration::from_secs(8)));
        assert_eq!(trail.age(lost, [2_240.0, 0.0]), None, "between two points of this trail");
        assert_eq!(trail.age(lost, [2_000.0, 900.0]), None);
    }
}
