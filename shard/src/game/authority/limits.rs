//! How a character can move, for claims of clients that say where it is.

use ringshard_terrain::movement::Tuning;
use ringshard_world::limits::TICKS_PER_SECOND;

/// The length of a tick, in seconds.
pub(super) const TICK_SECONDS: f32 = 1.0 / TICKS_PER_SECOND as f32;

/// How a character can move, and how much a claim may differ. Lengths are in units, speeds in units per second. They are per
/// claim: a character that rides has other limits than one on foot.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Limits {
    /// The body, the speeds and the gravity.
    pub tuning: Tuning,
    /// Characters go no deeper under water than this, at their feet; infinite by default.
    pub depth_max: f32,
    /// Speeds may be so many times higher for long: clients' clocks run up to 2 % fast.
    pub tolerance: f32,
    /// Clients move their characters by their own time, which runs unevenly beside the server's. For so many ticks of movement
    /// a character may be ahead. A client that goes faster than it may is known after it has used that up.
    pub ahead_ticks: u32,
    /// A claim may follow the one before by so many ticks. A character that says nothing for longer and is elsewhere then has
    /// leapt: it stood there for all others.
    pub silent_ticks: u32,
    /// Claims may be so far below the ground, and so far above the flight of a thrown stone.
    pub height_slack: f32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            tuning: Tuning::default(),
            depth_max: f32::INFINITY,
            tolerance: 1.03,
            ahead_ticks: 30,
            silent_ticks: 60,
            height_slack: 30.0,
        }
    }
}

impl Limits {
    /// The limits of a character that moves as the ready-made step does with this tuning.
    pub fn of(tuning: &Tuning) -> Self {
        Limits { tuning: *tuning, ..Limits::default() }
    }

    /// The speed of a character that does not fall.
    pub(super) fn speed(&self, swims: bool) -> f32 {
        let Tuning { walk_speed, run_speed, swim_speed, .. } = self.tuning;
        if swims { swim_speed } else { run_speed.max(walk_speed) }
    }

    /// How high a character can be above its take-off after so many ticks in the air.
    pub(super) fn rise_after(&self, ticks: u64) -> f32 {
        let Tuning { jump_speed, gravity, fall_speed_max, .. } = self.tuning;
        let seconds = ticks as f32 * TICK_SECONDS;
        // From then on it falls at its highest speed.
        let fastest_at = (jump_speed + fall_speed_max) / gravity;
        let flight = seconds.min(fastest_at);
        jump_speed * flight - gravity * flight * flight / 2.0 - fall_speed_max * (seconds - flight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thrown_stone_rises_to_the_height_of_a_jump_and_falls_ever_deeper() {
        let limits = Limits::default();
        let heights: Vec<f32> = (0..1_000).map(|ticks| limits.rise_after(ticks)).collect();
        let highest = heights.iter().copied().fold(0.0, f32::max);
        assert!((highest - limits.tuning.jump_height()).abs() < 0.5, "{highest}");
        assert!(heights.windows(2).skip(30).all(|pair| pair[1] < pair[0]));
        let fastest = heights[998] - heights[999];
        assert!((fastest - limits.tuning.fall_speed_max / 60.0).abs() < 0.1, "{fastest}");
    }
}
