//! How a core ends: it drains, waits for acknowledgments, disconnects its clients, and is done.
//!
//! ```text
//! serving --drain--> draining --stop--> flushing --acknowledged, or FLUSH_TIMEOUT--> disconnecting --> done
//! ```
//! A stop without a drain drains first, in the same turn. A stop at once does not wait for acknowledgments.

use crate::runtime::control::Lifecycle;
use crate::runtime::service::Service;
use ringshard_protocol::Endpoint;
use ringshard_protocol::time::{Duration, Instant};
use std::sync::Arc;

/// How long a core that stops waits until all reliable messages are acknowledged.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// How long it then tries to disconnect its clients.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How far a core has come in ending.
pub(super) struct Shutdown {
    lifecycle: Arc<Lifecycle>,
    /// Whether new clients are refused.
    draining: bool,
    /// When the stop request arrived.
    flushing_since: Option<Instant>,
    /// When the core began to disconnect its clients.
    disconnecting_since: Option<Instant>,
}

impl Shutdown {
    pub(super) fn new(lifecycle: Arc<Lifecycle>) -> Self {
        Shutdown { lifecycle, draining: false, flushing_since: None, disconnecting_since: None }
    }

    /// Whether the core disconnects its clients.
    pub(super) fn is_disconnecting(&self) -> bool {
        self.disconnecting_since.is_some()
    }

    /// Follows the server's lifecycle: refuses new clients when it drains, disconnects all when it stops.
    pub(super) fn follow_lifecycle(&mut self, now: Instant, endpoint: &mut Endpoint, service: &mut impl Service) {
        // Read once and before the other: a stop that arrives between the two would be one without a drain.
        let (is_stopping, at_once) = (self.lifecycle.is_stopping(), self.lifecycle.is_stopping_at_once());
        if !self.draining && self.lifecycle.is_draining() {
            self.draining = true;
            endpoint.refuse_new();
            service.draining(now, endpoint);
        }
        if self.is_disconnecting() || !is_stopping {
            return;
        }
        let since = *self.flushing_since.get_or_insert(now);
        if at_once || now.since(since) >= FLUSH_TIMEOUT || endpoint.unacknowledged_bytes() == 0 {
            assert!(self.draining, "a core that disconnects its clients accepts no new ones");
            self.disconnecting_since = Some(now);
        }
    }

    /// Whether all clients were told, or the core has tried for long enough.
    pub(super) fn is_done(&self, now: Instant, endpoint: &Endpoint) -> bool {
        let Some(since) = self.disconnecting_since else { return false };
        assert!(self.flushing_since.is_some_and(|flushing| flushing <= since), "a core flushes before it disconnects");
        let told = endpoint.connections() == 0 && endpoint.is_flushed();
        told || now.since(since) >= DISCONNECT_TIMEOUT
    }
}
