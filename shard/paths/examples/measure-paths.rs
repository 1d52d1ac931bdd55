//! Measures paths on a map: how long queries take, whether characters can walk along what they find, and what a tick of NPCs
//! costs.
//!
//! `cargo run --release -p ringshard-paths --example measure-paths -- MAP_FILE [QUERIES] [NPCS]`
//!
//! A map without a navigation mesh gets one first.

use ringshard_paths::{Follower, Going, MeshSettings, Navigator, NoPath, Path, bake_mesh};
use ringshard_terrain::Terrain;
use ringshard_terrain::file::{MeshPlan, aligned};
use ringshard_terrain::movement::{Tuning, Walker, step};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let file = words.next().ok_or("give the name of a map file")?;
    let queries = words.next().map_or(Ok(10_000), |word| word.parse())?;
    let npcs = words.next().map_or(Ok(1_000), |word| word.parse())?;
    let terrain = Arc::new(Terrain::read(aligned(&std::fs::read(file)?))?);
    let terrain = if terrain.columns().nav_regions.is_empty() { with_mesh(&terrain)? } else { terrain };
    let navigator = Navigator::of(&terrain).ok_or("the map has no mesh")?;
    println!("{} polygons", terrain.columns().nav_regions.len());
    let paths = measure_queries(&navigator, queries);
    measure_ticks(&navigator, &paths, npcs);
    Ok(())
}

/// The same terrain with a mesh.
fn with_mesh(terrain: &Terrain) -> Result<Arc<Terrain>, Box<dyn Error>> {
    let begin = Instant::now();
    let mesh = bake_mesh(terrain, &MeshSettings::default(), &mut |_| {})?;
    println!("the mesh was made in {:.1} s", begin.elapsed().as_secs_f32());
    Ok(Arc::new(Terrain::of(&plan_of(terrain, mesh))?))
}

fn plan_of(terrain: &Terrain, mesh: MeshPlan) -> ringshard_terrain::Plan {
    let columns = terrain.columns();
    let shapes = columns.triangles.iter().copied().zip(columns.triangle_flags.iter().copied());
    ringshard_terrain::Plan {
        shape: *terrain.shape(),
        heights: columns.heights.to_vec(),
        triangles: shapes.collect(),
        volumes: Vec::new(),
        spawns: Vec::new(),
        mesh: Some(mesh),
    }
}

/// A small random sequence.
fn random(mut state: u64) -> impl FnMut(f32) -> f32 {
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32 * below
    }
}

fn measure_queries(navigator: &Navigator, count: usize) -> Vec<Path> {
    let terrain = navigator.terrain();
    let [width, depth, _] = terrain.map().size();
    let mut random = random(1);
    let mut point = || loop {
        let [x, y] = [random(width), random(depth)];
        let near = navigator.nearest([x, y, terrain.height(x, y)], 400.0);
        if let Some(point) = near.filter(|&point| navigator.region(point) == Some(0)) {
            return point;
        }
    };
    let (mut times, mut paths) = (Vec::with_capacity(count), Vec::new());
    let (mut too_far, mut corners, mut blocked) = (0, 0, 0);
    for _ in 0..count {
        let (from, to) = (point(), point());
        let begin = Instant::now();
        let found = navigator.find(from, to);
        times.push(begin.elapsed());
        match found {
            Ok(path) => {
                corners += path.corners.len();
                if let Some(place) = blocked_at(terrain, &path) {
                    blocked += 1;
                    println!("blocked at {place:?}: {path:?}");
                }
                paths.push(path);
            }
            Err(NoPath::TooFar) => too_far += 1,
            Err(error) => println!("{error}: {from:?} to {to:?}"),
        }
    }
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_micros();
    println!("{count} queries between random points of the largest region:");
    println!("  p50 {} us, p90 {} us, p99 {} us, longest {} us", at(0.5), at(0.9), at(0.99), at(1.0));
    println!("  {} found with {} corners each, {too_far} given up", paths.len(), corners / paths.len().max(1));
    println!("  {blocked} not walkable");
    paths
}

/// Where a body cannot go on: every 20 units, it takes a step that is too high or deep, or something is in its way.
fn blocked_at(terrain: &Terrain, path: &Path) -> Option<[f32; 3]> {
    let mut before = path.corners[0];
    for pair in path.corners.windows(2) {
        let length = (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]);
        let steps = (length / 20.0).ceil().max(1.0);
        for number in 1..=steps as u32 {
            let [x, y] = [0, 1].map(|axis| pair[0][axis] + number as f32 / steps * (pair[1][axis] - pair[0][axis]));
            let above = [x, y, before[2] + 90.0];
            let floor = terrain.ray(above, [0.0, 0.0, -1.0], 200.0).map(|impact| above[2] - impact.distance);
            let here = [x, y, floor?.max(terrain.height(x, y))];
            let is_free =
                [[0.0, 0.0], [30.0, 30.0], [-30.0, 30.0], [30.0, -30.0], [-30.0, -30.0]].iter().all(|aside| {
                    let [from, to] = [before, here].map(|at| [at[0] + aside[0], at[1] + aside[1], here[2] + 130.0]);
                    terrain.sees(from, to)
                });
            if !is_free || (here[2] - before[2]).abs() > 60.0 {
                return Some(here);
            }
            before = here;
        }
    }
    None
}

/// An NPC on its way.
struct Npc {
    walker: Walker,
    follower: Follower,
    goal: [f32; 3],
    /// The tick in which it should have arrived: half as much again as it takes to run all the way.
    due: f32,
}

impl Npc {
    fn on(path: &Path) -> Npc {
        let mut follower = Follower::default();
        follower.start(path.clone());
        let goal = path.corners[path.corners.len() - 1];
        let ticks = path.length() / Tuning::default().run_speed * 60.0;
        Npc { walker: Walker::at(path.corners[0]), follower, goal, due: 1.5 * ticks + 120.0 }
    }
}

/// Each NPC goes one path. If it is stuck, it asks for another path from where it is, as a game does.
fn measure_ticks(navigator: &Navigator, paths: &[Path], count: usize) {
    let mut npcs: Vec<Npc> = paths.iter().cycle().take(count).map(Npc::on).collect();
    let (mut follows, mut walks, mut worst) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut arrived, mut stuck, mut late, mut measured, mut tick) = (0, 0, 0, 0, 0);
    let mut steerings = Vec::with_capacity(count);
    while !npcs.is_empty() {
        steerings.clear();
        let begin = Instant::now();
        steerings.extend(npcs.iter_mut().map(|npc| npc.follower.steer(&npc.walker, true)));
        let middle = Instant::now();
        for (npc, (steering, _)) in npcs.iter_mut().zip(&steerings) {
            step(navigator.terrain(), &Tuning::default(), &mut npc.walker, steering);
        }
        let end = Instant::now();
        // Times are those of ticks in which nearly all are on their way.
        if npcs.len() * 10 >= count * 9 {
            (follows, walks, worst) = (follows + (middle - begin), walks + (end - middle), worst.max(end - begin));
            measured += 1;
        }
        tick += 1;
        let mut goings = steerings.iter().map(|&(_, going)| going);
        npcs.retain_mut(|npc| {
            let going = goings.next().expect("there is one for each NPC");
            arrived += u32::from(going == Going::Arrived);
            if going == Going::Stuck {
                stuck += 1;
                println!("stuck: {:?} to {:?}", npc.walker, npc.goal);
                navigator.find(npc.walker.point, npc.goal).into_iter().for_each(|path| npc.follower.start(path));
            }
            let is_late = going != Going::Arrived && tick as f32 > npc.due;
            if is_late {
                late += 1;
                println!("late: {:?} to {:?}", npc.walker, npc.goal);
            }
            going != Going::Arrived && !is_late
        });
    }
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(measured.max(1));
    println!("{count} NPCs, each on one path, for {tick} ticks:");
    println!(
        "  {:.0} us per tick: {:.0} us to follow, {:.0} us to walk",
        micros(follows + walks),
        micros(follows),
        micros(walks)
    );
    println!("  longest tick {} us", worst.as_micros());
    println!("  {arrived} have arrived, {late} have not; they were stuck {stuck} times");
}
