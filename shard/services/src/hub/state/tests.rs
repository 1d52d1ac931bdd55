use super::super::limits::{HISTORY_LINES_MAX, QUEUE_NOTICES_MAX};
use super::*;
use proptest::prelude::*;
use std::time::Duration;

type Queue = mpsc::Receiver<Arc<Notice>>;

/// A hub, and the receiving end of each of its members.
struct Bench {
    state: State,
    now: Now,
    members: BTreeMap<u64, (AccountId, Arc<Mailbox>, Queue)>,
}

impl Bench {
    fn new(settings: HubSettings) -> Bench {
        let state = State::new(settings, Arc::default());
        Bench { state, now: Now { steady_ms: 0, unix_ms: 1_000_000 }, members: BTreeMap::new() }
    }

    fn join(&mut self, account: u64) -> Result<u64, HubRefusal> {
        let (sender, queue) = mpsc::channel(QUEUE_NOTICES_MAX);
        let mailbox = Arc::new(Mailbox::new(sender));
        let account = AccountId(account);
        let id = self.state.join(self.now, account, &format!("player {account}"), Arc::clone(&mailbox))?;
        self.members.insert(id, (account, mailbox, queue));
        Ok(id)
    }

    fn leave(&mut self, member: u64) {
        let (account, ..) = self.members.remove(&member).unwrap();
        self.state.leave(self.now, account, member);
    }

    fn take(&mut self, member: u64) -> Vec<Arc<Notice>> {
        let queue = &mut self.members.get_mut(&member).unwrap().2;
        std::iter::from_fn(|| queue.try_recv().ok()).collect()
    }

    fn enter(&mut self, account: u64, room: &str) {
        self.state.enter(self.now, AccountId(account), room).unwrap();
    }

    fn say(&mut self, account: u64, room: &str, text: &str) -> Result<u64, HubRefusal> {
        self.state.say(self.now, AccountId(account), room, text)
    }
}

/// No limit but those of numbers.
fn free() -> HubSettings {
    HubSettings { line_every_ms: 0, move_every_ms: 0, ..HubSettings::default() }
}

fn topics(notices: &[Arc<Notice>]) -> Vec<&str> {
    notices.iter().map(|notice| notice.topic()).collect()
}

#[test]
fn all_members_of_the_accounts_in_a_room_hear_a_line_and_nobody_else_does() {
    let mut hub = Bench::new(free());
    let (phone, desk) = (hub.join(1).unwrap(), hub.join(1).unwrap());
    let (friend, stranger) = (hub.join(2).unwrap(), hub.join(3).unwrap());
    hub.enter(1, "world");
    hub.enter(2, "world");
    for member in [phone, desk, friend, stranger] {
        hub.take(member);
    }
    assert_eq!(hub.say(1, "world", "hello"), Ok(1));
    for member in [phone, desk, friend] {
        let heard = hub.take(member);
        let Notice::Chat(line) = &*heard[0] else { panic!("{heard:?}") };
        assert_eq!((line.number, line.text.as_str(), line.name.as_str()), (1, "hello", "player 1"));
        assert_eq!(line.at, 1_000_000);
    }
    assert!(hub.take(stranger).is_empty());
    assert_eq!(hub.say(3, "world", "let me in"), Err(HubRefusal::NotInRoom));
    assert_eq!(hub.say(4, "world", "boo"), Err(HubRefusal::NotConnected));
}

#[test]
fn a_member_that_reads_nothing_misses_notices_and_holds_up_nobody() {
    let mut hub = Bench::new(free());
    let (slow, quick) = (hub.join(1).unwrap(), hub.join(2).unwrap());
    hub.enter(1, "world");
    hub.enter(2, "world");
    hub.take(slow);
    hub.take(quick);
    for number in 1..=QUEUE_NOTICES_MAX as u64 + 7 {
        assert_eq!(hub.say(2, "world", "line"), Ok(number));
        assert_eq!(hub.take(quick).len(), 1);
    }
    assert_eq!(hub.members[&slow].1.take_missed(), 7);
    assert_eq!(hub.take(slow).len(), QUEUE_NOTICES_MAX);
    assert_eq!(hub.state.counters.notices_missed.load(Ordering::Relaxed), 7);
    let missed = hub.state.history(AccountId(1), "world", Some(QUEUE_NOTICES_MAX as u64)).unwrap();
    assert_eq!(missed.len(), 7);
}

#[test]
fn an_account_is_gone_with_its_last_member_and_others_are_told_once() {
    let mut hub = Bench::new(free());
    let (first, second, other) = (hub.join(1).unwrap(), hub.join(1).unwrap(), hub.join(2).unwrap());
    for room in ["a", "b"] {
        hub.enter(1, room);
        hub.enter(2, room);
    }
    hub.take(other);
    hub.leave(first);
    assert!(hub.take(other).is_empty());
    hub.leave(second);
    let told = hub.take(other);
    let gone = PresenceChange { account: 1, name: "player 1".to_owned(), state: Presence::Offline };
    assert_eq!(told, [Arc::new(Notice::Presence(gone))]);
    assert_eq!(hub.state.roster(AccountId(2), "a", None).unwrap().len(), 1);
}

#[test]
fn an_account_that_is_away_says_so_to_its_rooms_and_to_its_other_members() {
    let mut hub = Bench::new(free());
    let (me, other) = (hub.join(1).unwrap(), hub.join(2).unwrap());
    hub.enter(1, "a");
    hub.enter(2, "a");
    hub.take(me);
    hub.take(other);
    hub.state.set_away(hub.now, AccountId(1), true).unwrap();
    hub.state.set_away(hub.now, AccountId(1), true).unwrap();
    assert_eq!(topics(&hub.take(me)), ["presence"]);
    assert_eq!(topics(&hub.take(other)), ["presence"]);
    assert_eq!(hub.state.roster(AccountId(2), "a", None).unwrap()[0].state, Presence::Away);
}

#[test]
fn leaving_and_coming_back_does_not_renew_a_rate() {
    let mut hub = Bench::new(HubSettings { lines_burst: 2, ..HubSettings::default() });
    let member = hub.join(1).unwrap();
    hub.enter(1, "a");
    hub.say(1, "a", "one").unwrap();
    hub.say(1, "a", "two").unwrap();
    hub.leave(member);
    hub.join(1).unwrap();
    hub.enter(1, "a");
    assert_eq!(hub.say(1, "a", "three"), Err(HubRefusal::TooFast(Duration::from_secs(1))));
    hub.now.steady_ms += 1_000;
    assert_eq!(hub.say(1, "a", "three"), Ok(3));
}

#[test]
fn a_new_room_takes_the_place_of_the_one_that_was_empty_for_longest_but_of_no_other() {
    let mut hub = Bench::new(HubSettings { rooms_max: 2, ..free() });
    hub.join(1).unwrap();
    hub.enter(1, "a");
    hub.enter(1, "b");
    assert_eq!(hub.state.enter(hub.now, AccountId(1), "c"), Err(HubRefusal::Full));
    hub.say(1, "b", "kept").unwrap();
    for (ms, room) in [(5, "a"), (9, "b")] {
        hub.now.steady_ms = ms;
        hub.state.exit(hub.now, AccountId(1), room).unwrap();
    }
    hub.enter(1, "c");
    assert_eq!(hub.state.rooms.keys().collect::<Vec<_>>(), ["b", "c"]);
    hub.enter(1, "b");
    assert_eq!(hub.state.history(AccountId(1), "b", None).unwrap()[0].text, "kept");
}

#[test]
fn everything_that_fills_has_a_bound() {
    let mut hub = Bench::new(HubSettings { members_max: 10, accounts_per_room_max: 1, ..free() });
    for _ in 0..MEMBERS_PER_ACCOUNT_MAX {
        hub.join(1).unwrap();
    }
    assert_eq!(hub.join(1), Err(HubRefusal::TooManyMembers));
    hub.join(2).unwrap();
    let last = hub.join(3).unwrap();
    assert_eq!(hub.join(4), Err(HubRefusal::Full));
    hub.leave(last);
    hub.join(4).unwrap();
    for room in 0..ROOMS_PER_ACCOUNT_MAX {
        hub.enter(1, &format!("room-{room}"));
    }
    assert_eq!(hub.state.enter(hub.now, AccountId(1), "one-more"), Err(HubRefusal::TooManyRooms));
    assert_eq!(hub.state.enter(hub.now, AccountId(2), "room-0"), Err(HubRefusal::RoomFull));
    for _ in 0..3 * HISTORY_LINES_MAX {
        hub.say(1, "room-0", &"x".repeat(TEXT_BYTES_MAX)).unwrap();
    }
    for name in ["", "Room", "a b", "ä", &"a".repeat(33)] {
        assert_eq!(hub.state.enter(hub.now, AccountId(2), name), Err(HubRefusal::RoomName), "{name}");
    }
    for text in ["", " \u{a0}", "a\nb", "\u{202e}evil", "a\u{2066}b", &"x".repeat(TEXT_BYTES_MAX + 1)] {
        assert_eq!(hub.say(1, "room-0", text), Err(HubRefusal::Text), "{text:?}");
    }
}

#[test]
fn what_is_remembered_of_accounts_that_left_is_bounded_and_mutes_survive() {
    let mut hub = Bench::new(HubSettings { members_max: 4, ..HubSettings::default() });
    hub.state.mute(hub.now, AccountId(1), u64::MAX);
    for account in 1..=30 {
        hub.now.steady_ms += 60_000;
        let member = hub.join(account).unwrap();
        hub.enter(account, "a");
        assert_eq!(hub.say(account, "a", "hello").is_ok(), account != 1);
        hub.leave(member);
        assert!(hub.state.speech.len() <= 8);
    }
    hub.join(1).unwrap();
    hub.enter(1, "a");
    assert!(matches!(hub.say(1, "a", "hello"), Err(HubRefusal::Muted(_))));
}

#[derive(Clone, Debug)]
enum Step {
    Join(u64),
    Leave(usize),
    Enter(u64, usize),
    Exit(u64, usize),
    Say(u64, usize),
    Away(u64, bool),
    Read(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (account, room) = (1..5_u64, 0..3_usize);
    prop_oneof![
        2 => account.clone().prop_map(Step::Join),
        1 => (0..20_usize).prop_map(Step::Leave),
        3 => (account.clone(), room.clone()).prop_map(|(account, room)| Step::Enter(account, room)),
        1 => (account.clone(), room.clone()).prop_map(|(account, room)| Step::Exit(account, room)),
        4 => (account.clone(), room).prop_map(|(account, room)| Step::Say(account, room)),
        1 => (account, any::<bool>()).prop_map(|(account, away)| Step::Away(account, away)),
        1 => (0..20_usize).prop_map(Step::Read),
    ]
}

const ROOMS: [&str; 3] = ["a", "b", "c"];

/// Rooms of accounts with members, kept the simple way.
#[derive(Default)]
struct Model {
    rooms: BTreeSet<(usize, AccountId)>,
    said: [u64; 3],
}

impl Model {
    fn apply(&mut self, hub: &mut Bench, step: &Step) {
        let is_here = |hub: &Bench, account: &AccountId| hub.members.values().any(|(of, ..)| of == account);
        match *step {
            Step::Join(account) => drop(hub.join(account)),
            Step::Leave(index) => {
                let Some((&member, &(account, ..))) = hub.members.iter().nth(index) else { return };
                hub.leave(member);
                if !is_here(hub, &account) {
                    self.rooms.retain(|(_, of)| *of != account);
                }
            }
            Step::Enter(account, room) => {
                let entered = hub.state.enter(hub.now, AccountId(account), ROOMS[room]).is_ok();
                assert_eq!(entered, is_here(hub, &AccountId(account)));
                if entered {
                    self.rooms.insert((room, AccountId(account)));
                }
            }
            Step::Exit(account, room) => {
                let left = hub.state.exit(hub.now, AccountId(account), ROOMS[room]).is_ok();
                assert_eq!(left, self.rooms.remove(&(room, AccountId(account))));
            }
            Step::Say(account, room) => {
                let said = hub.say(account, ROOMS[room], "line");
                assert_eq!(said.is_ok(), self.rooms.contains(&(room, AccountId(account))));
                if let Ok(number) = said {
                    self.said[room] += 1;
                    assert_eq!(number, self.said[room]);
                    self.check_heard(hub, room, number);
                }
            }
            Step::Away(account, away) => {
                let told = hub.state.set_away(hub.now, AccountId(account), away).is_ok();
                assert_eq!(told, is_here(hub, &AccountId(account)));
            }
            Step::Read(index) => {
                if let Some(&member) = hub.members.keys().nth(index) {
                    hub.take(member);
                }
            }
        }
    }

    /// Every member of an account in the room has the line or missed it; no other has it.
    fn check_heard(&self, hub: &mut Bench, room: usize, number: u64) {
        for (account, mailbox, queue) in hub.members.values_mut() {
            let was_full = mailbox.take_missed() > 0;
            let heard = std::iter::from_fn(|| queue.try_recv().ok()).any(
                |notice| matches!(&*notice, Notice::Chat(line) if line.room == ROOMS[room] && line.number == number),
            );
            let in_room = self.rooms.contains(&(room, *account));
            assert!(heard == in_room || in_room && was_full, "{account} heard: {heard}, in the room: {in_room}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_walk_keeps_rooms_and_players_in_step(steps in prop::collection::vec(step(), 1..120)) {
        let mut hub = Bench::new(free());
        let mut model = Model::default();
        for step in &steps {
            model.apply(&mut hub, step);
            prop_assert_eq!(hub.state.members(), hub.members.len());
            let rooms: BTreeSet<_> = ROOMS.iter().enumerate().flat_map(|(index, name)| {
                let accounts = hub.state.rooms.get(*name).map(|room| room.accounts.clone()).unwrap_or_default();
                accounts.into_iter().map(move |account| (index, account))
            }).collect();
            prop_assert_eq!(&rooms, &model.rooms);
            let of_players: usize = hub.state.players.values().map(|player| player.rooms.len()).sum();
            prop_assert_eq!(of_players, rooms.len());
        }
    }
}
