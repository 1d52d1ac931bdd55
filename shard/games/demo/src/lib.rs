//! A demonstration: players walk by validated input and shoot at each other, NPCs patrol, projectiles fly and burn whom
//! they hit, and everybody can talk.

use clap::ValueEnum;
use rand_chacha::rand_core::Rng;
use ringshard::game::Game;
use ringshard::game::shard::Shard;
use ringshard::runtime::tick::TICKS_PER_SECOND;
use ringshard::world::exchange::{COMMAND_BYTES_MAX, Command};
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::wire::{Channel, Message};
use ringshard_world::entity::{buffs, states};
use ringshard_world::messages::{Input, kinds};
use ringshard_world::{EntityId, EntityKind, Map};
use std::f32::consts::TAU;

/// Fastest walk, in units a second: 6 m/s.
pub const WALK_MAX: f32 = 600.0;
/// Speed of a projectile, in units a second.
const SHOT_SPEED: f32 = 3_000.0;
/// Ticks that a projectile flies.
const SHOT_TICKS: u64 = 90;
/// Ticks between two shots.
const SHOT_COOLDOWN: u64 = 30;
/// How close to a projectile one is hit, in units.
const SHOT_RADIUS: f32 = 100.0;
/// Of 255.
const SHOT_DAMAGE: u8 = 40;
/// Ticks that who was hit burns.
const BURN_TICKS: u64 = 3 * TICKS_PER_SECOND as u64;
/// How far an NPC walks from home, in units, and how fast.
const PATROL_RADIUS: f32 = 1_000.0;
const PATROL_SPEED: f32 = 150.0;
/// Distance of spawn points from the map's edge.
const MARGIN: f32 = 1_000.0;
/// Towns of the layout of that name, and how far from their centre most people are, in units.
const TOWNS: u32 = 20;
const TOWN_RADIUS: f32 = 5_000.0;
/// Half the edge of the one crowd, in units: 100 m across.
const CROWD_RADIUS: f32 = 5_000.0;
/// Players who hear a chat message, and ticks between two of a player: others must not drown in them.
const EARSHOT: usize = 32;
const CHAT_COOLDOWN: u64 = 30;
/// Whom a projectile may hit is sought among so many.
const SHOT_NEIGHBOURS: usize = 32;

/// Input action: shoot.
pub const SHOOT: u8 = 0x01;
/// A chat message, both ways: this byte, then the text; from the server, the speaker's index and generation in between.
pub const CHAT: u8 = kinds::GAME;
/// Variable in which an entity's hits are counted.
pub const HITS: usize = 0;

const COMMAND_HIT: u8 = 1;
const COMMAND_SCORED: u8 = 2;
const COMMAND_CHAT: u8 = 3;

/// Where players and NPCs come into the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Layout {
    /// Anywhere.
    #[default]
    Uniform,
    /// In twenty towns.
    Towns,
    /// All within 100 m.
    Crowd,
}

/// What flies.
#[derive(Clone, Copy, Debug)]
struct Shot {
    id: EntityId,
    shooter: EntityId,
    until: u64,
}

/// Who patrols.
#[derive(Clone, Copy, Debug)]
struct Npc {
    id: EntityId,
    home: [f32; 3],
}

/// The demonstration, on one core.
pub struct Demo {
    began: bool,
    layout: Layout,
    npcs_wanted: usize,
    npcs: Vec<Npc>,
    shots: Vec<Shot>,
    /// When each place may shoot again.
    shoots_at: Vec<u64>,
    /// When each place's entity may talk again.
    speaks_at: Vec<u64>,
    around: Vec<EntityId>,
}

impl Demo {
    /// With so many NPCs on this core.
    pub fn new(layout: Layout, npcs: usize) -> Self {
        Demo {
            began: false,
            layout,
            npcs_wanted: npcs,
            npcs: Vec::with_capacity(npcs),
            shots: Vec::new(),
            shoots_at: Vec::new(),
            speaks_at: Vec::new(),
            around: Vec::new(),
        }
    }

    fn populate(&mut self, shard: &mut Shard) {
        while self.npcs.len() < self.npcs_wanted {
            let map = *shard.map();
            let home = spawn_point(self.layout, &map, &mut shard.random);
            let Ok(id) = shard.entities.spawn(EntityKind::Npc, 0, home) else { return };
            self.npcs.push(Npc { id, home });
        }
    }

    /// NPCs walk round their homes.
    fn patrol(&mut self, shard: &mut Shard) {
        let tick = shard.tick();
        // Each decides anew every two seconds.
        for npc in self.npcs.iter().skip(tick as usize % 120).step_by(120) {
            let Some(point) = shard.entities.point(npc.id) else { continue };
            let [away_x, away_y] = [npc.home[0] - point[0], npc.home[1] - point[1]];
            let home = away_x.hypot(away_y) > PATROL_RADIUS;
            let turn = shard.random.next_u32() as u16;
            let rests = !home && turn.is_multiple_of(3);
            let angle = if home { away_y.atan2(away_x) } else { f32::from(turn) / 65_536.0 * TAU };
            let speed = if rests { 0.0 } else { PATROL_SPEED };
            walk(shard, npc.id, angle, speed);
        }
    }

    fn shoot(&mut self, shard: &mut Shard, shooter: EntityId) {
        let tick = shard.tick();
        let Some(place) = shard.entities.place(shooter) else { return };
        if !rest(&mut self.shoots_at, place, tick, SHOT_COOLDOWN) {
            return;
        }
        let (Some(point), Some(rotation), Some(faction)) =
            (shard.entities.point(shooter), shard.entities.rotation(shooter), shard.entities.faction(shooter))
        else {
            return;
        };
        let Ok(id) = shard.entities.spawn(EntityKind::Projectile, faction, point) else { return };
        let angle = f32::from(rotation[0]) / 65_536.0 * TAU;
        shard.entities.set_velocity(id, [SHOT_SPEED * angle.cos(), SHOT_SPEED * angle.sin(), 0.0]);
        shard.entities.set_rotation(id, rotation);
        self.shots.push(Shot { id, shooter, until: tick + SHOT_TICKS });
    }

    /// Projectiles hit whom they come near to, or end.
    fn fly(&mut self, shard: &mut Shard) {
        let tick = shard.tick();
        let Demo { shots, around, .. } = self;
        shots.retain(|shot| {
            let Some(point) = shard.entities.point(shot.id) else { return false };
            around.clear();
            shard.nearest(point, SHOT_RADIUS, SHOT_NEIGHBOURS, around);
            let own = shard.entities.faction(shot.id).unwrap_or(0);
            let target = around.iter().copied().find(|&id| {
                let hit = shard.look(id).is_some_and(|it| {
                    let kind = matches!(it.kind, EntityKind::Player | EntityKind::Npc | EntityKind::Monster);
                    kind && it.states & states::ALIVE != 0 && shard.factions.is_enemy(own, it.faction)
                });
                id != shot.shooter && hit
            });
            // A hit that is refused, because too many are under way, is tried again in the next tick.
            let hits =
                target.is_some_and(|target| shard.command(target, shot.shooter, COMMAND_HIT, &[SHOT_DAMAGE]).is_ok());
            let flies = !hits && tick < shot.until;
            if !flies {
                shard.entities.despawn(shot.id);
            }
            flies
        });
    }

    fn hit(&mut self, shard: &mut Shard, target: EntityId, shooter: EntityId, damage: u8) {
        let Some(health) = shard.entities.health(target) else { return };
        if shard.entities.buffs(target).is_some_and(|buffs| buffs & buffs::INVULNERABLE != 0) {
            return;
        }
        let tick = shard.tick();
        // A refused one is counted; the score is not worth more.
        let _ = shard.command(shooter, target, COMMAND_SCORED, &[]);
        if health > damage {
            shard.entities.set_health(target, health - damage);
            shard.entities.apply_buff(target, buffs::BURNING, damage, tick + BURN_TICKS);
            return;
        }
        // Back to where it could have begun, and left alone there for a while.
        let map = *shard.map();
        let point = spawn_point(self.layout, &map, &mut shard.random);
        shard.entities.set_point(target, point);
        shard.entities.set_health(target, u8::MAX);
        shard.entities.remove_buff(target, buffs::BURNING);
        shard.entities.apply_buff(target, buffs::INVULNERABLE, 1, tick + BURN_TICKS);
    }

    /// Passes on what was said to those around, wherever they live.
    fn chat(&mut self, shard: &mut Shard, speaker: EntityId, text: &[u8]) {
        let (tick, Some(place)) = (shard.tick(), shard.entities.place(speaker)) else { return };
        if !rest(&mut self.speaks_at, place, tick, CHAT_COOLDOWN) {
            return;
        }
        let Some(point) = shard.entities.point(speaker) else { return };
        self.around.clear();
        let mut around = std::mem::take(&mut self.around);
        shard.nearest(point, TOWN_RADIUS, EARSHOT, &mut around);
        for &listener in &around {
            if shard.look(listener).is_some_and(|it| it.kind == EntityKind::Player) {
                // A refused one is counted: too much is said already.
                let _ = shard.command(listener, speaker, COMMAND_CHAT, text);
            }
        }
        self.around = around;
    }
}

impl Game for Demo {
    fn join(&mut self, shard: &mut Shard) -> Option<EntityId> {
        let map = *shard.map();
        let point = spawn_point(self.layout, &map, &mut shard.random);
        let faction = 1 + (shard.random.next_u32() % 2) as u8;
        shard.entities.spawn(EntityKind::Player, faction, point).ok()
    }

    fn suspended(&mut self, shard: &mut Shard, player: EntityId) {
        // Nobody steers it: it stands where it is.
        walk(shard, player, 0.0, 0.0);
    }

    fn input(&mut self, shard: &mut Shard, player: EntityId, input: &Input) {
        let angle = f32::from(input.direction) / 65_536.0 * TAU;
        let carried = shard.entities.buffs(player).unwrap_or(0);
        let held = shard.entities.states(player).is_none_or(|it| it & states::STUNNED != 0 || it & states::ALIVE == 0);
        let most = match carried {
            _ if held || carried & buffs::FROZEN != 0 => 0.0,
            _ if carried & buffs::SLOWED != 0 => WALK_MAX / 2.0,
            _ => WALK_MAX,
        };
        walk(shard, player, angle, most * f32::from(input.pace) / 255.0);
        if input.actions & SHOOT != 0 && !held {
            self.shoot(shard, player);
        }
    }

    fn message(&mut self, shard: &mut Shard, player: EntityId, message: Message<'_>) {
        if let [CHAT, text @ ..] = message.bytes
            && (1..=COMMAND_BYTES_MAX).contains(&text.len())
            && std::str::from_utf8(text).is_ok()
        {
            self.chat(shard, player, text);
        }
    }

    fn command(&mut self, shard: &mut Shard, command: &Command) {
        match (command.kind, command.content()) {
            (COMMAND_HIT, &[damage]) => self.hit(shard, command.to, command.from, damage),
            (COMMAND_SCORED, _) => {
                let hits = shard.entities.variable(command.to, HITS).unwrap_or(0);
                shard.entities.set_variable(command.to, HITS, hits + 1);
            }
            (COMMAND_CHAT, text) => {
                let [low, high] = command.from.index.to_le_bytes();
                let mut message = [0; 4 + COMMAND_BYTES_MAX];
                message[..4].copy_from_slice(&[CHAT, low, high, command.from.generation]);
                message[4..4 + text.len()].copy_from_slice(text);
                shard.tell(command.to, Channel::RELIABLE_ORDERED, &message[..4 + text.len()]);
            }
            _ => {}
        }
    }

    fn tick(&mut self, shard: &mut Shard) {
        if !std::mem::replace(&mut self.began, true) {
            shard.factions.relate(1, 2, ringshard::world::store::Relation::Enemy);
        }
        self.populate(shard);
        self.patrol(shard);
        move_all(shard);
        self.fly(shard);
    }
}

/// Has an entity walk.
fn walk(shard: &mut Shard, id: EntityId, angle: f32, speed: f32) {
    let entities = &mut shard.entities;
    entities.set_velocity(id, [speed * angle.cos(), speed * angle.sin(), 0.0]);
    let own = entities.own_states(id).unwrap_or(0);
    if speed > 0.0 {
        let turn = (angle / TAU * 65_536.0) as i64 as u16;
        entities.set_rotation(id, [turn, 0, 0]);
        entities.set_own_states(id, own | states::MOVING);
    } else {
        entities.set_own_states(id, own & !states::MOVING);
    }
}

/// Everything goes where its velocity takes it, and stays on the map.
fn move_all(shard: &mut Shard) {
    let size = shard.map().size();
    let columns = shard.entities.columns_mut();
    let tick = 1.0 / TICKS_PER_SECOND as f32;
    for place in columns.living.iter() {
        let velocity = columns.velocities[place];
        if velocity == [0.0; 3] {
            continue;
        }
        let point = &mut columns.points[place];
        for axis in 0..3 {
            point[axis] = (point[axis] + velocity[axis] * tick).clamp(0.0, size[axis]);
        }
    }
}

/// Whether a place's entity may do again what it has to rest after; then it has done it.
fn rest(again_at: &mut Vec<u64>, place: usize, tick: u64, ticks: u64) -> bool {
    if again_at.len() <= place {
        again_at.resize(place + 1, 0);
    }
    let may = tick >= again_at[place];
    if may {
        again_at[place] = tick + ticks;
    }
    may
}

/// A point where somebody may come into the world.
pub fn spawn_point(layout: Layout, map: &Map, random: &mut Csprng) -> [f32; 3] {
    let [width, depth, _] = map.size();
    let mut part = || random.next_u32() as f32 / u32::MAX as f32;
    let [x, y] = match layout {
        Layout::Uniform => [part() * width, part() * depth],
        Layout::Towns => {
            let town = (part() * TOWNS as f32).min(TOWNS as f32 - 1.0).floor();
            // The golden angle spreads them.
            let (turn, far) = (town * 2.4, 0.4 * ((town + 0.5) / TOWNS as f32).sqrt());
            let (angle, away) = (part() * TAU, part() * TOWN_RADIUS);
            [
                width * (0.5 + far * turn.cos()) + away * angle.cos(),
                depth * (0.5 + far * turn.sin()) + away * angle.sin(),
            ]
        }
        Layout::Crowd => {
            [width / 2.0 + (part() * 2.0 - 1.0) * CROWD_RADIUS, depth / 2.0 + (part() * 2.0 - 1.0) * CROWD_RADIUS]
        }
    };
    [x.clamp(MARGIN, width - MARGIN), y.clamp(MARGIN, depth - MARGIN), 0.0]
}
