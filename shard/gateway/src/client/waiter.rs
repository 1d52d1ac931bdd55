//! Wakes the one task that waits.

use std::cell::Cell;
use std::task::{Context, Waker};

/// The task that waits. When another one begins to wait, it replaces it.
#[derive(Default)]
pub(super) struct Waiter(Cell<Option<Waker>>);

impl Waiter {
    /// The context's task waits from now on.
    pub(super) fn wait(&self, context: &Context<'_>) {
        let waker = match self.0.take() {
            Some(waker) if waker.will_wake(context.waker()) => waker,
            _ => context.waker().clone(),
        };
        self.0.set(Some(waker));
    }

    /// Wakes the task that waits, if any.
    pub(super) fn wake(&self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}
