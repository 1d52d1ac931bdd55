//! Where the messages of one client go.

use std::future::Future;

/// Where the messages of one client go: the client's session of the port.
pub trait Outlet: Send + Sync + 'static {
    /// Sends one message on a reliable channel. Waits while the client's window is full.
    ///
    /// # Errors
    /// [`Gone`].
    fn send(&self, message: &[u8]) -> impl Future<Output = Result<(), Gone>> + Send;
}

/// The client has left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the client has left")]
pub struct Gone;
