//! Positions on the globe, distances and boxes.

/// The mean radius of the Earth in metres, as the haversine formula takes it.
const EARTH_RADIUS: f64 = 6_371_008.8;
/// The longest distance between two positions, in metres.
pub const DISTANCE_MAX: f64 = EARTH_RADIUS * std::f64::consts::PI;

/// More than distances differ by rounding, in metres: near the antipode, that is a tenth of a metre.
const ROUNDING: f64 = 1.0;

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

    /// Whether the position lies in the box or on its edge. The longitudes -180 and 180 are the same.
    pub fn contains(&self, at: Position) -> bool {
        let on = |longitude: f64| self.spans().any(|(west, east)| (west..=east).contains(&longitude));
        (self.south..=self.north).contains(&at.latitude)
            && (on(at.longitude) || (at.longitude.abs() == 180.0 && on(-at.longitude)))
    }

    /// A distance in metres that no position of the box is nearer than: the least distance on the sphere, less a metre for rounding.
    pub(super) fn least_distance(&self, from: Position) -> f64 {
        let width = (self.east - self.west).rem_euclid(360.0);
        let width = if width == 0.0 && self.east > self.west { 360.0 } else { width };
        let from_west = (from.longitude - self.west).rem_euclid(360.0);
        // On each parallel, the nearest point of the box has the longitude of the position, or that of the nearer edge.
        let across = if from_west <= width { 0.0 } else { (from_west - width).min(360.0 - from_west) };
        let latitude = from.latitude.to_radians();
        // Where a great circle through the position meets that meridian at a right angle: the nearest point of the meridian.
        let nearest = latitude.sin().atan2(latitude.cos() * across.to_radians().cos()).to_degrees();
        let inside = (self.south..=self.north).contains(&nearest).then_some(nearest);
        let distance = |latitude| from.distance(Position { latitude, longitude: from.longitude + across });
        let least = [Some(self.south), Some(self.north), inside]
            .into_iter()
            .flatten()
            .map(distance)
            .fold(DISTANCE_MAX, f64::min);
        (least - ROUNDING).max(0.0)
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
    fn the_least_distance_to_a_box_is_that_of_its_nearest_point() {
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 11) as f64 / (1_u64 << 53) as f64
        };
        for _ in 0..2_000 {
            let size = [1.0, 0.1, 0.001][(next() * 3.0) as usize];
            let south = next() * 180.0 - 90.0;
            let north = [(south + next() * 180.0 * size).min(90.0), 90.0][(next() * 1.2) as usize];
            let (west, width) = (next() * 360.0 - 180.0, next() * 359.0 * size);
            let wrap = |longitude: f64| (longitude + 540.0).rem_euclid(360.0) - 180.0;
            let bounds = Bounds::new(south, west, north, wrap(west + width)).unwrap();
            let latitude = [next() * 180.0 - 90.0, -90.0, 90.0, -south][(next() * 4.0) as usize];
            let from = at(latitude, next() * 360.0 - 180.0);
            let least = bounds.least_distance(from);
            // A lattice of the box, and the longitude of the position if it is inside.
            let inside = (from.longitude - west).rem_euclid(360.0);
            let columns = (0..=60).map(|it| f64::from(it) / 60.0 * width).chain((inside <= width).then_some(inside));
            let mut sampled = f64::INFINITY;
            for column in columns {
                for row in 0..=60 {
                    let latitude = (south + (north - south) * f64::from(row) / 60.0).min(north);
                    let at = at(latitude, wrap(west + column));
                    sampled = sampled.min(from.distance(at));
                }
            }
            assert!(least <= sampled, "{bounds:?} {from:?} {least} {sampled}");
            let step = (north - south) / 60.0 / 180.0 * DISTANCE_MAX;
            assert!(sampled <= least + ROUNDING + step, "{bounds:?} {from:?} {least} {sampled}");
        }
        assert!(Bounds::WORLD.least_distance(at(10.0, 180.0)) == 0.0);
    }
}
