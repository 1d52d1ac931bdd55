//! Sessions that can go on over another connection: found by a token, and resumed by who also knows the session's secret
//! (PROTOCOL.md, section 11).

use super::life::SessionId;
use crate::connection::Channels;
use crate::crypto::noise::ResumeKey;
use crate::limits::{RESUME_PERIOD, RESUME_TOKEN_BYTES};
use crate::pool::MessagePool;
use crate::time::Instant;
use crate::wire::ConnectionId;
use std::collections::{HashMap, VecDeque};

/// Names a session.
pub(super) type Token = [u8; RESUME_TOKEN_BYTES];

/// What is left of a session whose connection has timed out.
#[derive(Debug)]
struct Suspended {
    key: ResumeKey,
    session: SessionId,
    channels: Option<Box<Channels>>,
    alias: Option<Token>,
}

/// A session whose connection is there.
#[derive(Debug)]
struct Live {
    key: ResumeKey,
    id: ConnectionId,
}

/// The key that a session went on by.
#[derive(Debug)]
struct Alias {
    key: ResumeKey,
    /// The token that names the session now.
    token: Token,
}

/// Where a session was found.
#[derive(Debug)]
pub(super) enum Found {
    /// Its connection is still there.
    Live(ConnectionId),
    /// Its connection has timed out; these are its channels, if it ever needed any.
    Suspended(SessionId, Option<Box<Channels>>),
}

/// The sessions of a core, by token.
#[derive(Debug)]
pub(super) struct Resumption {
    live: HashMap<Token, Live>,
    /// What a session was named by before it went on: its client may not have heard yet that it did.
    aliases: HashMap<Token, Alias>,
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

    /// A session has begun, or goes on over another connection; then `by` is the key that it went on by.
    pub(super) fn begin(&mut self, key: ResumeKey, by: Option<ResumeKey>, id: ConnectionId) {
        if let Some(former) = by {
            self.aliases.insert(former.token, Alias { key: former, token: key.token });
        }
        self.live.insert(key.token, Live { key, id });
    }

    /// A session is over for good.
    pub(super) fn end(&mut self, token: &Token, alias: Option<Token>) {
        self.live.remove(token);
        self.forget_alias(alias);
    }

    /// A session is no longer named by the token that it went on by.
    pub(super) fn forget_alias(&mut self, alias: Option<Token>) {
        if let Some(alias) = alias {
            self.aliases.remove(&alias);
        }
    }

    /// The token that names the session now.
    fn resolve(&self, token: &Token) -> Token {
        self.aliases.get(token).map_or(*token, |alias| alias.token)
    }

    /// The session's connection has another id now.
    pub(super) fn rename(&mut self, token: &Token, id: ConnectionId) {
        if let Some(live) = self.live.get_mut(token) {
            live.id = id;
        }
    }

    /// Keeps what is left of a session for a while. `ended` hears of those that make room for it: the oldest, but not the
    /// one that `spare` names, which is about to go on. Where there is no other, it hears of the session itself.
    #[allow(clippy::too_many_arguments, reason = "all that is left of a session, and what it is kept in")]
    pub(super) fn suspend(
        &mut self,
        now: Instant,
        key: ResumeKey,
        alias: Option<Token>,
        session: SessionId,
        channels: Option<Box<Channels>>,
        spare: Option<&Token>,
        pool: &mut MessagePool,
        mut ended: impl FnMut(SessionId),
    ) {
        self.live.remove(&key.token);
        while self.suspended.len() >= self.suspended_max {
            if !self.drop_oldest_but(spare, pool, &mut ended) {
                self.forget_alias(alias);
                if let Some(mut channels) = channels {
                    channels.release(pool);
                }
                return ended(session);
            }
        }
        self.by_age.push_back((now + RESUME_PERIOD, key.token));
        self.suspended.insert(key.token, Suspended { key, session, channels, alias });
    }

    /// The key of the session that `token` names, if that could go on: the one that `token` belongs to.
    pub(super) fn key_of(&self, token: &Token) -> Option<ResumeKey> {
        let newest = self.resolve(token);
        let live = self.live.get(&newest).map(|live| live.key);
        let newest = live.or_else(|| self.suspended.get(&newest).map(|suspended| suspended.key))?;
        Some(self.aliases.get(token).map_or(newest, |alias| alias.key))
    }

    /// Takes a session out, to go on with it.
    pub(super) fn take(&mut self, token: &Token) -> Option<Found> {
        let token = self.resolve(token);
        if let Some(live) = self.live.remove(&token) {
            return Some(Found::Live(live.id));
        }
        let Suspended { session, channels, alias, .. } = self.suspended.remove(&token)?;
        self.forget_alias(alias);
        Some(Found::Suspended(session, channels))
    }

    /// Forgets those that waited for too long. `ended` hears of each.
    pub(super) fn expire(&mut self, now: Instant, pool: &mut MessagePool, mut ended: impl FnMut(SessionId)) {
        while self.by_age.front().is_some_and(|&(until, _)| until <= now) {
            self.drop_oldest(pool, &mut ended);
        }
    }

    /// Forgets those that hold memory, the oldest first, until enough is free: connections that are there need it more.
    /// `ended` hears of each.
    pub(super) fn relieve(&mut self, pool: &mut MessagePool, mut ended: impl FnMut(SessionId)) {
        for at in 0..self.by_age.len() {
            if !pool.is_low() {
                return;
            }
            let (_, token) = self.by_age[at];
            let holds = |suspended: &Suspended| suspended.channels.as_ref().is_some_and(|it| it.held_bytes() > 0);
            if self.suspended.get(&token).is_some_and(holds) {
                self.drop(&token, pool, &mut ended);
            }
        }
    }

    /// Forgets all suspended sessions. `ended` hears of each.
    pub(super) fn end_suspended(&mut self, pool: &mut MessagePool, mut ended: impl FnMut(SessionId)) {
        while !self.by_age.is_empty() {
            self.drop_oldest(pool, &mut ended);
        }
    }

    /// When [`Self::expire`] has something to do.
    pub(super) fn deadline(&self) -> Instant {
        self.by_age.front().map_or(Instant::NEVER, |&(until, _)| until)
    }

    /// Drops the oldest that `spare` does not name; false when there is none.
    fn drop_oldest_but(
        &mut self,
        spare: Option<&Token>,
        pool: &mut MessagePool,
        ended: &mut impl FnMut(SessionId),
    ) -> bool {
        let spared = spare.map(|token| self.resolve(token));
        let goes = |(_, token): &(Instant, Token)| self.suspended.contains_key(token) && Some(*token) != spared;
        let Some((_, token)) = self.by_age.iter().position(goes).and_then(|at| self.by_age.remove(at)) else {
            return false;
        };
        self.drop(&token, pool, ended);
        true
    }

    fn drop_oldest(&mut self, pool: &mut MessagePool, ended: &mut impl FnMut(SessionId)) {
        if let Some((_, token)) = self.by_age.pop_front() {
            self.drop(&token, pool, ended);
        }
    }

    fn drop(&mut self, token: &Token, pool: &mut MessagePool, ended: &mut impl FnMut(SessionId)) {
        let Some(Suspended { session, channels, alias, .. }) = self.suspended.remove(token) else { return };
        self.forget_alias(alias);
        if let Some(mut channels) = channels {
            channels.release(pool);
        }
        ended(session);
    }
}
