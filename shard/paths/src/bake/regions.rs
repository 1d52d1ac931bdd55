//! Which polygons a path connects.

use super::tile::doubled_area;
use super::{MeshSettings, Polygons};
use crate::surface::triangles_above;
use ringshard_terrain::Terrain;
use ringshard_terrain::file::MeshPlan;
use std::collections::{BTreeMap, HashMap};

/// The mesh of these polygons, without regions that are too small or lie inside a solid. Region 0 is the largest one.
pub fn finish(terrain: &Terrain, settings: &MeshSettings, all: Polygons) -> MeshPlan {
    let parents = connect(&all);
    let mut regions = BTreeMap::<u32, (f64, bool)>::new();
    for (number, corners) in all.polygons.iter().enumerate() {
        let region = regions.entry(root(&parents, number as u32)).or_insert((0.0, true));
        region.0 += doubled_area(&all.vertices, corners) / 2.0;
        region.1 &= is_inside_solid(terrain, &all, corners);
    }
    regions.retain(|_, (area, is_inside)| *area >= f64::from(settings.region_area_min) && !*is_inside);
    let mut by_area: Vec<_> = regions.iter().map(|(&region, &(area, _))| (region, area)).collect();
    by_area.sort_by(|a, b| b.1.total_cmp(&a.1));
    let numbers: HashMap<u32, u32> = by_area.iter().zip(0..).map(|(&(region, _), number)| (region, number)).collect();
    let mut mesh = MeshPlan { agent: agent(settings), ..MeshPlan::default() };
    let mut new_corners = vec![u32::MAX; all.vertices.len()];
    for (number, corners) in all.polygons.iter().enumerate() {
        let Some(&region) = numbers.get(&root(&parents, number as u32)) else { continue };
        let mut renumber = |&corner: &u32| {
            let new = &mut new_corners[corner as usize];
            if *new == u32::MAX {
                *new = mesh.vertices.len() as u32;
                mesh.vertices.push(all.vertices[corner as usize]);
            }
            *new
        };
        let corners = corners.iter().map(&mut renumber).collect();
        mesh.polygons.push((corners, region));
    }
    mesh
}

fn agent(settings: &MeshSettings) -> [f32; 4] {
    let tuning = &settings.tuning;
    [tuning.radius, tuning.height, tuning.step_height, tuning.slope_limit]
}

/// For each polygon, another one that it is connected to, or itself.
fn connect(all: &Polygons) -> Vec<u32> {
    let mut parents: Vec<u32> = (0..all.polygons.len() as u32).collect();
    let mut sides = HashMap::<[u32; 2], u32>::new();
    for (number, corners) in all.polygons.iter().enumerate() {
        for (place, &a) in corners.iter().enumerate() {
            let b = corners[(place + 1) % corners.len()];
            if let Some(&other) = sides.get(&[b, a]) {
                let (one, other) = (root(&parents, number as u32), root(&parents, other));
                parents[one.max(other) as usize] = one.min(other);
            }
            sides.insert([a, b], number as u32);
        }
        // Short ways for later.
        parents[number] = root(&parents, number as u32);
    }
    parents
}

fn root(parents: &[u32], polygon: u32) -> u32 {
    let mut at = polygon;
    while parents[at as usize] != at {
        at = parents[at as usize];
    }
    at
}

/// Whether the middle of a polygon lies inside a solid: an odd number of triangles is above it.
fn is_inside_solid(terrain: &Terrain, all: &Polygons, corners: &[u32]) -> bool {
    let sum = |axis: usize| corners.iter().map(|&corner| all.vertices[corner as usize][axis]).sum::<f32>();
    let middle = [0, 1, 2].map(|axis| sum(axis) / corners.len() as f32);
    // A little aside: where two triangles of one face meet, both would count.
    let [x, y, z] = middle;
    triangles_above(terrain, [x + 0.217, y + 0.131, z + 20.0]) % 2 == 1
}
