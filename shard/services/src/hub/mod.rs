//! The hub: chat in rooms, presence, and notifications, for WebSockets and for clients in the world alike.
//!
//! A member ([`Hub::join`]) is one WebSocket or one client in the world. Rooms and presence belong to the account: all members
//! of an account hear the same, and an account leaves its rooms with its last member. Each member has a bounded queue of
//! notices. A member that is too slow misses notices, and gets their number ([`Event::Missed`]). Nobody waits for it.
//!
//! Accounts in a room may say lines there, at a bounded rate. An account that goes on in spite of refusals is muted for a
//! while. Only accounts in a room see its players and its last lines. Everything is in memory: a restart forgets it.
//!
//! | file | has |
//! |---|---|
//! | `state` | members, rooms, and the notices for each member |
//! | `room` | the last lines of a room |
//! | `speech` | rates and mutes |
//! | `notice` | the notices |
//! | `member` | the receiving end |
//! | `limits` | bounds and settings |
//! | `actions` | the same for clients in the world and for HTTPS |

pub mod actions;
mod counters;
pub mod limits;
mod member;
mod notice;
mod refusal;
mod room;
mod speech;
mod state;

pub use counters::Counters;
pub use limits::HubSettings;
pub use member::{Event, Member};
pub use notice::{Line, Notice, Presence, PresenceChange, Present, RoomChange};
pub use refusal::HubRefusal;

use crate::AccountId;
use crate::counters::count;
use limits::QUEUE_NOTICES_MAX;
use ringshard_requests::value::Value;
use state::{Mailbox, Now, State};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The hub. Its clones are the same hub.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    counters: Arc<Counters>,
    start: Instant,
}

impl Hub {
    /// A hub without members.
    pub fn new(settings: HubSettings) -> Hub {
        let counters = Arc::new(Counters::default());
        let state = Mutex::new(State::new(settings, Arc::clone(&counters)));
        Hub(Arc::new(Inner { state, counters, start: Instant::now() }))
    }

    /// Adds a member of an account. `name` is what others see.
    ///
    /// # Errors
    /// [`HubRefusal::Full`], [`HubRefusal::TooManyMembers`].
    pub fn join(&self, account: AccountId, name: &str) -> Result<Member, HubRefusal> {
        let (sender, notices) = mpsc::channel(QUEUE_NOTICES_MAX);
        let mailbox = Arc::new(Mailbox::new(sender));
        let id = self.counted(|state, now| state.join(now, account, name, Arc::clone(&mailbox)))?;
        count(&self.0.counters.members);
        Ok(Member { hub: self.clone(), account, id, notices, mailbox })
    }

    /// Joins a room; makes it if it does not exist. Does nothing if the account is in it.
    ///
    /// # Errors
    /// [`HubRefusal`].
    pub fn join_room(&self, account: AccountId, room: &str) -> Result<(), HubRefusal> {
        self.counted(|state, now| state.enter(now, account, room))
    }

    /// Leaves a room.
    ///
    /// # Errors
    /// [`HubRefusal::NotInRoom`], [`HubRefusal::NotConnected`].
    pub fn leave_room(&self, account: AccountId, room: &str) -> Result<(), HubRefusal> {
        self.counted(|state, now| state.exit(now, account, room))
    }

    /// Says a line in a room, and returns its number.
    ///
    /// # Errors
    /// [`HubRefusal`].
    pub fn say(&self, account: AccountId, room: &str, text: &str) -> Result<u64, HubRefusal> {
        self.counted(|state, now| state.say(now, account, room, text))
    }

    /// The lines of a room after a number, the oldest first; without a number, the last ones. At most
    /// [`limits::HISTORY_PAGE`].
    ///
    /// # Errors
    /// [`HubRefusal::NotInRoom`], [`HubRefusal::NotConnected`].
    pub fn history(&self, account: AccountId, room: &str, after: Option<u64>) -> Result<Vec<Arc<Line>>, HubRefusal> {
        self.counted(|state, _| state.history(account, room, after))
    }

    /// The players of a room whose ids are above `after`, by id. At most [`limits::ROSTER_PAGE`].
    ///
    /// # Errors
    /// [`HubRefusal::NotInRoom`], [`HubRefusal::NotConnected`].
    pub fn roster(&self, account: AccountId, room: &str, after: Option<AccountId>) -> Result<Vec<Present>, HubRefusal> {
        self.counted(|state, _| state.roster(account, room, after))
    }

    /// Sets whether the player of an account is away. Everybody in its rooms gets a notice.
    ///
    /// # Errors
    /// [`HubRefusal::TooFast`], [`HubRefusal::NotConnected`].
    pub fn set_away(&self, account: AccountId, away: bool) -> Result<(), HubRefusal> {
        self.counted(|state, now| state.set_away(now, account, away))
    }

    /// Mutes an account for a time. Zero: it may speak again.
    pub fn mute(&self, account: AccountId, time: Duration) {
        let now = self.now();
        self.lock().mute(now, account, u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }

    /// Sends a notice to an account, and returns how many members it has.
    pub fn notify(&self, account: AccountId, topic: &str, value: Value) -> usize {
        self.lock().notify(account, Notice::Note { topic: topic.to_owned(), value })
    }

    /// Sends a notice to everybody, and returns how many members there are.
    pub fn announce(&self, topic: &str, value: Value) -> usize {
        self.lock().announce(Notice::Note { topic: topic.to_owned(), value })
    }

    /// Asks the members of an account to check their login again.
    pub fn recheck(&self, account: AccountId) {
        self.lock().recheck(account);
    }

    /// Members in all.
    pub fn members(&self) -> usize {
        self.lock().members()
    }

    /// The counters.
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    fn leave(&self, account: AccountId, member: u64) {
        let now = self.now();
        self.lock().leave(now, account, member);
    }

    fn counted<T>(&self, ask: impl FnOnce(&mut State, Now) -> Result<T, HubRefusal>) -> Result<T, HubRefusal> {
        let now = self.now();
        ask(&mut self.lock(), now).inspect_err(|refusal| self.0.counters.refused(refusal))
    }

    fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { steady_ms: self.0.start.elapsed().as_millis() as u64, unix_ms: unix.as_millis() as u64 }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
