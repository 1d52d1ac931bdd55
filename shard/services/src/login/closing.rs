//! Tells everything in the door that it closes.

use tokio::sync::watch;

/// Begins to close.
#[derive(Debug)]
pub(super) struct Close(watch::Sender<bool>);

/// Tells when the door begins to close.
#[derive(Clone, Debug)]
pub(super) struct Closing(watch::Receiver<bool>);

pub(super) fn channel() -> (Close, Closing) {
    let (sender, receiver) = watch::channel(false);
    (Close(sender), Closing(receiver))
}

impl Close {
    pub(super) fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Closing {
    /// Waits until the door begins to close, or is gone. Dropping the future loses nothing.
    pub(super) async fn begun(&mut self) {
        let _ = self.0.wait_for(|closes| *closes).await;
    }
}
