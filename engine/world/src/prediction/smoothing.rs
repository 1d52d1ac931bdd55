//! What a correction changed of the own pose fades, so that the player does not see a jump.

use crate::pose::Pose;
use ringshard_protocol::time::Duration;

/// How corrections of the own pose are shown.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Smoothing {
    /// In this time, a correction fades to 37 %. Zero: corrections show at once.
    pub time: Duration,
    /// A correction by more units shows at once.
    pub snap: f32,
    /// Shows the own pose between the last two ticks, so that it moves smoothly at any frame rate. It is then shown up to a
    /// tick later.
    pub between_ticks: bool,
}

impl Default for Smoothing {
    /// 100 ms; 500 units; at the newest tick.
    fn default() -> Self {
        Smoothing { time: Duration::from_millis(100), snap: 500.0, between_ticks: false }
    }
}

/// What is left of corrections.
#[derive(Clone, Copy, Debug, Default)]
pub struct Smoother {
    /// In units.
    offset: [f32; 3],
    /// In 65,536ths of a turn.
    turn: [f32; 3],
}

impl Smoother {
    /// Shows the newest pose as it is.
    pub fn clear(&mut self) {
        *self = Smoother::default();
    }

    /// The pose `before` was corrected to `after`. Gives how far the point moved, in units.
    ///
    /// Nothing fades if the pose leaps, or if it moved too far.
    pub fn corrected(&mut self, before: &Pose, after: &Pose, settings: &Smoothing) -> f32 {
        for axis in 0..3 {
            self.offset[axis] += before.point[axis] - after.point[axis];
            self.turn[axis] += f32::from(before.rotation[axis].wrapping_sub(after.rotation[axis]) as i16);
        }
        let far = length(self.offset);
        let snaps = settings.time.is_zero() || before.leap != after.leap;
        if snaps || far.is_nan() || far > settings.snap {
            self.clear();
        }
        length(std::array::from_fn(|axis| before.point[axis] - after.point[axis]))
    }

    /// Lets time pass.
    pub fn fade(&mut self, time: Duration, settings: &Smoothing) {
        if settings.time.is_zero() {
            return self.clear();
        }
        let left = (-time.as_secs_f32() / settings.time.as_secs_f32()).exp();
        self.offset = self.offset.map(|axis| axis * left);
        self.turn = self.turn.map(|axis| axis * left);
    }

    /// The pose with what is left of corrections.
    pub fn shown(&self, pose: Pose) -> Pose {
        Pose {
            point: std::array::from_fn(|axis| pose.point[axis] + self.offset[axis]),
            // The casts wrap: a turn has no end.
            rotation: std::array::from_fn(|axis| {
                pose.rotation[axis].wrapping_add(self.turn[axis].round() as i32 as u16)
            }),
            ..pose
        }
    }
}

fn length(way: [f32; 3]) -> f32 {
    way.into_iter().map(|axis| axis * axis).sum::<f32>().sqrt()
}
