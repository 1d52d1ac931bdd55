//! Rectangles of the map.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Narrowest side of a zone, in units of the map. Hosts of narrower ones would do little but hand over players.
pub const SIDE_MIN: f32 = 16.0;

/// A rectangle of the map, seen from above. Its lower and left edges belong to it, the others do not: so the halves of a
/// rectangle share no point.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Area {
    /// The corner with the least coordinates: x, y, in units of the map.
    pub min: [f32; 2],
    /// The corner with the greatest coordinates.
    pub max: [f32; 2],
}

/// A line across a zone.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cut {
    /// West and east of this x.
    X(f32),
    /// South and north of this y.
    Y(f32),
}

/// Rectangles that cannot be used so.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum AreaError {
    /// A side is too short, or not a number.
    #[error("{0} is no area: each side must be {SIDE_MIN} units or longer, and each number finite")]
    Narrow(Area),
    /// The text is no area.
    #[error("{0:?} is no area: write X,Y..X,Y, such as 0,0..4096,2048")]
    Syntax(String),
    /// The line is not inside.
    #[error("the line {0} does not cut {1} into two areas with sides of {SIDE_MIN} units or more")]
    Outside(Cut, Area),
    /// Two rectangles that do not make one.
    #[error("{0} and {1} do not make one rectangle: they must share a whole side")]
    Apart(Area, Area),
}

impl Area {
    /// The rectangle between two corners.
    ///
    /// # Errors
    /// [`AreaError::Narrow`].
    pub fn new(min: [f32; 2], max: [f32; 2]) -> Result<Self, AreaError> {
        let area = Area { min, max };
        let is_wide = |axis: usize| max[axis] - min[axis] >= SIDE_MIN;
        let is_finite = min.iter().chain(&max).all(|value| value.is_finite());
        if is_finite && is_wide(0) && is_wide(1) { Ok(area) } else { Err(AreaError::Narrow(area)) }
    }

    /// Whether a point is inside.
    pub fn contains(&self, point: [f32; 2]) -> bool {
        (0..2).all(|axis| self.min[axis] <= point[axis] && point[axis] < self.max[axis])
    }

    /// How far a point is from the rectangle, in units of the map. 0: it is inside or on an edge.
    pub fn distance(&self, point: [f32; 2]) -> f32 {
        let away = |axis: usize| (self.min[axis] - point[axis]).max(point[axis] - self.max[axis]).max(0.0);
        away(0).hypot(away(1))
    }

    /// How far two rectangles are from each other. 0: they touch or overlap.
    pub fn gap(&self, other: &Area) -> f32 {
        let away = |axis: usize| (self.min[axis] - other.max[axis]).max(other.min[axis] - self.max[axis]).max(0.0);
        away(0).hypot(away(1))
    }

    /// Whether two rectangles share more than an edge.
    pub fn overlaps(&self, other: &Area) -> bool {
        (0..2).all(|axis| self.min[axis] < other.max[axis] && other.min[axis] < self.max[axis])
    }

    /// Both sides of a line.
    ///
    /// # Errors
    /// [`AreaError::Outside`].
    pub fn split(&self, cut: Cut) -> Result<[Area; 2], AreaError> {
        let (axis, at) = match cut {
            Cut::X(at) => (0, at),
            Cut::Y(at) => (1, at),
        };
        let (mut low, mut high) = (*self, *self);
        (low.max[axis], high.min[axis]) = (at, at);
        let checked = |area: Area| Area::new(area.min, area.max).map_err(|_| AreaError::Outside(cut, *self));
        Ok([checked(low)?, checked(high)?])
    }

    /// The rectangle that two with a common side make.
    ///
    /// # Errors
    /// [`AreaError::Apart`].
    pub fn joined(&self, other: &Area) -> Result<Area, AreaError> {
        let makes_one = |axis: usize| {
            let across = 1 - axis;
            let is_level = self.min[across] == other.min[across] && self.max[across] == other.max[across];
            is_level && (self.max[axis] == other.min[axis] || other.max[axis] == self.min[axis])
        };
        if !makes_one(0) && !makes_one(1) {
            return Err(AreaError::Apart(*self, *other));
        }
        let corner = |pick: fn(f32, f32) -> f32, a: [f32; 2], b: [f32; 2]| [pick(a[0], b[0]), pick(a[1], b[1])];
        Ok(Area { min: corner(f32::min, self.min, other.min), max: corner(f32::max, self.max, other.max) })
    }
}

impl fmt::Display for Area {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Area { min, max } = self;
        formatter.pad(&format!("{},{}..{},{}", min[0], min[1], max[0], max[1]))
    }
}

impl FromStr for Area {
    type Err = AreaError;

    fn from_str(text: &str) -> Result<Area, AreaError> {
        let corner = |text: &str| -> Option<[f32; 2]> {
            let (x, y) = text.split_once(',')?;
            Some([x.trim().parse().ok()?, y.trim().parse().ok()?])
        };
        let corners = text.split_once("..").and_then(|(min, max)| Some((corner(min)?, corner(max)?)));
        let (min, max) = corners.ok_or_else(|| AreaError::Syntax(text.chars().take(64).collect()))?;
        Area::new(min, max)
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::X(at) => write!(formatter, "x={at}"),
            Cut::Y(at) => write!(formatter, "y={at}"),
        }
    }
}

impl FromStr for Cut {
    type Err = String;

    fn from_str(text: &str) -> Result<Cut, String> {
        let at = |text: &str| text.parse().ok().filter(|at: &f32| at.is_finite());
        match text.split_once('=') {
            Some(("x", text)) => at(text).map(Cut::X),
            Some(("y", text)) => at(text).map(Cut::Y),
            _ => None,
        }
        .ok_or_else(|| format!("{text:?} is no line: write x=NUMBER or y=NUMBER"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn area(text: &str) -> Area {
        text.parse().unwrap()
    }

    #[test]
    fn areas_are_read_as_they_are_written() {
        for text in ["0,0..64,32", "-100.5,20..-50,70"] {
            assert_eq!(area(text).to_string(), text);
        }
        for text in ["", "0,0", "0,0..1", "0,0..64,8", "0,0..NaN,64", "64,64..0,0", "0,0..inf,64"] {
            assert!(text.parse::<Area>().is_err(), "{text}");
        }
        assert_eq!("x=12.5".parse(), Ok(Cut::X(12.5)));
        for text in ["12", "z=1", "x=NaN", "x="] {
            assert!(text.parse::<Cut>().is_err(), "{text}");
        }
    }

    #[test]
    fn rectangles_that_share_a_whole_side_make_one() {
        let west = area("0,0..64,64");
        assert_eq!(west.joined(&area("64,0..128,64")), Ok(area("0,0..128,64")));
        assert_eq!(west.joined(&area("0,-32..64,0")), Ok(area("0,-32..64,64")));
        for other in ["65,0..128,64", "64,0..128,63", "64,64..128,128", "0,0..64,64"] {
            assert_eq!(west.joined(&area(other)), Err(AreaError::Apart(west, area(other))));
        }
    }

    proptest! {
        #[test]
        fn the_halves_share_no_point_and_lose_none(
            at in -20.0f32..120.0, x in -10.0f32..110.0, y in -10.0f32..110.0, is_x: bool,
        ) {
            let whole = area("0,0..100,100");
            let cut = if is_x { Cut::X(at) } else { Cut::Y(at) };
            match whole.split(cut) {
                Ok([low, high]) => {
                    let inside = [low, high].iter().filter(|half| half.contains([x, y])).count();
                    prop_assert_eq!(inside, usize::from(whole.contains([x, y])));
                    prop_assert!(!low.overlaps(&high));
                    prop_assert_eq!(low.gap(&high), 0.0);
                    prop_assert_eq!(low.joined(&high), Ok(whole));
                    let nearest = low.distance([x, y]).min(high.distance([x, y]));
                    prop_assert_eq!(nearest, whole.distance([x, y]));
                }
                Err(error) => {
                    prop_assert_eq!(error, AreaError::Outside(cut, whole));
                    prop_assert!(!(SIDE_MIN..=100.0 - SIDE_MIN).contains(&at));
                }
            }
        }
    }
}
