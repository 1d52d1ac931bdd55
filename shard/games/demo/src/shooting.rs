//! Projectiles: they fly, hit enemies and make them burn.

use crate::cooldown::Cooldown;
use crate::layout::{Layout, spawn_point};
use ringshard::game::shard::Shard;
use ringshard::runtime::tick::TICKS_PER_SECOND;
use ringshard_world::entity::{buffs, states};
use ringshard_world::{EntityId, EntityKind};
use std::f32::consts::TAU;

/// The variable that counts the hits of an entity.
pub const HITS: usize = 0;
/// The command of a projectile to what it hits. The content is the damage.
pub const COMMAND_HIT: u8 = 1;
/// The command of what was hit to the shooter.
pub const COMMAND_SCORED: u8 = 2;

/// Speed of a projectile, in units per second.
const SHOT_SPEED: f32 = 3_000.0;
/// Ticks that a projectile flies.
const SHOT_TICKS: u64 = 90;
/// Ticks between two shots of a player.
const SHOT_COOLDOWN: u64 = 30;
/// How close a projectile must come to hit, in units.
const SHOT_RADIUS: f32 = 100.0;
/// Damage of a projectile, of 255.
const SHOT_DAMAGE: u8 = 40;
/// Ticks that a target burns after a hit.
const BURN_TICKS: u64 = 3 * TICKS_PER_SECOND as u64;
/// How many entities near a projectile are considered as targets.
const SHOT_NEIGHBOURS: usize = 32;

#[derive(Clone, Copy, Debug)]
struct Shot {
    id: EntityId,
    shooter: EntityId,
    until: u64,
}

/// The projectiles of one core.
#[derive(Debug, Default)]
pub struct Shooting {
    shots: Vec<Shot>,
    cooldown: Cooldown,
    /// Buffer for targets.
    around: Vec<EntityId>,
}

impl Shooting {
    /// Shoots in the direction that the shooter faces, unless it has shot a moment ago.
    pub fn shoot(&mut self, shard: &mut Shard, shooter: EntityId) {
        let tick = shard.tick();
        let Some(row) = shard.entities.row(shooter) else { return };
        if !self.cooldown.start(row, tick, SHOT_COOLDOWN) {
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

    /// Ends projectiles that hit something or have flown for long enough.
    pub fn fly(&mut self, shard: &mut Shard) {
        let tick = shard.tick();
        let Shooting { shots, around, .. } = self;
        shots.retain(|shot| {
            let Some(point) = shard.entities.point(shot.id) else { return false };
            around.clear();
            shard.nearest(point, SHOT_RADIUS, SHOT_NEIGHBOURS, around);
            let target = around.iter().copied().find(|&id| id != shot.shooter && is_target(shard, shot, id));
            // A refused hit is tried again in the next tick: too many commands were waiting.
            let hits =
                target.is_some_and(|target| shard.command(target, shot.shooter, COMMAND_HIT, &[SHOT_DAMAGE]).is_ok());
            let flies = !hits && tick < shot.until;
            if !flies {
                shard.entities.despawn(shot.id);
            }
            flies
        });
    }
}

/// Whether a projectile can hit an entity: a living enemy.
fn is_target(shard: &Shard, shot: &Shot, id: EntityId) -> bool {
    let own = shard.entities.faction(shot.id).unwrap_or(0);
    shard.state(id).is_some_and(|it| {
        let kind = matches!(it.kind, EntityKind::Player | EntityKind::Npc | EntityKind::Monster);
        kind && it.states & states::ALIVE != 0 && shard.factions.is_enemy(own, it.faction)
    })
}

/// A projectile has hit an entity of this core.
pub fn hit(shard: &mut Shard, layout: Layout, target: EntityId, shooter: EntityId, damage: u8) {
    let Some(health) = shard.entities.health(target) else { return };
    if shard.entities.buffs(target).is_some_and(|buffs| buffs & buffs::INVULNERABLE != 0) {
        return;
    }
    let tick = shard.tick();
    // If the command is refused, this hit is not counted.
    let _ = shard.command(shooter, target, COMMAND_SCORED, &[]);
    if health > damage {
        shard.entities.set_health(target, health - damage);
        shard.entities.apply_buff(target, buffs::BURNING, damage, tick + BURN_TICKS);
        return;
    }
    // It restarts at another spawn point, and cannot be hit there for a while.
    let map = *shard.map();
    let point = spawn_point(layout, &map, &mut shard.random);
    shard.entities.set_point(target, point);
    shard.entities.set_health(target, u8::MAX);
    shard.entities.remove_buff(target, buffs::BURNING);
    shard.entities.apply_buff(target, buffs::INVULNERABLE, 1, tick + BURN_TICKS);
}

/// A projectile of this entity has hit.
pub fn score(shard: &mut Shard, shooter: EntityId) {
    let hits = shard.entities.variable(shooter, HITS).unwrap_or(0);
    shard.entities.set_variable(shooter, HITS, hits + 1);
}
