//! Where tiles come from.

use super::tile::Tile;
use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The largest tile, in bytes.
pub const TILE_BYTES_MAX: usize = 4 << 20;

/// The bytes of a tile.
pub type Bytes = Arc<[u8]>;
/// A tile that is being fetched; None if there is none at this place.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Option<Bytes>, TileError>> + Send + 'a>>;

/// Gives the tiles of one set.
pub trait TileProvider: Send + Sync + 'static {
    /// Fetches a tile. Dropping the future cancels it as far as possible.
    ///
    /// # Errors
    /// [`TileError`].
    fn fetch(&self, tile: Tile) -> Fetching<'_>;

    /// The zooms at which there are tiles. No other zoom is asked for.
    fn zooms(&self) -> RangeInclusive<u8>;

    /// What a tile is, such as `image/png`, and its compression, such as `gzip` or nothing.
    fn format(&self) -> (&'static str, Option<&'static str>);

    /// Whether tiles come over a network. Then they are kept in the cache, and their neighbours are fetched in advance.
    fn is_remote(&self) -> bool;
}

/// Why there is no tile.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TileError {
    /// There is no set of this name.
    #[error("there is no set of tiles called {0}")]
    Set(String),
    /// Too much is asked for now, or the provider is out of order.
    #[error("{reason}")]
    NotNow {
        /// When to try again.
        wait: Duration,
        /// What is wrong.
        reason: String,
    },
    /// The provider gave something that is not a tile.
    #[error("{reason}")]
    Damaged {
        /// What is wrong.
        reason: String,
    },
}

impl TileError {
    /// The status of HTTP.
    pub fn status(&self) -> u16 {
        match self {
            TileError::Set(_) => 404,
            TileError::NotNow { .. } => 503,
            TileError::Damaged { .. } => 500,
        }
    }

    /// When to try again.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            TileError::NotNow { wait, .. } => Some(*wait),
            _ => None,
        }
    }
}
