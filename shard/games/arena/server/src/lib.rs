//! The server of the arena: what it alone decides. It finds out whom shots hit, kills, respawns, and answers asks.

use ringshard::game::{Admission, Game, Hitbox, LeaveReason, NoJob, PlayerId, Reply, Shard, To};
use ringshard_arena_rules::level::{distance_to_wall, spawn_point};
use ringshard_arena_rules::movement::{RADIUS, RANGE, direction};
use ringshard_arena_rules::{Answer, ArenaRules, Ask, Body, DAMAGE, Event, HEAL, HEALTH, Input, Shown};
use ringshard_protocol::wire::Channel;
use ringshard_world::{EntityId, Rules};
use std::collections::BTreeMap;

/// Ticks from death to respawn.
pub const RESPAWN_TICKS: u64 = 90;
/// Ticks in which a player may speak once.
const SPEECH_TICKS: u64 = 30;
/// The items of a player that has just spawned.
const ITEMS: [u8; 4] = [3, 1, 0, 0];

ringshard_world::wire! {
    /// From one player's entity to another's.
    pub enum Command {
        /// A shot hit. `leap` is the victim's: a shot at its former life does nothing.
        Hit { damage: u8, leap: u8 },
        /// The receiver has killed the sender.
        Killed,
    }
}

/// What only the server knows of a player.
struct Player {
    slots: [u8; 4],
    respawns_at: u64,
    speaks_at: u64,
}

/// The arena, on one core.
pub struct Arena {
    rules: ArenaRules,
    players: BTreeMap<PlayerId, Player>,
    /// The number of the next spawn point.
    spawns: u32,
}

impl Arena {
    /// An empty arena. Each core begins elsewhere with its spawn points.
    pub fn new(core: usize) -> Self {
        Arena { rules: ArenaRules, players: BTreeMap::new(), spawns: core as u32 * 7 }
    }

    fn spawn(&mut self, leap: u8) -> Body {
        self.spawns += 1;
        Body::spawned(spawn_point(self.spawns), leap)
    }

    /// Finds out whom a shot hits, in the world as the shooter saw it.
    fn shoot(shard: &mut Shard<Self>, player: PlayerId, by: EntityId, own: &Body) {
        let ([x, y], [along_x, along_y]) = (own.point, direction(own.yaw));
        let range = distance_to_wall(own.point, [along_x, along_y], RANGE);
        let past = shard.as_seen_by(player);
        let hit = past.ray([x, y, 0.0], [along_x, along_y, 0.0], range, |id| id != by);
        if let Some(hit) = &hit {
            let _ = shard.command(hit.id, by, &Command::Hit { damage: DAMAGE, leap: hit.pose.leap });
        }
        let distance = hit.map_or(range, |hit| hit.distance) as u16;
        let shot = Event::Shot { by, distance, hit: hit.map(|hit| hit.id) };
        let _ = shard.tell(To::ViewersOf(by), Channel::UNRELIABLE, &shot);
    }

    fn die(&mut self, shard: &mut Shard<Self>, player: PlayerId, whom: EntityId, by: EntityId) {
        if let Some((known, own)) = self.players.get_mut(&player).zip(shard.own_mut(player)) {
            own.alive = false;
            known.respawns_at = shard.tick() + RESPAWN_TICKS;
        }
        let _ = shard.command(by, whom, &Command::Killed);
        let _ = shard.tell(To::Everybody, Channel::RELIABLE_ORDERED, &Event::Killed { by, whom });
    }

    fn respawn(&mut self, shard: &mut Shard<Self>, player: PlayerId, body: EntityId) {
        let Some(leap) = shard.own(player).map(|own| own.leap.wrapping_add(1)) else { return };
        let own = self.spawn(leap);
        shard.control(player, Some(body), own);
        if let Some((known, shown)) = self.players.get_mut(&player).zip(shard.entities.shown_mut(body)) {
            (known.slots, shown.health) = (ITEMS, HEALTH);
        }
    }
}

impl Game for Arena {
    type Rules = ArenaRules;
    type Command = Command;
    type Job = NoJob;
    type Done = NoJob;

    const HITBOXES: &'static [Hitbox] = &[Hitbox::Sphere { radius: RADIUS, offset_z: 0.0 }];

    fn rules(&self) -> &ArenaRules {
        &self.rules
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, _ticket: &[u8]) -> Admission {
        let own = self.spawn(0);
        let shown = Shown { health: HEALTH, ..Shown::default() };
        let Ok(body) = shard.entities.spawn(self.rules.pose(&own), shown) else { return Admission::Refused(0) };
        shard.control(player, Some(body), own);
        self.players.insert(player, Player { slots: ITEMS, respawns_at: 0, speaks_at: 0 });
        Admission::Accepted
    }

    fn leave(&mut self, _shard: &mut Shard<Self>, player: PlayerId, _reason: LeaveReason) -> u32 {
        self.players.remove(&player);
        0
    }

    fn stepped(&mut self, shard: &mut Shard<Self>, player: PlayerId, _input: &Input) {
        let (Some(body), Some(&own)) = (shard.body(player), shard.own(player)) else { return };
        if own.has_fired() {
            Self::shoot(shard, player, body, &own);
        }
        if !own.alive && self.players.get(&player).is_some_and(|known| shard.tick() >= known.respawns_at) {
            self.respawn(shard, player, body);
        }
    }

    fn ask(&mut self, shard: &mut Shard<Self>, player: PlayerId, ask: Ask, reply: Reply) {
        let body = shard.body(player).and_then(|body| shard.entities.shown_mut(body));
        let answer = match (ask, self.players.get_mut(&player).zip(body)) {
            (_, None) => Answer::Dead,
            (Ask::Look, Some((known, _))) => Answer::Inventory { slots: known.slots },
            (Ask::Use { .. }, Some((_, shown))) if shown.health == 0 => Answer::Dead,
            (Ask::Use { .. }, Some((_, shown))) if shown.health == HEALTH => Answer::Unhurt,
            (Ask::Use { slot }, Some((known, shown))) => match known.slots.get_mut(usize::from(slot)) {
                Some(left @ 1..) => {
                    *left -= 1;
                    shown.health = HEALTH.min(shown.health + HEAL);
                    Answer::Used { left: *left, health: shown.health }
                }
                _ => Answer::Empty,
            },
        };
        shard.reply(reply, &answer);
    }

    fn event(&mut self, shard: &mut Shard<Self>, player: PlayerId, event: Event) {
        let Some((known, by)) = self.players.get_mut(&player).zip(shard.body(player)) else { return };
        if let Event::Say { text } = event
            && shard.tick() >= known.speaks_at
        {
            known.speaks_at = shard.tick() + SPEECH_TICKS;
            let _ = shard.tell(To::Everybody, Channel::RELIABLE_ORDERED, &Event::Said { by, text });
        }
    }

    fn command(&mut self, shard: &mut Shard<Self>, to: EntityId, from: EntityId, command: Command) {
        let Some(player) = shard.player_of(to) else { return };
        let leap_now = shard.own(player).map(|own| own.leap);
        let Some(shown) = shard.entities.shown_mut(to) else { return };
        match command {
            Command::Killed => shown.kills += 1,
            Command::Hit { damage, leap } if shown.health > 0 && leap_now == Some(leap) => {
                shown.health = shown.health.saturating_sub(damage);
                if shown.health == 0 {
                    shown.deaths += 1;
                    self.die(shard, player, to, from);
                }
            }
            Command::Hit { .. } => {}
        }
    }

    /// Shots go through the dead.
    fn hitbox(&self, shown: &Shown) -> Option<usize> {
        (shown.health > 0).then_some(0)
    }
}
