//! What all bots share.

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
#[derive(Default)]
pub struct Shared {
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
