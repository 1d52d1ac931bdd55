//! What sets of tiles there are: `/v1/tiles`.

use super::sets::{About, Tiles};
use crate::actions::{Access, Action, Builder, Caller, Limits};
use ringshard_requests::record;

record! {
    /// A set of tiles.
    pub struct SetRecord {
        /// Its name: tiles are called `tile/SET/Z/X/Y`.
        pub set: String,
        /// The lowest zoom.
        pub zoom_min: u8,
        /// The highest zoom.
        pub zoom_max: u8,
        /// Such as `image/png`.
        pub format: String,
        /// Such as `gzip`, which clients take off; or empty.
        pub compression: String,
    }
}

record! {
    /// All sets of tiles.
    pub struct SetsAnswer {
        /// By name.
        pub sets: Vec<SetRecord>,
    }
}

/// Adds the action.
pub fn register(actions: &mut Builder, tiles: &Tiles) {
    let tiles = tiles.clone();
    let about = "Lists the sets of tiles, which are downloaded as tile/SET/Z/X/Y.";
    let action = Action { path: "/v1/tiles", about, access: Access::Anybody, limits: Limits::default() };
    actions.add(action, move |_: Caller, (): ()| {
        let sets = tiles.sets().into_iter().map(record).collect();
        async move { Ok(SetsAnswer { sets }) }
    });
}

fn record(about: About) -> SetRecord {
    SetRecord {
        set: about.set,
        zoom_min: *about.zooms.start(),
        zoom_max: *about.zooms.end(),
        format: about.format.to_owned(),
        compression: about.compression.unwrap_or_default().to_owned(),
    }
}
