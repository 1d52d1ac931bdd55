//! The model of one core: the expected state of each session and player after the events so far. Every event, and
//! every callback of the game, is checked against it.

use super::counts::SessionCounts;
use super::game::{GameEvent, SharedEventLog};
use ringshard::game::LeaveReason;
use ringshard::game::simulation::WorldStats;
use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::{EndCause, Event, SessionId, Standing};
use ringshard_protocol::limits::{HALF_OPEN_TIMEOUT, RESUME_PERIOD, TIMEOUT_DEFAULT};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{ConnectionId, DisconnectReason};
use ringshard_world::EntityId;
use std::collections::BTreeMap;

/// How late a timeout may be noticed: the clock jumps by up to half of this.
const SLACK: Duration = Duration::from_millis(500);
/// A client repeats its Connect for this long. Each one extends its half-open connection.
const CONNECT_REPEATED: Duration = Duration::from_secs(60);

/// A session that is not over.
#[derive(Debug)]
struct ModelSession {
    /// Its connection; None while it is suspended.
    at: Option<ConnectionId>,
    /// When it was last suspended.
    suspended_at: Instant,
    /// The last entity of its player, which may be dead. None before the player enters the world.
    body: Option<EntityId>,
}

#[derive(Debug)]
pub struct SessionModel {
    states: BTreeMap<SessionId, ModelSession>,
    newest: Option<SessionId>,
    /// Players in the world: connected and suspended.
    playing: u64,
    suspended: u64,
    /// Connections to end in the next turn.
    pub kicks: Vec<(ConnectionId, DisconnectReason)>,
    /// Memory is scarce, so sessions may expire early.
    pub memory_is_scarce: bool,
    connections_max: usize,
    pub counts: SessionCounts,
    fault: Option<String>,
}

impl SessionModel {
    pub fn new(connections_max: usize) -> Self {
        SessionModel {
            states: BTreeMap::new(),
            newest: None,
            playing: 0,
            suspended: 0,
            kicks: Vec::new(),
            memory_is_scarce: false,
            connections_max,
            counts: SessionCounts::default(),
            fault: None,
        }
    }

    /// Whether the session is not over.
    pub fn is_alive(&self, session: SessionId) -> bool {
        self.states.contains_key(&session)
    }

    /// Whether the connection carries a session.
    pub fn has_session_on(&self, id: ConnectionId) -> bool {
        self.states.values().any(|state| state.at == Some(id))
    }

    pub fn report_violation(&mut self, what: String) {
        self.fault.get_or_insert(what);
    }

    /// Applies an event. Returns the callback that the game must get.
    pub fn follow(&mut self, now: Instant, event: Event) -> Result<Option<GameEvent>, String> {
        match event {
            Event::Integrity(..) => Ok(None),
            Event::Joined { id, session } => {
                if self.newest.is_some_and(|newest| session <= newest) {
                    return Err("a new session has the id of a former one".to_owned());
                }
                if self.states.values().any(|state| state.at == Some(id)) {
                    return Err("a session begins on a connection that has another".to_owned());
                }
                self.newest = Some(session);
                self.states.insert(session, ModelSession { at: Some(id), suspended_at: now, body: None });
                self.counts.joined += 1;
                Ok(None)
            }
            Event::Renamed { id, former } => {
                let state = self.states.values_mut().find(|state| state.at == Some(former));
                state.ok_or("the connection that is renamed has no session")?.at = Some(id);
                self.counts.renamed += 1;
                Ok(None)
            }
            Event::Resumed { id, session, former } => {
                let state = self.states.get_mut(&session).ok_or("a session that is over is resumed")?;
                if state.at != former {
                    return Err(format!("the resumed session was on {:?}", state.at));
                }
                state.at = Some(id);
                let body = state.body.filter(|_| former.is_none());
                let counts = &mut self.counts;
                *(if former.is_none() { &mut counts.resumed_suspended } else { &mut counts.resumed_live }) += 1;
                self.playing += u64::from(body.is_some());
                self.suspended -= u64::from(body.is_some());
                Ok(body.map(GameEvent::Resumed))
            }
            Event::Suspended { id, session } => {
                let state = self.states.get_mut(&session).ok_or("a session that is over is suspended")?;
                if state.at.replace(id) != Some(id) {
                    return Err("the suspended session was on another connection".to_owned());
                }
                (state.at, state.suspended_at) = (None, now);
                let body = state.body;
                self.playing -= u64::from(body.is_some());
                self.suspended += u64::from(body.is_some());
                self.counts.suspended += 1;
                Ok(body.map(GameEvent::Suspended))
            }
            Event::Ended { id, session, cause } => self.end(now, id, session, cause),
        }
    }

    pub fn end(
        &mut self,
        now: Instant,
        id: Option<ConnectionId>,
        session: SessionId,
        cause: EndCause,
    ) -> Result<Option<GameEvent>, String> {
        let all_seats_taken = self.silent_sessions() >= self.connections_max;
        let state = self.states.remove(&session).ok_or("a session ends twice")?;
        if state.at != id {
            return Err(format!("the session that ends was on {:?}", state.at));
        }
        *(if id.is_some() { &mut self.playing } else { &mut self.suspended }) -= u64::from(state.body.is_some());
        let early = now.since(state.suspended_at) + SLACK < RESUME_PERIOD && !all_seats_taken && !self.memory_is_scarce;
        let why = match cause {
            EndCause::Client(_) => {
                self.counts.ended_by_client += 1;
                LeaveReason::Left
            }
            EndCause::Server(reason) => {
                self.counts.ended_by_server += 1;
                if reason == DisconnectReason::ShuttingDown {
                    LeaveReason::ShuttingDown
                } else {
                    LeaveReason::Disconnected
                }
            }
            EndCause::Expired if id.is_some() => return Err("a session expires that is not suspended".to_owned()),
            EndCause::Expired if early => {
                return Err(format!("a session expires {:?} after it was suspended", now.since(state.suspended_at)));
            }
            EndCause::Expired => {
                self.counts.expired += 1;
                LeaveReason::TimedOut
            }
        };
        Ok(state.body.map(|body| GameEvent::Gone(body, why)))
    }

    pub fn silent_sessions(&self) -> usize {
        self.states.values().filter(|state| state.at.is_none()).count()
    }

    /// A message of `from` made the game create an entity for it.
    pub fn enter(
        &mut self,
        from: ConnectionId,
        body: EntityId,
        is_alive: impl Fn(EntityId) -> bool,
    ) -> Result<(), String> {
        let state = self.states.values_mut().find(|state| state.at == Some(from));
        let state = state.ok_or("a client enters whose session is unknown")?;
        match state.body.replace(body) {
            None => {
                self.playing += 1;
                self.counts.entered += 1;
            }
            Some(former) if is_alive(former) => {
                return Err(format!("a player has two entities, {former:?} and {body:?}"));
            }
            Some(_) => self.counts.bodies_replaced += 1,
        }
        Ok(())
    }

    /// A new player has displaced a suspended one: that of the oldest session.
    pub fn displace(&mut self, body: EntityId) -> Result<(), String> {
        let oldest = self.states.values_mut().find(|state| state.at.is_none() && state.body.is_some());
        match oldest {
            Some(state) if state.body == Some(body) => {
                state.body = None;
                self.suspended -= 1;
                self.counts.displaced += 1;
                Ok(())
            }
            _ => Err(format!("{body:?} is displaced, but does not belong to the oldest suspended session")),
        }
    }

    /// Checks the world's own counts.
    ///
    /// # Errors
    /// Says what differs.
    pub fn check(&self, stats: &WorldStats, event_log: &SharedEventLog) -> Result<(), String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let event_log = event_log.open();
        if let Some(fault) = &event_log.fault {
            return Err(format!("the game got a call that it must never get: {fault}"));
        }
        let (counted, expected) = ((stats.players, stats.suspended), (self.playing, self.suspended));
        if counted != expected {
            return Err(format!("the world has (players, suspended) {counted:?}, expected {expected:?}"));
        }
        if stats.entities != event_log.entities as u64 {
            return Err(format!("the world has {} entities, expected {}", stats.entities, event_log.entities));
        }
        if stats.digests_differ > 0 {
            return Err("a client's view differs from what the server sent".to_owned());
        }
        Ok(())
    }

    /// Checks every connection of the endpoint, which takes longer than [`Self::check`].
    ///
    /// # Errors
    /// Says what differs.
    pub fn check_connections(&self, now: Instant, endpoint: &Endpoint) -> Result<(), String> {
        let mut carried = 0;
        for info in endpoint.infos(0, endpoint.slots()) {
            let Some(session) = info.session else {
                if now.since(info.accepted_at) > HALF_OPEN_TIMEOUT + CONNECT_REPEATED + SLACK {
                    return Err(format!("{} has been half-open since {:?}", info.id, info.accepted_at));
                }
                continue;
            };
            carried += 1;
            if self.states.get(&session).is_none_or(|state| state.at != Some(info.id)) {
                return Err(format!("{} has a session that it should not have", info.id));
            }
            if info.standing == Standing::Established && now.since(info.heard_at) > TIMEOUT_DEFAULT + SLACK {
                return Err(format!(
                    "{} has been silent for {:?} without timing out",
                    info.id,
                    now.since(info.heard_at)
                ));
            }
        }
        let expected = self.states.len() - self.silent_sessions();
        if carried != expected {
            return Err(format!("{carried} connections have sessions, expected {expected}"));
        }
        let late = |state: &&ModelSession| state.at.is_none() && now.since(state.suspended_at) > RESUME_PERIOD + SLACK;
        match self.states.values().find(late) {
            Some(state) => Err(format!("a session has been suspended since {:?} without expiring", state.suspended_at)),
            None => Ok(()),
        }
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// Says what is left.
    pub fn check_empty(&self, endpoint: &Endpoint) -> Result<(), String> {
        let left = (endpoint.connections(), self.states.len(), self.playing, self.suspended, endpoint.message_bytes());
        if left == (0, 0, 0, 0, 0) {
            return Ok(());
        }
        Err(format!("everybody has left, but (connections, sessions, players, suspended, message bytes) are {left:?}"))
    }
}
