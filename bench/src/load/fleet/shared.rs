//! What the main thread and the threads of a fleet share.

use std::sync::atomic::{AtomicBool, AtomicU64};

#[derive(Default)]
pub struct Shared {
    pub stop: AtomicBool,
    /// Measure whether the fleet keeps up.
    pub measuring: AtomicBool,
    /// Clients that have connected.
    pub connected: AtomicU64,
    /// Clients that have lost their connection for good.
    pub closed: AtomicU64,
    /// Datagrams received.
    pub datagrams: AtomicU64,
}
