//! Areas of the map, and how far away from them something is.

use ringshard_world::{Map, Position};

/// A rectangle of the map, seen from above.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rect {
    /// The corner with the smallest coordinates, in units.
    pub min: [f32; 2],
    /// The opposite corner, in units.
    pub max: [f32; 2],
}

impl Rect {
    /// The square of the distance from a point, in units squared. 0 inside.
    pub fn distance_squared(&self, point: [f32; 2]) -> f32 {
        let axis = |axis: usize| (self.min[axis] - point[axis]).max(point[axis] - self.max[axis]).max(0.0);
        axis(0).powi(2) + axis(1).powi(2)
    }
}

/// Names a neighbour: another host of the same world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NeighbourId(pub u32);

/// A neighbour, and the part of the map that it owns.
#[derive(Clone, PartialEq, Debug)]
pub struct Neighbour {
    /// Its name.
    pub id: NeighbourId,
    /// The rectangles that it owns. Without any, nothing is published to it.
    pub area: Vec<Rect>,
}

/// How far a position is from an area, in units. Infinite if the area is empty.
pub(super) fn distance(map: &Map, area: &[Rect], position: Position) -> f32 {
    let [x, y, _] = map.point(position);
    let squares = area.iter().map(|rect| rect.distance_squared([x, y]));
    squares.fold(f32::INFINITY, f32::min).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_inside_is_at_no_distance_and_one_outside_is_as_far_as_the_nearest_edge() {
        let rect = Rect { min: [10.0, 20.0], max: [30.0, 40.0] };
        assert_eq!(rect.distance_squared([15.0, 40.0]), 0.0);
        assert_eq!(rect.distance_squared([5.0, 30.0]), 25.0);
        assert_eq!(rect.distance_squared([33.0, 44.0]), 25.0);
    }

    #[test]
    fn an_area_is_as_far_as_its_nearest_rectangle() {
        let map = Map::default();
        let area = [Rect { min: [0.0, 0.0], max: [100.0, 100.0] }, Rect { min: [500.0, 0.0], max: [900.0, 900.0] }];
        let at = |x, y| distance(&map, &area, map.quantise([x, y, 50.0])).round();
        assert_eq!((at(480.0, 80.0), at(130.0, 50.0)), (20.0, 30.0));
        assert_eq!(distance(&map, &[], Position::default()), f32::INFINITY);
    }
}
