//! What a game brings in place of the services' own.

use crate::accounts::directory::Directory;
use crate::directions::{Directions, Geocoder};
use crate::tiles::TileProvider;
use std::fmt;
use std::sync::Arc;

/// What a game brings in place of the services' own. Each that is left out is as the settings say.
#[derive(Clone, Default)]
pub struct Providers {
    /// Checks passwords of accounts that are kept elsewhere, in place of `accounts-hook`.
    pub directory: Option<Arc<dyn Directory>>,
    /// Sets of tiles, by name, beside those of the setting `tiles`. A set of that setting takes the place of one of the same name.
    pub tiles: Vec<(String, Arc<dyn TileProvider>)>,
    /// Finds ways, in place of the roads in `roads.json`.
    pub directions: Option<Arc<dyn Directions>>,
    /// Finds positions of names, in place of the imported places.
    pub geocoder: Option<Arc<dyn Geocoder>>,
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tiles: Vec<&str> = self.tiles.iter().map(|(set, _)| set.as_str()).collect();
        f.debug_struct("Providers")
            .field("directory", &self.directory.is_some())
            .field("tiles", &tiles)
            .field("directions", &self.directions.is_some())
            .field("geocoder", &self.geocoder.is_some())
            .finish()
    }
}
