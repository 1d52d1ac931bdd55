//! Looks at all clients once a second: closes those that idle, stall or are denied, and drains.

use super::Thread;
use crate::client::{Client, Going};
use crate::clock::{Nanos, SECOND, nanos};
use std::rc::Rc;
use std::time::Duration;

/// A client that takes nothing of what waits for it for this long is closed.
const STALLED: Nanos = 20 * SECOND;
/// What waits longer than this is copied out of the chunks that clients share.
const SHARED: Nanos = SECOND;

/// Sweeps, forever.
pub(super) async fn run(thread: Rc<Thread>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        thread.sweep();
    }
}

impl Thread {
    fn sweep(&self) {
        let (now, idle) = (self.now(), nanos(self.settings().idle_timeout));
        let clients = self.clients.borrow();
        for client in clients.values() {
            if let Some(going) = fault_of(client, now, idle) {
                self.close(client, going);
            }
            if client.stalled_since().is_some_and(|since| now > since + SHARED) {
                client.own_waiting();
            }
        }
        if let Some(until) = self.drain_until.get() {
            // A share per second, so that the clients do not all connect elsewhere at once.
            let seconds_left = usize::try_from(until.saturating_sub(now) / SECOND).unwrap_or(usize::MAX);
            let staying = clients.values().filter(|client| !client.is_going());
            let share = staying.clone().count().div_ceil(seconds_left.max(1));
            staying.take(share).for_each(|client| self.close(client, Going::Draining));
        }
    }

    /// Admits nobody, and closes the clients one after the other within this time.
    pub fn drain(&self, within: Duration) {
        self.drain_until.set(Some(self.now() + nanos(within)));
        self.sweep();
    }

    /// Closes clients whose address is denied now.
    pub(super) fn close_denied(&self) {
        for client in self.clients.borrow().values() {
            if self.limits.denies(client.address().ip()) {
                self.close(client, Going::Denied);
            }
        }
    }
}

/// Why this client must go, if it must.
fn fault_of(client: &Client, now: Nanos, idle: Nanos) -> Option<Going> {
    if now > client.heard().saturating_add(idle) {
        return Some(Going::Idle);
    }
    client.stalled_since().filter(|since| now > since + STALLED).map(|_| Going::Stalled)
}
