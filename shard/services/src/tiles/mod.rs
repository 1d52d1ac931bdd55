//! Tiles of maps: pyramids from files or from a remote provider.
//!
//! A client downloads a tile like any resource, under the name `tile/SET/Z/X/Y`. If it stops the download, the request is
//! cancelled. Tiles of a remote provider are kept in a cache on disk with a bound in bytes. Their neighbours are fetched in
//! advance while nothing more urgent waits.

mod actions;
mod archive;
mod breaker;
mod cache;
mod counters;
mod prefetch;
mod provider;
mod queue;
mod remote;
mod sets;
mod source;
#[cfg(test)]
mod tests;
mod tile;

pub use actions::{SetRecord, SetsAnswer, register};
pub use archive::{Archive, ArchiveError};
pub use cache::{Cache, Cached, Key};
pub use counters::Counters;
pub use provider::{Bytes, Fetching, TILE_BYTES_MAX, TileError, TileProvider};
pub use remote::{Remote, RemoteSettings, RemoteSettingsError, Secret, TileFormat};
pub use sets::{About, TileSettings, Tiles};
pub use tile::{InvalidTile, SET_BYTES_MAX, Tile, ZOOM_MAX, is_set, parse_name};
