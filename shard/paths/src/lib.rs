//! Paths over the ground of a map.
//!
//! | module | for |
//! |---|---|
//! | [`bake`] | makes the navigation mesh of a terrain, for its map file |
//! | [`navigator`] | [`Navigator`]: paths from one point to another |
//! | [`follow`] | [`Follower`]: steers a character along a path |
//! | [`patrol`] | [`Patrol`]: routes that are walked again and again |
//! | [`job`] | [`PathJob`]: a path that a worker thread finds |
//!
//! `ringshard map bake` makes the mesh with [`bake_mesh`], and puts it into the map file. A server reads the map, and makes one
//! [`Navigator`], which all its threads share.
//!
//! # In a game
//!
//! A search takes up to a few milliseconds, and must not hold up a core. So a game gives a [`PathJob`] to the worker threads,
//! as a part of its own job. The path comes back with `Game::done` in a later tick. Then a [`Follower`] steers the character
//! along it with the step that players make.
//!
//! ```
//! use ringshard_paths::{Follower, Going, Navigator, PathFound, PathJob};
//! use ringshard_terrain::Terrain;
//! use ringshard_terrain::movement::{Steering, Walker};
//! use std::sync::Arc;
//!
//! // The game's types `Job` and `Done`.
//! enum Job {
//!     Path(PathJob),
//!     // ... jobs of other kinds
//! }
//! enum Done {
//!     Path(PathFound),
//! }
//!
//! // What `ringshard::serve` takes: a worker calls it.
//! fn work(job: Job) -> Done {
//!     match job {
//!         Job::Path(job) => Done::Path(job.run()),
//!     }
//! }
//!
//! struct Npc {
//!     walker: Walker,
//!     follower: Follower,
//! }
//!
//! // In `Game::tick`: the game gives this to `Shard::give`. `ticket` says for which NPC the path is.
//! fn ask(navigator: &Arc<Navigator>, ticket: u64, npc: &Npc, to: [f32; 3]) -> Job {
//!     Job::Path(PathJob { navigator: navigator.clone(), ticket, from: npc.walker.point, to })
//! }
//!
//! // In `Game::done`. The NPC may be gone by now.
//! fn done(npc: Option<&mut Npc>, Done::Path(found): Done) {
//!     if let (Some(npc), Ok(path)) = (npc, found.path) {
//!         npc.follower.start(path);
//!     }
//! }
//!
//! // In `Game::tick`, for each NPC: the steering for `ringshard_terrain::movement::step`.
//! fn steer(npc: &mut Npc) -> Steering {
//!     let (steering, going) = npc.follower.steer(&npc.walker, false);
//!     match going {
//!         Going::On => {}
//!         Going::Arrived => { /* choose another goal */ }
//!         Going::Stuck => { /* ask for another path */ }
//!     }
//!     steering
//! }
//!
//! // A map without a mesh has no navigator: NPCs walk straight.
//! assert!(Navigator::of(&Arc::new(Terrain::flat())).is_none());
//! ```

#![forbid(unsafe_code)]

pub mod bake;
pub mod follow;
pub mod job;
pub mod navigator;
pub mod patrol;
mod surface;

#[cfg(test)]
mod tests;

pub use bake::{MeshError, MeshSettings, bake_mesh};
pub use follow::{Follower, Going};
pub use job::{PathFound, PathJob};
pub use navigator::{CacheCounts, Navigator, NoPath, Path};
pub use patrol::{Patrol, Turn};
