//! Sessions that go on over another connection (R9): found by a token that only the two ends can derive.

use crate::limits::{RESUME_PERIOD, RESUME_TOKEN_BYTES};
use crate::pool::MessagePool;
use crate::session::Channels;
use crate::time::Instant;
use crate::wire::ConnectionId;
use std::collections::{HashMap, VecDeque};

/// Names a session.
pub(super) type Token = [u8; RESUME_TOKEN_BYTES];

/// What is left of a session whose connection has timed out.
#[derive(Debug)]
struct Suspended {
    former: ConnectionId,
    channels: Option<Box<Channels>>,
    alias: Option<Token>,
}

/// Where a session was found.
#[derive(Debug)]
pub(super) enum Found {
    /// Its connection is still there.
    Live(ConnectionId),
    /// It has timed out; this was its connection, and these its channels, if it ever needed any.
    Suspended(ConnectionId, Option<Box<Channels>>),
}

/// The sessions of a core, by token.
#[derive(Debug)]
pub(super) struct Resumption {
    live: HashMap<Token, ConnectionId>,
    /// What a session was named by before it went on: its client may not have heard yet that it did.
    aliases: HashMap<Token, Token>,
    suspended: HashMap<Token, Suspended>,
    /// Suspended sessions by age; those that were resumed are passed over.
    by_age: VecDeque<(Instant, Token)>,
    suspended_max: usize,
}

impl Resumption {
    pub(super) fn new(sessions_max: usize) -> Self {
        Resumption {
            live: HashMap::with_capacity(sessions_max),
            aliases: HashMap::new(),
            suspended: HashMap::new(),
            by_age: VecDeque::new(),
            suspended_max: sessions_max,
        }
    }

    /// A session has begun, or goes on over another connection; then `alias` is what it was named by before.
    pub(super) fn begin(&mut self, token: Token, alias: Option<Token>, id: ConnectionId) {
        self.live.insert(token, id);
        if let Some(alias) = alias {
            self.aliases.insert(alias, token);
        }
    }

    /// A session is over for good.
    pub(super) fn end(&mut self, token: &Token, alias: Option<Token>) {
        self.live.remove(token);
        self.forget_alias(alias);
    }

    fn forget_alias(&mut self, alias: Option<Token>) {
        if let Some(alias) = alias {
            self.aliases.remove(&alias);
        }
    }

    /// The name that is in use of the session that `token` names.
    fn resolve(&self, token: &Token) -> Token {
        *self.aliases.get(token).unwrap_or(token)
    }

    /// The session's connection is called otherwise now.
    pub(super) fn rename(&mut self, token: &Token, id: ConnectionId) {
        if let Some(named) = self.live.get_mut(token) {
            *named = id;
        }
    }

    /// Keeps what is left of a session for a while.
    pub(super) fn suspend(
        &mut self,
        now: Instant,
        token: Token,
        alias: Option<Token>,
        former: ConnectionId,
        channels: Option<Box<Channels>>,
        pool: &mut MessagePool,
    ) {
        self.live.remove(&token);
        while self.suspended.len() >= self.suspended_max {
            self.drop_oldest(pool);
        }
        self.suspended.insert(token, Suspended { former, channels, alias });
        self.by_age.push_back((now + RESUME_PERIOD, token));
    }

    /// Whether a session could go on.
    pub(super) fn knows(&self, token: &Token) -> bool {
        let token = self.resolve(token);
        self.live.contains_key(&token) || self.suspended.contains_key(&token)
    }

    /// Takes a session out, to go on with it.
    pub(super) fn take(&mut self, token: &Token) -> Option<Found> {
        let token = self.resolve(token);
        if let Some(id) = self.live.remove(&token) {
            return Some(Found::Live(id));
        }
        let Suspended { former, channels, alias } = self.suspended.remove(&token)?;
        self.forget_alias(alias);
        Some(Found::Suspended(former, channels))
    }

    /// Forgets those that waited for too long, and when memory is low, the oldest: those who are there need it more.
    pub(super) fn expire(&mut self, now: Instant, pool: &mut MessagePool) {
        while self.by_age.front().is_some_and(|&(until, _)| until <= now || pool.is_low()) {
            self.drop_oldest(pool);
        }
    }

    /// When [`Self::expire`] has something to do.
    pub(super) fn deadline(&self) -> Instant {
        self.by_age.front().map_or(Instant::NEVER, |&(until, _)| until)
    }

    fn drop_oldest(&mut self, pool: &mut MessagePool) {
        let Some((_, token)) = self.by_age.pop_front() else { return };
        let Some(Suspended { channels, alias, .. }) = self.suspended.remove(&token) else { return };
        self.forget_alias(alias);
        if let Some(mut channels) = channels {
            channels.release(pool);
        }
    }
}
