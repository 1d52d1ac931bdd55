//! Paths between points of a map.
//!
//! | module | for |
//! |---|---|
//! | `mesh` | the polygons of a terrain's mesh, their neighbours, and which of them lie near a point |
//! | `search` | the polygons that a path leads through |
//! | `corners` | the corners of the shortest path through them |
//! | `cache` | polygons of recent paths |
//!
//! A search is A* over polygons, with a bound on how many it looks at. Then a funnel pulls the path tight, and shortcuts
//! straighten it where the search took a longer way round. The result is not always the shortest path, but close to it.
//! The search is written here and not taken from a library, for these reasons: `polyanya` finds shortest paths, but a search
//! cannot be bounded, and over a town of 11,000 polygons one search in a hundred took 400 times as long as the median; it
//! also allocates for each search. The A* of `pathfinding` allocates for each polygon. Neither pulls a path tight over a mesh
//! with floors above each other.

mod cache;
mod corners;
mod mesh;
mod search;

pub use cache::CacheCounts;

use crate::surface::nearest_height;
use cache::Cache;
use mesh::{Mesh, Place};
use ringshard_terrain::Terrain;
use search::Search;
use std::sync::{Arc, Mutex};

/// How far a point may be from the mesh, in units: it is moved to the nearest place within this.
pub const SNAP_RADIUS: f32 = 400.0;
/// Polygons that a search looks at, at most. It takes a few milliseconds to look at so many.
pub const POLYGONS_MAX: usize = 16_384;
/// Corridors in the cache, at most.
const CACHE_SIZE: usize = 4_096;

/// A path: corners, each within sight of the next one. Every corner is on the ground.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Path {
    /// The first one is where the path begins, the last one is the goal.
    pub corners: Vec<[f32; 3]>,
}

impl Path {
    /// Its length from above, in units.
    pub fn length(&self) -> f32 {
        let length = |pair: &[[f32; 3]]| (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]);
        self.corners.windows(2).map(length).sum()
    }
}

/// Why there is no path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoPath {
    /// Nobody can stand near the beginning.
    #[error("the beginning is more than {SNAP_RADIUS} units away from any place where a character can stand")]
    NoBeginning,
    /// Nobody can stand near the goal.
    #[error("the goal is more than {SNAP_RADIUS} units away from any place where a character can stand")]
    NoGoal,
    /// The two points lie in different regions of the mesh.
    #[error("no path leads to the goal: it lies in another region of the mesh")]
    Unreachable,
    /// The search gave up.
    #[error("the search looked at {POLYGONS_MAX} polygons and gave up: choose a nearer goal")]
    TooFar,
}

/// Finds paths. It does not change; threads share it. All methods may run at the same time.
///
/// A query takes from microseconds to a few milliseconds, so a game does not call [`Navigator::find`] on a core, but gives a
/// [`PathJob`](crate::PathJob).
#[derive(Debug)]
pub struct Navigator {
    terrain: Arc<Terrain>,
    mesh: Mesh,
    cache: Cache,
    /// Memory of searches that are not running.
    idle: Mutex<Vec<Search>>,
}

impl Navigator {
    /// The navigator of a terrain; `None` if its map file has no navigation mesh.
    pub fn of(terrain: &Arc<Terrain>) -> Option<Navigator> {
        let mesh = Mesh::of(terrain)?;
        Some(Navigator { terrain: terrain.clone(), mesh, cache: Cache::new(CACHE_SIZE), idle: Mutex::default() })
    }

    /// The terrain.
    pub fn terrain(&self) -> &Arc<Terrain> {
        &self.terrain
    }

    /// The nearest point within `radius` units on which a character can stand.
    pub fn nearest(&self, point: [f32; 3], radius: f32) -> Option<[f32; 3]> {
        self.mesh.nearest(&self.terrain, point, radius).map(|place| place.point)
    }

    /// The region of the mesh at the nearest place within [`SNAP_RADIUS`]. Paths lead from each place of a region to all
    /// others of it. Region 0 is the largest.
    pub fn region(&self, point: [f32; 3]) -> Option<u32> {
        let place = self.mesh.nearest(&self.terrain, point, SNAP_RADIUS)?;
        Some(self.region_of(place.polygon))
    }

    /// Whether a character can go straight from one point to the other. Both must be on the mesh.
    pub fn is_straight(&self, from: [f32; 3], to: [f32; 3]) -> bool {
        let Some(begin) = self.mesh.nearest(&self.terrain, from, 1.0) else { return false };
        self.mesh.sees(&self.terrain, begin, to)
    }

    /// A path from one point to the other. Both are moved to the nearest place within [`SNAP_RADIUS`].
    ///
    /// # Errors
    /// [`NoPath`]. [`NoPath::Unreachable`] costs no search.
    pub fn find(&self, from: [f32; 3], to: [f32; 3]) -> Result<Path, NoPath> {
        let begin = self.mesh.nearest(&self.terrain, from, SNAP_RADIUS).ok_or(NoPath::NoBeginning)?;
        let end = self.mesh.nearest(&self.terrain, to, SNAP_RADIUS).ok_or(NoPath::NoGoal)?;
        if self.region_of(begin.polygon) != self.region_of(end.polygon) {
            return Err(NoPath::Unreachable);
        }
        if begin.polygon == end.polygon {
            return Ok(Path { corners: vec![begin.point, end.point] });
        }
        let corridor = match self.cache.get(begin.polygon, end.polygon) {
            Some(corridor) => corridor,
            None => self.cache.put(begin.polygon, end.polygon, self.search(begin, end)?),
        };
        let mut corners = self.mesh.corners(&self.terrain, begin.point, end.point, &corridor);
        for [x, y, z] in &mut corners {
            *z = nearest_height(&self.terrain, [*x, *y], *z);
        }
        self.mesh.straighten(&self.terrain, &mut corners);
        Ok(Path { corners })
    }

    /// How many queries the cache has answered.
    pub fn cache_counts(&self) -> CacheCounts {
        self.cache.counts()
    }

    fn region_of(&self, polygon: u32) -> u32 {
        self.terrain.columns().nav_regions[polygon as usize]
    }

    /// The polygons from one place to the other.
    fn search(&self, begin: Place, end: Place) -> Result<Vec<u32>, NoPath> {
        let idle = self.idle.lock().expect("no search panics while it holds the lock").pop();
        let mut search = idle.unwrap_or_else(|| Search::new(self.terrain.columns().nav_regions.len()));
        let corridor = search.run(&self.mesh, &self.terrain, begin, end, POLYGONS_MAX);
        self.idle.lock().expect("no search panics while it holds the lock").push(search);
        corridor.ok_or(NoPath::TooFar)
    }
}
