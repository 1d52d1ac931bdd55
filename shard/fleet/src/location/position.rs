//! Positions on Earth, and distances between them.

use serde::{Deserialize, Serialize};

/// Mean radius of the Earth (IUGG).
const EARTH_RADIUS_KM: f64 = 6_371.0;

/// A position on Earth, in degrees.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Degrees", into = "Degrees")]
pub struct Position {
    latitude: f64,
    longitude: f64,
}

/// A position as it is written.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Degrees {
    latitude: f64,
    longitude: f64,
}

/// Degrees that are no position.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[error("latitude {0}, longitude {1} is no position: latitude is -90 to 90, longitude -180 to 180")]
pub struct NotAPosition(f64, f64);

impl Position {
    /// The position at -90 to 90 degrees north and -180 to 180 degrees east. None: out of range.
    pub fn new(latitude: f64, longitude: f64) -> Option<Position> {
        let is_on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        is_on_earth.then_some(Position { latitude, longitude })
    }

    /// Degrees north.
    pub fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east.
    pub fn longitude(self) -> f64 {
        self.longitude
    }

    /// The distance along the great circle, in km. The formula is the haversine's, which is exact enough at short distances, too.
    pub fn distance_km(self, other: Position) -> f64 {
        let half_sine_squared = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
        let parallels = self.latitude.to_radians().cos() * other.latitude.to_radians().cos();
        let chord = half_sine_squared(other.latitude - self.latitude)
            + parallels * half_sine_squared(other.longitude - self.longitude);
        2.0 * EARTH_RADIUS_KM * chord.sqrt().min(1.0).asin()
    }
}

impl TryFrom<Degrees> for Position {
    type Error = NotAPosition;

    fn try_from(degrees: Degrees) -> Result<Position, NotAPosition> {
        Position::new(degrees.latitude, degrees.longitude).ok_or(NotAPosition(degrees.latitude, degrees.longitude))
    }
}

impl From<Position> for Degrees {
    fn from(position: Position) -> Degrees {
        Degrees { latitude: position.latitude, longitude: position.longitude }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: f64, longitude: f64) -> Position {
        Position::new(latitude, longitude).unwrap()
    }

    #[test]
    fn distances_are_those_of_an_atlas() {
        let (berlin, paris, sydney) = (at(52.52, 13.40), at(48.86, 2.35), at(-33.87, 151.21));
        assert!((berlin.distance_km(paris) - 878.0).abs() < 5.0);
        assert!((berlin.distance_km(sydney) - 16_090.0).abs() < 60.0);
        assert_eq!(berlin.distance_km(berlin), 0.0);
        // The short way crosses the line of the date.
        assert!((at(0.0, 179.0).distance_km(at(0.0, -179.0)) - 222.4).abs() < 0.5);
        assert!((at(90.0, 0.0).distance_km(at(-90.0, 0.0)) - 20_015.0).abs() < 5.0);
    }

    #[test]
    fn what_is_not_on_earth_is_no_position() {
        for (latitude, longitude) in [(90.1, 0.0), (0.0, 180.5), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Position::new(latitude, longitude), None);
        }
        let error = serde_json::from_str::<Position>(r#"{"latitude": 91, "longitude": 0}"#).unwrap_err();
        assert!(error.to_string().contains("-90 to 90"), "{error}");
    }
}
