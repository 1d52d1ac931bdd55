//! Hosts with one bucket, whose accounts enter, move, are killed and come back.

mod accounts;
mod any_order;
mod away;

use super::*;
use crate::bus::BusKey;
use crate::clock::Clock;
use crate::model::RunId;
use ringshard::game::AccountId;
use ringshard::runtime::fleet::{FromCore, Recall, Stay, StayEnd, ToCore};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const EVERY: Duration = Duration::from_secs(10);

/// A host with one core. A player is a number, which grows as it plays.
struct Host {
    run: RunId,
    bucket: MemoryBucket,
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
        let mut fleet = Fleet { bucket: MemoryBucket::default(), hosts: Vec::new() };
        (1..=hosts).for_each(|run| fleet.add_host(run, BucketFault::None));
        fleet
    }

    fn add_host(&mut self, run: u64, fault: BucketFault) {
        let (run, bucket, vault) = (RunId(run), self.bucket.client(), Vault::new(&BusKey::from_bytes([7; 32]), "b"));
        bucket.set_fault(fault);
        // Each host's clock is ahead of the one before.
        let clock = Clock::Simulated { began: tokio::time::Instant::now(), ms: 1_800_000_000_000 + run.0 * 20_000 };
        let keeper = Keeper::new(Bucket::Memory(bucket.clone()), vault, clock, run, 1, EVERY);
        let (players, entering) = Default::default();
        let (is_alive, is_mute) = (true, false);
        self.hosts.push(Host { run, bucket, keeper, players, next: 0, entering, refused: 0, is_alive, is_mute });
    }

    /// What is wrong between all hosts and the bucket.
    fn set_fault(&self, fault: BucketFault) {
        self.hosts.iter().for_each(|host| host.bucket.set_fault(fault));
    }

    /// Until nothing more happens for a while.
    async fn settle(&mut self, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < until {
            let alive: BTreeSet<_> = self.hosts.iter().filter(|host| host.is_alive).map(|host| host.run).collect();
            for at in 0..self.hosts.len() {
                if self.hosts[at].is_alive {
                    let others = alive.iter().copied().filter(|run| *run != self.hosts[at].run).collect();
                    self.hosts[at].keeper.tick(&others, true);
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
