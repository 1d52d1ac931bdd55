//! Lag compensation: where all entities were when a player acted, and which of them a ray or a sphere met there.
//!
//! A client shows the world as it was some ticks ago: its snapshots travel, and it interpolates between them. When its player
//! shoots, the server looks up the entities at the tick that the client showed, not at the present tick.
//!
//! | module | for | may use |
//! |---|---|---|
//! | `sample` | what is kept of an entity per tick, and poses between two samples | |
//! | `ray` | a ray that was checked | |
//! | `hitbox` | shapes, and their exact distances to rays and points | `ray` |
//! | `part` | the entities of one core at one tick | `sample` |
//! | `frame` | all entities of one tick, and of a moment between two ticks | `part`, `sample` |
//! | `boxes` | bounding boxes, compared sixteen at a time | |
//! | `tree` | the entities between two ticks, found by place | `boxes`, `ray`, the Z-order of `interest` |
//! | `forest` | a fixed number of trees, built when they are first needed | `frame`, `hitbox`, `tree` |
//! | `history` | the last 64 ticks | `forest` and those below |
//! | `past` | the world at a tick, or between two ticks: poses, rays, spheres | `history` and those below |
//! | `claim` | which tick a player is granted | `part` |
//! | `dump` | one shot as JSON and as a drawing | `claim`, `past` and those below |
//!
//! Each tick, every core records its own entities once, as a [`Part`] that all cores share, and `History::keep` takes the newest
//! parts of all cores. (`History::record` takes the samples of all entities, for a world without cores.) The first query
//! between two ticks builds a tree for this pair of ticks, and later queries use it again, for as long as the pool keeps it.
//! With rewinds of up to [`TREES`] ticks, that is one tree per tick. Recording and querying do not allocate.
//!
//! Nothing here knows clients, inputs or games: ticks, samples and rays come in as plain data.

mod boxes;
mod claim;
mod dump;
mod forest;
mod frame;
mod history;
mod hitbox;
mod part;
mod past;
mod ray;
mod sample;
mod tree;

pub use claim::{Beyond, Grant, PathTicks, RewindSettings, RewindStats, Verdict, granted_tick, is_forged};

pub use dump::{DumpedEntity, DumpedPose, DumpedRay, RewindDump, Shot};
pub use forest::TREES;
pub use history::History;
pub use hitbox::Hitbox;
pub use part::{Part, PartPool, REWIND_TICKS_MAX};
pub use past::{Hit, Past};
pub use ray::Ray;
pub use sample::{NO_HITBOX, SAMPLE_BYTES, Sample};
