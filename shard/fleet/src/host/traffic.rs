//! The task that owns zones and moves players between this host and others.

use super::duty;
use super::hearing::{BEAT, FENCE_MARGIN, Hearing, patience};
use super::kept::{self, Said};
use super::member::{Server, Shown};
use super::neighbours::Neighbours;
use super::suspects::Suspects;
use crate::bus::{Beat, Bus, Letter, Seal, To};
use crate::checkpoints::{Keeper, PlayerCounters, ZoneCounters};
use crate::clock::Clock;
use crate::courier::{Courier, CourierCounters, Destination, Door, Output, Peer};
use crate::model::{Host, HostState, Name, RunId, Zones};
use crate::registry::{DirectoryReader, Keys, ZoneChangeError, ZoneRecord};
use crate::store::{Store, StoreError};
use crate::zones::{self, Duty, Steward, View};
use ringshard::runtime::fleet::{FleetEnd, FromCore, OwnZones, ToCore};
use ringshard::runtime::tick;
use ringshard::world::border::{AnyBorder, BorderStats};
use ringshard_world::messages::ChangeServer;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// How long a host that ends waits for the last checkpoints of its players and zones.
pub(super) const CHECKPOINTS_PATIENCE: Duration = Duration::from_secs(2);
/// Time between two looks at what takes too long.
const TICK: Duration = Duration::from_millis(50);
/// If a host has sent no beat for this long, a login does not wait for it to release the account.
const SILENCE: Duration = Duration::from_millis(2_500);
/// Time between two looks at the zones.
const DUTIES: Duration = Duration::from_millis(250);
/// Hosts that were silent for longer are forgotten.
const FORGET: Duration = Duration::from_secs(60);
/// Time after which a duty is tried again that did not succeed.
const AGAIN: Duration = Duration::from_secs(2);
/// After this host was silent for so long that others may take its zones over, what they decided then can still arrive at the registry
/// for so long: they look again four times a second until they ask it, and it has 2 s.
const SETTLED: Duration = Duration::from_millis(3_500);
/// A host answers a suspicion if it has heard the suspect later than the sender has, by this much.
const LATER: Duration = Duration::from_millis(300);
/// Time between two questions to the registry whether a host is gone. All others are asked meanwhile.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What others see of it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct TrafficShown {
    pub courier: CourierCounters,
    pub moves: (usize, usize),
    /// Players who have moved, while only one of both hosts knows it.
    pub unsettled: usize,
    /// How long the move that has waited longest for its next step has done so.
    pub longest_wait: Duration,
    pub zones: usize,
    /// Zones of the fleet that no living host has.
    pub zones_without_host: usize,
    /// Whether it has zones that another host can take.
    pub can_give: bool,
    /// Whether its cores have ended, and all that they have said at last is heard.
    pub is_over: bool,
    pub zones_taken: u64,
    pub zones_given: u64,
    pub is_bus_there: bool,
    pub hosts_heard: usize,
    pub border: Option<BorderStats>,
    /// None: no checkpoints are to be kept.
    pub checkpoints: Option<(PlayerCounters, ZoneCounters)>,
    /// Bytes on the bus that were no letter of this fleet, or a repetition.
    pub refused: u64,
}

impl TrafficShown {
    /// Whether the cores have ended, the bucket has all that they have said at last, and other hosts know of all who have moved.
    pub(super) fn is_written(&self) -> bool {
        let is_all = |(players, zones): (PlayerCounters, ZoneCounters)| players.accounts == 0 && zones.losing == 0;
        self.is_over && self.unsettled == 0 && self.checkpoints.is_none_or(is_all)
    }
}

/// What it needs.
pub(super) struct TrafficParts {
    pub me: Peer,
    pub address: SocketAddr,
    pub server: Box<dyn Server>,
    pub clock: Clock,
    pub member: Arc<Mutex<Shown>>,
    pub ends: Vec<FleetEnd>,
    pub border: Option<Box<dyn AnyBorder>>,
    pub bus: Bus,
    pub seal: Seal,
    pub store: Store,
    pub keys: Keys,
    pub zones: DirectoryReader,
    /// Edges, through whose doors clients go on to other hosts. None: the clients of all go there directly.
    pub nodes: Option<DirectoryReader>,
    pub lease: Duration,
    /// How far a player may be outside of the zones, in units of the map.
    pub margin: f32,
    /// None: no checkpoints are to be kept.
    pub keeper: Option<Keeper>,
}

pub(super) struct Traffic {
    parts: TrafficParts,
    key: [u8; 32],
    /// The game's.
    contract: String,
    record: ZoneRecord,
    courier: Courier,
    neighbours: Option<Neighbours>,
    steward: Steward,
    hearing: Hearing,
    /// Other hosts that were heard lately.
    alive: BTreeSet<RunId>,
    /// Whether these are all that live.
    has_heard_all: bool,
    /// What found no room at a core, in order.
    waiting: Vec<VecDeque<ToCore>>,
    started: Instant,
    beat_at: Instant,
    duties_at: Instant,
    /// What is being asked of the registry.
    asking: JoinSet<Asked>,
    /// Hosts of which the registry is being asked whether they are gone.
    asking_of: BTreeSet<Peer>,
    /// The zone with which the registry is being asked to change something, and whether its owner is still silent.
    duty: Option<(Name, Arc<AtomicBool>)>,
    /// Runs of hosts whose zones or players this host is about to take.
    suspects: Suspects,
    /// What is to be said to all, or to one run.
    to_say: Vec<(To, Letter)>,
    /// Zones with which something did not succeed, and when it is tried again.
    not_before: BTreeMap<Name, Instant>,
    own: Option<OwnZones>,
    shown: Arc<Mutex<TrafficShown>>,
    counts: TrafficShown,
    is_fenced: bool,
    /// Whether it has said that this host has ended.
    has_left: bool,
    /// The core that is heard first.
    next_core: usize,
}

enum Asked {
    Gone(Peer, bool),
    Duty(Duty, Result<bool, ZoneChangeError>),
}

impl Traffic {
    pub(super) fn new(mut parts: TrafficParts) -> Self {
        let status = parts.server.status();
        let door = Door { is_open: false, contract: status.contract.clone() };
        let cores = parts.ends.len();
        let now = Instant::now();
        let neighbours = parts.border.take().map(Neighbours::new);
        let counts = TrafficShown {
            border: neighbours.as_ref().map(Neighbours::stats),
            checkpoints: parts.keeper.as_ref().map(counters_of),
            ..TrafficShown::default()
        };
        Traffic {
            key: key_of(&status.key),
            contract: status.contract,
            record: ZoneRecord::new(parts.store.clone(), parts.keys.clone()),
            courier: Courier::new(parts.me.run, cores, door),
            neighbours,
            steward: Steward::default(),
            hearing: Hearing::new(parts.me.clone()),
            alive: BTreeSet::new(),
            has_heard_all: false,
            waiting: (0..cores).map(|_| VecDeque::new()).collect(),
            started: now,
            beat_at: now,
            duties_at: now,
            asking: JoinSet::new(),
            asking_of: BTreeSet::new(),
            duty: None,
            suspects: Suspects::default(),
            to_say: Vec::new(),
            not_before: BTreeMap::new(),
            own: None,
            shown: Arc::new(Mutex::new(counts)),
            counts,
            is_fenced: false,
            has_left: false,
            next_core: 0,
            parts,
        }
    }

    pub(super) fn shown(&self) -> &Arc<Mutex<TrafficShown>> {
        &self.shown
    }

    /// Runs until it is dropped.
    pub(super) async fn run(mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut turns = interval(tick::TICK);
        turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                // What is due comes first, however much there is to hear.
                biased;
                _ = ticks.tick() => self.tick().await,
                _ = turns.tick(), if self.neighbours.is_some() => self.turn_border().await,
                changed = self.parts.zones.directory.changed() => {
                    if changed.is_err() {
                        tracing::error!("the task that follows the zones has ended: this host cannot know its zones, so it ends");
                        self.parts.server.stop();
                        return;
                    }
                    self.own_zones();
                }
                Some(asked) = self.asking.join_next() => {
                    match asked {
                        Ok(asked) => self.asked(asked),
                        // It has panicked, and nobody knows about what it asked.
                        Err(_) => {
                            self.duty = None;
                            self.asking_of.clear();
                        }
                    }
                }
                () = kept::hear_bucket(&mut self.parts.keeper) => {}
                (core, letter) = next_letter(&mut self.parts.ends, &mut self.next_core) => self.hear_core(core, letter),
                bytes = self.parts.bus.hear() => self.hear_bus(&bytes),
            }
            self.carry_out().await;
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// The host as its registration shows it, and whether it is certainly registered for a while.
    fn member(&self) -> (Host, bool) {
        let shown = self.parts.member.lock().unwrap_or_else(PoisonError::into_inner);
        (shown.host.clone(), shown.is_registered_for(FENCE_MARGIN))
    }

    async fn tick(&mut self) {
        let now = Instant::now();
        let (host, is_registered) = self.member();
        let is_open = host.state == HostState::Ready;
        self.courier.set_door(Door { is_open, contract: self.contract.clone() });
        self.courier.tick(self.now());
        self.fence(is_registered);
        if let Some(keeper) = &mut self.parts.keeper {
            keeper.tick(&self.alive, self.has_heard_all);
        }
        self.show();
        if self.counts.is_written() {
            return self.leave().await;
        }
        if now >= self.beat_at {
            self.beat_at = now + BEAT;
            self.beat(host.name, is_open).await;
        }
        if now >= self.duties_at {
            self.duties_at = now + DUTIES;
            self.do_duties(is_open && is_registered, host.state == HostState::Draining);
        }
        let questions = self.suspects.questions(&self.hearing);
        self.to_say.extend(questions.into_iter().map(|question| (To::All, question)));
    }

    /// Says once that this host has ended. It owns zones until another one takes them, but does nothing about them any more.
    async fn leave(&mut self) {
        if !std::mem::replace(&mut self.has_left, true) {
            let bytes = self.parts.seal.seal(To::All, &Letter::Left);
            self.parts.bus.say(None, bytes).await;
        }
    }

    async fn beat(&mut self, name: Name, is_open: bool) {
        let at_ms = self.hearing.say(self.parts.clock.now_ms());
        let (address, key, contract) = (self.parts.address, self.key, self.contract.clone());
        let beat = Beat { name, at_ms, address, key, contract, is_open };
        let bytes = self.parts.seal.seal(To::All, &Letter::Beat(beat));
        self.parts.bus.say(None, bytes).await;
    }

    fn hear_bus(&mut self, bytes: &[u8]) {
        match self.parts.seal.open(bytes) {
            Ok((from, Letter::Beat(beat))) => {
                let is_believed = self.hearing.heard(from, beat, self.parts.clock.now_ms());
                self.counts.refused += u64::from(!is_believed);
            }
            Ok((from, Letter::Move { id, note })) => {
                // Of an unknown host, the next copy of the letter comes after its next beat.
                if let Some(peer) = self.hearing.peer(from) {
                    self.courier.hear_host(self.now(), &peer, id, note);
                }
            }
            Ok((from, Letter::Border(message))) => {
                if let (Some(peer), Some(neighbours)) = (self.hearing.peer(from), &mut self.neighbours) {
                    neighbours.receive(&peer, &message);
                }
            }
            Ok((from, letter @ (Letter::Release { .. } | Letter::Released { .. }))) => {
                kept::hear_host(&mut self.parts.keeper, from, &letter);
            }
            Ok((from, Letter::Left)) => self.hearing.has_said_that_it_left(from),
            Ok((_, Letter::Suspect { .. })) if self.has_left => {}
            Ok((from, Letter::Suspect { run, silent_ms })) => {
                let silent_for = self.hearing.silent_for(run).filter(|_| from != self.parts.me.run);
                if let Some(silent_for) = silent_for.filter(|it| *it + LATER < Duration::from_millis(silent_ms.into()))
                {
                    let silent_ms = u32::try_from(silent_for.as_millis()).unwrap_or(u32::MAX);
                    self.to_say.push((To::Run(from), Letter::Heard { run, silent_ms }));
                }
            }
            Ok((_, Letter::Heard { run, silent_ms })) => {
                self.hearing.was_heard(run, Duration::from_millis(silent_ms.into()));
            }
            Err(_) => self.counts.refused += 1,
        }
    }

    async fn turn_border(&mut self) {
        let messages = self.neighbours.as_mut().map(Neighbours::turn).unwrap_or_default();
        for (to, message) in messages {
            let bytes = self.parts.seal.seal(To::Run(to.run), &Letter::Border(message));
            self.parts.bus.say(Some(to.run), bytes).await;
        }
    }

    fn hear_core(&mut self, core: usize, letter: FromCore) {
        let now = self.now();
        let (player, point) = match (letter, &mut self.parts.keeper) {
            (FromCore::Outside { player, point }, _) => (player, point),
            (letter, Some(keeper)) if kept::is_of(&letter) => return keeper.hear_core(core, letter),
            (letter, _) => return self.courier.hear_core(now, core, letter),
        };
        let directory = self.parts.zones.latest();
        let Some(to) = self.destination(&directory.zones, point) else { return };
        self.courier.begin(now, core, player, &to);
    }

    /// Where a player at this point belongs, if that is another host that can take it now.
    fn destination(&self, zones: &Zones, point: [f32; 2]) -> Option<Destination> {
        let owner = zones.at(point)?.1.owner.as_ref()?;
        let known = self.hearing.known(owner)?;
        let Beat { is_open, contract, .. } = &known.beat;
        let is_there = *is_open && *contract == self.contract && known.is_heard(self.parts.lease);
        let is_owner = zones.owners.get(owner) == Some(&known.run);
        (is_there && is_owner).then(|| Destination {
            peer: Peer { name: owner.clone(), run: known.run },
            address: known.beat.address,
            key: known.beat.key,
        })
    }

    /// Says to the cores which zones are this host's.
    fn own_zones(&mut self) {
        let directory = self.parts.zones.latest();
        let (zones, me) = (&directory.zones, &self.parts.me);
        let areas: Vec<_> = zones.owned_by(&me.name, me.run).map(|(_, zone)| [zone.area.min, zone.area.max]).collect();
        self.counts.zones = areas.len();
        if let Some(keeper) = &mut self.parts.keeper {
            let own = zones.owned_by(&me.name, me.run).map(|(name, zone)| (name.clone(), zone.clone()));
            keeper.set_zones(&own.collect::<Vec<_>>());
        }
        let everything = [[f32::NEG_INFINITY; 2], [f32::INFINITY; 2]];
        let areas = if zones.is_empty() { vec![everything] } else { areas };
        let own = OwnZones { areas, margin: self.parts.margin };
        if self.own.as_ref() != Some(&own) {
            let shared = Arc::new(own.clone());
            for waiting in &mut self.waiting {
                waiting.push_back(ToCore::Own(shared.clone()));
            }
            self.own = Some(own);
        }
    }

    fn do_duties(&mut self, is_open: bool, is_leaving: bool) {
        let now = self.now();
        let heard = self.hearing.all(&self.contract, FORGET.max(2 * self.parts.lease));
        let bus_for = self.hearing.bus_for();
        (self.alive, self.has_heard_all) = (self.hearing.alive(SILENCE), bus_for >= zones::ALL_HEARD);
        let directory = self.parts.zones.latest();
        let (told, left) = (self.hearing.told(), self.hearing.left());
        let view = View {
            me: &self.parts.me,
            is_open,
            is_leaving,
            zones: &directory.zones,
            heard: &heard,
            told: &told,
            left: &left,
            bus_for,
            patience: patience(self.parts.lease),
        };
        self.counts.can_give = self.counts.zones > 0 && zones::can_give(view);
        self.counts.zones_without_host = zones::without_host(view);
        let duties = self.steward.duties(now, view);
        if let Some((zone, is_orphaned)) = &self.duty {
            is_orphaned.store(zones::is_orphaned(zone, view), Ordering::Relaxed);
        }
        if let Some(neighbours) = &mut self.neighbours {
            let is_there = |peer: &Peer| heard.get(&peer.name).is_some_and(|heard| heard.run == peer.run);
            neighbours.set_zones(&directory.zones, &self.parts.me, is_there);
        }
        // What the registry answers changes the zones, so that the next duties differ.
        let is_calm = !self.hearing.has_twin(patience(self.parts.lease));
        self.suspect(&duties);
        let due = duties.into_iter().find(|duty| {
            let is_certain = duty.taken_from().is_none_or(|run| self.suspects.had_time(run));
            is_certain && self.not_before.get(duty.zone()).is_none_or(|at| Instant::now() >= *at)
        });
        if let Some(duty) = due.filter(|_| self.duty.is_none() && is_calm && directory.revision > 0) {
            let is_orphaned = Arc::new(AtomicBool::new(true));
            self.duty = Some((duty.zone().clone(), is_orphaned.clone()));
            let (record, me, keys) = (self.record.clone(), self.parts.me.clone(), self.parts.keys.clone());
            let store = self.parts.store.clone();
            self.asking.spawn(async move {
                let done = duty::carry_out(&record, &store, &keys, &me, &duty, &is_orphaned).await;
                Asked::Duty(duty, done)
            });
        }
    }

    /// The hosts whose zones are to be taken over, or whose players are to be taken back, may be gone.
    fn suspect(&mut self, duties: &[Duty]) {
        let of_moves = self.asking_of.iter().map(|peer| peer.run);
        self.suspects.set(&duties.iter().filter_map(Duty::taken_from).chain(of_moves).collect());
    }

    fn asked(&mut self, asked: Asked) {
        match asked {
            Asked::Gone(peer, has_no_lease) => {
                // A host that has lost only the registry is alive.
                let patience = patience(self.parts.lease);
                let is_heard = self.hearing.silent_for(peer.run).is_some_and(|silent_for| silent_for < patience);
                self.asking_of.remove(&peer);
                if has_no_lease && !is_heard && self.hearing.bus_for() >= patience {
                    self.courier.is_gone(self.now(), &peer);
                }
            }
            Asked::Duty(duty, done) => {
                self.duty = None;
                self.not_before.retain(|_, at| Instant::now() < *at);
                if !matches!(done, Ok(true)) {
                    self.not_before.insert(duty.zone().clone(), Instant::now() + AGAIN);
                }
                let (taken, given) = duty::report(&duty, &done);
                self.counts.zones_taken += taken;
                self.counts.zones_given += given;
            }
        }
    }

    /// Ends the server if nobody can know that it is alive: then others take its zones over.
    fn fence(&mut self, is_registered: bool) {
        let lease = self.parts.lease;
        let is_heard = self.hearing.unheard_for().is_some_and(|time| time + FENCE_MARGIN < lease)
            && !self.hearing.was_unheard(lease.saturating_sub(FENCE_MARGIN), SETTLED);
        let has_twin = self.hearing.has_twin(self.parts.lease);
        let has_players = self.parts.server.status().players > 0;
        let has_zones = !self.parts.zones.latest().zones.is_empty();
        let is_owner = self.counts.zones > 0 || (has_players && has_zones);
        if is_owner && !is_registered && (!is_heard || has_twin) && !self.is_fenced {
            self.is_fenced = true;
            tracing::error!(
                has_twin,
                "neither the registry nor the bus hears this host, or another one has its name, so that others may take its \
                 zones over: it ends, and its players come back to the others"
            );
            self.parts.server.stop();
        }
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.courier.poll() {
            match output {
                Output::ToCore(core, letter) => self.waiting[core].push_back(letter),
                Output::Send { core, player, to, host, gateway } => {
                    let nodes = self.parts.nodes.as_ref().map(DirectoryReader::latest);
                    let door = nodes.zip(gateway).and_then(|(nodes, gateway)| nodes.door(gateway, &host));
                    let address = door.unwrap_or(to.address);
                    let to = ChangeServer { address, ..to };
                    self.waiting[core].push_back(ToCore::Send { player, to });
                }
                Output::ToHost(to, id, note) => {
                    let bytes = self.parts.seal.seal(To::Run(to.run), &Letter::Move { id, note });
                    self.parts.bus.say(Some(to.run), bytes).await;
                }
                Output::IsGone(peer) => self.ask_whether_gone(peer),
            }
        }
        for (to, letter) in std::mem::take(&mut self.to_say) {
            let bytes = self.parts.seal.seal(to, &letter);
            self.parts.bus.say(if let To::Run(run) = to { Some(run) } else { None }, bytes).await;
        }
        while let Some(output) = self.parts.keeper.as_mut().and_then(Keeper::poll) {
            match kept::said(output) {
                Said::ToCore(core, letter) => self.waiting[core].push_back(letter),
                Said::ToHost(run, letter) => {
                    let bytes = self.parts.seal.seal(To::Run(run), &letter);
                    self.parts.bus.say(Some(run), bytes).await;
                }
            }
        }
        for (end, waiting) in self.parts.ends.iter_mut().zip(&mut self.waiting) {
            while let Some(letter) = waiting.pop_front() {
                if let Err(letter) = end.say(letter) {
                    waiting.push_front(letter);
                    break;
                }
            }
        }
    }

    fn ask_whether_gone(&mut self, peer: Peer) {
        if !self.asking_of.insert(peer.clone()) {
            return;
        }
        let (store, key) = (self.parts.store.clone(), self.parts.keys.record(&peer.name));
        self.asking.spawn(async move {
            // Several moves to one host ask again at once. The answer is used at once.
            sleep(ASK_AGAIN).await;
            let answer: Result<_, StoreError> = store.get(&key).await;
            let has_no_lease =
                answer.is_ok_and(|record| record.is_none_or(|record| duty::is_of_other_run(&record, peer.run)));
            Asked::Gone(peer, has_no_lease)
        });
    }

    fn show(&mut self) {
        self.counts.courier = self.courier.counters();
        self.counts.moves = self.courier.under_way();
        self.counts.longest_wait = self.courier.longest_wait(self.now());
        self.counts.unsettled = self.courier.unsettled();
        let are_heard = self.parts.keeper.as_ref().is_none_or(Keeper::has_heard_ends);
        self.counts.is_over = are_heard && self.parts.ends.iter().all(FleetEnd::is_over);
        self.counts.is_bus_there = self.hearing.is_bus_there();
        self.counts.hosts_heard = self.hearing.count(self.parts.lease);
        self.counts.border = self.neighbours.as_ref().map(Neighbours::stats);
        self.counts.checkpoints = self.parts.keeper.as_ref().map(counters_of);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = self.counts;
    }
}

fn counters_of(keeper: &Keeper) -> (PlayerCounters, ZoneCounters) {
    (keeper.counters(), keeper.zone_counters())
}

/// Waits until a core says something. The cores take turns.
async fn next_letter(ends: &mut [FleetEnd], next: &mut usize) -> (usize, FromCore) {
    poll_fn(|cx| {
        for turn in 0..ends.len() {
            let core = (*next + turn) % ends.len();
            if let Poll::Ready(letter) = ends[core].poll_take(cx) {
                *next = core + 1;
                return Poll::Ready((core, letter));
            }
        }
        Poll::Pending
    })
    .await
}

/// The bytes of a key in hexadecimal digits.
fn key_of(digits: &str) -> [u8; 32] {
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).expect("a key is hexadecimal");
        *byte = u8::from_str_radix(pair, 16).expect("a key is hexadecimal");
    }
    key
}
