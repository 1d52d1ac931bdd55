//! The questions to a terrain, against simple models.

use crate::Terrain;
use crate::file::{Plan, Shape, VolumeKind, VolumePlan};
use proptest::collection::vec;
use proptest::prelude::*;

/// An edge that is no power of two, so that cells begin at numbers that 32-bit floats round.
const EDGE: f32 = 70.1;
/// Sections along x and y.
const SECTIONS: [u16; 2] = [2, 1];
const SIZE: [f32; 2] = [EDGE * SECTIONS[0] as f32, EDGE * SECTIONS[1] as f32];
const CELL: f32 = EDGE / 64.0;
const HOSTILE: [f32; 9] =
    [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, f32::MIN_POSITIVE, -0.0, 4e9, -1.0];

/// A coordinate from outside the map's lower to outside its higher edge, often at the edge of a cell, or beside it.
fn coordinate(axis: usize) -> impl Strategy<Value = f32> {
    let at_cell = |cell: u16| f32::from(cell) * CELL;
    let cells = SECTIONS[axis] * 64;
    prop_oneof![
        -20.0..SIZE[axis] + 20.0,
        (0..=cells).prop_map(at_cell),
        (1..=cells).prop_map(move |cell| at_cell(cell).next_down()),
        (0..=cells).prop_map(move |cell| at_cell(cell).next_up()),
    ]
}

fn inside(axis: usize) -> impl Strategy<Value = f32> {
    // The map's far edge is one rounding away from that of its last section.
    coordinate(axis).prop_map(move |at| at.clamp(0.0, (SIZE[axis] * 0.999_999).next_down()))
}

fn plan() -> Plan {
    Plan::flat([EDGE, 30.0], [SECTIONS[0], SECTIONS[1], 1], [1, 1, 2])
}

/// Small triangles and some large ones.
fn triangles() -> impl Strategy<Value = Vec<[[f32; 2]; 3]>> {
    let corner = || [inside(0).boxed(), inside(1).boxed()];
    let small = (corner(), [[-3.0..3.0_f32, -3.0..3.0], [-3.0..3.0, -3.0..3.0]]).prop_map(|(at, to)| {
        let near = |[x, y]: [f32; 2]| [(at[0] + x).clamp(0.0, SIZE[0] * 0.99), (at[1] + y).clamp(0.0, SIZE[1] * 0.99)];
        [at, near(to[0]), near(to[1])]
    });
    vec(prop_oneof![9 => small, 1 => [corner(), corner(), corner()]], 0..24)
}

fn bounds(triangle: &[[f32; 2]; 3], axis: usize) -> (f32, f32) {
    let [a, b, c] = triangle.map(|corner| corner[axis]);
    (a.min(b).min(c), a.max(b).max(c))
}

/// Whether the bounding box of the triangle and the rectangle, which is `more` wider on each side, have a point in common.
fn overlaps(triangle: &[[f32; 2]; 3], low: [f32; 2], high: [f32; 2], more: f32) -> bool {
    (0..2).all(|axis| {
        let (from, to) = bounds(triangle, axis);
        from <= high[axis] + more && to >= low[axis] - more
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn triangles_near_a_rectangle_are_those_of_a_search_through_all(
        triangles in triangles(),
        rectangles in vec([[coordinate(0).boxed(), coordinate(1).boxed()], [coordinate(0).boxed(), coordinate(1).boxed()]], 1..9),
    ) {
        let mut plan = plan();
        plan.triangles = triangles.iter().map(|corners| (corners.map(|[x, y]| [x, y, 1.0]), 0)).collect();
        let terrain = Terrain::of(&plan).unwrap();
        for [a, b] in rectangles {
            let (low, high) = ([a[0].min(b[0]), a[1].min(b[1])], [a[0].max(b[0]), a[1].max(b[1])]);
            let mut found = vec![0; triangles.len()];
            terrain.triangles_near(low, high, |triangle| found[triangle as usize] += 1);
            for (triangle, &times) in triangles.iter().zip(&found) {
                prop_assert!(times <= 1, "{triangle:?} came {times} times");
                prop_assert!(times == 1 || !overlaps(triangle, low, high, 0.0), "{triangle:?} did not come");
                // A rectangle outside the map touches the cells at the edge.
                let inside = |it: [f32; 2]| [it[0].clamp(0.0, SIZE[0]), it[1].clamp(0.0, SIZE[1])];
                let is_near = overlaps(triangle, inside(low), inside(high), CELL * 1.001);
                prop_assert!(times == 0 || is_near, "{triangle:?} is far away");
            }
        }
    }

    #[test]
    fn volumes_at_a_point_are_those_of_a_search_through_all(
        boxes in vec(([coordinate(0).boxed(), coordinate(1).boxed()], [0.1_f32..60.0, 0.1..60.0]), 0..12),
        points in vec(([coordinate(0).boxed(), coordinate(1).boxed()], -5.0_f32..15.0), 1..20),
    ) {
        let mut plan = plan();
        let volume = |([x, y], [wide, deep]): ([f32; 2], [f32; 2])| VolumePlan {
            low: [x, y, 0.0],
            high: [x + wide, y + deep, wide / 10.0],
            kind: if wide > deep { VolumeKind::Water } else { VolumeKind::Area },
            name: String::new(),
        };
        plan.volumes = boxes.into_iter().map(volume).collect();
        let terrain = Terrain::of(&plan).unwrap();
        for ([x, y], z) in points {
            let is_in = |it: &&VolumePlan| (0..3).all(|axis| it.low[axis] <= [x, y, z][axis] && [x, y, z][axis] <= it.high[axis]);
            let expected: Vec<_> = plan.volumes.iter().filter(is_in).map(|it| (it.low, it.high)).collect();
            let found: Vec<_> = terrain.volumes_at([x, y, z]).map(|it| (it.low, it.high)).collect();
            prop_assert_eq!(found, expected);
            let water = plan.volumes.iter().filter(|it| it.kind == VolumeKind::Water).filter(is_in);
            let surface = water.map(|it| it.high[2]).fold(None, |most: Option<f32>, top| Some(most.map_or(top, |most| most.max(top))));
            prop_assert_eq!(terrain.water_surface([x, y, z]), surface);
        }
    }

    #[test]
    fn the_ground_is_two_triangles_per_square(heights in vec(any::<u16>(), 9 * 5), points in vec((0.0..140.0_f64, 0.0..70.0_f64), 1..30)) {
        let terrain = hills(&heights);
        for (x, y) in points {
            // The model finds the triangle, and takes barycentric coordinates in it, with 64 bits.
            let (x, y) = (f64::from(x as f32), f64::from(y as f32));
            let (square_x, square_y) = ((x / 17.5).floor().min(7.0), (y / 17.5).floor().min(3.0));
            let corner = |across: f64, up: f64| {
                let at = (square_y + up) as usize * 9 + (square_x + across) as usize;
                3.0 + f64::from(heights[at]) / 1_024.0
            };
            let (part_x, part_y) = (x / 17.5 - square_x, y / 17.5 - square_y);
            let (third, [slope_x, slope_y]) = if part_x > part_y {
                (corner(1.0, 0.0), [corner(1.0, 0.0) - corner(0.0, 0.0), corner(1.0, 1.0) - corner(1.0, 0.0)])
            } else {
                (corner(0.0, 1.0), [corner(1.0, 1.0) - corner(0.0, 1.0), corner(0.0, 1.0) - corner(0.0, 0.0)])
            };
            let (most, least) = (part_x.max(part_y), part_x.min(part_y));
            let expected = corner(0.0, 0.0) * (1.0 - most) + third * (most - least) + corner(1.0, 1.0) * least;
            let (height, slope) = terrain.ground(x as f32, y as f32);
            prop_assert!((f64::from(height) - expected).abs() < 0.001, "{height} instead of {expected} at {x}, {y}");
            prop_assert_eq!(terrain.height(x as f32, y as f32), height);
            // On the diagonal, either slope is right.
            if (part_x - part_y).abs() > 1e-5 {
                prop_assert!((f64::from(slope[0]) - slope_x / 17.5).abs() < 1e-4, "{:?}", slope);
                prop_assert!((f64::from(slope[1]) - slope_y / 17.5).abs() < 1e-4, "{:?}", slope);
            }
        }
    }
}

/// A map of 140 by 70 units with these heights, 17.5 units apart.
fn hills(heights: &[u16]) -> Terrain {
    let flat = Plan::flat([70.0, 33.0], [2, 1, 1], [1, 1, 3]);
    let shape =
        Shape { height_spacing: 17.5, heights: [9, 5], height_base: 3.0, height_scale: 1.0 / 1_024.0, ..flat.shape };
    Terrain::of(&Plan { shape, heights: heights.to_vec(), ..flat }).unwrap()
}

#[test]
fn heights_at_the_corners_are_exact_and_outside_the_map_those_of_the_edge() {
    let heights: Vec<u16> = (0..45).map(|number| number * 1_024).collect();
    let terrain = hills(&heights);
    for (number, value) in heights.iter().enumerate() {
        let (x, y) = ((number % 9) as f32 * 17.5, (number / 9) as f32 * 17.5);
        assert_eq!(terrain.height(x, y), 3.0 + f32::from(*value) / 1_024.0);
    }
    assert_eq!(terrain.height(-1.0, -5.0), 3.0);
    assert_eq!(terrain.height(1e9, f32::INFINITY), 3.0 + 44.0);
    assert_eq!(terrain.height(f32::NEG_INFINITY, 70.0), 3.0 + 36.0);
    assert_eq!(terrain.height(f32::NAN, 35.0), 3.0 + 18.0);
    assert_eq!(terrain.ground(1.0, 0.5).1, [1.0 / 17.5, 9.0 / 17.5]);
}

#[test]
fn hostile_numbers_neither_panic_nor_give_heights_that_are_none() {
    let mut plan = plan();
    plan.add_box([1.0, 1.0, 0.0], [100.0, 50.0, 20.0]);
    let terrain = Terrain::of(&plan).unwrap();
    for x in HOSTILE {
        for y in HOSTILE {
            let (height, slope) = terrain.ground(x, y);
            assert_eq!((height, slope), (0.0, [0.0; 2]));
            assert_eq!(terrain.volumes_at([x, y, x]).count(), 0);
            assert_eq!(terrain.water_surface([x, y, y]), None);
            for z in HOSTILE {
                terrain.triangles_near([x, y], [z, x], |triangle| assert!(triangle < 12));
            }
        }
    }
    let mut count = 0;
    terrain.triangles_near([f32::NEG_INFINITY; 2], [f32::INFINITY; 2], |_| count += 1);
    assert_eq!(count, 12);
    terrain.triangles_near([50.0; 2], [40.0; 2], |_| panic!("a rectangle with exchanged corners is empty"));
}
