//! Hosts with one bucket, whose accounts enter, move, are killed and come back.

use super::*;
use crate::bus::BusKey;
use crate::clock::Clock;
use crate::model::RunId;
use proptest::prelude::*;
use ringshard::game::AccountId;
use ringshard::runtime::fleet::{FromCore, Recall, Stay, StayEnd, ToCore};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const EVERY: Duration = Duration::from_secs(10);

/// A host with one core. A player is a number, which grows as it plays.
struct Host {
    run: RunId,
    keeper: Keeper,
    players: BTreeMap<u64, Player>,
    next: u64,
    /// Clients that wait: by player, the account.
    entering: BTreeMap<u64, AccountId>,
    refused: u32,
    is_alive: bool,
    /// Whether its letters to other hosts get lost.
    is_mute: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Player {
    account: AccountId,
    stay: Stay,
    value: u64,
}

struct Fleet {
    bucket: MemoryBucket,
    hosts: Vec<Host>,
}

impl Fleet {
    fn new(hosts: u64) -> Self {
        let bucket = MemoryBucket::default();
        let host = |run| Host {
            run: RunId(run),
            keeper: Keeper::new(
                Bucket::Memory(bucket.clone()),
                Vault::new(&BusKey::from_bytes([7; 32]), "b"),
                Clock::System,
                RunId(run),
                1,
                EVERY,
            ),
            players: BTreeMap::new(),
            next: 0,
            entering: BTreeMap::new(),
            refused: 0,
            is_alive: true,
            is_mute: false,
        };
        let hosts = (1..=hosts).map(host).collect();
        Fleet { bucket, hosts }
    }

    /// Until nothing more happens for a while.
    async fn settle(&mut self, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < until {
            let alive: BTreeSet<_> = self.hosts.iter().filter(|host| host.is_alive).map(|host| host.run).collect();
            for at in 0..self.hosts.len() {
                if self.hosts[at].is_alive {
                    let others = alive.iter().copied().filter(|run| *run != self.hosts[at].run).collect();
                    self.hosts[at].keeper.tick(&others);
                    while timeout(Duration::from_micros(10), self.hosts[at].keeper.hear_bucket()).await.is_ok() {}
                    self.carry_out(at);
                }
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn carry_out(&mut self, at: usize) {
        while let Some(output) = self.hosts[at].keeper.poll() {
            let (from, is_mute) = (self.hosts[at].run, self.hosts[at].is_mute);
            let mut others = self.hosts.iter_mut().filter(|host| host.is_alive && !is_mute && !host.is_mute);
            match output {
                Output::ToCore(0, letter) => self.hosts[at].hear(letter),
                Output::ToCore(core, _) => panic!("there is no core {core}"),
                Output::Ask(to, account) => {
                    if let Some(host) = others.find(|host| host.run == to) {
                        host.keeper.asked(from, account);
                    }
                }
                Output::Answer(to, account) => {
                    if let Some(host) = others.find(|host| host.run == to) {
                        host.keeper.answered(from, account);
                    }
                }
            }
        }
    }

    /// Where an account is, and as what.
    fn places(&self, account: AccountId) -> Vec<(usize, u64)> {
        let players = self.hosts.iter().enumerate().filter(|(_, host)| host.is_alive);
        let players = players.flat_map(|(at, host)| host.players.values().map(move |player| (at, player)));
        players.filter(|(_, player)| player.account == account).map(|(at, player)| (at, player.value)).collect()
    }

    fn enter(&mut self, at: usize, account: AccountId) {
        let host = &mut self.hosts[at];
        host.next += 1;
        host.entering.insert(host.next, account);
        host.keeper.hear_core(0, FromCore::Enters { player: host.next, account });
    }

    /// All players play, and their cores make checkpoints.
    fn play(&mut self) {
        for host in self.hosts.iter_mut().filter(|host| host.is_alive) {
            host.players.values_mut().for_each(|player| player.value += 1);
            host.checkpoint();
        }
    }

    /// The player of an account goes from one host to another.
    fn walk(&mut self, from: usize, to: usize, account: AccountId) {
        let Some((number, player)) = self.hosts[from].of(account) else { return };
        self.hosts[from].players.remove(&number);
        self.hosts[from].say_ended(number, player, StayEnd::Kept);
        let stay = Stay { moves: player.stay.moves + 1, ..player.stay };
        let host = &mut self.hosts[to];
        host.next += 1;
        host.players.insert(host.next, Player { stay, ..player });
        host.checkpoint();
    }

    fn leave(&mut self, at: usize, account: AccountId) {
        let Some((number, player)) = self.hosts[at].of(account) else { return };
        self.hosts[at].players.remove(&number);
        self.hosts[at].say_ended(number, player, StayEnd::Left);
    }
}

impl Host {
    fn of(&self, account: AccountId) -> Option<(u64, Player)> {
        self.players.iter().find(|(_, player)| player.account == account).map(|(number, player)| (*number, *player))
    }

    fn hear(&mut self, letter: ToCore) {
        match letter {
            ToCore::Checkpoints { ticks } => assert_eq!(ticks, 600),
            ToCore::Recalled { player, recall } => {
                let account = self.entering.remove(&player).expect("it waits, and is answered once");
                match recall {
                    Recall::Refuse => self.refused += 1,
                    Recall::Enter { stay, state } => {
                        let value = state.map_or(0, |state| u64::from_le_bytes(state.try_into().unwrap()));
                        self.players.insert(player, Player { account, stay, value });
                    }
                }
            }
            ToCore::Release { player } => {
                if let Some(gone) = self.players.remove(&player) {
                    let state = Some(gone.value.to_le_bytes().to_vec());
                    self.say_ended(player, gone, StayEnd::Released(state));
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn checkpoint(&mut self) {
        for (&player, &Player { account, stay, value }) in &self.players {
            let state = value.to_le_bytes().to_vec();
            self.keeper.hear_core(0, FromCore::Checkpoint { player, account, stay, state });
        }
    }

    fn say_ended(&mut self, player: u64, Player { account, stay, .. }: Player, end: StayEnd) {
        self.keeper.hear_core(0, FromCore::Ended { player, account, stay, end });
    }
}

const ANN: AccountId = AccountId(1);
const MS: fn(u64) -> Duration = Duration::from_millis;

#[tokio::test(start_paused = true)]
async fn the_player_of_a_killed_host_comes_back_from_its_last_checkpoint() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    assert_eq!(fleet.places(ANN), [(0, 0)]);
    for _ in 0..3 {
        fleet.play();
        fleet.settle(MS(50)).await;
    }
    fleet.hosts[0].players.values_mut().for_each(|player| player.value += 100);
    fleet.hosts[0].is_alive = false;
    fleet.enter(1, ANN);
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.places(ANN), [(1, 3)], "what came after the checkpoint is lost");
    assert_eq!(fleet.hosts[1].keeper.counters().restored, 1);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_enters_elsewhere_goes_on_as_it_is_now() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.hosts[0].players.values_mut().for_each(|player| player.value = 7);
    fleet.enter(1, ANN);
    fleet.settle(MS(200)).await;
    assert_eq!(fleet.places(ANN), [(1, 7)], "the other host has let it go");
    assert_eq!(fleet.hosts[0].keeper.counters().released, 1);
    // And at the same host, from another client.
    fleet.hosts[1].players.values_mut().for_each(|player| player.value = 8);
    fleet.enter(1, ANN);
    fleet.settle(MS(200)).await;
    assert_eq!(fleet.places(ANN), [(1, 8)]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_let_an_account_go_loses_it() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.hosts[0].is_mute = true;
    fleet.enter(1, ANN);
    fleet.settle(MS(500)).await;
    assert_eq!(fleet.places(ANN), [(0, 1)], "the other host may answer yet");
    fleet.settle(MS(1_500)).await;
    assert_eq!(fleet.places(ANN), [(0, 1), (1, 1)]);
    fleet.hosts[1].players.values_mut().for_each(|player| player.value = 50);
    fleet.play();
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.places(ANN), [(1, 51)], "the first one has learned it from the record, and has changed nothing");
    assert_eq!(fleet.hosts[0].keeper.counters().superseded, 1);
}

#[tokio::test(start_paused = true)]
async fn a_player_that_has_left_has_no_checkpoint() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.leave(0, ANN);
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.hosts[0].keeper.counters().removed, 1);
    assert_eq!(fleet.hosts[0].keeper.counters().accounts, 0);
    fleet.enter(1, ANN);
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.places(ANN), [(1, 0)], "it is a newcomer");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_goes_with_its_player() {
    let mut fleet = Fleet::new(3);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    // A checkpoint of the first host is under way when the player moves.
    fleet.walk(0, 1, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    assert_eq!(fleet.places(ANN), [(1, 2)]);
    fleet.hosts[1].is_alive = false;
    fleet.enter(2, ANN);
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.places(ANN), [(2, 2)]);
}

#[tokio::test(start_paused = true)]
async fn without_the_bucket_players_enter_and_the_later_stay_counts() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.bucket.set_fault(BucketFault::Away);
    fleet.enter(1, ANN);
    fleet.settle(MS(2_500)).await;
    assert_eq!(fleet.places(ANN), [(0, 1), (1, 0)], "it has entered within 2 s");
    assert_eq!(fleet.hosts[1].keeper.counters().without, 1);
    fleet.bucket.set_fault(BucketFault::None);
    for _ in 0..3 {
        fleet.play();
        fleet.settle(MS(100)).await;
    }
    assert_eq!(fleet.places(ANN), [(1, 3)]);
}

#[tokio::test(start_paused = true)]
async fn what_has_not_changed_is_not_written() {
    let mut fleet = Fleet::new(1);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    for _ in 0..5 {
        fleet.hosts[0].checkpoint();
        fleet.settle(MS(50)).await;
    }
    let counters = fleet.hosts[0].keeper.counters();
    assert_eq!((counters.written, counters.unchanged, fleet.bucket.changes()), (1, 4, 2));
}

#[tokio::test(start_paused = true)]
async fn a_player_that_leaves_while_the_bucket_is_away_has_no_checkpoint_later() {
    let mut fleet = Fleet::new(1);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.bucket.set_fault(BucketFault::Away);
    fleet.leave(0, ANN);
    fleet.settle(MS(1_000)).await;
    fleet.bucket.set_fault(BucketFault::None);
    fleet.settle(MS(8_000)).await;
    assert_eq!(fleet.hosts[0].keeper.counters().accounts, 0);
    fleet.enter(0, ANN);
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.places(ANN), [(0, 0)]);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Enter(usize, u64),
    Leave(usize, u64),
    Walk(usize, usize, u64),
    Play,
    Mute(usize, bool),
    Away(bool),
    Pass(u64),
}

const HOSTS: usize = 3;
const ACCOUNTS: u64 = 2;

fn act() -> impl Strategy<Value = Act> {
    let (host, account) = (0..HOSTS, 1..=ACCOUNTS);
    prop_oneof![
        4 => (host.clone(), account.clone()).prop_map(|(host, account)| Act::Enter(host, account)),
        1 => (host.clone(), account.clone()).prop_map(|(host, account)| Act::Leave(host, account)),
        3 => (host.clone(), host.clone(), account).prop_map(|(from, to, account)| Act::Walk(from, to, account)),
        4 => Just(Act::Play),
        1 => (host, any::<bool>()).prop_map(|(host, is_mute)| Act::Mute(host, is_mute)),
        1 => any::<bool>().prop_map(Act::Away),
        4 => (1u64..1_500).prop_map(Act::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is late, away or mute: in the end each account is at one host at most, and every client has its answer.
    #[test]
    fn an_account_is_once_in_the_world(acts in prop::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut fleet = Fleet::new(HOSTS as u64);
            fleet.settle(MS(30)).await;
            for act in acts {
                match act {
                    Act::Enter(host, account) => fleet.enter(host, AccountId(account)),
                    Act::Leave(host, account) => fleet.leave(host, AccountId(account)),
                    Act::Walk(from, to, account) if from != to => fleet.walk(from, to, AccountId(account)),
                    Act::Walk(..) => {}
                    Act::Play => fleet.play(),
                    Act::Mute(host, is_mute) => fleet.hosts[host].is_mute = is_mute,
                    Act::Away(is_away) => fleet.bucket.set_fault(if is_away { BucketFault::Away } else { BucketFault::None }),
                    Act::Pass(ms) => fleet.settle(MS(ms)).await,
                }
            }
            fleet.bucket.set_fault(BucketFault::None);
            fleet.settle(MS(8_000)).await;
            for _ in 0..3 {
                fleet.play();
                fleet.settle(MS(2_500)).await;
            }
            for account in (1..=ACCOUNTS).map(AccountId) {
                prop_assert!(fleet.places(account).len() <= 1, "{account} is at {:?}", fleet.places(account));
            }
            for host in &fleet.hosts {
                prop_assert!(host.entering.is_empty(), "a client has no answer");
                let held = host.keeper.counters().accounts;
                prop_assert_eq!(held, host.players.len() as u64, "nothing of players that have gone is left");
            }
            Ok(())
        })?;
    }
}
