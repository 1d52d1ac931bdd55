//! A host: its server, its tasks, and its ends of the bus and of the store.

use super::core::{Core, Player};
use crate::bus::memory::MemoryHub;
use crate::bus::{Bus, BusKey, Seal};
use crate::checkpoints::{Bucket, BucketFault, Keeper, MemoryBucket, Vault};
use crate::clock::Clock;
use crate::courier::Peer;
use crate::host::member::{Member, Server, Shown};
use crate::host::traffic::{CHECKPOINTS_PATIENCE, Traffic, TrafficParts, TrafficShown};
use crate::model::{Host, HostState, Name, RunId};
use crate::registry::{Keys, follow_zones};
use crate::store::memory::Fault;
use crate::store::{MemoryStore, Store};
use ringshard::ops::host::{HostStatus, Readiness};
use ringshard::runtime::fleet::between;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub(super) const CORES: usize = 2;
pub(super) const LEASE: Duration = Duration::from_secs(5);
pub(super) const MARGIN: f32 = 20.0;
/// A checkpoint is in the bucket after that.
pub(super) const SLACK: Duration = Duration::from_secs(3);
/// Time between two checkpoints.
pub(super) const CHECKPOINT: Duration = Duration::from_secs(10);
/// How long a host that ends waits for the registry.
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);
pub(super) const PREFIX: &str = "/f/";

/// What the simulation and the tasks see of a server.
#[derive(Clone)]
pub(super) struct SimulatedServer(Arc<Mutex<State>>);

struct State {
    status: HostStatus,
    is_stopped: bool,
}

impl SimulatedServer {
    fn new() -> Self {
        let status = HostStatus {
            state: Readiness::Ready,
            version: "1".into(),
            contract: "game".into(),
            key: "ab".repeat(32),
            capacity: 1_000,
            players: 0,
            load: 0.0,
            drain_ms: Some(0),
        };
        SimulatedServer(Arc::new(Mutex::new(State { status, is_stopped: false })))
    }

    pub(super) fn set_players(&self, players: usize) {
        self.0.lock().unwrap().status.players = players as u32;
    }

    /// Whether it has ended itself, because others may take its zones over.
    pub(super) fn is_stopped(&self) -> bool {
        self.0.lock().unwrap().is_stopped
    }

    pub(super) fn is_draining(&self) -> bool {
        self.status().state == Readiness::Draining
    }
}

impl Server for SimulatedServer {
    fn status(&self) -> HostStatus {
        self.0.lock().unwrap().status.clone()
    }

    fn drain(&self) {
        self.0.lock().unwrap().status.state = Readiness::Draining;
    }

    fn stop(&self) {
        self.0.lock().unwrap().is_stopped = true;
    }
}

/// What all hosts share.
pub(super) struct Base {
    pub store: MemoryStore,
    pub bucket: MemoryBucket,
    pub hub: MemoryHub,
}

/// A host that runs.
pub(super) struct Running {
    pub peer: Peer,
    pub server: SimulatedServer,
    pub store: MemoryStore,
    pub bucket: MemoryBucket,
    /// When something was last wrong between it and the bucket.
    pub unkept_at: Option<Instant>,
    /// When it last heard the registry late, or not at all.
    pub unanswered_at: Option<Instant>,
    pub cores: Vec<Core>,
    traffic: Arc<Mutex<TrafficShown>>,
    member: Arc<Mutex<Shown>>,
    stop: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 2],
    /// Since when it drains.
    pub draining_since: Option<Instant>,
    /// Since when its cores have ended.
    over_since: Option<Instant>,
    /// Since when it leaves the registry.
    leaving_since: Option<Instant>,
    /// Whether the bucket has its last checkpoints.
    pub is_written: bool,
    /// Whether its game refuses players of others.
    pub refuses: bool,
}

impl Running {
    pub(super) fn start(name: Name, run: RunId, base: &Base, clock: Clock) -> Running {
        let Base { store, bucket, hub } = base;
        let bucket = bucket.client();
        let vault = Vault::new(&BusKey::from_bytes([7; 32]), "checkpoints");
        let keeper = Keeper::new(Bucket::Memory(bucket.clone()), vault, clock, run, CORES, CHECKPOINT);
        let (store, server, keys) = (store.client(), SimulatedServer::new(), Keys::new(PREFIX));
        let peer = Peer { name: name.clone(), run };
        let address = address_of(run);
        let host = Host {
            name,
            run: Some(run),
            started_at_ms: 0,
            region: "eu".parse().unwrap(),
            address: address.to_string(),
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
        let shared = Store::Memory(store.clone());
        let member = Member::new(server.clone(), shared.clone(), keys.clone(), host, LEASE, stopped);
        let shown = member.shown().clone();
        let (ports, ends) = between(CORES);
        let traffic = Traffic::new(TrafficParts {
            me: peer.clone(),
            address,
            server: Box::new(server.clone()),
            clock,
            member: shown.clone(),
            ends,
            border: None,
            keeper: Some(keeper),
            bus: Bus::Memory(hub.connect(run)),
            seal: Seal::new(&BusKey::from_bytes([7; 32]), run),
            store: shared.clone(),
            keys: keys.clone(),
            zones: follow_zones(shared, keys, run.0),
            nodes: None,
            lease: LEASE,
            margin: MARGIN,
        });
        let seen = traffic.shown().clone();
        Running {
            peer,
            server,
            store,
            bucket,
            unkept_at: None,
            unanswered_at: None,
            cores: ports.into_iter().map(Core::new).collect(),
            traffic: seen,
            member: shown,
            stop,
            tasks: [tokio::spawn(member.run()), tokio::spawn(traffic.run())],
            draining_since: None,
            over_since: None,
            leaving_since: None,
            is_written: false,
            refuses: false,
        }
    }

    /// Looks whether it hears the registry.
    pub(super) fn look_at_registry(&mut self) {
        let is_heard = match self.store.fault() {
            Fault::None => true,
            Fault::Slow(delay) => delay < Duration::from_secs(1),
            Fault::Cut | Fault::AnswersLost => false,
        };
        if !is_heard {
            self.unanswered_at = Some(Instant::now());
        }
    }

    /// Whether nothing is wrong between it and the bucket.
    pub(super) fn is_kept(&mut self) -> bool {
        let is_open = self.traffic().checkpoints.is_some_and(|(players, _)| players.is_open);
        let is_kept = is_open && self.bucket.fault() == BucketFault::None && !self.bucket.is_removed();
        if !is_kept {
            self.unkept_at = Some(Instant::now());
        }
        is_kept
    }

    /// Ends it as `kill -9` does.
    pub(super) fn kill(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }

    /// Ends it in order. First its cores end. Gives their players.
    pub(super) fn end_cores(&mut self) -> Vec<Player> {
        self.over_since = Some(Instant::now());
        std::mem::take(&mut self.cores).into_iter().flat_map(Core::end_in_order).collect()
    }

    /// Whether its cores have ended.
    pub(super) fn is_over(&self) -> bool {
        self.over_since.is_some()
    }

    /// Whether its process ends, after its cores: when its last checkpoints are written, or that has taken too long, it leaves the
    /// registry, if that answers.
    pub(super) fn ends(&mut self) -> bool {
        let Some(over_since) = self.over_since else { return false };
        let Some(leaving_since) = self.leaving_since else {
            self.is_written = self.traffic().is_written();
            if self.is_written || over_since.elapsed() >= CHECKPOINTS_PATIENCE {
                self.leaving_since = Some(Instant::now());
                self.stop.send_replace(true);
            }
            return false;
        };
        self.tasks[0].is_finished() || leaving_since.elapsed() >= LEAVE_PATIENCE
    }

    pub(super) fn traffic(&self) -> TrafficShown {
        *self.traffic.lock().unwrap()
    }

    /// Whether the registry certainly has it.
    pub(super) fn is_registered(&self) -> bool {
        self.member.lock().unwrap().is_registered()
    }

    /// Whether the registry has it, and shows it as ready.
    pub(super) fn is_ready(&self) -> bool {
        let shown = self.member.lock().unwrap();
        shown.is_registered() && shown.host.state == HostState::Ready
    }

    /// Whether its cores know that a point is in its zones.
    pub(super) fn has(&self, point: [f32; 2]) -> bool {
        self.cores.iter().any(|core| core.own.as_ref().is_some_and(|own| !own.excludes(point)))
    }

    pub(super) fn players(&self) -> usize {
        self.cores.iter().map(|core| core.players.len()).sum()
    }
}

/// Each run has an address of its own.
pub(super) fn address_of(run: RunId) -> SocketAddr {
    (Ipv4Addr::from(run.0 as u32), 7777).into()
}

/// The run at an address.
pub(super) fn run_at(address: SocketAddr) -> RunId {
    let SocketAddr::V4(address) = address else { panic!("{address} is no address of the simulation") };
    RunId(u32::from(*address.ip()).into())
}
