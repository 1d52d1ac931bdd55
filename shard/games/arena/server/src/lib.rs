//! The server of the arena: what it alone decides. It finds out whom shots hit, lets players die and respawn, and answers
//! asks.

use ringshard::game::{Admission, Channel, Game, Hitbox, LeaveReason, NoJob, PlayerId, Reply, Shard, To, Visitor};
use ringshard_arena_rules::aim::{CHEST, RADIUS, RANGE, chest, direction};
use ringshard_arena_rules::level::spawn_point;
use ringshard_arena_rules::{Answer, ArenaRules, Ask, Body, DAMAGE, Event, HEAL, HEALTH, Input, Shown};
use ringshard_world::{EntityId, Rules};
use std::collections::BTreeMap;

/// Ticks from death to respawn.
const RESPAWN_TICKS: u16 = 90;
/// The items of a new player, by slot.
const ITEMS: [u8; 4] = [9, 1, 0, 0];

ringshard_world::wire! {
    /// From one player's entity to another's, which another core may own.
    pub enum Command {
        /// A shot hit the receiver. With another `leap`, it hit a former life.
        Hit { damage: u8, leap: u8 },
        /// The receiver has killed the sender.
        Killed,
    }
}

/// The arena, on one core.
#[derive(Default)]
pub struct Arena {
    rules: ArenaRules,
    /// The items of each player, and the tick from which it may speak again.
    players: BTreeMap<PlayerId, ([u8; 4], u64)>,
}

/// A player that has just spawned.
fn spawned(shard: &Shard<Arena>, player: PlayerId, leap: u8) -> Body {
    let place = (player.number() as u32).wrapping_add(shard.tick() as u32);
    Body::at(spawn_point(place), leap)
}

/// Finds out whom a shot hits, in the world as the shooter saw it.
fn shoot(rules: &ArenaRules, shard: &mut Shard<Arena>, player: PlayerId, by: EntityId, own: &Body, pitch: i16) {
    let (from, way) = (chest(own.walker.point), direction(own.walker.yaw, pitch));
    let range = rules.terrain.ray(from, way, RANGE).map_or(RANGE, |wall| wall.distance);
    let hit = shard.as_seen_by(player).ray(from, way, range, |id| id != by);
    if let Some(hit) = &hit {
        let _ = shard.command(hit.id, by, &Command::Hit { damage: DAMAGE, leap: hit.pose.leap });
    }
    let distance = hit.map_or(range, |hit| hit.distance) as u16;
    let shot = Event::Shot { by, distance, hit: hit.map(|hit| hit.id) };
    let _ = shard.tell(To::ViewersOf(by), Channel::UNRELIABLE, &shot);
}

impl Game for Arena {
    type Rules = ArenaRules;
    type Command = Command;
    type Job = NoJob;
    type Done = NoJob;

    const HITBOXES: &'static [Hitbox] = &[Hitbox::Sphere { radius: RADIUS, offset_z: CHEST }];

    fn rules(&self) -> &ArenaRules {
        &self.rules
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, _visitor: Visitor<'_>) -> Admission {
        let own = spawned(shard, player, 0);
        let shown = Shown { health: HEALTH, ..Shown::default() };
        let Ok(body) = shard.entities.spawn(self.rules.pose(&own), shown) else { return Admission::Refused(0) };
        shard.control(player, Some(body), own);
        self.players.insert(player, (ITEMS, 0));
        Admission::Accepted
    }

    fn leave(&mut self, _shard: &mut Shard<Self>, player: PlayerId, _reason: LeaveReason) -> u32 {
        self.players.remove(&player);
        0
    }

    fn stepped(&mut self, shard: &mut Shard<Self>, player: PlayerId, input: &Input) {
        let (Some(body), Some(&own)) = (shard.body(player), shard.own(player)) else { return };
        if own.has_fired() {
            shoot(&self.rules, shard, player, body, &own, input.pitch);
        }
        if !own.alive && own.respawn.is_ready() {
            shard.control(player, Some(body), spawned(shard, player, own.walker.leap.wrapping_add(1)));
            let Some(shown) = shard.entities.shown_mut(body) else { return };
            shown.health = HEALTH;
        }
    }

    fn ask(&mut self, shard: &mut Shard<Self>, player: PlayerId, ask: Ask, reply: Reply) {
        let shown = shard.body(player).and_then(|body| shard.entities.shown_mut(body));
        let answer = match (ask, self.players.get_mut(&player).zip(shown)) {
            (Ask::Look, Some(((items, _), _))) => Answer::Inventory { items: *items },
            (Ask::Use { slot }, Some(((items, _), shown))) if shown.health > 0 => match items.get_mut(slot as usize) {
                Some(left @ 1..) => {
                    *left -= 1;
                    shown.health = HEALTH.min(shown.health + HEAL);
                    Answer::Used { left: *left, health: shown.health }
                }
                _ => Answer::Empty,
            },
            _ => Answer::Dead,
        };
        shard.reply(reply, &answer);
    }

    fn event(&mut self, shard: &mut Shard<Self>, player: PlayerId, event: Event) {
        let (Event::Say { text }, Some(by)) = (event, shard.body(player)) else { return };
        if let Some((_, speaks_at)) = self.players.get_mut(&player).filter(|(_, at)| *at <= shard.tick()) {
            // Twice a second: a flood to everybody would disconnect all whose queues it fills.
            *speaks_at = shard.tick() + 30;
            let _ = shard.tell(To::Everybody, Channel::RELIABLE_ORDERED, &Event::Said { by, text });
        }
    }

    fn command(&mut self, shard: &mut Shard<Self>, to: EntityId, from: EntityId, command: Command) {
        let Some(player) = shard.player_of(to) else { return };
        let (Some(own), Some(shown)) = (shard.own(player).copied(), shard.entities.shown_mut(to)) else { return };
        match command {
            Command::Killed => shown.kills = shown.kills.saturating_add(1),
            Command::Hit { damage, leap } if own.alive && own.walker.leap == leap => {
                shown.health = shown.health.saturating_sub(damage);
                if shown.health == 0 {
                    shown.deaths = shown.deaths.saturating_add(1);
                    die(shard, player, to, from);
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

fn die(shard: &mut Shard<Arena>, player: PlayerId, whom: EntityId, by: EntityId) {
    let Some(own) = shard.own_mut(player) else { return };
    own.alive = false;
    own.respawn.start(RESPAWN_TICKS);
    let _ = shard.command(by, whom, &Command::Killed);
    let _ = shard.tell(To::Everybody, Channel::RELIABLE_ORDERED, &Event::Killed { by, whom });
}
