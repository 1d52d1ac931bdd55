//! A member of the hub: one WebSocket, or one client in the world.

use super::Hub;
use super::notice::Notice;
use super::state::Mailbox;
use crate::AccountId;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A member. It leaves the hub when it is dropped.
#[derive(Debug)]
pub struct Member {
    pub(super) hub: Hub,
    pub(super) account: AccountId,
    pub(super) id: u64,
    pub(super) notices: mpsc::Receiver<Arc<Notice>>,
    pub(super) mailbox: Arc<Mailbox>,
}

/// What a member gets.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// A notice.
    Notice(Arc<Notice>),
    /// So many notices found the queue full since the last event of this kind. A room's history has the lines among them.
    Missed(u64),
    /// The account logged out somewhere, or a session of it was revoked: check whether the login of this member still holds.
    Recheck,
}

impl Member {
    /// The account.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Waits for the next event. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Event {
        if let Ok(notice) = self.notices.try_recv() {
            return Event::Notice(notice);
        }
        let missed = self.mailbox.take_missed();
        if missed > 0 {
            return Event::Missed(missed);
        }
        tokio::select! {
            () = self.mailbox.recheck() => Event::Recheck,
            notice = self.notices.recv() => Event::Notice(notice.expect("the hub keeps the queue of a member")),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.hub.leave(self.account, self.id);
    }
}
