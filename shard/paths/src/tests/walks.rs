//! Characters walk along paths with the step that players make.

use super::bake::bake;
use super::plans::{random, terrain, town};
use crate::surface::nearest_height;
use crate::{Follower, Going, Navigator};
use ringshard_terrain::movement::{Tuning, Walker, step};
use std::sync::Arc;

#[test]
fn characters_arrive_where_their_paths_end() {
    let mut plan = town(2, 12, 11);
    plan.mesh = Some(bake(&terrain(&plan)));
    let terrain = Arc::new(terrain(&plan));
    let navigator = Navigator::of(&terrain).expect("it has a mesh");
    let (tuning, mut random) = (Tuning::default(), random(5));
    let mut arrived = 0;
    for number in 0..30 {
        let mut point = || {
            let [x, y] = [random(6_400.0), random(6_400.0)];
            [x, y, nearest_height(&terrain, [x, y], 400.0)]
        };
        let (from, to) = (point(), point());
        let Ok(path) = navigator.find(from, to) else { continue };
        let mut walker = Walker::at(path.corners[0]);
        let (end, length) = (path.corners[path.corners.len() - 1], path.length());
        let mut follower = Follower::default();
        follower.start(path.clone());
        let runs = number % 2 == 0;
        let ticks = length / if runs { 600.0 } else { 250.0 } * 60.0 * 1.3 + 60.0;
        for tick in 0.. {
            let (steering, going) = follower.steer(&walker, runs);
            match going {
                Going::On => step(&terrain, &tuning, &mut walker, &steering),
                Going::Arrived => break,
                Going::Stuck => panic!("stuck at {walker:?}, on {path:?}"),
            }
            assert!(tick as f32 <= ticks, "{walker:?} is late, on {path:?}");
        }
        let [x, y, z] = walker.point;
        assert!((x - end[0]).hypot(y - end[1]) < 60.0 && (z - end[2]).abs() < 60.0, "{walker:?} and not {end:?}");
        arrived += 1;
    }
    assert!(arrived > 20, "{arrived}");
}
