//! Sessions that can be resumed over another connection (PROTOCOL.md#resumption). A token names one; only a client that
//! also knows the session's secret can resume it.

use super::session::{SessionId, Token};
use crate::connection::Channels;
use crate::crypto::noise::ResumeKey;
use crate::limits::{EXPECTED_PERIOD, RESUME_PERIOD};
use crate::pool::MessagePool;
use crate::time::Instant;
use crate::wire::ConnectionId;
use std::collections::{HashMap, VecDeque};

/// What is left of a session whose connection has timed out.
#[derive(Debug)]
pub(super) struct Suspended {
    pub(super) key: ResumeKey,
    pub(super) session: SessionId,
    pub(super) channels: Option<Box<Channels>>,
    /// The token that resumed the session last.
    pub(super) alias: Option<Token>,
}

/// A session that has a connection.
#[derive(Debug)]
struct Live {
    key: ResumeKey,
    id: ConnectionId,
}

/// The key that resumed a session.
#[derive(Debug)]
struct Alias {
    key: ResumeKey,
    /// The token that names the session now.
    token: Token,
}

/// A session that is about to move here from another server.
#[derive(Debug)]
struct Expected {
    key: ResumeKey,
    /// Until when.
    until: Instant,
    /// Whether its client is here, and the caller knows it.
    is_awaited: bool,
}

/// Where a session was found.
#[derive(Debug)]
pub(super) enum Found {
    /// It has this connection.
    Live(ConnectionId),
    /// Its connection has timed out. These are its channels, if it ever needed any.
    Suspended(SessionId, Option<Box<Channels>>),
}

/// The sessions of a core, by token.
#[derive(Debug)]
pub(super) struct Resumption {
    live: HashMap<Token, Live>,
    /// Tokens that named sessions before they were resumed: a client may not know yet that its session was resumed.
    aliases: HashMap<Token, Alias>,
    suspended: HashMap<Token, Suspended>,
    /// When suspended sessions expire, oldest first. It may also hold sessions that were resumed.
    by_age: VecDeque<(Instant, Token)>,
    /// Sessions that are about to move here from another server.
    expected: HashMap<Token, Expected>,
    suspended_max: usize,
}

impl Resumption {
    pub(super) fn new(sessions_max: usize) -> Self {
        Resumption {
            live: HashMap::with_capacity(sessions_max),
            aliases: HashMap::new(),
            suspended: HashMap::new(),
            by_age: VecDeque::new(),
            expected: HashMap::new(),
            suspended_max: sessions_max,
        }
    }

    /// Notes a session that begins, or that the key `by` has resumed.
    pub(super) fn begin(&mut self, key: ResumeKey, by: Option<ResumeKey>, id: ConnectionId) {
        if let Some(former) = by {
            assert!(former.token != key.token, "each connection of a session has its own token");
            self.aliases.insert(former.token, Alias { key: former, token: key.token });
        }
        let before = self.live.insert(key.token, Live { key, id });
        assert!(before.is_none(), "a token names one session");
    }

    /// Forgets a session that is over.
    pub(super) fn end(&mut self, token: &Token, alias: Option<Token>) {
        self.live.remove(token);
        self.forget_alias(alias);
    }

    /// Forgets the token that resumed a session.
    pub(super) fn forget_alias(&mut self, alias: Option<Token>) {
        if let Some(alias) = alias {
            self.aliases.remove(&alias);
        }
    }

    /// The token that names the session now.
    fn resolve(&self, token: &Token) -> Token {
        self.aliases.get(token).map_or(*token, |alias| alias.token)
    }

    /// Notes the new id of a session's connection.
    pub(super) fn rename(&mut self, token: &Token, id: ConnectionId) {
        if let Some(live) = self.live.get_mut(token) {
            live.id = id;
        }
    }

    /// Keeps a session that has lost its connection. If there are too many, the oldest one ends, except the one that
    /// `spare` names, which is about to be resumed. If there is no other, this session itself ends. Calls `ended` for
    /// each.
    pub(super) fn suspend(
        &mut self,
        now: Instant,
        mut suspended: Suspended,
        spare: Option<&Token>,
        pool: &mut MessagePool,
        mut ended: impl FnMut(SessionId),
    ) {
        let token = suspended.key.token;
        self.live.remove(&token);
        while self.suspended.len() >= self.suspended_max {
            if !self.drop_oldest_but(spare, pool, &mut ended) {
                self.forget_alias(suspended.alias);
                if let Some(channels) = &mut suspended.channels {
                    channels.release(pool);
                }
                return ended(suspended.session);
            }
        }
        let until = now + RESUME_PERIOD;
        assert!(self.by_age.back().is_none_or(|&(before, _)| before <= until), "sessions expire in order");
        self.by_age.push_back((until, token));
        let before = self.suspended.insert(token, suspended);
        assert!(before.is_none(), "a session is suspended once");
        assert!(self.suspended.len() <= self.suspended_max, "suspended sessions are bounded");
    }

    /// Whether a session is here, connected or suspended.
    pub(super) fn has(&self, token: &Token) -> bool {
        self.live.contains_key(token) || self.suspended.contains_key(token)
    }

    /// Notes that a session is about to move here. False if too many are, or it is here already.
    pub(super) fn expect(&mut self, now: Instant, key: ResumeKey) -> bool {
        self.expected.retain(|_, expected| expected.until > now);
        let is_new = !self.has(&key.token);
        let has_room = self.expected.len() < self.suspended_max;
        if is_new && has_room {
            let until = now + EXPECTED_PERIOD;
            self.expected.insert(key.token, Expected { key, until, is_awaited: false });
        }
        is_new && has_room
    }

    /// No longer expects a session. False if it was not expected.
    pub(super) fn forget_expected(&mut self, token: &Token) -> bool {
        self.expected.remove(token).is_some()
    }

    /// Whether a session that `token` names is about to move here and has not arrived. Calls `awaited` the first time: its
    /// client has proved that it holds the keys.
    pub(super) fn awaits(&mut self, token: &Token, awaited: impl FnOnce()) -> bool {
        let Some(expected) = self.expected.get_mut(token) else { return false };
        if !std::mem::replace(&mut expected.is_awaited, true) {
            awaited();
        }
        true
    }

    /// The key that must prove the right to resume the session that `token` names; None if there is no such session.
    pub(super) fn key_of(&self, token: &Token) -> Option<ResumeKey> {
        if let Some(expected) = self.expected.get(token) {
            return Some(expected.key);
        }
        let newest = self.resolve(token);
        let live = self.live.get(&newest).map(|live| live.key);
        let newest = live.or_else(|| self.suspended.get(&newest).map(|suspended| suspended.key))?;
        Some(self.aliases.get(token).map_or(newest, |alias| alias.key))
    }

    /// The connection that carries the session that `token` names.
    pub(super) fn connection_of(&self, token: &Token) -> Option<ConnectionId> {
        self.live.get(&self.resolve(token)).map(|live| live.id)
    }

    /// The suspended session that `token` names.
    pub(super) fn suspended_session(&self, token: &Token) -> Option<SessionId> {
        self.suspended.get(&self.resolve(token)).map(|suspended| suspended.session)
    }

    /// Removes a suspended session; gives its channels, if it ever needed any.
    pub(super) fn remove(&mut self, session: SessionId) -> Option<Box<Channels>> {
        let token = *self.suspended.iter().find(|(_, suspended)| suspended.session == session)?.0;
        let Suspended { channels, alias, .. } = self.suspended.remove(&token)?;
        self.forget_alias(alias);
        channels
    }

    /// Takes out a session that is resumed.
    pub(super) fn take(&mut self, token: &Token) -> Option<Found> {
        let token = self.resolve(token);
        if let Some(live) = self.live.remove(&token) {
            return Some(Found::Live(live.id));
        }
        let Suspended { session, channels, alias, .. } = self.suspended.remove(&token)?;
        self.forget_alias(alias);
        Some(Found::Suspended(session, channels))
    }

    /// Ends the sessions that were not resumed in time. Calls `ended` for each.
    pub(super) fn expire(&mut self, now: Instant, pool: &mut MessagePool, mut ended: impl FnMut(SessionId)) {
        while self.by_age.front().is_some_and(|&(until, _)| until <= now) {
            self.drop_oldest(pool, &mut ended);
        }
    }

    /// Ends sessions that hold memory, oldest first, until enough is free: live connections need it more. Calls `ended`
    /// for each.
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

    /// Ends all suspended sessions. Calls `ended` for each.
    pub(super) fn end_suspended(&mut self, pool: &mut MessagePool, mut ended: impl FnMut(SessionId)) {
        while !self.by_age.is_empty() {
            self.drop_oldest(pool, &mut ended);
        }
        assert!(self.suspended.is_empty(), "every suspended session is in the list by age");
    }

    /// When [`Self::expire`] next has something to do.
    pub(super) fn deadline(&self) -> Instant {
        self.by_age.front().map_or(Instant::NEVER, |&(until, _)| until)
    }

    /// Drops the oldest session except the one that `spare` names; false if there is none.
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
