//! Who is here, in which rooms, and what each is told. The caller hands in the time.

use super::counters::Counters;
use super::limits::{HubSettings, MEMBERS_PER_ACCOUNT_MAX, ROOMS_PER_ACCOUNT_MAX, ROSTER_PAGE, TEXT_BYTES_MAX};
use super::notice::{Line, Notice, Presence, PresenceChange, Present, RoomChange};
use super::refusal::HubRefusal;
use super::room::{Room, is_name};
use super::speech::Speech;
use crate::AccountId;
use crate::counters::count;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Notify, mpsc};

/// The time, in ms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// Since some moment; never goes back.
    pub(super) steady_ms: u64,
    /// Since 1970.
    pub(super) unix_ms: u64,
}

/// Where notices for a member wait.
#[derive(Debug)]
pub(super) struct Mailbox {
    queue: mpsc::Sender<Arc<Notice>>,
    missed: AtomicU64,
    recheck: Notify,
}

impl Mailbox {
    pub(super) fn new(queue: mpsc::Sender<Arc<Notice>>) -> Mailbox {
        Mailbox { queue, missed: AtomicU64::new(0), recheck: Notify::new() }
    }

    pub(super) fn take_missed(&self) -> u64 {
        self.missed.swap(0, Ordering::Relaxed)
    }

    pub(super) async fn recheck(&self) {
        self.recheck.notified().await;
    }
}

/// Everything that the hub knows.
#[derive(Debug)]
pub(super) struct State {
    settings: HubSettings,
    counters: Arc<Counters>,
    players: HashMap<AccountId, Player>,
    rooms: BTreeMap<String, Room>,
    speech: HashMap<AccountId, Speech>,
    members: usize,
    last_member: u64,
}

/// An account with a member.
#[derive(Debug)]
struct Player {
    name: String,
    state: Presence,
    rooms: BTreeSet<String>,
    members: Vec<(u64, Arc<Mailbox>)>,
}

impl State {
    pub(super) fn new(settings: HubSettings, counters: Arc<Counters>) -> State {
        let (players, rooms, speech) = (HashMap::new(), BTreeMap::new(), HashMap::new());
        State { settings, counters, players, rooms, speech, members: 0, last_member: 0 }
    }

    /// Adds a member, and returns its number.
    pub(super) fn join(
        &mut self,
        now: Now,
        account: AccountId,
        name: &str,
        mailbox: Arc<Mailbox>,
    ) -> Result<u64, HubRefusal> {
        if self.members >= self.settings.members_max {
            return Err(HubRefusal::Full);
        }
        self.forget_speech(now)?;
        let player = self.players.entry(account).or_insert_with(|| Player {
            name: name.to_owned(),
            state: Presence::Online,
            rooms: BTreeSet::new(),
            members: Vec::new(),
        });
        if player.members.len() >= MEMBERS_PER_ACCOUNT_MAX {
            return Err(HubRefusal::TooManyMembers);
        }
        self.last_member += 1;
        self.members += 1;
        player.members.push((self.last_member, mailbox));
        Ok(self.last_member)
    }

    /// Removes a member. With its last member an account leaves its rooms.
    pub(super) fn leave(&mut self, now: Now, account: AccountId, member: u64) {
        let player = self.players.get_mut(&account).expect("an account with a member is known");
        let at = player.members.iter().position(|(id, _)| *id == member).expect("a member leaves once");
        player.members.swap_remove(at);
        self.members -= 1;
        if !player.members.is_empty() {
            return;
        }
        let player = self.players.remove(&account).expect("the account was there");
        let told = self.beside(account, &player.rooms);
        for name in &player.rooms {
            self.room_left(now, account, name);
        }
        self.tell(
            told,
            Notice::Presence(PresenceChange { account: account.0, name: player.name, state: Presence::Offline }),
        );
    }

    pub(super) fn enter(&mut self, now: Now, account: AccountId, name: &str) -> Result<(), HubRefusal> {
        if !is_name(name) {
            return Err(HubRefusal::RoomName);
        }
        let player = self.players.get(&account).ok_or(HubRefusal::NotConnected)?;
        if player.rooms.contains(name) {
            return Ok(());
        }
        if player.rooms.len() >= ROOMS_PER_ACCOUNT_MAX {
            return Err(HubRefusal::TooManyRooms);
        }
        if self.rooms.get(name).is_some_and(|room| room.accounts.len() >= self.settings.accounts_per_room_max) {
            return Err(HubRefusal::RoomFull);
        }
        self.speech.entry(account).or_default().change(now.steady_ms, &self.settings)?;
        if !self.rooms.contains_key(name) {
            self.make_room(name)?;
        }
        self.rooms.get_mut(name).expect("the room is there").accounts.insert(account);
        let player = self.players.get_mut(&account).expect("the account is there");
        player.rooms.insert(name.to_owned());
        let change = RoomChange { room: name.to_owned(), account: account.0, name: player.name.clone(), joined: true };
        self.tell_room(name, Notice::Room(change));
        Ok(())
    }

    pub(super) fn exit(&mut self, now: Now, account: AccountId, name: &str) -> Result<(), HubRefusal> {
        let player = self.players.get_mut(&account).ok_or(HubRefusal::NotConnected)?;
        if !player.rooms.contains(name) {
            return Err(HubRefusal::NotInRoom);
        }
        let change = RoomChange { room: name.to_owned(), account: account.0, name: player.name.clone(), joined: false };
        player.rooms.remove(name);
        // Who leaves is told, too: it may have other members.
        self.tell_room(name, Notice::Room(change));
        self.room_left(now, account, name);
        Ok(())
    }

    /// Says a line, and returns its number.
    pub(super) fn say(&mut self, now: Now, account: AccountId, room: &str, text: &str) -> Result<u64, HubRefusal> {
        if !is_text(text) {
            return Err(HubRefusal::Text);
        }
        let player = self.in_room(account, room)?;
        let name = player.name.clone();
        self.speech.entry(account).or_default().say(now.steady_ms, &self.settings)?;
        let kept = self.rooms.get_mut(room).expect("a room with an account is there");
        let number = kept.next_number();
        let line =
            Line { room: room.to_owned(), number, account: account.0, name, text: text.to_owned(), at: now.unix_ms };
        let line = Arc::new(line);
        kept.keep(Arc::clone(&line));
        count(&self.counters.lines);
        self.tell_room(room, Notice::Chat(line));
        Ok(number)
    }

    pub(super) fn history(
        &self,
        account: AccountId,
        room: &str,
        after: Option<u64>,
    ) -> Result<Vec<Arc<Line>>, HubRefusal> {
        self.in_room(account, room)?;
        Ok(self.rooms[room].page(after))
    }

    pub(super) fn roster(
        &self,
        account: AccountId,
        room: &str,
        after: Option<AccountId>,
    ) -> Result<Vec<Present>, HubRefusal> {
        self.in_room(account, room)?;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let accounts = self.rooms[room].accounts.range((start, Bound::Unbounded)).take(ROSTER_PAGE);
        let present = accounts.map(|account| {
            let player = &self.players[account];
            Present { account: account.0, name: player.name.clone(), state: player.state }
        });
        Ok(present.collect())
    }

    pub(super) fn set_away(&mut self, now: Now, account: AccountId, away: bool) -> Result<(), HubRefusal> {
        let state = if away { Presence::Away } else { Presence::Online };
        let player = self.players.get_mut(&account).ok_or(HubRefusal::NotConnected)?;
        if player.state == state {
            return Ok(());
        }
        self.speech.entry(account).or_default().change(now.steady_ms, &self.settings)?;
        player.state = state;
        let change = PresenceChange { account: account.0, name: player.name.clone(), state };
        let rooms = player.rooms.clone();
        let mut told = self.beside(account, &rooms);
        told.insert(account);
        self.tell(told, Notice::Presence(change));
        Ok(())
    }

    pub(super) fn mute(&mut self, now: Now, account: AccountId, for_ms: u64) {
        self.speech.entry(account).or_default().mute(now.steady_ms, for_ms);
    }

    /// Tells an account, and returns how many members it has.
    pub(super) fn notify(&self, account: AccountId, notice: Notice) -> usize {
        let members = self.players.get(&account).map_or(0, |player| player.members.len());
        self.tell([account], notice);
        members
    }

    /// Tells everybody, and returns how many members there are.
    pub(super) fn announce(&self, notice: Notice) -> usize {
        self.tell(self.players.keys().copied(), notice);
        self.members
    }

    pub(super) fn recheck(&self, account: AccountId) {
        for (_, mailbox) in self.players.get(&account).iter().flat_map(|player| &player.members) {
            mailbox.recheck.notify_one();
        }
    }

    pub(super) fn members(&self) -> usize {
        self.members
    }

    fn in_room(&self, account: AccountId, room: &str) -> Result<&Player, HubRefusal> {
        let player = self.players.get(&account).ok_or(HubRefusal::NotConnected)?;
        if player.rooms.contains(room) { Ok(player) } else { Err(HubRefusal::NotInRoom) }
    }

    /// Makes a room. If there are too many, it takes the place of the one that has been empty for longest.
    fn make_room(&mut self, name: &str) -> Result<(), HubRefusal> {
        if self.rooms.len() >= self.settings.rooms_max {
            let empty = self.rooms.iter().filter(|(_, room)| room.accounts.is_empty());
            let oldest = empty.min_by_key(|(_, room)| room.emptied_ms).map(|(name, _)| name.clone());
            self.rooms.remove(&oldest.ok_or(HubRefusal::Full)?);
        }
        self.rooms.insert(name.to_owned(), Room::default());
        Ok(())
    }

    fn room_left(&mut self, now: Now, account: AccountId, name: &str) {
        let room = self.rooms.get_mut(name).expect("a room with an account is there");
        assert!(room.accounts.remove(&account), "an account and its rooms know each other");
        if room.accounts.is_empty() {
            room.emptied_ms = now.steady_ms;
        }
    }

    /// The other accounts in some rooms.
    fn beside(&self, account: AccountId, rooms: &BTreeSet<String>) -> BTreeSet<AccountId> {
        let mut accounts: BTreeSet<AccountId> =
            rooms.iter().flat_map(|name| self.rooms[name].accounts.iter().copied()).collect();
        accounts.remove(&account);
        accounts
    }

    fn tell_room(&self, room: &str, notice: Notice) {
        self.tell(self.rooms[room].accounts.iter().copied(), notice);
    }

    /// Puts a notice into the queue of each member. A member whose queue is full misses it.
    fn tell(&self, accounts: impl IntoIterator<Item = AccountId>, notice: Notice) {
        let notice = Arc::new(notice);
        let (mut told, mut missed) = (0, 0);
        for player in accounts.into_iter().filter_map(|account| self.players.get(&account)) {
            for (_, mailbox) in &player.members {
                if mailbox.queue.try_send(Arc::clone(&notice)).is_ok() {
                    told += 1;
                } else {
                    mailbox.missed.fetch_add(1, Ordering::Relaxed);
                    missed += 1;
                }
            }
        }
        self.counters.notices.fetch_add(told, Ordering::Relaxed);
        self.counters.notices_missed.fetch_add(missed, Ordering::Relaxed);
    }

    /// Forgets what accounts said, once there is much of it and it has no effect any more.
    fn forget_speech(&mut self, now: Now) -> Result<(), HubRefusal> {
        let max = self.settings.members_max.saturating_mul(2);
        if self.speech.len() >= max {
            self.speech.retain(|_, speech| !speech.is_forgotten(now.steady_ms));
        }
        if self.speech.len() >= max { Err(HubRefusal::Full) } else { Ok(()) }
    }
}

/// Whether a line of chat may have this text. Marks that turn the direction of writing are refused: they make a text look
/// as if another player had said part of it.
fn is_text(text: &str) -> bool {
    let is_turn = |character| matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_hidden = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    text.len() <= TEXT_BYTES_MAX
        && !text.trim().is_empty()
        && !text.chars().any(|character| is_turn(character) || is_hidden(character))
}

#[cfg(test)]
mod tests;
