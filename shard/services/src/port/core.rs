//! The task of a core: it takes messages from the core, and sends it the answers of the services.

use super::Reach;
use super::gate::Verdict;
use super::letter::{Letter, Mailbox, Place};
use super::session::Session;
use crate::AccountId;
use crate::counters::count;
use ringshard::runtime::services::{FromCore, ServicesEnd};
use ringshard_world::messages::reason;
use std::collections::HashMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Letters that the task takes from its core before it lets other tasks run.
const LETTERS_PER_POLL: usize = 128;

pub(super) struct Core {
    number: usize,
    reach: Arc<Reach>,
    mailboxes: Arc<[Mailbox]>,
    sessions: HashMap<u64, Session>,
    /// The letter that finds no room in the core's ring.
    unsaid: Option<Letter>,
}

impl Core {
    pub(super) fn new(number: usize, reach: Arc<Reach>, mailboxes: Arc<[Mailbox]>) -> Core {
        Core { number, reach, mailboxes, sessions: HashMap::new(), unsaid: None }
    }

    pub(super) async fn run(mut self, mut end: ServicesEnd, mut letters: mpsc::Receiver<Letter>) {
        poll_fn(|cx| self.poll(cx, &mut end, &mut letters)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>, end: &mut ServicesEnd, letters: &mut mpsc::Receiver<Letter>) -> Poll<()> {
        for _ in 0..LETTERS_PER_POLL {
            if let Some(letter) = &self.unsaid
                && end.poll_send(cx, &letter.as_told()).is_ready()
            {
                self.unsaid = None;
            }
            if self.unsaid.is_none()
                && let Poll::Ready(letter) = letters.poll_recv(cx)
            {
                // This task has a sender itself, so there is always another letter some day.
                self.unsaid = letter;
                continue;
            }
            if end.poll_ready(cx).is_pending() {
                return Poll::Pending;
            }
            if let Some(letter) = end.take() {
                self.hear(letter);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn hear(&mut self, letter: FromCore<'_>) {
        match letter {
            FromCore::Knock { player, address, ticket } => self.knock(player, address, ticket.to_vec()),
            FromCore::Entered { player, address, account } => self.enter(player, address, account),
            FromCore::Suspended { player } => self.with_session(player, |session| session.set_away(true)),
            FromCore::Resumed { player } => self.with_session(player, |session| session.set_away(false)),
            FromCore::Left { player } => self.leave(player),
            FromCore::Message { player, bytes } => self.with_session(player, |session| session.receive(bytes)),
        }
    }

    fn with_session(&mut self, player: u64, act: impl FnOnce(&mut Session)) {
        if let Some(session) = self.sessions.get_mut(&player) {
            act(session);
        }
    }

    /// Checks a ticket. It takes about a tenth of a millisecond, so others need not wait for it.
    fn knock(&self, player: u64, address: IpAddr, ticket: Vec<u8>) {
        let (reach, mailbox) = (self.reach.clone(), self.mailboxes[self.number].clone());
        tokio::spawn(async move {
            let counters = &reach.counters;
            let letter = match reach.gate.judge(&ticket, address) {
                Verdict::Account(identity) => {
                    count(&counters.admitted);
                    Letter::Admit { player, account: Some(identity.account), shown: identity.name.into_bytes() }
                }
                Verdict::Guest => {
                    count(&counters.guests);
                    Letter::Admit { player, account: None, shown: ticket }
                }
                Verdict::Refused => {
                    count(&counters.refused);
                    Letter::Refuse { player, reason: reason::TICKET }
                }
            };
            // Without a receiver the services have ended.
            let _ = mailbox.send(letter).await;
        });
    }

    fn enter(&mut self, player: u64, address: IpAddr, account: Option<AccountId>) {
        let place = Place { core: self.number, player };
        let entered = account.map(|account| (account, self.reach.gate.entered(account, place)));
        if let Some((_, (_, Some(before)))) = &entered {
            count(&self.reach.counters.elsewhere);
            let letter = Letter::PutOut { player: before.player, reason: reason::ELSEWHERE };
            let mailbox = self.mailboxes[before.core].clone();
            tokio::spawn(async move { mailbox.send(letter).await });
        }
        let account = entered.map(|(account, (name, _))| (account, name));
        let session = Session::new(&self.reach, player, address, account, self.mailboxes[self.number].clone());
        let former = self.sessions.insert(player, session);
        assert!(former.is_none(), "a player enters once");
    }

    fn leave(&mut self, player: u64) {
        let Some(session) = self.sessions.remove(&player) else { return };
        if let Some(account) = session.account() {
            self.reach.gate.left(account, Place { core: self.number, player });
        }
    }
}
