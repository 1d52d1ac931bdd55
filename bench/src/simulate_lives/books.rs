//! The books of one core: what state each session and its player must be in, by the events so far. Every event is held
//! against them, and so is all that the game is told.

use super::game::{Fickle, Heard, SharedDiary};
use ringshard::game::LeaveReason;
use ringshard::game::simulation::{Simulation, WorldStats};
use ringshard::runtime::service::{Service, ServiceCounters};
use ringshard::runtime::stages::Stages;
use ringshard_protocol::Endpoint;
use ringshard_protocol::counters;
use ringshard_protocol::endpoint::{EndCause, Event, SessionId, Standing};
use ringshard_protocol::limits::{HALF_OPEN_TIMEOUT, RESUME_PERIOD, TIMEOUT_DEFAULT};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{ConnectionId, DisconnectReason, Message};
use ringshard_world::EntityId;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How late a timeout may be noticed: the clock jumps by up to half of this.
const SLACK: Duration = Duration::from_millis(500);
/// A client repeats its Connect for so long; each repetition gives its half-open connection more time.
const CONNECT_REPEATED: Duration = Duration::from_secs(60);

counters! {
    /// What became of sessions and players, on one core.
    Tally {
        joined,
        resumed_live,
        resumed_suspended,
        renamed,
        suspended,
        ended_by_client,
        ended_by_server,
        expired,
        entered,
        bodies_replaced,
        displaced,
    }
}

/// A session that is not over.
#[derive(Debug)]
struct Life {
    /// The connection that carries it; None while it is suspended.
    at: Option<ConnectionId>,
    /// When it was suspended last.
    suspended_at: Instant,
    /// The last body of its player, which may be dead; None before it has entered the world.
    body: Option<EntityId>,
}

/// What must be true of one core.
#[derive(Debug)]
pub struct Books {
    lives: BTreeMap<SessionId, Life>,
    newest: Option<SessionId>,
    /// Players in the world whose clients are connected, and those whose clients are silent.
    playing: u64,
    suspended: u64,
    /// Connections to end at the next turn.
    pub kicks: Vec<(ConnectionId, DisconnectReason)>,
    /// Sessions may expire early: memory is scarce.
    pub memory_is_scarce: bool,
    connections_max: usize,
    pub tally: Tally,
    fault: Option<String>,
}

impl Books {
    pub fn new(connections_max: usize) -> Self {
        Books {
            lives: BTreeMap::new(),
            newest: None,
            playing: 0,
            suspended: 0,
            kicks: Vec::new(),
            memory_is_scarce: false,
            connections_max,
            tally: Tally::default(),
            fault: None,
        }
    }

    /// Whether the session is not over.
    pub fn is_alive(&self, session: SessionId) -> bool {
        self.lives.contains_key(&session)
    }

    fn blame(&mut self, what: String) {
        self.fault.get_or_insert(what);
    }

    /// Follows an event; gives what the game must be told of it.
    fn follow(&mut self, now: Instant, event: Event) -> Result<Option<Heard>, String> {
        match event {
            Event::Integrity(..) => Ok(None),
            Event::Joined { id, session } => {
                if self.newest.is_some_and(|newest| session <= newest) {
                    return Err("a new session has the name of a former one".to_owned());
                }
                if self.lives.values().any(|life| life.at == Some(id)) {
                    return Err("a session begins on a connection that carries another".to_owned());
                }
                self.newest = Some(session);
                self.lives.insert(session, Life { at: Some(id), suspended_at: now, body: None });
                self.tally.joined += 1;
                Ok(None)
            }
            Event::Renamed { id, former } => {
                let life = self.lives.values_mut().find(|life| life.at == Some(former));
                life.ok_or("no session is on the connection that is renamed")?.at = Some(id);
                self.tally.renamed += 1;
                Ok(None)
            }
            Event::Resumed { id, session, former } => {
                let life = self.lives.get_mut(&session).ok_or("a session that is over is resumed")?;
                if life.at != former {
                    return Err(format!("the resumed session was on {:?}", life.at));
                }
                life.at = Some(id);
                let body = life.body.filter(|_| former.is_none());
                let tally = &mut self.tally;
                *(if former.is_none() { &mut tally.resumed_suspended } else { &mut tally.resumed_live }) += 1;
                self.playing += u64::from(body.is_some());
                self.suspended -= u64::from(body.is_some());
                Ok(body.map(Heard::Resumed))
            }
            Event::Suspended { id, session } => {
                let life = self.lives.get_mut(&session).ok_or("a session that is over is suspended")?;
                if life.at.replace(id) != Some(id) {
                    return Err("the suspended session was on another connection".to_owned());
                }
                (life.at, life.suspended_at) = (None, now);
                let body = life.body;
                self.playing -= u64::from(body.is_some());
                self.suspended += u64::from(body.is_some());
                self.tally.suspended += 1;
                Ok(body.map(Heard::Suspended))
            }
            Event::Ended { id, session, cause } => self.end(now, id, session, cause),
        }
    }

    fn end(
        &mut self,
        now: Instant,
        id: Option<ConnectionId>,
        session: SessionId,
        cause: EndCause,
    ) -> Result<Option<Heard>, String> {
        let all_seats_taken = self.silent_sessions() >= self.connections_max;
        let life = self.lives.remove(&session).ok_or("a session ends twice")?;
        if life.at != id {
            return Err(format!("the session that ends was on {:?}", life.at));
        }
        *(if id.is_some() { &mut self.playing } else { &mut self.suspended }) -= u64::from(life.body.is_some());
        let early = now.since(life.suspended_at) + SLACK < RESUME_PERIOD && !all_seats_taken && !self.memory_is_scarce;
        let why = match cause {
            EndCause::Client(_) => {
                self.tally.ended_by_client += 1;
                LeaveReason::Left
            }
            EndCause::Server(reason) => {
                self.tally.ended_by_server += 1;
                if reason == DisconnectReason::ShuttingDown {
                    LeaveReason::ShuttingDown
                } else {
                    LeaveReason::Disconnected
                }
            }
            EndCause::Expired if id.is_some() => return Err("a session expires that is not suspended".to_owned()),
            EndCause::Expired if early => {
                return Err(format!("a session expires {:?} after it was suspended", now.since(life.suspended_at)));
            }
            EndCause::Expired => {
                self.tally.expired += 1;
                LeaveReason::TimedOut
            }
        };
        Ok(life.body.map(|body| Heard::Gone(body, why)))
    }

    fn silent_sessions(&self) -> usize {
        self.lives.values().filter(|life| life.at.is_none()).count()
    }

    /// A message of `from` made the game give it a body.
    fn enter(&mut self, from: ConnectionId, body: EntityId, is_alive: impl Fn(EntityId) -> bool) -> Result<(), String> {
        let life = self.lives.values_mut().find(|life| life.at == Some(from));
        let life = life.ok_or("a client enters whose session is not known")?;
        match life.body.replace(body) {
            None => {
                self.playing += 1;
                self.tally.entered += 1;
            }
            Some(former) if is_alive(former) => {
                return Err(format!("a player has two bodies, {former:?} and {body:?}"));
            }
            Some(_) => self.tally.bodies_replaced += 1,
        }
        Ok(())
    }

    /// Somebody who enters has taken the place of a player who is suspended: that of the oldest session.
    fn displace(&mut self, body: EntityId) -> Result<(), String> {
        let oldest = self.lives.values_mut().find(|life| life.at.is_none() && life.body.is_some());
        match oldest {
            Some(life) if life.body == Some(body) => {
                life.body = None;
                self.suspended -= 1;
                self.tally.displaced += 1;
                Ok(())
            }
            _ => Err(format!("{body:?} makes room, and is not the body of the oldest session that is suspended")),
        }
    }

    /// Holds the world's own counts against the books.
    ///
    /// # Errors
    /// Says what differs.
    pub fn check(&self, stats: &WorldStats, diary: &SharedDiary) -> Result<(), String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let diary = diary.open();
        if let Some(fault) = &diary.fault {
            return Err(format!("the game is asked what nobody may ask: {fault}"));
        }
        let (counted, expected) = ((stats.players, stats.suspended), (self.playing, self.suspended));
        if counted != expected {
            return Err(format!("the world has (players, suspended) {counted:?}, and the sessions give {expected:?}"));
        }
        if stats.entities != diary.entities as u64 {
            return Err(format!("the world has {} entities; {} should exist", stats.entities, diary.entities));
        }
        if stats.digests_differ > 0 {
            return Err("a client sees something else than the server has told it".to_owned());
        }
        Ok(())
    }

    /// Holds the endpoint's connections against the books. It looks at each: dearer than [`Self::check`].
    ///
    /// # Errors
    /// Says what differs.
    pub fn check_connections(&self, now: Instant, endpoint: &Endpoint) -> Result<(), String> {
        let mut carried = 0;
        for info in endpoint.infos(0, endpoint.slots()) {
            let Some(session) = info.session else {
                if now.since(info.born) > HALF_OPEN_TIMEOUT + CONNECT_REPEATED + SLACK {
                    return Err(format!("{} has been half-open since {:?}", info.id, info.born));
                }
                continue;
            };
            carried += 1;
            if self.lives.get(&session).is_none_or(|life| life.at != Some(info.id)) {
                return Err(format!("{} carries a session that should not be there", info.id));
            }
            if info.standing == Standing::Established && now.since(info.heard_at) > TIMEOUT_DEFAULT + SLACK {
                return Err(format!(
                    "{} has been silent for {:?} and is not timed out",
                    info.id,
                    now.since(info.heard_at)
                ));
            }
        }
        let expected = self.lives.len() - self.silent_sessions();
        if carried != expected {
            return Err(format!("{carried} connections carry sessions; there should be {expected}"));
        }
        let late = |life: &&Life| life.at.is_none() && now.since(life.suspended_at) > RESUME_PERIOD + SLACK;
        match self.lives.values().find(late) {
            Some(life) => Err(format!("a session is suspended since {:?} and has not expired", life.suspended_at)),
            None => Ok(()),
        }
    }

    /// Nobody is there, and nothing is kept for anybody.
    ///
    /// # Errors
    /// Says what is left.
    pub fn check_empty(&self, endpoint: &Endpoint) -> Result<(), String> {
        let left = (endpoint.connections(), self.lives.len(), self.playing, self.suspended, endpoint.message_bytes());
        if left == (0, 0, 0, 0, 0) {
            return Ok(());
        }
        Err(format!("everybody has left; (connections, sessions, players, suspended, message bytes) are {left:?}"))
    }
}

/// A world whose every event is held against the books.
pub struct Watched {
    world: Simulation<Fickle>,
    diary: SharedDiary,
    books: Rc<RefCell<Books>>,
}

impl Watched {
    pub fn new(world: Simulation<Fickle>, diary: SharedDiary, books: Rc<RefCell<Books>>) -> Self {
        Watched { world, diary, books }
    }

    pub fn world(&self) -> &Simulation<Fickle> {
        &self.world
    }

    /// Nothing of what happened may have been news of anybody's life.
    fn expect_no_news(&self, what: &str) {
        let heard = std::mem::take(&mut self.diary.open().heard);
        if !heard.is_empty() {
            self.books.borrow_mut().blame(format!("in {what}, the game is told {heard:?}"));
        }
    }
}

impl Service for Watched {
    fn event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        let expected = self.books.borrow_mut().follow(now, event);
        self.world.event(now, endpoint, event);
        let mut diary = self.diary.open();
        let mut books = self.books.borrow_mut();
        match expected {
            Err(what) => books.blame(format!("{event:?}: {what}")),
            Ok(expected) if diary.heard.iter().copied().eq(expected) => {}
            Ok(expected) => {
                books.blame(format!("{event:?}: the game is told {:?} instead of {expected:?}", diary.heard));
            }
        }
        diary.heard.clear();
    }

    fn draining(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.world.draining(now, endpoint);
        self.expect_no_news("draining");
    }

    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>) {
        self.world.message(now, endpoint, from, message);
        let mut diary = self.diary.open();
        let mut books = self.books.borrow_mut();
        if !books.lives.values().any(|life| life.at == Some(from)) {
            books.blame(format!("a message comes from {from}, which carries no session"));
        }
        for &heard in &diary.heard {
            let is_alive = |body| self.world.shard().entities.contains(body);
            let followed = match heard {
                Heard::Joined(body) => books.enter(from, body, is_alive),
                Heard::Gone(body, LeaveReason::TimedOut) => books.displace(body),
                heard => Err(format!("the game is told {heard:?}")),
            };
            followed.unwrap_or_else(|what| books.blame(format!("{from} enters: {what}")));
        }
        if diary.heard.len() > 2 {
            books.blame(format!("one message has {:?} come of it", diary.heard));
        }
        diary.heard.clear();
    }

    fn prefetch(&self, from: ConnectionId) {
        self.world.prefetch(from);
    }

    fn exchange(&mut self, now: Instant, stages: &mut Stages) -> usize {
        self.world.exchange(now, stages)
    }

    fn tick(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.world.tick(now, endpoint);
        self.expect_no_news("a tick");
    }

    fn replicate(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        for (id, reason) in self.books.borrow_mut().kicks.drain(..) {
            endpoint.disconnect(id, reason);
        }
        self.world.replicate(now, endpoint)
    }

    fn deadline(&self) -> Instant {
        if self.books.borrow().kicks.is_empty() { self.world.deadline() } else { Instant::ZERO }
    }

    fn count(&self, counters: &mut ServiceCounters) {
        self.world.count(counters);
    }
}
