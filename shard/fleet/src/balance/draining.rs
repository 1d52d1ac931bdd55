//! Tells everything in a balancer that it drains.

use tokio::sync::watch;

/// Begins the drain.
#[derive(Debug)]
pub(super) struct Drain(watch::Sender<bool>);

/// Tells when the drain begins.
#[derive(Clone, Debug)]
pub(super) struct Draining(watch::Receiver<bool>);

pub(super) fn channel() -> (Drain, Draining) {
    let (sender, receiver) = watch::channel(false);
    (Drain(sender), Draining(receiver))
}

impl Drain {
    pub(super) fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Draining {
    /// Waits until the drain begins, or the balancer is gone. Dropping the future loses nothing.
    pub(super) async fn begun(&mut self) {
        let _ = self.0.wait_for(|drains| *drains).await;
    }

    pub(super) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }
}
