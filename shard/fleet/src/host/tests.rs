//! Hosts, a store in memory and a reader on a clock that the tests turn.

use super::member::{Member, Server, Shown};
use crate::model::{Host, HostState, Name, RunId};
use crate::registry::membership::Standing;
use crate::registry::{DirectoryReader, Keys, Occasion, Operator, follow};
use crate::store::Store;
use crate::store::memory::{Fault, MemoryStore};
use ringshard::ops::host::{HostStatus, Readiness};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

const LEASE: Duration = Duration::from_secs(5);
/// Within this time after the last fault, everything is right again: the longest wait of a host or a reader, a request that
/// runs into its timeout, and a lease that has to end.
const CALM: Duration = Duration::from_secs(12);
const S: fn(u64) -> Duration = Duration::from_secs;

/// Runs a test on a clock that goes on as soon as nothing else is to do.
fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(test);
}

#[derive(Clone)]
struct FakeServer(Arc<Mutex<HostStatus>>);

impl FakeServer {
    fn new() -> Self {
        FakeServer(Arc::new(Mutex::new(HostStatus {
            state: Readiness::Ready,
            version: "1".into(),
            contract: String::new(),
            key: "ab".repeat(32),
            capacity: 100,
            players: 0,
            load: 0.0,
            drain_ms: Some(0),
        })))
    }

    fn set(&self, change: impl FnOnce(&mut HostStatus)) {
        change(&mut self.0.lock().unwrap());
    }
}

impl Server for FakeServer {
    fn status(&self) -> HostStatus {
        self.0.lock().unwrap().clone()
    }

    fn drain(&self) {
        self.set(|status| status.state = Readiness::Draining);
    }

    fn stop(&self) {}
}

/// A host that runs.
struct Running {
    name: Name,
    run: RunId,
    server: FakeServer,
    store: MemoryStore,
    shown: Arc<Mutex<Shown>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(store: &MemoryStore, name: &str, run: u64) -> Running {
        let (store, server, run) = (store.client(), FakeServer::new(), RunId(run));
        let host = Host {
            name: name.parse().unwrap(),
            run: Some(run),
            started_at_ms: 0,
            region: "eu".parse().unwrap(),
            address: format!("192.0.2.1:{}", run.0),
            key: String::new(),
            gateway: None,
            version: String::new(),
            contract: String::new(),
            capacity: 0,
            players: 0,
            load: 0.0,
            weight: 100,
            state: HostState::Starting,
            drain_ms: None,
        };
        let (stop, stopped) = watch::channel(false);
        let (name, fleet) = (host.name.clone(), Store::Memory(store.clone()));
        let member = Member::new(server.clone(), fleet, Keys::new("/f/"), host, LEASE, stopped);
        let shown = member.shown().clone();
        Running { name, run, server, store, shown, stop, task: tokio::spawn(member.run()) }
    }

    fn is_registered(&self) -> bool {
        self.shown.lock().unwrap().is_registered()
    }

    fn standing(&self) -> Standing {
        self.shown.lock().unwrap().standing.clone()
    }
}

fn reader(store: &MemoryStore) -> DirectoryReader {
    follow(Store::Memory(store.clone()), Keys::new("/f/"), 9)
}

fn operator(store: &MemoryStore) -> Operator {
    Operator::new(Store::Memory(store.clone()), Keys::new("/f/"), "ada@console")
}

fn occasion(random: u64) -> Occasion {
    Occasion { at_ms: 1, random, reason: "test".into() }
}

fn names(reader: &DirectoryReader) -> Vec<String> {
    reader.latest().hosts.keys().map(ToString::to_string).collect()
}

#[test]
fn a_registry_that_is_away_for_a_minute_costs_no_host_its_place() {
    run(async {
        let store = MemoryStore::new();
        let hosts: Vec<_> =
            ["a", "b", "c"].iter().zip(1..).map(|(name, run)| Running::start(&store, name, run)).collect();
        let reader = reader(&store);
        sleep(S(2)).await;
        assert_eq!(names(&reader), ["a", "b", "c"]);
        store.set_running(false);
        for _ in 0..600 {
            sleep(Duration::from_millis(100)).await;
            assert_eq!(names(&reader), ["a", "b", "c"], "the directory stays as it was");
        }
        assert!(hosts.iter().all(|host| matches!(host.standing(), Standing::Away { .. }) && !host.is_registered()));
        assert!(reader.freshness.borrow().age() >= Some(S(60)), "and it is known how old it is");
        hosts[0].server.set(|status| status.players = 50);
        store.set_running(true);
        for _ in 0..40 {
            sleep(Duration::from_millis(100)).await;
            assert_eq!(names(&reader), ["a", "b", "c"], "no lease has ended");
        }
        assert!(hosts.iter().all(Running::is_registered));
        assert_eq!(reader.latest().hosts["a"].players, 50);
        assert!(reader.freshness.borrow().age() < Some(S(2)) && reader.freshness.borrow().trouble.is_none());
    });
}

#[test]
fn a_host_that_dies_is_gone_within_its_lease_and_a_second() {
    run(async {
        let store = MemoryStore::new();
        let hosts = [Running::start(&store, "a", 1), Running::start(&store, "b", 2)];
        let reader = reader(&store);
        sleep(S(7)).await;
        hosts[0].task.abort();
        sleep(LEASE + S(1)).await;
        assert_eq!(names(&reader), ["b"]);
    });
}

#[test]
fn a_host_that_ends_in_order_is_gone_at_once() {
    run(async {
        let store = MemoryStore::new();
        let host = Running::start(&store, "a", 1);
        let reader = reader(&store);
        sleep(S(2)).await;
        host.stop.send_replace(true);
        sleep(Duration::from_millis(200)).await;
        assert!(host.task.is_finished() && names(&reader).is_empty());
        // So it is if nobody is left who could say it.
        let Running { task, stop, .. } = Running::start(&store, "a", 2);
        sleep(S(2)).await;
        drop(stop);
        sleep(Duration::from_millis(200)).await;
        assert!(task.is_finished() && names(&reader).is_empty());
    });
}

#[test]
fn a_host_that_is_cut_off_vanishes_and_comes_back_by_itself() {
    run(async {
        let store = MemoryStore::new();
        let host = Running::start(&store, "a", 1);
        let reader = reader(&store);
        sleep(S(2)).await;
        host.store.set_fault(Fault::Cut);
        sleep(LEASE + S(1)).await;
        assert!(names(&reader).is_empty() && !host.is_registered());
        sleep(S(60)).await;
        host.store.set_fault(Fault::None);
        sleep(S(5)).await;
        assert!(names(&reader) == ["a"] && host.is_registered());
    });
}

#[test]
fn a_name_belongs_to_one_host_and_the_next_one_waits_for_it() {
    run(async {
        let store = MemoryStore::new();
        let first = Running::start(&store, "a", 1);
        sleep(S(1)).await;
        let second = Running::start(&store, "a", 2);
        let reader = reader(&store);
        sleep(S(30)).await;
        assert_eq!(reader.latest().hosts["a"].run, Some(RunId(1)));
        assert!(matches!(second.standing(), Standing::Taken { by, .. } if by == "192.0.2.1:1"));
        first.stop.send_replace(true);
        sleep(S(3)).await;
        assert_eq!(reader.latest().hosts["a"].run, Some(RunId(2)));
    });
}

#[test]
fn a_drain_shows_at_once_and_maintenance_outlives_the_host() {
    run(async {
        let (store, soon) = (MemoryStore::new(), Duration::from_millis(500));
        let (first, reader, operator) = (Running::start(&store, "a", 1), reader(&store), operator(&store));
        let name: Name = "a".parse().unwrap();
        let state = || reader.latest().hosts.get("a").map(|host| host.state);
        sleep(S(2)).await;
        assert_eq!(state(), Some(HostState::Ready));
        first.server.set(|status| status.state = Readiness::Overloaded);
        sleep(soon).await;
        assert_eq!(state(), Some(HostState::Overloaded));
        assert!(operator.set_maintenance(&name, true, &occasion(1)).await.unwrap());
        assert!(!operator.set_maintenance(&name, true, &occasion(2)).await.unwrap(), "it is in maintenance already");
        sleep(soon).await;
        assert_eq!(state(), Some(HostState::Maintenance));
        assert_eq!(operator.drain(&name, &occasion(3)).await.unwrap(), RunId(1));
        sleep(soon).await;
        assert_eq!((state(), first.server.status().state), (Some(HostState::Draining), Readiness::Draining));
        first.stop.send_replace(true);
        sleep(soon).await;
        let second = Running::start(&store, "a", 2);
        sleep(S(2)).await;
        assert_eq!(state(), Some(HostState::Maintenance), "the order to drain was for the first run");
        assert_eq!(second.server.status().state, Readiness::Ready);
        assert!(operator.set_maintenance(&name, false, &occasion(4)).await.unwrap());
        sleep(soon).await;
        assert_eq!(state(), Some(HostState::Ready));
        let audit = operator.audit(10).await.unwrap();
        let told: Vec<_> = audit.iter().map(|entry| entry.changed.to_string()).collect();
        assert_eq!(told, ["maintenance of a on", "drain of a (run 0000000000000001)", "maintenance of a off"]);
        assert!(audit.iter().all(|entry| entry.by == "ada@console" && entry.reason == "test"));
    });
}

/// A small generator: a seed replays a walk.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Hosts that come, die, are cut off, and contest names, with a store that stops and forgets; and what must hold always.
struct Walk {
    store: MemoryStore,
    reader: DirectoryReader,
    reader_store: MemoryStore,
    hosts: Vec<Running>,
    runs: u64,
    orders: u64,
    dice: Dice,
    seed: u64,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let store = MemoryStore::new();
        let reader_store = store.client();
        let reader = reader(&reader_store);
        Walk { store, reader, reader_store, hosts: Vec::new(), runs: 0, orders: 0, dice: Dice(seed), seed }
    }

    async fn step(&mut self) {
        let at = if self.hosts.is_empty() { None } else { Some(self.dice.below(self.hosts.len() as u64) as usize) };
        match (self.dice.below(12), at) {
            (0 | 1, _) if self.hosts.len() < 6 => {
                self.runs += 1;
                let name = ["a", "b", "c", "d"][self.dice.below(4) as usize];
                self.hosts.push(Running::start(&self.store, name, self.runs));
            }
            (2, Some(at)) => self.hosts.swap_remove(at).task.abort(),
            (3, Some(at)) => {
                self.hosts.swap_remove(at).stop.send_replace(true);
            }
            (4 | 5, Some(at)) => {
                let fault = self.fault();
                self.hosts[at].store.set_fault(fault);
            }
            (6, _) => {
                let fault = self.fault();
                self.reader_store.set_fault(fault);
            }
            (7, _) => self.store.set_running(false),
            (8, _) => self.store.set_running(true),
            (9, _) => self.store.compact(u64::MAX),
            (10, Some(at)) => {
                let players = self.dice.below(101) as u32;
                self.hosts[at].server.set(|status| status.players = players);
            }
            (11, _) => {
                let (name, on) = (["a", "b"][self.dice.below(2) as usize].parse().unwrap(), self.dice.below(2) == 0);
                self.orders += 1;
                // It fails while the store is stopped.
                let _ = operator(&self.store).set_maintenance(&name, on, &occasion(self.orders)).await;
            }
            _ => {}
        }
    }

    fn fault(&mut self) -> Fault {
        match self.dice.below(5) {
            0 => Fault::Cut,
            1 => Fault::AnswersLost,
            2 => Fault::Slow(Duration::from_millis(self.dice.below(3_000))),
            _ => Fault::None,
        }
    }

    /// Lets time pass. No two hosts may be sure of one name at any moment.
    async fn pass(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            sleep(Duration::from_millis(50)).await;
            let mut owners: BTreeMap<&Name, RunId> = BTreeMap::new();
            for host in self.hosts.iter().filter(|host| host.is_registered()) {
                if let Some(other) = owners.insert(&host.name, host.run) {
                    panic!("seed {}: {} belongs to the runs {other} and {}", self.seed, host.name, host.run);
                }
            }
        }
    }

    /// After all faults have ended, the directory shows the truth.
    async fn settle(&mut self) {
        self.store.set_running(true);
        self.reader_store.set_fault(Fault::None);
        self.hosts.iter().for_each(|host| host.store.set_fault(Fault::None));
        self.pass(CALM).await;
        let directory = self.reader.latest();
        let seed = self.seed;
        let names: std::collections::BTreeSet<_> = self.hosts.iter().map(|host| &host.name).collect();
        let shown: std::collections::BTreeSet<_> = directory.hosts.keys().collect();
        assert_eq!(names, shown, "seed {seed}: each name that has a live host is there, and no other");
        for (name, host) in &directory.hosts {
            let owner = self.hosts.iter().find(|owner| Some(owner.run) == host.run);
            let owner = owner.unwrap_or_else(|| panic!("seed {seed}: {name} is a host that has died"));
            assert!(owner.is_registered(), "seed {seed}: {name} knows that it is registered");
            assert_eq!(host.players, owner.server.status().players, "seed {seed}: {name} shows its players");
            let orders = directory.orders.get(name).cloned().unwrap_or_default();
            let expected = if orders.maintenance.is_some() { HostState::Maintenance } else { HostState::Ready };
            assert_eq!(host.state, expected, "seed {seed}: {name} obeys");
        }
        let age = self.reader.freshness.borrow().age();
        assert!(age < Some(S(3)), "seed {seed}: the directory is current: {age:?}");
    }
}

/// `FLEET_SEEDS` walks more.
#[test]
fn whatever_fails_the_directory_shows_the_truth_soon_after() {
    let seeds = std::env::var("FLEET_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12);
    for seed in 0..seeds {
        run(async {
            let mut walk = Walk::new(seed);
            for _ in 0..6 {
                for _ in 0..walk.dice.below(25) {
                    walk.step().await;
                    let pause = Duration::from_millis(walk.dice.below(4_000));
                    walk.pass(pause).await;
                }
                walk.settle().await;
            }
        });
    }
}
