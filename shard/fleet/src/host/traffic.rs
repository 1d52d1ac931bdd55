//! The task that owns zones and moves players between this host and others.

use super::kept::{self, Said};
use super::member::Shown;
use super::neighbours::Neighbours;
use crate::bus::nats::NatsBus;
use crate::bus::{Beat, Letter, NotALetter, Seal, To};
use crate::checkpoints::{Keeper, PlayerCounters, ZoneCounters};
use crate::courier::{Courier, CourierCounters, Destination, Door, Output, Peer};
use crate::model::{Host, HostState, Name, RunId, Zones};
use crate::registry::{DirectoryReader, Keys, ZoneChangeError, ZoneRecord};
use crate::store::{Commit, Condition, Record, Store, StoreError};
use crate::zones::{Duty, Heard, Steward, View};
use ringshard::ops::host::HostProbe;
use ringshard::runtime::fleet::{FleetEnd, FromCore, OwnZones, ToCore};
use ringshard::runtime::tick;
use ringshard::world::border::{AnyBorder, BorderStats};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Time between two looks at what takes too long.
const TICK: Duration = Duration::from_millis(50);
/// Time between two beats.
const BEAT: Duration = Duration::from_secs(1);
/// A host whose beats fail to come for so long may be gone: an account that it has need not wait for it.
const SILENCE: Duration = Duration::from_millis(2_500);
/// Time between two looks at the zones.
const DUTIES: Duration = Duration::from_millis(250);
/// Beats whose time differs by more from this host's clock are of the past: somebody may repeat them.
const BEAT_AGE_MAX: Duration = Duration::from_secs(60);
/// Beats of this host that it remembers.
const BEATS_MAX: usize = 32;
/// Hosts that were silent for longer are forgotten.
const FORGET: Duration = Duration::from_secs(60);
/// Time after which a duty is tried again that did not succeed.
const AGAIN: Duration = Duration::from_secs(2);
/// Time between two questions whether a host is gone.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Hosts that are remembered.
const HOSTS_MAX: usize = 4_096;
/// A host ends this long before others may take its zones over.
const FENCE_MARGIN: Duration = Duration::from_secs(1);

/// What others see of it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct TrafficShown {
    pub courier: CourierCounters,
    pub moves: (usize, usize),
    pub zones: usize,
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

/// What it needs.
pub(super) struct TrafficParts {
    pub me: Peer,
    pub address: SocketAddr,
    pub server: HostProbe,
    pub member: Arc<Mutex<Shown>>,
    pub ends: Vec<FleetEnd>,
    pub border: Option<Box<dyn AnyBorder>>,
    pub bus: NatsBus,
    pub seal: Seal,
    pub store: Store,
    pub keys: Keys,
    pub zones: DirectoryReader,
    pub lease: Duration,
    /// How far a player may be outside of the zones, in units of the map.
    pub margin: f32,
    /// None: no checkpoints are to be kept.
    pub keeper: Option<Keeper>,
}

pub(super) struct Traffic {
    parts: TrafficParts,
    key: [u8; 32],
    record: ZoneRecord,
    courier: Courier,
    neighbours: Option<Neighbours>,
    steward: Steward,
    hosts: BTreeMap<Name, Known>,
    /// What found no room at a core, in order.
    waiting: Vec<VecDeque<ToCore>>,
    started: Instant,
    beat_at: Instant,
    duties_at: Instant,
    /// When the last of this host's own beats came back, and since when they do.
    echo: Option<Instant>,
    /// The last beats that were said: the time in them, and when that was.
    said: VecDeque<(u64, Instant)>,
    /// When another run under this host's name was heard.
    twin: Option<Instant>,
    echo_since: Option<Instant>,
    /// What is being asked of the registry.
    asking: JoinSet<Asked>,
    /// Hosts of which the registry is being asked whether they are gone.
    asking_of: BTreeSet<Peer>,
    has_duty: bool,
    /// Zones with which something did not succeed, and when it is tried again.
    not_before: BTreeMap<Name, Instant>,
    own: Option<OwnZones>,
    shown: Arc<Mutex<TrafficShown>>,
    counts: TrafficShown,
    is_fenced: bool,
}

/// What is known of another host.
struct Known {
    run: RunId,
    beat: Beat,
    at: Instant,
}

enum Asked {
    Gone(Peer, bool),
    Duty(Duty, Result<bool, ZoneChangeError>),
}

impl Traffic {
    pub(super) fn new(mut parts: TrafficParts) -> Self {
        let status = parts.server.status();
        let door = Door { is_open: false, contract: status.contract };
        let cores = parts.ends.len();
        let now = Instant::now();
        let neighbours = parts.border.take().map(Neighbours::new);
        let counts = TrafficShown { border: neighbours.as_ref().map(Neighbours::stats), ..TrafficShown::default() };
        Traffic {
            key: key_of(&status.key),
            record: ZoneRecord::new(parts.store.clone(), parts.keys.clone()),
            courier: Courier::new(parts.me.run, cores, door),
            neighbours,
            steward: Steward::default(),
            hosts: BTreeMap::new(),
            waiting: (0..cores).map(|_| VecDeque::new()).collect(),
            started: now,
            beat_at: now,
            duties_at: now,
            echo: None,
            said: VecDeque::new(),
            twin: None,
            echo_since: None,
            asking: JoinSet::new(),
            asking_of: BTreeSet::new(),
            has_duty: false,
            not_before: BTreeMap::new(),
            own: None,
            shown: Arc::new(Mutex::new(counts)),
            counts,
            is_fenced: false,
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
                (core, letter) = next_letter(&mut self.parts.ends) => self.hear_core(core, letter),
                bytes = self.parts.bus.hear() => self.hear_bus(&bytes),
                () = kept::hear_bucket(&mut self.parts.keeper) => {}
                changed = self.parts.zones.directory.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.own_zones();
                }
                Some(asked) = self.asking.join_next() => {
                    match asked {
                        Ok(asked) => self.asked(asked),
                        Err(_) => self.has_duty = false,
                    }
                }
                _ = ticks.tick() => self.tick().await,
                _ = turns.tick(), if self.neighbours.is_some() => self.turn_border().await,
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
        let contract = self.parts.server.status().contract;
        self.courier.set_door(Door { is_open, contract: contract.clone() });
        self.courier.tick(self.now());
        self.fence(is_registered);
        if let Some(keeper) = &mut self.parts.keeper {
            let heard = self.hosts.values().filter(|known| known.at.elapsed() < SILENCE);
            keeper.tick(&heard.map(|known| known.run).collect());
        }
        if now >= self.beat_at {
            self.beat_at = now + BEAT;
            self.beat(host.clone(), is_open, contract).await;
        }
        if now >= self.duties_at {
            self.duties_at = now + DUTIES;
            self.do_duties(is_open && is_registered, host.state == HostState::Draining);
        }
        self.show();
    }

    async fn beat(&mut self, host: Host, is_open: bool, contract: String) {
        let at_ms = now_ms();
        let Host { name, players, capacity, .. } = host;
        let (address, key) = (self.parts.address, self.key);
        let beat = Beat { name, at_ms, address, key, contract, is_open, players, capacity };
        let bytes = self.parts.seal.seal(To::All, &Letter::Beat(beat));
        self.said.push_back((at_ms, Instant::now()));
        if self.said.len() > BEATS_MAX {
            self.said.pop_front();
        }
        self.parts.bus.say(None, bytes).await;
    }

    fn hear_bus(&mut self, bytes: &[u8]) {
        match self.parts.seal.open(bytes) {
            Ok((from, Letter::Beat(beat))) => self.heard(from, beat),
            Ok((from, Letter::Move { id, note })) => {
                // Of an unknown host, the next copy of the letter comes after its next beat.
                if let Some(peer) = self.peer(from) {
                    self.courier.hear_host(self.now(), &peer, id, note);
                }
            }
            Ok((from, Letter::Border(message))) => {
                if let (Some(peer), Some(neighbours)) = (self.peer(from), &mut self.neighbours) {
                    neighbours.receive(&peer, &message);
                }
            }
            Ok((from, letter @ (Letter::Release { .. } | Letter::Released { .. }))) => {
                kept::hear_host(&mut self.parts.keeper, from, &letter);
            }
            Err(NotALetter::Other) => {}
            Err(_) => self.counts.refused += 1,
        }
    }

    /// The host in this run, if it has said something.
    fn peer(&self, run: RunId) -> Option<Peer> {
        let (name, _) = self.hosts.iter().find(|(_, known)| known.run == run)?;
        Some(Peer { name: name.clone(), run })
    }

    async fn turn_border(&mut self) {
        let messages = self.neighbours.as_mut().map(Neighbours::turn).unwrap_or_default();
        for (to, message) in messages {
            let bytes = self.parts.seal.seal(To::Run(to.run), &Letter::Border(message));
            self.parts.bus.say(Some(&to.run.to_string()), bytes).await;
        }
    }

    fn heard(&mut self, from: RunId, beat: Beat) {
        let now = Instant::now();
        if from == self.parts.me.run {
            // It counts from when it was said: others count this host's silence from then, too.
            if let Some((_, at)) = self.said.iter().find(|(at_ms, _)| *at_ms == beat.at_ms) {
                self.echo = self.echo.max(Some(*at));
                self.echo_since.get_or_insert(now);
            }
            return;
        }
        if beat.name == self.parts.me.name {
            self.twin = Some(now);
            return;
        }
        let age = now_ms().abs_diff(beat.at_ms);
        let is_known = self.hosts.contains_key(&beat.name);
        if u128::from(age) > BEAT_AGE_MAX.as_millis() || (!is_known && self.hosts.len() == HOSTS_MAX) {
            if u128::from(age) > BEAT_AGE_MAX.as_millis() {
                tracing::warn!(host = %beat.name, age_ms = age, "a host's clock differs from this one's: it is not believed");
            }
            self.counts.refused += 1;
            return;
        }
        // One that is older than the last was delayed.
        if self.hosts.get(&beat.name).is_none_or(|known| known.beat.at_ms < beat.at_ms) {
            self.hosts.insert(beat.name.clone(), Known { run: from, beat, at: now });
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
        let known = self.hosts.get(owner)?;
        let is_there = known.beat.is_open && known.at.elapsed() < self.parts.lease;
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
            let own = zones.owned_by(&me.name, me.run).map(|(name, zone)| (name.clone(), zone.area));
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
        let silence = |known: &Known| known.at.elapsed();
        self.hosts.retain(|_, known| silence(known) < FORGET.max(2 * self.parts.lease));
        let heard = self.hosts.iter().map(|(name, known)| {
            (name.clone(), Heard { run: known.run, is_open: known.beat.is_open, silent_for: silence(known) })
        });
        let heard: BTreeMap<_, _> = heard.collect();
        if self.echo.is_some_and(|echo| echo.elapsed() >= 3 * BEAT) {
            self.echo_since = None;
        }
        let bus_for = self.bus_for();
        let directory = self.parts.zones.latest();
        let view = View {
            me: &self.parts.me,
            is_open,
            is_leaving,
            zones: &directory.zones,
            heard: &heard,
            bus_for,
            patience: self.parts.lease,
        };
        let duties = self.steward.duties(now, view);
        if let Some(neighbours) = &mut self.neighbours {
            let is_there = |peer: &Peer| heard.get(&peer.name).is_some_and(|heard| heard.run == peer.run);
            neighbours.set_zones(&directory.zones, &self.parts.me, is_there);
        }
        // What the registry answers changes the zones, so that the next duties differ.
        let is_calm = self.twin.is_none_or(|twin| twin.elapsed() >= self.parts.lease);
        let due =
            duties.into_iter().find(|duty| self.not_before.get(duty.zone()).is_none_or(|at| Instant::now() >= *at));
        if let Some(duty) = due.filter(|_| !self.has_duty && is_calm && directory.revision > 0) {
            self.has_duty = true;
            let (record, me, keys) = (self.record.clone(), self.parts.me.clone(), self.parts.keys.clone());
            let (store, zones) = (self.parts.store.clone(), directory.zones.clone());
            self.asking.spawn(async move {
                let done = carry_out_duty(&record, &store, &keys, &zones, &me, &duty).await;
                Asked::Duty(duty, done)
            });
        }
    }

    fn asked(&mut self, asked: Asked) {
        match asked {
            Asked::Gone(peer, has_no_lease) => {
                // A host that has lost only the registry is alive.
                let is_heard = self
                    .hosts
                    .get(&peer.name)
                    .is_some_and(|known| known.run == peer.run && known.at.elapsed() < self.parts.lease);
                self.asking_of.remove(&peer);
                if has_no_lease && !is_heard && self.bus_for() >= self.parts.lease {
                    self.courier.is_gone(self.now(), &peer);
                }
            }
            Asked::Duty(duty, done) => {
                self.has_duty = false;
                self.not_before.retain(|_, at| Instant::now() < *at);
                if !matches!(done, Ok(true)) {
                    self.not_before.insert(duty.zone().clone(), Instant::now() + AGAIN);
                }
                self.report_duty(&duty, done);
            }
        }
    }

    fn report_duty(&mut self, duty: &Duty, done: Result<bool, ZoneChangeError>) {
        match (duty, done) {
            (Duty::Take { zone, .. }, Ok(true)) => {
                self.counts.zones_taken += 1;
                tracing::info!(%zone, "this host takes a zone");
            }
            (Duty::TakeOver { zone, from }, Ok(true)) => {
                self.counts.zones_taken += 1;
                tracing::warn!(%zone, %from, "this host takes over the zone of a host that is gone");
            }
            (Duty::Give { zone, to }, Ok(true)) => {
                self.counts.zones_given += 1;
                tracing::info!(%zone, to = %to.name, "this host gives a zone away");
            }
            (_, Ok(false)) => {}
            // Another host was faster, the owner is alive after all, or the registry is away.
            (duty, Err(error)) => tracing::debug!(?duty, %error, "the zones stay as they are"),
        }
    }

    /// Ends the server if nobody can know that it is alive: then others take its zones over.
    fn fence(&mut self, is_registered: bool) {
        let is_heard = self.echo.is_some_and(|echo| echo.elapsed() + FENCE_MARGIN < self.parts.lease);
        let has_twin = self.twin.is_some_and(|twin| twin.elapsed() < self.parts.lease);
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
                Output::ToHost(to, id, note) => {
                    let bytes = self.parts.seal.seal(To::Run(to.run), &Letter::Move { id, note });
                    self.parts.bus.say(Some(&to.run.to_string()), bytes).await;
                }
                Output::IsGone(peer) => self.ask_whether_gone(peer),
            }
        }
        while let Some(output) = self.parts.keeper.as_mut().and_then(Keeper::poll) {
            match kept::said(output) {
                Said::ToCore(core, letter) => self.waiting[core].push_back(letter),
                Said::ToHost(run, letter) => {
                    let bytes = self.parts.seal.seal(To::Run(run), &letter);
                    self.parts.bus.say(Some(&run.to_string()), bytes).await;
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
            let answer: Result<_, StoreError> = store.get(&key).await;
            let has_no_lease =
                answer.is_ok_and(|record| record.is_none_or(|record| is_of_other_run(&record, peer.run)));
            // Several moves to one host ask again at once.
            sleep(ASK_AGAIN).await;
            Asked::Gone(peer, has_no_lease)
        });
    }

    /// For how long this host's own beats have come back.
    fn bus_for(&self) -> Duration {
        self.echo_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn show(&mut self) {
        self.counts.courier = self.courier.counters();
        self.counts.moves = self.courier.under_way();
        self.counts.is_bus_there = self.echo.is_some_and(|echo| echo.elapsed() < 3 * BEAT);
        self.counts.hosts_heard = self.hosts.values().filter(|known| known.at.elapsed() < self.parts.lease).count();
        self.counts.border = self.neighbours.as_ref().map(Neighbours::stats);
        self.counts.checkpoints = self.parts.keeper.as_ref().map(|keeper| (keeper.counters(), keeper.zone_counters()));
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = self.counts;
    }
}

/// Whether a host's record is of another run than this one. A record that cannot be read may be of this one.
fn is_of_other_run(record: &Record, run: RunId) -> bool {
    serde_json::from_slice(&record.value).is_ok_and(|host: Host| host.run != Some(run))
}

async fn carry_out_duty(
    record: &ZoneRecord,
    store: &Store,
    keys: &Keys,
    zones: &Zones,
    me: &Peer,
    duty: &Duty,
) -> Result<bool, ZoneChangeError> {
    match duty {
        Duty::Take { zone, from } => {
            let change = |zones: &mut Zones| zones.take(zone, from.as_ref(), &me.name, me.run).map(|()| true);
            record.change(Commit::default(), change).await
        }
        Duty::TakeOver { zone, from } => {
            // The owner has no lease, or another run has its name by now.
            let key = keys.record(from);
            let found = store.get(&key).await?;
            let condition = match (&found, zones.owners.get(from)) {
                (Some(found), Some(run)) if is_of_other_run(found, *run) => Condition::Modified(found.modified),
                _ => Condition::Absent,
            };
            let gone = Commit::default().when(key, condition);
            let change = |zones: &mut Zones| zones.take(zone, Some(from), &me.name, me.run).map(|()| true);
            record.change(gone, change).await
        }
        Duty::Give { zone, to } => {
            let change = |zones: &mut Zones| zones.give(zone, (&me.name, me.run), &to.name, to.run).map(|()| true);
            record.change(Commit::default(), change).await
        }
    }
}

/// Waits until a core says something.
async fn next_letter(ends: &mut [FleetEnd]) -> (usize, FromCore) {
    poll_fn(|cx| {
        for (core, end) in ends.iter_mut().enumerate() {
            if let Poll::Ready(letter) = end.poll_take(cx) {
                return Poll::Ready((core, letter));
            }
        }
        Poll::Pending
    })
    .await
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
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
