//! Others between two snapshots: the pose of a [`Seen`] at a tick with a fraction.

mod glide;

pub use self::glide::pose_between;

use self::glide::{extrapolated, glided};
use crate::contract::Fields;
use crate::limits::TICKS_PER_SECOND;
use crate::map::Map;
use crate::pose::Pose;
use crate::view::{Sample, Seen};
use ringshard_protocol::time::Duration;

/// How poses between two known ones are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// The last known one.
    Hold,
    /// On a straight line.
    Linear,
    /// On a curve that has the known velocities at its ends; on a straight line where the velocities do not fit the way.
    #[default]
    Hermite,
}

/// How others are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interpolation {
    /// How poses between two known ones are found.
    pub mode: Mode,
    /// Others are shown at least so late.
    pub delay_min: Duration,
    /// Others are shown at most so late, however irregularly snapshots arrive.
    pub delay_max: Duration,
    /// Without news, an entity goes on with its velocity for so long, and then stands.
    pub extrapolation_max: Duration,
}

impl Default for Interpolation {
    /// Two ticks late at least, 250 ms at most; 250 ms of extrapolation.
    fn default() -> Self {
        let quarter = Duration::from_millis(250);
        let delay_min = Duration::from_nanos(2_000_000_000 / TICKS_PER_SECOND as u64);
        Interpolation { mode: Mode::default(), delay_min, delay_max: quarter, extrapolation_max: quarter }
    }
}

/// What an entity was at `tick`: the newest version that is not younger, or the oldest known one.
pub fn sample_at<S: Fields>(seen: &Seen<S>, tick: f64) -> &Sample<S> {
    &seen.samples()[index_at(seen, tick)]
}

fn index_at<S: Fields>(seen: &Seen<S>, tick: f64) -> usize {
    seen.samples().iter().rposition(|sample| sample.since as f64 <= tick).unwrap_or(0)
}

/// The pose of an entity at `tick`.
pub fn pose_at<S: Fields>(seen: &Seen<S>, tick: f64, map: &Map, settings: &Interpolation) -> Pose {
    let at = index_at(seen, tick);
    let from = &seen.samples()[at];
    // From `since` to `tick`, it was the same.
    if tick <= from.tick as f64 || settings.mode == Mode::Hold {
        return from.state.pose(map);
    }
    match seen.samples().get(at + 1) {
        Some(to) => glided(from, to, tick, map, settings.mode),
        None => extrapolated(from, tick, map, settings.extrapolation_max),
    }
}
