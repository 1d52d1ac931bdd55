//! What makes a call be executed at most once (PROTOCOL.md#at-most-once): the calls that run, and the outcomes that are given
//! again.

mod calls;
mod keys;

pub(super) use calls::{Begin, CallNumbers, Calls, ClientKey};
pub(super) use keys::{KeyBegin, Keys, Scope};

use super::caller::{Cancel, Cancelled};
use super::outcome::Outcome;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// Those who wait for one running call: more are not let in.
const WAITERS_MAX: u64 = 8;

/// A call that runs.
#[derive(Clone, Debug)]
pub(super) struct Running(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cancel: Cancel,
    outcome: watch::Receiver<Option<Outcome>>,
    /// The connection that the outcome goes to: the last that asked.
    asked_by: AtomicU64,
    waiters: AtomicU64,
}

/// Ends a running call: everybody who waits gets the outcome.
#[derive(Debug)]
pub(super) struct Done(watch::Sender<Option<Outcome>>);

/// Waits for the outcome of a running call on behalf of one connection.
#[derive(Debug)]
pub(super) struct Waiter {
    running: Running,
    connection: u64,
}

impl Running {
    fn new() -> (Self, Done, Cancelled) {
        let (cancel, cancelled) = Cancelled::new();
        let (sender, outcome) = watch::channel(None);
        let inner = Inner { cancel, outcome, asked_by: AtomicU64::new(0), waiters: AtomicU64::new(0) };
        (Running(Arc::new(inner)), Done(sender), cancelled)
    }

    fn cancel(&self) {
        self.0.cancel.cancel();
    }

    /// Somebody who waits for `connection`. None if it waits already, or too many wait.
    fn wait(&self, connection: u64) -> Option<Waiter> {
        if self.0.asked_by.load(Ordering::Relaxed) == connection
            || self.0.waiters.load(Ordering::Relaxed) >= WAITERS_MAX
        {
            return None;
        }
        self.0.asked_by.store(connection, Ordering::Relaxed);
        self.0.waiters.fetch_add(1, Ordering::Relaxed);
        Some(Waiter { running: self.clone(), connection })
    }
}

impl Done {
    pub fn end(self, outcome: Outcome) {
        self.0.send_replace(Some(outcome));
    }
}

impl Waiter {
    /// The outcome. None if it goes to another connection that has asked since, or the server stops.
    pub async fn outcome(self) -> Option<Outcome> {
        let mut receiver = self.running.0.outcome.clone();
        let outcome = receiver.wait_for(Option::is_some).await.ok()?.clone();
        outcome.filter(|_| self.running.0.asked_by.load(Ordering::Relaxed) == self.connection)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.running.0.waiters.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
