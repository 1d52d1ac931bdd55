//! A client in the world: its calls, its downloads, and the notices for it.

use super::Reach;
use super::counters::Counters;
use super::letter::{Letter, Mailbox};
use crate::AccountId;
use crate::actions::{Client, Reply};
use crate::counters::count;
use crate::hub::{Event, Hub, Member};
use crate::resources::{Downloads, Gone, Outlet};
use ringshard_requests::message::{Notice, kinds};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::task::AbortHandle;

/// A client in the world. When it is dropped, its calls go on, and nothing else does.
pub(super) struct Session {
    reach: Arc<Reach>,
    account: Option<AccountId>,
    calls: Client,
    downloads: Downloads<Bulk>,
    route: Route,
    /// The task that forwards notices.
    notices: Option<AbortHandle>,
}

/// The way to a client.
#[derive(Clone)]
struct Route {
    player: u64,
    mailbox: Mailbox,
}

impl Route {
    async fn send(&self, is_bulk: bool, bytes: Vec<u8>) -> Result<(), Gone> {
        self.mailbox.send(Letter::Message { player: self.player, is_bulk, bytes }).await.map_err(|_| Gone)
    }
}

/// The way for downloads.
struct Bulk(Route);

impl Outlet for Bulk {
    async fn send(&self, message: &[u8]) -> Result<(), Gone> {
        self.0.send(true, message.to_vec()).await
    }
}

impl Session {
    pub(super) fn new(
        reach: &Arc<Reach>,
        player: u64,
        address: IpAddr,
        account: Option<(AccountId, String)>,
        mailbox: Mailbox,
    ) -> Session {
        let route = Route { player, mailbox };
        let (account, name) = account.unzip();
        reach.counters.sessions.fetch_add(1, Relaxed);
        Session {
            calls: reach.actions.connect(
                account,
                account.is_some_and(|account| reach.operators.contains(&account)),
                address,
            ),
            downloads: Downloads::new(reach.resources.clone(), Bulk(route.clone())),
            notices: account.zip(name).and_then(|(account, name)| forward_notices(reach, account, &name, &route)),
            reach: reach.clone(),
            account,
            route,
        }
    }

    pub(super) fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// The client is silent, or is back.
    pub(super) fn set_away(&mut self, is_away: bool) {
        if let Some(account) = self.account {
            // A player that the hub had no room for is away from nowhere.
            let _ = self.reach.hub.set_away(account, is_away);
        }
    }

    /// Takes a message of the client.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        match bytes.first() {
            Some(&(kinds::HELLO | kinds::CALL | kinds::CANCEL)) => self.answer(self.calls.receive(bytes)),
            // The downloads count what is malformed.
            Some(&(kinds::OPEN | kinds::FETCH | kinds::STOP)) => _ = self.downloads.receive(bytes),
            _ => count(&self.reach.counters.unknown_messages),
        }
    }

    fn answer(&self, reply: Reply) {
        let route = self.route.clone();
        match reply {
            Reply::Nothing => {}
            Reply::Now(message) => _ = tokio::spawn(async move { route.send(false, message).await }),
            Reply::Later(message) => {
                tokio::spawn(async move {
                    if let Some(message) = message.await {
                        // A client that has left gets the outcome in its next presence.
                        let _ = route.send(false, message).await;
                    }
                });
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.reach.counters.sessions.fetch_sub(1, Relaxed);
        if let Some(notices) = &self.notices {
            notices.abort();
        }
    }
}

/// Makes a player a member of the hub, and forwards what it is told.
fn forward_notices(reach: &Arc<Reach>, account: AccountId, name: &str, route: &Route) -> Option<AbortHandle> {
    let refused = |why| tracing::debug!(%account, "a player gets no notices: {why}");
    let member = Hub::join(&reach.hub, account, name).map_err(refused).ok()?;
    let (counters, route) = (reach.counters.clone(), route.clone());
    Some(tokio::spawn(forward(member, counters, route)).abort_handle())
}

async fn forward(mut member: Member, counters: Arc<Counters>, route: Route) {
    loop {
        match member.next().await {
            Event::Notice(notice) => {
                let mut bytes = Vec::new();
                Notice { topic: notice.topic(), value: &notice.value().to_bytes() }.write(&mut bytes);
                count(&counters.notices);
                if route.send(false, bytes).await.is_err() {
                    return;
                }
            }
            Event::Missed(count) => _ = counters.notices_missed.fetch_add(count, Relaxed),
            // The gate has checked its account; who disables it puts the player out.
            Event::Recheck => {}
        }
    }
}
