//! What all bots share.

use ringshard_demo_rules::DemoRules;
use ringshard_terrain::Terrain;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// How all bots behave.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// Share of them that walk at any time.
    pub moving: f64,
    /// Shots per second.
    pub fight: f64,
    /// Chat messages per second.
    pub chat: f64,
}

/// State that bots share with the main thread.
pub struct Shared {
    /// The rules, on the map of the server.
    pub rules: DemoRules,
    /// Whether bots jump and turn away from walls. On level ground they do not, so that results remain comparable.
    pub has_obstacles: bool,
    /// All clients are connected and may enter the world.
    pub open: AtomicBool,
    /// Count from now on.
    pub measure: AtomicBool,
    /// Stand still from now on.
    pub stand_still: AtomicBool,
    pub entered: AtomicU64,
    /// The server echoed the request to enter: it has no world.
    pub echoed: AtomicBool,
}

impl Shared {
    /// Bots on this map, which wait until they may enter.
    pub fn on(terrain: Arc<Terrain>) -> Shared {
        Shared {
            has_obstacles: terrain != Terrain::shared_flat(),
            rules: DemoRules::on(terrain),
            open: AtomicBool::default(),
            measure: AtomicBool::default(),
            stand_still: AtomicBool::default(),
            entered: AtomicU64::default(),
            echoed: AtomicBool::default(),
        }
    }
}
