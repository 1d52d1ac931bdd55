//! The two questions that claims need answered: what is in the way, and what carries a character.

use ringshard_terrain::Terrain;
use ringshard_terrain::file::triangle_flags;
use ringshard_terrain::movement::Tuning;

type Point = [f32; 3];

/// The way of a body is tested for so much more at both ends, in units. Honest bodies keep their middle as far from walls as half
/// of their width, so that no rounding of short ways lets a body pass.
const BEYOND: f32 = 1.0;
/// Lines this near to the edge of a triangle cross it, as a part of its sides: no line passes between two triangles.
const SEAM: f64 = 1e-6;
/// A character that stands this near to the edge of what carries it is carried, in units.
const EDGE: f32 = 2.0;
/// Corners of a triangle that is cut by the four sides of a rectangle.
const CORNERS_MAX: usize = 7;

/// What is in the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Obstacle {
    /// Something solid.
    Wall,
    /// The boundary of an area that nobody may enter.
    Boundary,
}

/// What stands in the way of a body whose feet go straight from one point to another. The body is a line: three heights above
/// its feet. So it passes what an honest body cannot touch, and never meets what an honest body only slides along.
pub(super) fn obstacle(terrain: &Terrain, tuning: &Tuning, from: Point, to: Point) -> Option<Obstacle> {
    let (from, to) = lengthened(from, to);
    let heights = [tuning.step_height + 1.0, tuning.height * 0.6, tuning.height * 0.9];
    let low: [f32; 2] = std::array::from_fn(|axis| from[axis].min(to[axis]));
    let high: [f32; 2] = std::array::from_fn(|axis| from[axis].max(to[axis]));
    let (lowest, highest) = (from[2].min(to[2]) + heights[0].min(heights[1]), from[2].max(to[2]) + heights[2]);
    let columns = terrain.columns();
    let mut found = None;
    terrain.triangles_near(low, high, |number| {
        let corners = &columns.triangles[number as usize];
        if found == Some(Obstacle::Wall) || !reaches(corners, low, high, lowest, highest) {
            return;
        }
        let raised = |point: Point, by: f32| [point[0], point[1], point[2] + by];
        if heights.iter().any(|&by| crosses(corners, raised(from, by), raised(to, by))) {
            let is_boundary = columns.triangle_flags[number as usize] & triangle_flags::INVISIBLE != 0;
            found = Some(if is_boundary { Obstacle::Boundary } else { Obstacle::Wall });
        }
    });
    found
}

/// Whether the box around a triangle overlaps a box.
fn reaches(corners: &[Point; 3], low: [f32; 2], high: [f32; 2], lowest: f32, highest: f32) -> bool {
    let [a, b, c] = corners;
    let overlaps = |axis: usize, low: f32, high: f32| {
        a[axis].min(b[axis]).min(c[axis]) <= high && a[axis].max(b[axis]).max(c[axis]) >= low
    };
    overlaps(0, low[0], high[0]) && overlaps(1, low[1], high[1]) && overlaps(2, lowest, highest)
}

/// A line that goes on at both ends.
fn lengthened(from: Point, to: Point) -> (Point, Point) {
    let way: Point = std::array::from_fn(|axis| to[axis] - from[axis]);
    let length = (way[0] * way[0] + way[1] * way[1] + way[2] * way[2]).sqrt();
    if length == 0.0 {
        return (from, to);
    }
    let by = way.map(|part| part / length * BEYOND);
    (std::array::from_fn(|axis| from[axis] - by[axis]), std::array::from_fn(|axis| to[axis] + by[axis]))
}

/// Whether a line between two points crosses a triangle (Möller and Trumbore). With 32 bits, lines almost along the triangle
/// would miss it.
fn crosses(corners: &[Point; 3], from: Point, to: Point) -> bool {
    type Wide = [f64; 3];
    let sub = |a: Point, b: Point| -> Wide { std::array::from_fn(|axis| f64::from(a[axis]) - f64::from(b[axis])) };
    let cross = |a: Wide, b: Wide| [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let dot = |a: Wide, b: Wide| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let (way, one, other) = (sub(to, from), sub(corners[1], corners[0]), sub(corners[2], corners[0]));
    let across = cross(way, other);
    let volume = dot(one, across);
    if volume == 0.0 {
        // The line lies along the triangle.
        return false;
    }
    let begin = sub(from, corners[0]);
    let first = dot(begin, across) / volume;
    let turned = cross(begin, one);
    let second = dot(way, turned) / volume;
    let part = dot(other, turned) / volume;
    first >= -SEAM && second >= -SEAM && first + second <= 1.0 + SEAM && (0.0..=1.0).contains(&part)
}

/// What carries a character.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Support {
    /// Its height.
    pub(super) height: f32,
    /// Whether a character can stand on it. It slides on what is steeper.
    pub(super) is_even: bool,
}

/// What carries a character whose feet are at a point, at most `reach` below and `slack` above them. None: it is in the air.
pub(super) fn support(terrain: &Terrain, tuning: &Tuning, feet: Point, reach: f32, slack: f32) -> Option<Support> {
    let (height, slope) = terrain.ground(feet[0], feet[1]);
    let limit = tuning.slope_limit * tuning.slope_limit;
    let is_even = (1.0 + slope[0] * slope[0] + slope[1] * slope[1]) * limit <= 1.0;
    let ground = (feet[2] - height <= reach).then_some(Support { height, is_even });
    if ground.is_some_and(|ground| ground.is_even) {
        return ground;
    }
    triangle_below(terrain, tuning, feet, reach, slack).or(ground)
}

/// The height of the highest thing that can carry a character somewhere between `reach` below its feet and them.
pub(super) fn highest_below(terrain: &Terrain, tuning: &Tuning, feet: Point, reach: f32, slack: f32) -> Option<f32> {
    let ground = Some(terrain.height(feet[0], feet[1])).filter(|height| feet[2] - height <= reach);
    let triangle = triangle_below(terrain, tuning, feet, reach, slack).map(|support| support.height);
    ground.into_iter().chain(triangle).reduce(f32::max)
}

/// The highest triangle below a character, as far as its body reaches across.
fn triangle_below(terrain: &Terrain, tuning: &Tuning, feet: Point, reach: f32, slack: f32) -> Option<Support> {
    let edge = tuning.radius + EDGE;
    let (low, high) = ([feet[0] - edge, feet[1] - edge], [feet[0] + edge, feet[1] + edge]);
    let (lowest, highest) = (feet[2] - reach, feet[2] + slack);
    let columns = terrain.columns();
    let mut best: Option<Support> = None;
    terrain.triangles_near(low, high, |number| {
        let corners = &columns.triangles[number as usize];
        let is_invisible = columns.triangle_flags[number as usize] & triangle_flags::INVISIBLE != 0;
        if is_invisible || !reaches(corners, low, high, lowest, highest) {
            return;
        }
        let Some(height) = top_within(corners, low, high).filter(|height| (lowest..=highest).contains(height)) else {
            return;
        };
        if best.is_none_or(|best| height > best.height) {
            // An upright triangle carries with its upper edge.
            let rise = upright(corners);
            let is_even = rise >= tuning.slope_limit || rise < 0.02;
            best = Some(Support { height, is_even });
        }
    });
    best
}

/// The size of the z of a triangle's normal: 1 if it is level, 0 if it is upright.
fn upright([a, b, c]: &[Point; 3]) -> f32 {
    let (one, other) = ([b[0] - a[0], b[1] - a[1], b[2] - a[2]], [c[0] - a[0], c[1] - a[1], c[2] - a[2]]);
    let normal = [
        one[1] * other[2] - one[2] * other[1],
        one[2] * other[0] - one[0] * other[2],
        one[0] * other[1] - one[1] * other[0],
    ];
    let length = (normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]).sqrt();
    if length > 0.0 { normal[2].abs() / length } else { 0.0 }
}

/// The highest point of the part of a triangle that lies above a rectangle. None if no part does.
fn top_within(corners: &[Point; 3], low: [f32; 2], high: [f32; 2]) -> Option<f32> {
    let mut shape = [[0.0; 3]; CORNERS_MAX];
    shape[..3].copy_from_slice(corners);
    let mut count = 3;
    for axis in 0..2 {
        for (bound, sign) in [(low[axis], 1.0), (high[axis], -1.0)] {
            let inside = |point: &Point| (point[axis] - bound) * sign;
            let mut cut = [[0.0; 3]; CORNERS_MAX];
            let mut kept = 0;
            for at in 0..count {
                let (here, next) = (shape[at], shape[(at + 1) % count]);
                let (depth, next_depth) = (inside(&here), inside(&next));
                if depth >= 0.0 {
                    cut[kept] = here;
                    kept += 1;
                }
                if (depth >= 0.0) != (next_depth >= 0.0) {
                    let part = depth / (depth - next_depth);
                    cut[kept] = std::array::from_fn(|axis| here[axis] + (next[axis] - here[axis]) * part);
                    kept += 1;
                }
            }
            (shape, count) = (cut, kept);
        }
    }
    shape[..count].iter().map(|point| point[2]).reduce(f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_terrain::Plan;

    fn terrain(boxes: &[([f32; 3], [f32; 3])]) -> Terrain {
        let mut plan = Plan::flat([25_600.0, 6_400.0], [1, 1, 1], [1, 1, 1]);
        boxes.iter().for_each(|&(low, high)| plan.add_box(low, high));
        Terrain::of(&plan).expect("the plan is possible")
    }

    #[test]
    fn a_wall_is_in_the_way_and_steps_and_beams_above_the_head_are_not() {
        let tuning = Tuning::default();
        let way = |boxes: &[([f32; 3], [f32; 3])]| {
            obstacle(&terrain(boxes), &tuning, [1_000.0, 1_000.0, 0.0], [1_100.0, 1_010.0, 0.0])
        };
        assert_eq!(way(&[([1_050.0, 0.0, 0.0], [1_051.0, 2_000.0, 400.0])]), Some(Obstacle::Wall), "a thin wall");
        assert_eq!(way(&[([1_050.0, 0.0, 100.0], [1_051.0, 2_000.0, 120.0])]), Some(Obstacle::Wall), "a bar");
        assert_eq!(way(&[([1_050.0, 0.0, 0.0], [1_060.0, 2_000.0, 45.0])]), None, "a step");
        assert_eq!(way(&[([1_050.0, 0.0, 180.0], [1_051.0, 2_000.0, 400.0])]), None, "above the head");
        assert_eq!(way(&[([1_000.0, 1_100.0, 0.0], [1_100.0, 1_200.0, 400.0])]), None, "beside the way");
    }

    #[test]
    fn what_is_below_the_edge_of_a_body_carries_it_and_a_wall_beside_it_does_not() {
        let tuning = Tuning::default();
        let block = ([1_000.0, 1_000.0, 0.0], [1_200.0, 1_200.0, 300.0]);
        let terrain = terrain(&[block, ([2_000.0, 0.0, 0.0], [2_001.0, 4_000.0, 2_000.0])]);
        let at = |x: f32, z: f32| support(&terrain, &tuning, [x, 1_100.0, z], 46.0, 10.0);
        assert_eq!(at(1_100.0, 300.25), Some(Support { height: 300.0, is_even: true }));
        assert!(at(970.0, 300.25).is_some_and(|support| support.height == 300.0), "with one edge");
        assert_eq!(at(900.0, 300.25), None, "beside it");
        assert_eq!(at(1_980.0, 500.0), None, "in the air beside a high wall");
        assert!(at(1_980.0, 2_000.0).is_some_and(|support| support.is_even), "on a thin wall");
        assert!(at(1_500.0, 40.0).is_some_and(|support| support.height == 0.0));
    }
}
