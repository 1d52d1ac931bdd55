//! Positions on the globe, distances and boxes.

/// The mean radius of the Earth in metres, as the haversine formula takes it.
const EARTH_RADIUS: f64 = 6_371_008.8;
/// The longest distance between two positions, in metres.
pub const DISTANCE_MAX: f64 = EARTH_RADIUS * std::f64::consts::PI;

/// A position in degrees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Position {
    /// From -90 (south pole) to 90.
    pub latitude: f64,
    /// From -180 to 180, east is positive.
    pub longitude: f64,
}

/// Numbers that are not a position or not a box.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidPosition {
    /// The latitude is out of range or not a number.
    #[error("a latitude lies between -90 and 90 degrees")]
    Latitude,
    /// The longitude is out of range or not a number.
    #[error("a longitude lies between -180 and 180 degrees")]
    Longitude,
    /// A box is upside down.
    #[error("the south edge of a box lies below its north edge")]
    UpsideDown,
}

impl Position {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`InvalidPosition`] if a number is out of range, infinite or NaN.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, InvalidPosition> {
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(InvalidPosition::Latitude);
        }
        if !(-180.0..=180.0).contains(&longitude) {
            return Err(InvalidPosition::Longitude);
        }
        Ok(Position { latitude, longitude })
    }

    /// The distance in metres on a sphere: the haversine formula.
    pub fn distance(self, to: Position) -> f64 {
        let (from_latitude, to_latitude) = (self.latitude.to_radians(), to.latitude.to_radians());
        let up = ((to_latitude - from_latitude) / 2.0).sin();
        let across = ((to.longitude - self.longitude).to_radians() / 2.0).sin();
        let half_chord = up * up + from_latitude.cos() * to_latitude.cos() * across * across;
        2.0 * EARTH_RADIUS * half_chord.clamp(0.0, 1.0).sqrt().asin()
    }
}

/// A box between two latitudes and two longitudes, edges included. If its west edge is greater than its east edge, it crosses
/// the antimeridian.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bounds {
    /// Lowest latitude.
    pub south: f64,
    /// First longitude, going east.
    pub west: f64,
    /// Highest latitude.
    pub north: f64,
    /// Last longitude, going east.
    pub east: f64,
}

impl Bounds {
    /// Everything.
    pub const WORLD: Bounds = Bounds { south: -90.0, west: -180.0, north: 90.0, east: 180.0 };

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`InvalidPosition`].
    pub fn new(south: f64, west: f64, north: f64, east: f64) -> Result<Self, InvalidPosition> {
        Position::new(south, west)?;
        Position::new(north, east)?;
        if south > north {
            return Err(InvalidPosition::UpsideDown);
        }
        Ok(Bounds { south, west, north, east })
    }

    /// A box which has all positions within `radius` metres of the centre, and more.
    pub fn around(centre: Position, radius: f64) -> Self {
        // A little wider, so that rounding excludes nothing.
        let angle = radius / EARTH_RADIUS * (1.0 + 1e-9) + 1e-9;
        let degrees = angle.to_degrees();
        let (south, north) = (centre.latitude - degrees, centre.latitude + degrees);
        // A circle around a pole has every longitude.
        if south <= -90.0 || north >= 90.0 {
            return Bounds { south: south.max(-90.0), north: north.min(90.0), ..Bounds::WORLD };
        }
        let across = (angle.sin() / centre.latitude.to_radians().cos()).asin().to_degrees();
        if !across.is_finite() || across >= 180.0 {
            return Bounds { south, north, ..Bounds::WORLD };
        }
        let wrap = |longitude: f64| match longitude {
            it if it < -180.0 => it + 360.0,
            it if it > 180.0 => it - 360.0,
            it => it,
        };
        Bounds { south, west: wrap(centre.longitude - across), north, east: wrap(centre.longitude + across) }
    }

    /// Whether the position lies in the box or on its edge. The longitudes -180 and 180 are the same.
    pub fn contains(&self, at: Position) -> bool {
        let on = |longitude: f64| self.spans().any(|(west, east)| (west..=east).contains(&longitude));
        (self.south..=self.north).contains(&at.latitude)
            && (on(at.longitude) || (at.longitude.abs() == 180.0 && on(-at.longitude)))
    }

    /// The ranges of longitude, west to east: one, or two if the box touches the antimeridian. Each longitude is stored as -180
    /// or 180, so a box which ends at one of them begins at the other.
    pub(super) fn spans(&self) -> impl Iterator<Item = (f64, f64)> + use<> {
        let spans = match self {
            it if it.west > it.east => [Some((it.west, 180.0)), Some((-180.0, it.east))],
            it if it.west == -180.0 && it.east < 180.0 => [Some((it.west, it.east)), Some((180.0, 180.0))],
            it if it.east == 180.0 && it.west > -180.0 => [Some((it.west, it.east)), Some((-180.0, -180.0))],
            it => [Some((it.west, it.east)), None],
        };
        spans.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: f64, longitude: f64) -> Position {
        Position::new(latitude, longitude).unwrap()
    }

    #[test]
    fn distances_are_those_of_a_sphere() {
        let (paris, tokyo) = (at(48.8566, 2.3522), at(35.6762, 139.6503));
        assert!((paris.distance(tokyo) - 9_711_700.0).abs() < 2_000.0, "{}", paris.distance(tokyo));
        assert!(at(0.0, 180.0).distance(at(0.0, -180.0)) < 1e-6);
        assert!((at(0.0, 0.0).distance(at(0.0, 180.0)) - DISTANCE_MAX).abs() < 1.0);
        assert!(at(90.0, 10.0).distance(at(90.0, -170.0)) < 1e-6, "a pole has every longitude");
    }

    #[test]
    fn positions_out_of_range_are_refused() {
        assert_eq!(Position::new(90.1, 0.0), Err(InvalidPosition::Latitude));
        assert_eq!(Position::new(f64::NAN, 0.0), Err(InvalidPosition::Latitude));
        assert_eq!(Position::new(0.0, f64::INFINITY), Err(InvalidPosition::Longitude));
        assert_eq!(Bounds::new(1.0, 0.0, 0.0, 0.0), Err(InvalidPosition::UpsideDown));
    }

    #[test]
    fn a_box_may_cross_the_antimeridian() {
        let fiji = Bounds::new(-20.0, 177.0, -15.0, -178.0).unwrap();
        for inside in [177.0, 180.0, -180.0, -178.0] {
            assert!(fiji.contains(at(-17.0, inside)), "{inside}");
        }
        assert!(!fiji.contains(at(-17.0, 0.0)) && !fiji.contains(at(-17.0, -177.9)));
        let edge = Bounds::new(-20.0, 170.0, -15.0, 180.0).unwrap();
        assert!(edge.contains(at(-17.0, -180.0)), "the antimeridian is one line");
    }

    #[test]
    fn the_box_around_a_circle_has_the_circle() {
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 11) as f64 / (1_u64 << 53) as f64
        };
        for _ in 0..20_000 {
            let pole = [1.0, 0.01][(next() * 2.0) as usize];
            let centre = at((90.0 - next() * 180.0 * pole).clamp(-90.0, 90.0), next() * 360.0 - 180.0);
            let near = next() * next();
            let other = at(
                (centre.latitude + (next() - 0.5) * 180.0 * near).clamp(-90.0, 90.0),
                ((centre.longitude + (next() - 0.5) * 360.0 * near) + 540.0).rem_euclid(360.0) - 180.0,
            );
            let bounds = Bounds::around(centre, centre.distance(other));
            assert!(bounds.contains(other), "{centre:?} {other:?} {bounds:?}");
        }
    }
}
