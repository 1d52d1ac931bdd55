//! Queries and steps allocate nothing. A binary of its own, because the counter replaces the allocator of the whole binary.

use ringshard_terrain::movement::{Steering, Tuning, Walker, keys, step};
use ringshard_terrain::{Plan, Ray, Terrain};

#[test]
fn queries_and_steps_do_not_allocate() {
    let mut plan = Plan::flat([1_600.0, 800.0], [2, 2, 1], [1, 1, 1]);
    for number in 0..20 {
        let at = 100.0 * number as f32;
        plan.add_box([at, at, 0.0], [at + 50.0, at + 80.0, 20.0 * number as f32]);
    }
    let terrain = Terrain::of(&plan).unwrap();
    let point = |number: u32| [(number * 977 % 3_200) as f32, (number * 577 % 3_200) as f32, (number % 300) as f32];
    let pairs: Vec<_> = (0..5_000).map(|number| [point(number), point(number + 3)]).collect();
    let rays: Vec<_> = pairs.iter().map(|&[from, to]| Ray { from, direction: to, max: 500.0 }).collect();
    let (mut seen, mut impacts) = (vec![false; pairs.len()], vec![None; rays.len()]);
    let mut walker = Walker::at([1_500.0, 1_000.0, 0.0]);
    let mut found = 0;
    let counted = allocation_counter::measure(|| {
        terrain.sees_all(&pairs, &mut seen);
        terrain.rays(&rays, &mut impacts);
        for [from, to] in &pairs[..100] {
            found += usize::from(terrain.sees(*from, *to)) + usize::from(terrain.ray(*from, *to, 1e6).is_some());
            found += usize::from(terrain.nearest_walkable(&Tuning::default(), *from, 100.0).is_some());
            #[cfg(feature = "shapes")]
            {
                use ringshard_terrain::queries::Body;
                let capsule = Body::Capsule { radius: 20.0, half_height: 50.0 };
                let body = Body::Box { half: [20.0, 30.0, 40.0], yaw: 4_000 };
                found += usize::from(terrain.cast(capsule, *from, *to).is_some());
                found += usize::from(terrain.overlaps(body, *from));
            }
        }
        for number in 0..1_000 {
            let steering = Steering { forward: 127, left: 0, yaw: number << 8, keys: keys::RUN | keys::JUMP };
            step(&terrain, &Tuning::default(), &mut walker, &steering);
        }
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
    assert!(found > 100 && seen.contains(&true) && impacts.iter().any(Option::is_some));
}
