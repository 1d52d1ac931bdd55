//! What a core serves when it serves a world: joins the game, its shard, the exchange with other cores, and what each
//! client is told.
//!
//! | module | for |
//! |---|---|
//! | `config` | the shape of a world |
//! | `life` | how players come into the world, are suspended, come back and go |
//! | `players` | who plays on this core, and in which slice each is told |
//! | `stats` | what a world counts |
//!
//! A tick (A1): commands, the game, buffs that end; then what has changed is published, to this core's own replica and to
//! every other core. Between two ticks the clients are told, a slice of them at a time: what they send is not held up
//! by all that is sent to them. Clients behind one address stand together in a slice, so that their datagrams form long
//! runs.

mod config;
mod life;
mod players;
mod stats;

pub use config::{SNAPSHOT_BYTES_MAX, VISIBLE_MAX, WorldConfig};
pub use stats::WorldStats;

use crate::game::Game;
use crate::game::shard::Shard;
use crate::runtime::service::{Service, ServiceCounters};
use crate::runtime::stages::Stages;
use crate::runtime::tick::TICK;
use crate::world::exchange::{Change, Command, Exchange, ExchangeStats};
use crate::world::replication::viewer::Scratch;
use crate::world::replication::{Encoder, Replica};
use crate::world::store::{Columns, Entities};
use crate::world::visibility::{Moved, Neighbourhood};
use players::{Heard, Players, SLICES};
use rand_chacha::rand_core::SeedableRng;
use ringshard_prefetch::prefetch;
use ringshard_protocol::Endpoint;
use ringshard_protocol::connection::sealed_len;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::limits::COMPRESSION_BYTES_MIN;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{Channel, ConnectionId, Message};
use ringshard_world::limits::VARIABLES;
use ringshard_world::messages::{Input, kinds};
use ringshard_world::state::VELOCITY_STEP;
use ringshard_world::{EntityId, Map, State};

/// The slices are spread over three quarters of a tick: what is late has the rest to catch up.
const SLICE: Duration = Duration::from_nanos(TICK.as_nanos() as u64 * 3 / 4 / SLICES as u64);
/// Ticks in which the neighbourhood of every client is looked at anew once.
pub const INTEREST_PERIOD: u32 = 16;
/// Digests of clients that are compared in a tick, at about 10 us each: at most 4 % of a core.
const DIGESTS_PER_TICK: u32 = 64;
/// Levels of shedding.
const SHED_MAX: u8 = 3;
/// Late ticks in a second at which more is shed, and those at which less is.
const LATE_TICKS_MAX: u32 = 6;
const LATE_TICKS_FEW: u32 = 2;
/// Ticks over which those are counted.
const LATE_PERIOD: u32 = 60;

/// A snapshot that waits to be sent.
struct Waiting {
    id: ConnectionId,
    /// Its address and its datagram's size: what is the same in both leaves in one run.
    run: (u32, u16),
    from: u32,
    len: u16,
}

/// A game and its world, on one core.
pub struct Simulation<G> {
    game: G,
    shard: Shard,
    config: WorldConfig,
    exchange: Exchange,
    encoder: Encoder,
    players: Players,
    /// Slices served in this tick.
    served: usize,
    tick_began: Instant,
    late_in_period: u32,
    scratch: Scratch,
    waiting: Vec<Waiting>,
    snapshots: Vec<u8>,
    changes: Vec<Change>,
    commands: Vec<Command>,
    stats: WorldStats,
}

impl<G: Game> Simulation<G> {
    /// The world of one core; `exchange` is its end of [`Exchange::between`], made for as many entities.
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
            Neighbourhood::new(&config.map, config.entities_max, config.visible_max, config.near),
            Csprng::seed_from_u64(seed),
        );
        Simulation {
            game,
            shard,
            config,
            exchange,
            encoder: Encoder::new(config.entities_max),
            players: Players::new(share),
            served: 0,
            tick_began: Instant::ZERO,
            late_in_period: 0,
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

    /// Its counters.
    pub fn stats(&self) -> WorldStats {
        let ExchangeStats { published, received, overflowed } = self.exchange.stats;
        WorldStats {
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
            stats.strange_messages += 1;
            return;
        };
        let Ok(input) = Input::read(message) else {
            stats.strange_messages += 1;
            return;
        };
        stats.inputs += 1;
        if let Some((newest, before)) = input.received {
            let heard = Heard { tick, newest, before, digest: input.digest };
            player.hear(heard, &shard.replica, scratch, stats);
        }
        let body = player.viewer.player;
        if player.viewer.inputs.take(tick, input.number) && shard.entities.place(body).is_some() {
            game.input(shard, body, &input);
        }
    }

    fn game_message(&mut self, from: ConnectionId, message: Message<'_>) {
        let Some(player) = self.players.get_mut(from) else {
            self.stats.strange_messages += 1;
            return;
        };
        let body = player.viewer.player;
        if self.shard.entities.place(body).is_some() {
            self.game.message(&mut self.shard, body, message);
        }
    }

    /// Publishes what has changed since the last tick.
    fn publish(&mut self, now: Instant) {
        let Simulation { shard, exchange, encoder, changes, config, .. } = self;
        changes.clear();
        let (first, share) = exchange.own();
        let columns = shard.entities.columns();
        for place in 0..share {
            let index = first + place as u16;
            let known = shard.replica.generation(index);
            if !columns.living.contains(place) {
                if known != 0 {
                    changes.push(Change::Gone { id: EntityId { index, generation: known } });
                }
                continue;
            }
            let id = EntityId { index, generation: columns.generations[place] };
            let (state, rate) = (state_of(&columns, place, &config.map), columns.rates[place]);
            if !shard.replica.is_known(id, &state, rate) {
                changes.push(Change::State { id, state, rate });
            }
        }
        shard.entities.drain_dirty(|id, dirty, values| changes.extend(variables_of(id, dirty, values)));
        let tick = shard.wire_tick();
        for change in &*changes {
            shard.replica.apply(tick, change);
            encoder.forget(change.id().index);
        }
        let entities = &shard.entities;
        exchange.publish(now, changes, |index, say| {
            let place = usize::from(index - first);
            let columns = entities.columns();
            let id = EntityId { index, generation: columns.generations[place] };
            if !columns.living.contains(place) {
                return say(Change::Gone { id });
            }
            say(Change::State { id, state: state_of(&columns, place, &config.map), rate: columns.rates[place] });
            // Those that are 0 again as well: it may have missed just that.
            variables_of(id, columns.variables_touched[place], &columns.variables[place]).for_each(say);
        });
    }

    /// Hands over what the game said, and its commands.
    fn speak(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let Simulation { shard, exchange, commands, players, .. } = self;
        for said in shard.said.drain(..) {
            if let Some(player) = players.of_body(&shard.entities, said.to) {
                // What is not taken, the endpoint has counted.
                let _ = endpoint.send(now, player.id, said.channel, &shard.words[said.from..said.from + said.len]);
            }
        }
        shard.words.clear();
        shard.outbox.hand_on(exchange, commands);
    }

    fn obey(&mut self) {
        let Simulation { shard, exchange, commands, game, .. } = self;
        commands.drain(..).for_each(|command| game.command(shard, &command));
        exchange.commands(|command| game.command(shard, command));
    }

    /// Tells the clients of one slice of what is due to them.
    fn serve(&mut self, now: Instant, endpoint: &mut Endpoint, slice: usize) {
        let tick = self.shard.wire_tick();
        let pacing = self.config.pacing.shed(self.stats.shed_level as u8);
        let Simulation { shard, players, encoder, scratch, waiting, snapshots, stats, .. } = self;
        waiting.clear();
        snapshots.clear();
        let (mut address, mut run) = (None, 0);
        for seat in 0..players.in_slice(slice) {
            players.seated(slice, seat + 2).inspect(|player| prefetch(*player));
            players.seated(slice, seat + 1).inspect(|player| player.viewer.prefetch());
            let player = players.seated_mut(slice, seat);
            player.take_heard(&shard.replica, scratch, stats);
            if !player.has_looked || tick % INTEREST_PERIOD == u32::from(player.id.slot()) % INTEREST_PERIOD {
                let Moved { entered, left } = shard.neighbourhood.look(&mut player.viewer, &shard.replica);
                // Who is new is known from the next tick on.
                player.has_looked = shard.replica.get(player.viewer.player).is_some();
                stats.entered += entered as u64;
                stats.left += left as u64;
            }
            let from = snapshots.len();
            snapshots.resize(from + COMPRESSION_BYTES_MIN, 0);
            let viewer = &mut player.viewer;
            let len = viewer.snapshot(tick, &pacing, &shard.replica, encoder, scratch, &mut snapshots[from..]);
            snapshots.truncate(from + len);
            if len > 0 {
                run += u32::from(address.replace(player.address) != Some(player.address));
                let run = (run, sealed_len(len) as u16);
                waiting.push(Waiting { id: player.id, run, from: from as u32, len: len as u16 });
            }
        }
        waiting.sort_unstable_by_key(|waiting| waiting.run);
        for (at, &Waiting { id, from, len, .. }) in waiting.iter().enumerate() {
            if let Some(ahead) = waiting.get(at + 2) {
                endpoint.prefetch(ahead.id);
            }
            let message = &snapshots[from as usize..from as usize + usize::from(len)];
            match endpoint.send(now, id, Channel::UNRELIABLE, message) {
                Ok(()) => {
                    stats.snapshots += 1;
                    stats.snapshot_bytes += u64::from(len);
                }
                Err(_) => stats.snapshots_unsent += 1,
            }
        }
    }

    /// Sheds more, or less, by how many of the last ticks were late.
    fn adapt(&mut self, late: bool) {
        self.late_in_period += u32::from(late);
        self.stats.late_ticks += u64::from(late);
        let too_late = self.late_in_period > LATE_TICKS_MAX;
        if too_late && self.stats.shed_level < u64::from(SHED_MAX) {
            self.stats.shed_level += 1;
            self.stats.sheds += 1;
        }
        if too_late || self.shard.tick().is_multiple_of(LATE_PERIOD.into()) {
            if self.late_in_period <= LATE_TICKS_FEW {
                self.stats.shed_level = self.stats.shed_level.saturating_sub(1);
            }
            self.late_in_period = 0;
        }
    }
}

impl<G: Game> Service for Simulation<G> {
    fn event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        self.live(now, endpoint, event);
    }

    #[inline]
    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>) {
        match message.bytes.first() {
            Some(&kinds::SYNC_ENTITY_QUANTIZED) => self.input(from, message.bytes),
            Some(&kinds::ENTER_TO_WORLD) if message.bytes.len() == 1 => self.enter(now, endpoint, from),
            Some(&(kinds::GAME..)) => self.game_message(from, message),
            _ => self.stats.strange_messages += 1,
        }
    }

    #[inline]
    fn prefetch(&self, from: ConnectionId) {
        self.players.prefetch(from);
    }

    fn exchange(&mut self, now: Instant, stages: &mut Stages) -> usize {
        let Simulation { shard, exchange, encoder, .. } = self;
        // In this core's own ticks: they are what its clients are told by.
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
        self.adapt(self.served < SLICES && self.shard.tick() > self.config.first_tick);
        self.tick_began = now;
        self.served = 0;
        self.scratch.digests_left = DIGESTS_PER_TICK;
        self.shard.begin_tick();
        self.obey();
        self.game.tick(&mut self.shard);
        let tick = self.shard.tick();
        self.shard.entities.expire_buffs(tick, |_, _| {});
        self.publish(now);
        self.speak(now, endpoint);
        self.encoder.clear();
        self.shard.neighbourhood.rebuild(&self.shard.replica);
        self.stats.ticks += 1;
    }

    fn replicate(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        if self.served == SLICES || now < self.deadline() {
            return false;
        }
        self.serve(now, endpoint, self.served);
        self.served += 1;
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

/// What there is to say of the variables in `mask`.
fn variables_of(id: EntityId, mask: u64, values: &[i32; VARIABLES]) -> impl Iterator<Item = Change> + '_ {
    let named = (0..VARIABLES as u8).filter(move |number| mask >> number & 1 != 0);
    named.map(move |number| Change::Variable { id, number, value: values[usize::from(number)] })
}

/// A place's state as it is replicated.
fn state_of(columns: &Columns<'_>, place: usize, map: &Map) -> State {
    let velocity = columns.velocities[place];
    State {
        position: map.quantise(columns.points[place]),
        // The casts take what is out of range to the nearest that is in it.
        velocity: velocity.map(|axis| (axis / VELOCITY_STEP).round() as i16),
        rotation: columns.rotations[place],
        animation: columns.animations[place],
        states: columns.states(place),
        buffs: columns.buffs[place],
        health: columns.health[place],
        mana: columns.mana[place],
        kind: columns.kinds[place],
        faction: columns.factions[place],
    }
}
