//! The service of a core that serves a world: it joins a game, its shard, the exchange with other cores, and the snapshots
//! of all clients.
//!
//! | module | for |
//! |---|---|
//! | `border` | the border to neighbour hosts |
//! | `checkpoints` | checkpoints of players, and players that come back from theirs |
//! | `config` | the configuration of a world |
//! | `life` | entering, suspension, return, and leaving of players |
//! | `requests` | inputs, asks and events of clients |
//! | `introductions` | what players say to each other over the server |
//! | `moves` | players that move to another server, or come from there |
//! | `services` | messages between clients and services |
//! | `step` | the step of every player |
//! | `deliver` | commands and events from other cores, and messages to players |
//! | `player_state` | a player as bytes |
//! | `players` | the players, and the path of one, for the operator |
//! | `publish` | publishing the changes of a tick |
//! | `acknowledge` | acknowledgments of snapshots |
//! | `serve` | sending snapshots to the clients of a slice |
//! | `unsent_snapshots` | snapshots that wait to be sent |
//! | `shedding` | lower rates for an overloaded core |
//! | `stats` | the counters of a world |
//! | `zones` | what a game keeps of the zones of its host |
//!
//! A tick runs the commands, the steps of the players, and the game. Then its changes are published, to this core's replica
//! and to all other cores. Between two ticks the clients are served, one slice at a time, so that received datagrams do not
//! wait until all clients are served. Clients of one address share a slice, so that their datagrams form long runs.

mod acknowledge;
mod border;
mod checkpoints;
mod config;
mod deliver;
mod introductions;
mod life;
mod moves;
mod player_state;
mod players;
mod publish;
mod requests;
mod serve;
mod services;
mod shedding;
mod stats;
mod step;
mod unsent_snapshots;
mod zones;

pub use config::{NEAR_MAX, SNAPSHOT_BYTES_MAX, VISIBLE_MAX, WorldConfig};
pub use moves::DEPART_BYTES_MAX;
pub use serve::INTEREST_PERIOD;
pub use stats::WorldStats;
pub use zones::ZONE_BYTES_MAX;

use crate::game::members::{Presence, SLICES};
use crate::game::shard::Shard;
use crate::game::{Game, ShownOf};
use crate::runtime::fleet::{FleetPort, OwnZone, OwnZones, Token};
use crate::runtime::jobs::{JobPort, JobStats};
use crate::runtime::load::Load;
use crate::runtime::path_record::PathRecord;
use crate::runtime::player_list::PlayerList;
use crate::runtime::service::{LiveSettings, Service, ServiceCounters};
use crate::runtime::services::{ServicesPort, ServicesStats};
use crate::runtime::stages::Stages;
use crate::runtime::tick::TICK;
use crate::world::exchange::{Change, Command, Exchange, ExchangeStats};
use crate::world::replication::changes::take_changes;
use crate::world::replication::viewer::Scratch;
use crate::world::replication::{Encoder, Replica};
use crate::world::rewind::{History, PartPool, RewindSettings, RewindStats};
use crate::world::store::Entities;
use crate::world::visibility::Visibility;
use checkpoints::Checkpoints;
use introductions::Arriving;
use rand_chacha::rand_core::SeedableRng;
use ringshard_protocol::Endpoint;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{ConnectionId, Message};
use ringshard_world::codec::Malformed;
use ringshard_world::messages::{EnterRequest, kinds};
use ringshard_world::{EntityId, Rules, Wire};
use shedding::Shedding;
use std::sync::Arc;
use unsent_snapshots::Waiting;

/// How many ticks ahead most inputs arrive.
const INPUT_LEAD_USUAL: u32 = 2;
/// Time between two slices. They take three quarters of a tick: the rest is for catching up.
const SLICE: Duration = Duration::from_nanos(TICK.as_nanos() as u64 * 3 / 4 / SLICES as u64);
/// Digests of clients that are compared per tick, at about 10 us each: at most 4 % of a core.
const DIGESTS_PER_TICK: u32 = 64;

/// A game and its world, on one core.
pub struct Simulation<G: Game> {
    game: G,
    shard: Shard<G>,
    config: WorldConfig,
    exchange: Exchange<ShownOf<G>>,
    /// Where the core's own entities are, per tick.
    parts: PartPool,
    encoder: Encoder,
    /// Slices served since this tick.
    served: usize,
    /// The slice that is served first: the one after the last that was. So no client always waits for the last slice of ticks
    /// that end too late.
    first_slice: usize,
    tick_began: Instant,
    /// When the first tick began.
    first_tick_at: Option<Instant>,
    /// Ticks of time since the last tick began: more than 1 if others were left out.
    ticks_passed: u16,
    shedding: Shedding,
    /// How the core fared since the last tick.
    load: Load,
    scratch: Scratch,
    /// Entities that a player always sees: working memory.
    always: Vec<EntityId>,
    /// The snapshots of a slice, and their bytes.
    waiting: Vec<Waiting>,
    snapshots: Vec<u8>,
    /// Entities that events are about, and a client that sees each: working memory.
    heard: Vec<(ConnectionId, EntityId)>,
    changes: Vec<Change<ShownOf<G>>>,
    commands: Vec<Command>,
    /// Introductions that other cores are sending.
    arriving: Arriving,
    /// What the services say: working memory.
    letter: Vec<u8>,
    /// Sessions that leave for other servers at the end of the tick.
    leaving: Vec<Token>,
    /// The zones of this host. None: it is the only one, or has not heard of any.
    zones: Option<Arc<OwnZones>>,
    /// Those of which this core has its part.
    zones_here: Arc<[Arc<OwnZone>]>,
    checkpoints: Checkpoints,
    stats: WorldStats,
}

impl<G: Game> Simulation<G> {
    /// The world of one core. `exchange` is its end of [`Exchange::between`], made for `config.entities_max` entities.
    ///
    /// # Panics
    /// When the configuration is out of range.
    pub fn new(config: WorldConfig, exchange: Exchange<ShownOf<G>>, game: G) -> Self {
        const {
            assert!(
                <G::Command as Wire>::BYTES_MAX <= crate::world::exchange::COMMAND_BYTES_MAX,
                "a Command is too large: see COMMAND_BYTES_MAX"
            );
            assert!(
                !G::KINDS.is_empty() && G::KINDS.len() <= crate::world::kind::KINDS_MAX,
                "a game has 1 to 16 kinds"
            );
        }
        config.check(1).unwrap_or_else(|error| panic!("{error}"));
        // Checks the sizes of the contract's types.
        let _ = game.rules().schema();
        let (first, share) = exchange.own();
        let cores = exchange.cores();
        let blank = game.rules().blank_shown();
        let shard = Shard::new(
            &exchange,
            config.first_tick,
            config.terrain.clone(),
            Entities::new(first, share, blank),
            Replica::new(config.entities_max, config.first_tick as u16, blank),
            Visibility::new(
                config.terrain.map(),
                config.entities_max,
                config.visible_max,
                config.near,
                &config.kinds_of(G::KINDS),
            ),
            History::of_parts(exchange.cores(), share, *config.terrain.map(), G::HITBOXES),
            config.rewind,
            Csprng::seed_from_u64(config.seed.wrapping_add(exchange.core() as u64)),
        );
        Simulation {
            game,
            shard,
            encoder: Encoder::new(config.entities_max),
            config,
            exchange,
            parts: PartPool::new(share),
            served: 0,
            first_slice: 0,
            tick_began: Instant::ZERO,
            first_tick_at: None,
            ticks_passed: 1,
            shedding: Shedding::default(),
            load: Load::NONE,
            scratch: Scratch::default(),
            always: Vec::new(),
            waiting: Vec::new(),
            snapshots: Vec::new(),
            heard: Vec::new(),
            changes: Vec::new(),
            commands: Vec::new(),
            arriving: Arriving::new(cores, share),
            letter: Vec::new(),
            leaving: Vec::new(),
            zones: None,
            zones_here: Arc::default(),
            checkpoints: Checkpoints::default(),
            stats: WorldStats::default(),
        }
    }

    /// The same, with a port to worker threads.
    pub fn with_jobs(mut self, jobs: JobPort<G::Job, G::Done>) -> Self {
        self.shard.jobs = jobs;
        self
    }

    /// The same, with a port to services.
    pub fn with_services(mut self, services: ServicesPort) -> Self {
        self.shard.services = services;
        self
    }

    /// The same, with a port to the fleet.
    pub fn with_fleet(mut self, fleet: FleetPort) -> Self {
        self.shard.fleet = fleet;
        self
    }

    /// The game.
    pub fn game(&self) -> &G {
        &self.game
    }

    /// The shard.
    pub fn shard(&self) -> &Shard<G> {
        &self.shard
    }

    /// The game and the shard, to act as the game does between two ticks: for tests.
    pub fn game_and_shard_mut(&mut self) -> (&mut G, &mut Shard<G>) {
        (&mut self.game, &mut self.shard)
    }

    /// The counters.
    pub fn stats(&self) -> WorldStats {
        let RewindStats { rewinds, rewinds_clamped_path, rewinds_clamped_max, rewinds_refused } =
            self.shard.rewinds.get();
        let ServicesStats { knocks, tickets_refused, messages_in, refused: services_refused, messages_out, dropped } =
            self.shard.services.stats;
        let JobStats { given, refused, done, outstanding } = self.shard.jobs.stats();
        let ExchangeStats { published, received, overflowed } = self.exchange.stats;
        WorldStats {
            late_ticks: self.shedding.late_ticks,
            shed_level: self.shedding.level.into(),
            sheds: self.shedding.raised,
            players: self.shard.members.served() as u64,
            suspended: self.count_players(|member| member.connection.is_none() && member.presence == Presence::Inside),
            pending: self.count_players(|member| member.presence == Presence::Pending),
            entities: self.shard.entities.len() as u64,
            known_entities: self.shard.replica.len() as u64,
            entries: self.encoder.taken,
            encoded: self.encoder.encoded,
            changes_published: published,
            changes_received: received,
            changes_overflowed: overflowed,
            commands_refused: self.shard.outbox.refused,
            rewinds,
            rewinds_clamped_path,
            rewinds_clamped_max,
            rewinds_refused,
            jobs_given: given,
            jobs_refused: refused,
            jobs_done: done,
            jobs_outstanding: outstanding,
            services_knocks: knocks,
            services_tickets_refused: tickets_refused,
            services_knocking: self.count_players(|member| member.presence == Presence::Knocking),
            services_messages_in: messages_in,
            services_refused,
            services_messages_out: messages_out,
            services_dropped: dropped,
            ..self.stats
        }
        .with_refusals(|why| self.shard.members.ledger.total(why))
    }

    /// Notes how many ticks fewer there were than the time since the first one has. Clients live by time.
    fn note_late(&mut self, now: Instant) {
        let first = *self.first_tick_at.get_or_insert(now);
        let due = (now.since(first).as_nanos() / TICK.as_nanos()) as u64;
        let late = due.saturating_sub(self.stats.ticks).max(self.shard.late);
        self.ticks_passed = (1 + late - self.shard.late).min(u16::MAX.into()) as u16;
        self.shard.late = late;
    }

    fn count_players(&self, is_counted: impl Fn(&crate::game::members::Member<G::Rules>) -> bool) -> u64 {
        self.shard.members.present().filter(|member| is_counted(member)).count() as u64
    }
}

impl<G: Game> Service for Simulation<G> {
    fn contract(&self) -> String {
        self.game.rules().schema().0.iter().map(|number| format!("{number:08x}")).collect()
    }

    fn event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        self.session_event(now, endpoint, event);
    }

    #[inline]
    fn message(&mut self, _now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>) {
        let bytes = message.bytes;
        let taken = match bytes.first() {
            Some(&kinds::SYNC_ENTITY_QUANTIZED) => self.inputs(from, bytes),
            Some(&kinds::EVENT) => self.event_message(from, bytes),
            Some(&kinds::ASK) => self.ask(from, bytes),
            Some(&kinds::INTRODUCTION) => self.introduction(from, bytes),
            Some(kind) if kinds::SERVICES.contains(kind) => {
                self.services_message(from, bytes);
                Ok(())
            }
            Some(&kinds::ENTER_TO_WORLD) => {
                EnterRequest::read(bytes).map(|request| self.enter(endpoint, from, &request))
            }
            _ => Err(Malformed::UnknownValue),
        };
        self.stats.invalid_messages += u64::from(taken.is_err());
    }

    #[inline]
    fn prefetch(&self, from: ConnectionId) {
        // Inputs arrive a few ticks ahead.
        self.shard.members.prefetch(from, self.shard.wire_tick().wrapping_add(INPUT_LEAD_USUAL));
    }

    fn exchange(&mut self, now: Instant, stages: &mut Stages) -> usize {
        let Simulation { shard, exchange, encoder, .. } = self;
        // In this core's own ticks, which its clients get.
        let tick = shard.wire_tick();
        let take = |changes: &[Change<ShownOf<G>>]| {
            take_changes(tick, changes, &mut shard.replica, encoder);
            shard.visibility.as_mut().expect("nobody looks around now").note(changes);
        };
        exchange.receive(take, |published_at, count| stages.exchange_lag.record(now.since(published_at), count))
    }

    fn reload(&mut self, settings: &LiveSettings) {
        if let Some(&rewind) = settings.get::<RewindSettings>() {
            self.shard.rewind = rewind;
        }
        self.game.reload(&mut self.shard, settings);
    }

    fn draining(&mut self, _now: Instant, _endpoint: &mut Endpoint) {
        self.game.draining(&mut self.shard);
    }

    fn end(&mut self) {
        self.save_zones_at_last();
    }

    fn load(&mut self, load: &Load) {
        self.load = *load;
    }

    fn shed_level(&self) -> u8 {
        self.shedding.level
    }

    fn admits(&self) -> bool {
        self.config.admits_when_overloaded || !self.shedding.refuses
    }

    fn tick(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let is_late = self.served < SLICES && self.shard.tick() > self.config.first_tick;
        self.shedding.record(is_late, &std::mem::replace(&mut self.load, Load::NONE));
        if is_late {
            self.send_missed_events(now, endpoint);
        }
        self.note_late(now);
        self.tick_began = now;
        self.first_slice = (self.first_slice + self.served) % SLICES;
        self.served = 0;
        self.scratch.digests_left = DIGESTS_PER_TICK;
        self.shard.begin_tick();
        self.run_commands();
        while let Some(done) = self.shard.jobs.take() {
            self.game.done(&mut self.shard, done);
        }
        self.step_players();
        self.game.tick(&mut self.shard);
        self.settle();
        self.end_lingering();
        self.publish(now);
        self.shard.happenings.next_tick();
        self.send_outgoing(now, endpoint);
        self.depart_all(now, endpoint);
        self.report_outside();
        self.make_checkpoints();
        self.encoder.clear();
        let Shard { visibility, replica, .. } = &mut self.shard;
        visibility.as_mut().expect("nobody looks around now").refresh(replica);
        self.record_history();
        self.stats.ticks += 1;
    }

    fn replicate(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        let has_heard = self.hear_services(now, endpoint) | self.hear_fleet(now, endpoint);
        if self.served == SLICES || now < self.deadline() {
            return has_heard;
        }
        self.serve(now, endpoint, (self.first_slice + self.served) % SLICES);
        self.served += 1;
        assert!(self.served <= SLICES, "a tick has {SLICES} slices");
        true
    }

    fn deadline(&self) -> Instant {
        if self.served == SLICES || self.shard.tick() == self.config.first_tick {
            return Instant::NEVER;
        }
        self.tick_began + SLICE * self.served as u32
    }

    fn count(&self, counters: &mut ServiceCounters) {
        self.stats().entries().for_each(|(name, count)| counters.push(name, count));
        self.game.count(counters);
    }

    fn list_players(&self, list: &mut PlayerList, slots: usize) -> bool {
        self.list_present(list, slots)
    }

    fn follow(&mut self, record: &mut Option<Box<PathRecord>>) {
        std::mem::swap(&mut self.shard.following, record);
    }
}
