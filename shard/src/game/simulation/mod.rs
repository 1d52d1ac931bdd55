//! The service of a core that serves a world: it joins a game, its shard, the exchange with other cores, and the snapshots
//! of all clients.
//!
//! | module | for |
//! |---|---|
//! | `config` | the configuration of a world |
//! | `life` | entering, suspension, return, and leaving of players |
//! | `player`, `players` | the players of this core, and the slice in which each is served |
//! | `publish` | publishing the changes of a tick |
//! | `serve` | sending snapshots to the clients of a slice |
//! | `unsent_snapshots` | snapshots that wait to be sent |
//! | `shedding` | lower rates for a core whose ticks are late |
//! | `stats` | the counters of a world |
//!
//! A tick runs the commands, the game, and the end of buffs. Then its changes are published, to this core's replica and to
//! all other cores. Between two ticks the clients are served, one slice at a time, so that received datagrams do not wait
//! until all clients are served. Clients of one address share a slice, so that their datagrams form long runs.

mod config;
mod life;
mod player;
mod players;
mod publish;
mod serve;
mod shedding;
mod stats;
mod unsent_snapshots;

pub use config::{LiveWorldConfig, RewindBeyond, SNAPSHOT_BYTES_MAX, VISIBLE_MAX, WorldConfig};
pub use serve::INTEREST_PERIOD;
pub use stats::WorldStats;

use crate::game::Game;
use crate::game::shard::Shard;
use crate::runtime::service::{Service, ServiceCounters};
use crate::runtime::stages::Stages;
use crate::runtime::tick::TICK;
use crate::world::exchange::{Change, Command, Exchange, ExchangeStats};
use crate::world::replication::viewer::Scratch;
use crate::world::replication::{Encoder, Replica};
use crate::world::store::Entities;
use crate::world::visibility::Visibility;
use player::Acknowledgment;
use players::{Players, SLICES};
use rand_chacha::rand_core::SeedableRng;
use ringshard_protocol::Endpoint;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{ConnectionId, Message};
use ringshard_world::messages::{Input, kinds};
use shedding::Shedding;
use unsent_snapshots::Waiting;

/// Time between two slices. They take three quarters of a tick: the rest is for catching up.
const SLICE: Duration = Duration::from_nanos(TICK.as_nanos() as u64 * 3 / 4 / SLICES as u64);
/// Digests of clients that are compared per tick, at about 10 us each: at most 4 % of a core.
const DIGESTS_PER_TICK: u32 = 64;

/// A game and its world, on one core.
pub struct Simulation<G> {
    game: G,
    shard: Shard,
    config: WorldConfig,
    exchange: Exchange,
    encoder: Encoder,
    players: Players,
    /// Slices served since this tick.
    served: usize,
    tick_began: Instant,
    shedding: Shedding,
    scratch: Scratch,
    /// The snapshots of a slice, and their bytes.
    waiting: Vec<Waiting>,
    snapshots: Vec<u8>,
    changes: Vec<Change>,
    commands: Vec<Command>,
    stats: WorldStats,
}

impl<G: Game> Simulation<G> {
    /// The world of one core. `exchange` is its end of [`Exchange::between`], made for `config.entities_max` entities.
    ///
    /// # Panics
    /// When the configuration is out of range.
    pub fn new(config: WorldConfig, exchange: Exchange, game: G) -> Self {
        config.check(1).unwrap_or_else(|error| panic!("{error}"));
        let (first, share) = exchange.own();
        let core = exchange.core();
        let seed = config.seed.wrapping_add(core as u64);
        let shard = Shard::new(
            &exchange,
            config.first_tick,
            config.map,
            Entities::new(first, share),
            Replica::counting_from(config.entities_max, config.first_tick as u32),
            Visibility::new(&config.map, config.entities_max, config.visible_max, config.near),
            Csprng::seed_from_u64(seed),
        );
        Simulation {
            game,
            shard,
            encoder: Encoder::new(config.entities_max),
            config,
            exchange,
            players: Players::new(share),
            served: 0,
            tick_began: Instant::ZERO,
            shedding: Shedding::default(),
            scratch: Scratch::default(),
            waiting: Vec::new(),
            snapshots: Vec::new(),
            changes: Vec::new(),
            commands: Vec::new(),
            stats: WorldStats::default(),
        }
    }

    /// The game.
    pub fn game(&self) -> &G {
        &self.game
    }

    /// The shard.
    pub fn shard(&self) -> &Shard {
        &self.shard
    }

    /// The counters.
    pub fn stats(&self) -> WorldStats {
        let ExchangeStats { published, received, overflowed } = self.exchange.stats;
        WorldStats {
            late_ticks: self.shedding.late_ticks,
            shed_level: self.shedding.level.into(),
            sheds: self.shedding.raised,
            players: self.players.len() as u64,
            suspended: self.players.suspended_len() as u64,
            entities: self.shard.entities.len() as u64,
            known_entities: self.shard.replica.len() as u64,
            entries: self.encoder.taken,
            encoded: self.encoder.encoded,
            changes_published: published,
            changes_received: received,
            changes_overflowed: overflowed,
            commands_refused: self.shard.outbox.refused,
            ..self.stats
        }
    }

    fn input(&mut self, from: ConnectionId, message: &[u8]) {
        let tick = self.shard.wire_tick();
        let Simulation { players, game, shard, scratch, stats, .. } = self;
        let Some(player) = players.get_mut(from) else {
            stats.invalid_messages += 1;
            return;
        };
        let Ok(input) = Input::read(message) else {
            stats.invalid_messages += 1;
            return;
        };
        stats.inputs += 1;
        if let Some((newest, before)) = input.received {
            let acknowledgment = Acknowledgment { tick, newest, before, digest: input.digest };
            player.acknowledge(acknowledgment, &shard.replica, scratch, stats);
        }
        let body = player.viewer.player;
        if player.viewer.inputs.take(tick, input.number) && shard.entities.row(body).is_some() {
            game.input(shard, body, &input);
        }
    }

    fn game_message(&mut self, from: ConnectionId, message: Message<'_>) {
        let Some(player) = self.players.get_mut(from) else {
            self.stats.invalid_messages += 1;
            return;
        };
        let body = player.viewer.player;
        if self.shard.entities.row(body).is_some() {
            self.game.message(&mut self.shard, body, message);
        }
    }

    /// Sends the game's messages and commands.
    fn send_outgoing(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let Simulation { shard, exchange, commands, players, .. } = self;
        let Shard { entities, outgoing, outbox, .. } = shard;
        outgoing.drain(|to, channel, message| {
            if let Some(player) = players.of_body(entities, to) {
                // The endpoint counts a refused message.
                let _ = endpoint.send(now, player.id, channel, message);
            }
        });
        outbox.flush(exchange, commands);
    }

    fn run_commands(&mut self) {
        let Simulation { shard, exchange, commands, game, .. } = self;
        commands.drain(..).for_each(|command| game.command(shard, &command));
        exchange.commands(|command| game.command(shard, command));
    }
}

impl<G: Game> Service for Simulation<G> {
    fn event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        self.session_event(now, endpoint, event);
    }

    #[inline]
    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>) {
        match message.bytes.first() {
            Some(&kinds::SYNC_ENTITY_QUANTIZED) => self.input(from, message.bytes),
            Some(&kinds::ENTER_TO_WORLD) if message.bytes.len() == 1 => self.enter(now, endpoint, from),
            Some(&(kinds::GAME..)) => self.game_message(from, message),
            _ => self.stats.invalid_messages += 1,
        }
    }

    #[inline]
    fn prefetch(&self, from: ConnectionId) {
        self.players.prefetch(from);
    }

    fn exchange(&mut self, now: Instant, stages: &mut Stages) -> usize {
        let Simulation { shard, exchange, encoder, .. } = self;
        // In this core's own ticks, which its clients get.
        let tick = shard.wire_tick();
        let take = |change: &Change| {
            shard.replica.apply(tick, change);
            encoder.forget(change.id().index);
        };
        exchange.receive(take, |published_at, count| stages.exchange_lag.record(now.since(published_at), count))
    }

    fn draining(&mut self, _now: Instant, _endpoint: &mut Endpoint) {
        self.game.draining(&mut self.shard);
    }

    fn tick(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let is_late = self.served < SLICES && self.shard.tick() > self.config.first_tick;
        self.shedding.record(is_late, self.shard.tick());
        self.tick_began = now;
        self.served = 0;
        self.scratch.digests_left = DIGESTS_PER_TICK;
        self.shard.begin_tick();
        self.run_commands();
        self.game.tick(&mut self.shard);
        let tick = self.shard.tick();
        self.shard.entities.expire_buffs(tick, |_, _| {});
        self.publish(now);
        self.send_outgoing(now, endpoint);
        self.encoder.clear();
        self.shard.visibility.rebuild(&self.shard.replica);
        self.stats.ticks += 1;
    }

    fn replicate(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        if self.served == SLICES || now < self.deadline() {
            return false;
        }
        self.serve(now, endpoint, self.served);
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
    }
}
