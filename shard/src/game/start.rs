//! What the game of a core is made with.

use ringshard_terrain::Terrain;
use std::sync::Arc;

/// What the game of a core is made with.
#[derive(Clone, Debug)]
pub struct GameStart {
    /// The number of the core, from 0.
    pub core: usize,
    /// The ground, walls, water and places of the world's map. All cores share one.
    pub terrain: Arc<Terrain>,
}
