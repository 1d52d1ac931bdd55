//! How fast, high and steep a character can go.

/// The body of a character, and what it can do. The default is a person, if a unit is a centimetre.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tuning {
    /// Half of its width, in units. Its body is an upright box, as wide as it is deep, that does not turn.
    pub radius: f32,
    /// Its height, in units.
    pub height: f32,
    /// The highest step that it climbs without a jump, in units.
    pub step_height: f32,
    /// The steepest ground that it can stand on: the z of the normal, which is the cosine of the slope.
    pub slope_limit: f32,
    /// Speeds, in units per second.
    pub walk_speed: f32,
    /// While it runs.
    pub run_speed: f32,
    /// While it swims.
    pub swim_speed: f32,
    /// Upwards, at the beginning of a jump.
    pub jump_speed: f32,
    /// It falls no faster.
    pub fall_speed_max: f32,
    /// How fast its velocity changes as it steers, in units per second squared: on the ground and in water.
    pub acceleration: f32,
    /// In the air, and while it slides.
    pub air_acceleration: f32,
    /// In units per second squared.
    pub gravity: f32,
    /// It swims where the water is deeper than this above its feet, in units.
    pub swim_depth: f32,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning {
            radius: 35.0,
            height: 180.0,
            step_height: 45.0,
            slope_limit: 0.7,
            walk_speed: 250.0,
            run_speed: 600.0,
            swim_speed: 300.0,
            jump_speed: 420.0,
            fall_speed_max: 5_000.0,
            acceleration: 6_000.0,
            air_acceleration: 900.0,
            gravity: 980.0,
            swim_depth: 120.0,
        }
    }
}

impl Tuning {
    /// How high its feet get in a jump from level ground, in units.
    pub fn jump_height(&self) -> f32 {
        self.jump_speed * self.jump_speed / (2.0 * self.gravity)
    }
}
