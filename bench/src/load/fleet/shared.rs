//! What the main thread and the threads of a fleet share.

use std::sync::atomic::{AtomicBool, AtomicU64};

/// What the main thread and the fleet share.
#[derive(Default)]
pub struct Shared {
    pub stop: AtomicBool,
    /// How the fleet keeps up is taken down.
    pub measuring: AtomicBool,
    /// Clients that have connected.
    pub connected: AtomicU64,
    /// Clients that have lost their connection for good.
    pub closed: AtomicU64,
    /// Datagrams that came.
    pub datagrams: AtomicU64,
}
