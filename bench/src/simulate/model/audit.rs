//! The auditor: records every session and its events, and the first violation.

use super::session::{End, PROBE_CHANNEL, Session, Side, connection_name};
use crate::random::mix;
use crate::simulate::totals::Totals;
use ringshard_protocol::endpoint::{EndCause, SessionId};
use ringshard_protocol::limits::{HEARTBEAT_DEFAULT, RECONNECT_AFTER, RESUME_PERIOD, SILENT_AFTER, TIMEOUT_DEFAULT};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId, DisconnectReason};
use std::collections::HashMap;
use std::net::SocketAddr;

/// On a lossless path each heartbeat arrives, so a silence cannot last this long.
const SILENCE_ON_CLEAR_PATH: Duration = Duration::from_secs(8);
/// How late a timeout may be noticed.
const TIMEOUT_SLACK: Duration = Duration::from_millis(1_500);
/// How long before it expires a session must be resumable.
const RESUME_SLACK: Duration = Duration::from_secs(2);
/// How long an end may take to disconnect: longer than its link can be without room.
const ENDING_MAX: Duration = Duration::from_secs(8);

/// A violation of a guarantee.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Time since the start of the run.
    pub at: Duration,
    pub what: String,
}

/// A connection that a client knows of, and that the server has not announced yet.
#[derive(Clone, Copy, Debug)]
struct ExpectedConnection {
    id: ConnectionId,
    address: SocketAddr,
    session: usize,
    resumed: bool,
}

#[derive(Debug)]
pub struct Audit {
    seed: u64,
    began_at: Instant,
    /// All sessions of the run.
    pub sessions: Vec<Session>,
    /// The session on each connection of the server.
    pub by_id: HashMap<ConnectionId, usize>,
    /// The session of each session id of the server.
    by_session: HashMap<SessionId, usize>,
    guarantees: Vec<ExpectedConnection>,
    /// Slots of the server whose connection is gone or new.
    pub freed_slots: Vec<u16>,
    /// When each player's path became clear; never, while it is not.
    pub clear_since: Vec<Instant>,
    /// When the server started; never, while it is down.
    pub server_up_since: Instant,
    /// Maximum number of suspended sessions.
    pub suspended_max: usize,
    /// When the server's memory was last low. It then forgets suspended sessions, ends connections that hoard
    /// fragments, and drops datagrams.
    pub memory_low_at: Instant,
    /// Slots that the server reclaimed from silent clients, as far as it is known from whom.
    displaced: u64,
    /// Players whose connections have just changed state.
    pub vulnerable: Vec<usize>,
    pub totals: Totals,
    /// The first violation.
    pub violation: Option<Violation>,
    log: bool,
}

impl Audit {
    pub fn new(seed: u64, now: Instant, log: bool) -> Self {
        Audit {
            seed,
            began_at: now,
            sessions: Vec::new(),
            by_id: HashMap::new(),
            by_session: HashMap::new(),
            guarantees: Vec::new(),
            freed_slots: Vec::new(),
            clear_since: Vec::new(),
            server_up_since: Instant::NEVER,
            suspended_max: 0,
            memory_low_at: Instant::ZERO,
            displaced: 0,
            vulnerable: Vec::new(),
            totals: Totals::default(),
            violation: None,
            log,
        }
    }

    /// Records a violation.
    pub fn report_violation(&mut self, now: Instant, what: impl Into<String>) {
        assert!(now >= self.began_at, "an event before the run began");
        let (at, what) = (now.since(self.began_at), what.into());
        if self.log {
            eprintln!("{:10.4}  VIOLATION {what}", at.as_secs_f64());
        }
        self.violation.get_or_insert(Violation { at, what });
    }

    /// Logs an event, if the run is logged.
    pub fn log_event(&self, now: Instant, what: impl FnOnce() -> String) {
        if self.log {
            eprintln!("{:10.4}  {}", now.since(self.began_at).as_secs_f64(), what());
        }
    }

    /// The client of `player` is connected. Returns its session.
    pub fn connected(
        &mut self,
        now: Instant,
        player: usize,
        former: Option<usize>,
        address: SocketAddr,
        id: ConnectionId,
        resumed: bool,
    ) -> usize {
        self.log_event(now, || format!("player {player}: {}, resumed: {resumed}", connection_name(id)));
        let is_own = |former: usize| self.sessions[former].player == player;
        assert!(former.is_none_or(is_own), "player {player} has the session of another player");
        let session = match former {
            Some(former) if resumed => {
                let session = &mut self.sessions[former];
                session.client = End::Live;
                session.client_heard = now;
                session.changed(now);
                former
            }
            _ => {
                if resumed {
                    self.report_violation(now, format!("player {player}: a session is resumed that never existed"));
                }
                self.check_resumable(now, former);
                let key = mix(self.seed ^ (self.sessions.len() as u64) << 32);
                self.sessions.push(Session::new(player, key, now));
                self.totals.sessions += 1;
                self.sessions.len() - 1
            }
        };
        self.vulnerable.push(player);
        self.guarantees.push(ExpectedConnection { id, address, session, resumed });
        session
    }

    /// A client began a new session: the former one must not have been resumable.
    fn check_resumable(&mut self, now: Instant, former: Option<usize>) {
        let Some(former) = former else { return };
        let lost = self.sessions.iter().filter(|session| matches!(session.server, End::Lost(_))).count();
        let session = &mut self.sessions[former];
        session.client = End::Gone;
        let player = session.player;
        if let End::Lost(at) = session.server
            && now.since(at) + RESUME_SLACK < RESUME_PERIOD
            && lost < self.suspended_max
            && self.memory_low_at < at
        {
            let ago = now.since(at);
            self.report_violation(
                now,
                format!("player {player}: a session that timed out {ago:?} ago was not resumed"),
            );
        }
    }

    /// A client's connection is gone; with `for_good`, its session as well.
    pub fn client_lost(&mut self, now: Instant, session: usize, for_good: bool) {
        let it = &mut self.sessions[session];
        it.client = if for_good { End::Gone } else { End::Lost(now) };
        it.changed(now);
    }

    /// The server announces a new session, on a connection from `address`.
    pub fn joined(&mut self, now: Instant, id: ConnectionId, session_id: SessionId, address: Option<SocketAddr>) {
        let Some(expected) = self.take_expected(now, id, address) else { return };
        if expected.resumed {
            return self.report_violation(
                now,
                format!("{} begins a new session, but its client was told that it resumes one", connection_name(id)),
            );
        }
        let session = &mut self.sessions[expected.session];
        session.server = End::Live;
        session.ids = [Some(id), None];
        session.server_heard = now;
        session.changed(now);
        self.by_id.insert(id, expected.session);
        if let Some(former) = self.by_session.insert(session_id, expected.session) {
            self.report_violation(now, format!("{session_id:?} begins twice; before, it was session {former}"));
        }
    }

    /// The server resumes a session, from the connection `former` if that was still live.
    pub fn resumed(
        &mut self,
        now: Instant,
        id: ConnectionId,
        session_id: SessionId,
        former: Option<ConnectionId>,
        address: Option<SocketAddr>,
    ) {
        self.totals.resumed += 1;
        let Some(expected) = self.take_expected(now, id, address) else { return };
        let it = &mut self.sessions[expected.session];
        let (ids, state) = (it.ids, it.server);
        let rightly = match former {
            Some(former) => state == End::Live && ids[0] == Some(former),
            None => matches!(state, End::Lost(_)),
        };
        it.server = End::Live;
        it.server_heard = now;
        it.ids = [Some(id), None];
        it.changed(now);
        self.by_id.retain(|name, _| !ids.contains(&Some(*name)));
        self.by_id.insert(id, expected.session);
        if let Some(former) = former {
            self.freed_slots.push(former.slot());
        }
        if !rightly || !expected.resumed || self.by_session.get(&session_id) != Some(&expected.session) {
            let id = connection_name(id);
            let what =
                format!("{id} resumes {session_id:?} of {former:?}, which had the ids {ids:?} and was {state:?}");
            self.report_violation(now, what);
        }
    }

    /// Takes what the client of this connection was told.
    fn take_expected(
        &mut self,
        now: Instant,
        id: ConnectionId,
        address: Option<SocketAddr>,
    ) -> Option<ExpectedConnection> {
        let named = |expected: &&ExpectedConnection| expected.id == id;
        let of_address = self.guarantees.iter().rev().filter(named).find(|it| Some(it.address) == address);
        let expected = of_address.or_else(|| self.guarantees.iter().rev().find(named)).copied();
        let Some(expected) = expected else {
            self.report_violation(now, format!("{} joined, but no client was given that id", connection_name(id)));
            return None;
        };
        self.guarantees.retain(|expected| expected.id != id);
        // The slot's former connection may have ended without an event.
        self.freed_slots.push(id.slot());
        self.log_event(now, || format!("{} joined: session {}", connection_name(id), expected.session));
        self.vulnerable.push(self.sessions[expected.session].player);
        Some(expected)
    }

    /// The server changes the id of a connection.
    pub fn renamed(&mut self, now: Instant, id: ConnectionId, former: ConnectionId) {
        self.log_event(now, || format!("{} is now {}", connection_name(former), connection_name(id)));
        let Some(&session) = self.by_id.get(&former) else {
            return self.report_violation(now, format!("{} is renamed, but is unknown", connection_name(former)));
        };
        let it = &mut self.sessions[session];
        if it.ids[0] != Some(former) {
            let ids = it.ids;
            self.report_violation(now, format!("{} is renamed, but had the ids {ids:?}", connection_name(former)));
            return;
        }
        self.vulnerable.push(it.player);
        let older = it.ids[1].take();
        it.ids = [Some(id), Some(former)];
        if let Some(older) = older {
            self.by_id.remove(&older);
        }
        self.by_id.insert(id, session);
    }

    /// A client answered an integrity check.
    pub fn checked(&mut self, now: Instant, id: ConnectionId, right: bool) {
        match self.by_id.get(&id) {
            Some(&session) if right => self.sessions[session].checked_at = now,
            Some(_) => self.report_violation(now, format!("{} fails the integrity check", connection_name(id))),
            None => self
                .report_violation(now, format!("{} answers an integrity check, but is unknown", connection_name(id))),
        }
    }

    /// The server suspends a session after its timeout, or earlier because it reclaims the slot. `displaced` counts the
    /// reclaimed slots since it started.
    pub fn suspended(&mut self, now: Instant, id: ConnectionId, session_id: SessionId, displaced: u64) {
        self.totals.end("server: suspended");
        if let Some(session) = self.connection_is_gone(now, id, session_id) {
            let silence = now.since(self.sessions[session].server_heard);
            let gave_way = silence < TIMEOUT_DEFAULT && self.displaced < displaced;
            if !gave_way {
                self.check_timeout(now, session, Side::Server);
            } else if silence < HEARTBEAT_DEFAULT + SILENT_AFTER {
                self.report_violation(
                    now,
                    format!("{} lost its slot after {silence:?} of silence", connection_name(id)),
                );
            }
            self.displaced += u64::from(gave_way);
            self.sessions[session].server = End::Lost(now);
        }
    }

    /// A session is over at the server.
    pub fn ended(&mut self, now: Instant, id: Option<ConnectionId>, session_id: SessionId, cause: EndCause) {
        self.totals.end(format!("server: {cause:?}"));
        let Some(id) = id else {
            let session = self.by_session.remove(&session_id).map(|session| &mut self.sessions[session]);
            return match session {
                Some(session) if matches!(session.server, End::Lost(_)) => session.server = End::Gone,
                _ => self.report_violation(now, format!("{session_id:?} expires, but was not suspended")),
            };
        };
        let Some(session) = self.connection_is_gone(now, id, session_id) else { return };
        self.by_session.remove(&session_id);
        self.sessions[session].server = End::Gone;
        match cause {
            EndCause::Client(reason) | EndCause::Server(reason) => self.check_reason(now, session, reason),
            EndCause::Expired => {
                self.report_violation(now, format!("{} expires while it is connected", connection_name(id)))
            }
        }
    }

    /// A connection of the server is gone. Returns its session.
    fn connection_is_gone(&mut self, now: Instant, id: ConnectionId, session_id: SessionId) -> Option<usize> {
        self.log_event(now, || format!("{} is gone", connection_name(id)));
        self.freed_slots.push(id.slot());
        let session = self.by_id.get(&id).copied();
        let Some(session) = session.filter(|session| self.by_session.get(&session_id) == Some(session)) else {
            self.report_violation(now, format!("{} of {session_id:?} is gone, but is unknown", connection_name(id)));
            return None;
        };
        let it = &mut self.sessions[session];
        let ids = it.ids;
        it.changed(now);
        self.by_id.retain(|name, _| !ids.contains(&Some(*name)));
        if ids[0] != Some(id) {
            self.report_violation(
                now,
                format!("{} is gone under that id, but now has the ids {ids:?}", connection_name(id)),
            );
        }
        Some(session)
    }

    /// Whether the server has been up for long enough to have answered.
    pub fn server_is_up(&self, now: Instant) -> bool {
        now.since(self.server_up_since) > Duration::from_secs(11)
    }

    /// The server's state is lost.
    pub fn server_is_gone(&mut self, now: Instant) {
        self.server_up_since = Instant::NEVER;
        self.displaced = 0;
        self.by_id.clear();
        self.by_session.clear();
        self.guarantees.clear();
        for session in &mut self.sessions {
            session.server = End::Gone;
            session.changed(now);
        }
    }

    /// A message arrived.
    pub fn arrived(&mut self, now: Instant, session: usize, to_server: bool, channel: Channel, message: &[u8]) {
        self.totals.arrived(channel.delivery(), message.len());
        if channel == PROBE_CHANNEL {
            let probed_at = self.sessions[session].probed_at[usize::from(!to_server)];
            let took = now.since(probed_at.unwrap_or(now));
            self.totals.recovered("a probe to arrive", took);
            self.log_event(now, || format!("session {session}: a probe took {took:?}"));
        }
        if let Err(what) = self.sessions[session].model(to_server, channel).arrived(message) {
            let player = self.sessions[session].player;
            let direction = if to_server { "server" } else { "client" };
            self.report_violation(now, format!("player {player}, to the {direction}, channel {channel}: {what}"));
        }
    }

    /// An end gave up a silent connection: it must have been silent, and not on a clear path.
    pub fn check_timeout(&mut self, now: Instant, session: usize, side: Side) {
        let it = &self.sessions[session];
        let (heard_session, other) = match side {
            Side::Client => (it.client_heard, it.server),
            Side::Server => (it.server_heard, it.client),
        };
        let (player, silence) = (it.player, now.since(heard_session));
        if silence < TIMEOUT_DEFAULT {
            self.report_violation(now, format!("player {player}: the {side:?} timed out after {silence:?} of silence"));
        }
        let clear = now.since(self.clear_since[player]);
        if other == End::Live && clear >= SILENCE_ON_CLEAR_PATH {
            self.report_violation(
                now,
                format!("player {player}: the {side:?} timed out on a path that was clear for {clear:?}"),
            );
        }
    }

    /// A client left its connection for another because it was silent: it must have been.
    pub fn check_reconnect_attempt(&mut self, now: Instant, session: usize) {
        let it = &self.sessions[session];
        let (player, silence) = (it.player, now.since(it.client_heard));
        if silence < HEARTBEAT_DEFAULT + RECONNECT_AFTER {
            self.report_violation(now, format!("player {player}: left its connection after {silence:?} of silence"));
        }
    }

    /// Whether a connection may end for this reason.
    pub fn check_reason(&mut self, now: Instant, session: usize, reason: DisconnectReason) {
        use DisconnectReason::*;
        let it = &self.sessions[session];
        let asked = it.ending.is_some() || it.client == End::Gone;
        let fair = match reason {
            TimedOut | NotResumable | ShuttingDown => true,
            Closed | Overflow => asked,
            ShortOfMemory => self.memory_low_at > Instant::ZERO,
            KeyExhausted | ProtocolViolation | BadCompression | IntegrityFailed | Denied => false,
        };
        if !fair {
            let player = it.player;
            self.report_violation(
                now,
                format!("player {player}: the connection ended although both ends follow the protocol: {reason}"),
            );
        }
    }

    /// Finds ends that should have timed out or disconnected by now.
    pub fn check_overdue(&mut self, now: Instant, step: Duration) {
        let most = TIMEOUT_DEFAULT + TIMEOUT_SLACK + step;
        // When memory was low, the server may be ending the connection while its link has no room.
        let was_low = now.since(self.memory_low_at) < most + ENDING_MAX;
        let most_at_server = if was_low { most + ENDING_MAX } else { most };
        let overdue = |it: &&Session| {
            it.server == End::Live && now.since(it.server_heard) > most_at_server
                || it.client == End::Live && now.since(it.client_heard) > most
                || it.ending.is_some_and(|(side, since)| now.since(since) > ENDING_MAX && it.end(side) == End::Live)
                || it.refuses_since.is_some_and(|since| now.since(since) > ENDING_MAX) && it.server == End::Live
        };
        if let Some(Session { player, client, server, ending, .. }) = self.sessions.iter().find(overdue) {
            let what = format!("player {player}: a connection should have ended: {client:?}, {server:?}, {ending:?}");
            self.report_violation(now, what);
        }
    }
}
