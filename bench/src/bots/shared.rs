//! What all bots share.

use std::sync::atomic::{AtomicBool, AtomicU64};

/// How all bots behave.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// Share of them that walks at a time.
    pub moving: f64,
    /// Shots a second.
    pub fight: f64,
    /// Chat messages a second.
    pub chat: f64,
    /// Units up to which an entity is near.
    pub near: f32,
}

/// What all bots share with the main thread.
#[derive(Default)]
pub struct Shared {
    /// Everybody is connected, and may come into the world.
    pub open: AtomicBool,
    /// Count from now on.
    pub measure: AtomicBool,
    /// Stand still from now on.
    pub stand_still: AtomicBool,
    pub entered: AtomicU64,
    /// The server sent a player's wish to enter back to it: it echoes, and has no world.
    pub echoed: AtomicBool,
}
