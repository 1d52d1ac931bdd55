//! Looks at all clients once a second: closes those that idle, stall or are denied, and drains.

use super::Thread;
use crate::client::{Client, Going};
use crate::clock::{Nanos, SECOND, nanos};
use std::rc::Rc;
use std::time::Duration;

/// A client that takes nothing of what waits for it for this long is closed. Its session goes on over another connection.
const STALLED: Nanos = 10 * SECOND;

/// Sweeps, forever.
pub(super) async fn run(thread: Rc<Thread>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        thread.sweep(thread.now());
    }
}

impl Thread {
    fn sweep(&self, now: Nanos) {
        let idle = nanos(self.settings().idle_timeout);
        let clients = self.clients.borrow();
        for client in clients.values() {
            if let Some(going) = fault_of(client, now, idle) {
                self.close(client, going);
            }
            if client.is_stalled(now) {
                self.counters.stalled.add(client.release_waiting() as u64);
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
        let now = self.now();
        self.drain_until.set(Some(now + nanos(within)));
        self.sweep(now);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::Carrier;
    use crate::counters::Counters;
    use crate::limits::Limits;
    use crate::settings::{ServerEntry, Settings};
    use bytes::Bytes;
    use ringshard_protocol::crypto::PublicKey;
    use std::sync::Arc;
    use tokio::task::LocalSet;

    const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

    /// A thread whose server never answers.
    fn thread() -> Rc<Thread> {
        let key = PublicKey::from_hex(KEY).unwrap();
        let server = ServerEntry { name: "silent".to_owned(), address: ([127, 0, 0, 1], 9).into(), key, bulk: None };
        let settings = Arc::new(Settings { servers: vec![server], flows: 1, ..Settings::default() });
        let limits = Limits::new(&settings);
        Thread::start(0, settings, limits, Arc::new(Counters::default())).unwrap()
    }

    #[test]
    fn a_stalled_client_keeps_its_newest_datagrams_and_is_closed_if_it_goes_on_to_take_nothing() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let thread = thread();
            let ports = [1, 2].map(|host| thread.join("", ([127, 0, 0, host], 1).into(), Carrier::WebSocket).unwrap());
            let [slow, fast] = [0, 1].map(|serial| Rc::clone(&thread.clients.borrow()[&serial]));
            let now = thread.now();
            for client in [&slow, &fast] {
                for _ in 0..50 {
                    client.deliver(Bytes::from_static(&[0; 100]), 1, now);
                }
            }
            thread.sweep(now + SECOND);
            assert_eq!(slow.waiting_bytes(), 5_000, "it has a second");
            let _ = fast.take(now + SECOND);
            thread.sweep(now + SECOND + 1);
            assert_eq!((slow.waiting_bytes(), fast.waiting_bytes()), (400, 4_900));
            assert_eq!(thread.counters.stalled.get(), 46);
            thread.sweep(now + STALLED);
            assert!(!slow.is_going());
            let _ = fast.take(now + STALLED);
            thread.sweep(now + STALLED + 1);
            assert!(slow.is_going() && !fast.is_going());
            assert_eq!(thread.counters.closed_stalled.get(), 1);
            assert_eq!(thread.counters.closed_idle.get(), 0);
            let held = thread.memory.held();
            let [slow_port, _fast_port] = ports;
            drop((slow, slow_port));
            assert!(thread.memory.held() < held, "what waited for a client goes with it");
        });
    }
}
