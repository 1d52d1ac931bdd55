//! Who calls an action.

use crate::AccountId;
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The caller of an action, and when it gives up.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account of a player who is logged in.
    pub account: Option<AccountId>,
    /// Whether it is an operator of the server.
    pub operator: bool,
    /// Where the call comes from.
    pub address: IpAddr,
    /// When the client gives up. A handler that has not begun by then does not begin.
    pub deadline: Instant,
    /// Whether the client has cancelled the call.
    pub cancelled: Cancelled,
}

/// The deadline of calls that do not name one.
pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(10);

impl Caller {
    /// A caller at `address` without a login, with [`DEADLINE_DEFAULT`].
    pub fn new(address: IpAddr) -> Self {
        let deadline = Instant::now() + DEADLINE_DEFAULT;
        Caller { account: None, operator: false, address, deadline, cancelled: Cancelled::never() }
    }

    /// The same, logged in as `account`.
    #[must_use]
    pub fn account(self, account: AccountId) -> Self {
        Caller { account: Some(account), ..self }
    }

    /// The same, as an operator.
    #[must_use]
    pub fn operator(self) -> Self {
        Caller { operator: true, ..self }
    }
}

/// Tells whether the client has cancelled a call.
#[derive(Clone, Debug)]
pub struct Cancelled(Option<watch::Receiver<bool>>);

/// Takes a call back.
#[derive(Debug)]
pub(super) struct Cancel(watch::Sender<bool>);

impl Cancelled {
    /// For a call that is never cancelled.
    pub fn never() -> Self {
        Cancelled(None)
    }

    pub(super) fn new() -> (Cancel, Self) {
        let (sender, receiver) = watch::channel(false);
        (Cancel(sender), Cancelled(Some(receiver)))
    }

    /// Whether the client has cancelled the call.
    pub fn is_cancelled(&self) -> bool {
        self.0.as_ref().is_some_and(|receiver| *receiver.borrow())
    }

    /// Waits until the client cancels the call; for ever, if it does not.
    pub async fn cancelled(&mut self) {
        let taken_back = match &mut self.0 {
            Some(receiver) => receiver.wait_for(|cancelled| *cancelled).await.is_ok(),
            None => false,
        };
        if !taken_back {
            std::future::pending::<()>().await;
        }
    }
}

impl Cancel {
    /// Takes the call back.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }
}
