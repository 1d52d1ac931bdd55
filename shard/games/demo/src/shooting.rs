//! Projectiles: they fly and hit enemies.

use crate::{Command, Demo};
use ringshard::game::character::Factions;
use ringshard::game::{Channel, Shard, To};
use ringshard_demo_rules::{Character, Event};
use ringshard_world::character::{EntityKind, states};
use ringshard_world::limits::TICKS_PER_SECOND;
use ringshard_world::turn::direction;
use ringshard_world::{EntityId, Pose};

/// Speed of a projectile, in units per second.
const SHOT_SPEED: f32 = 3_000.0;
/// Ticks that a projectile flies.
const SHOT_TICKS: u64 = 90;
/// How close a projectile must come to hit, in units.
const SHOT_RADIUS: f32 = 100.0;
/// Where a projectile begins, and where it is aimed at: in units above the feet.
const CHEST: f32 = 120.0;
/// Damage of a projectile, of 255.
const SHOT_DAMAGE: u8 = 40;
/// How many entities near a projectile are considered as targets.
const SHOT_NEIGHBOURS: usize = 32;

#[derive(Clone, Copy, Debug)]
struct Shot {
    id: EntityId,
    shooter: EntityId,
    faction: u8,
    until: u64,
}

/// The projectiles of one core.
#[derive(Debug, Default)]
pub struct Shooting {
    shots: Vec<Shot>,
    /// Buffer for targets.
    around: Vec<EntityId>,
}

impl Shooting {
    /// Shoots where the shooter looks. False if the core has no room for a projectile.
    pub fn shoot(&mut self, shard: &mut Shard<Demo>, shooter: EntityId) -> bool {
        let (Some(&pose), Some(&Character { faction, .. })) =
            (shard.entities.pose(shooter), shard.entities.shown(shooter))
        else {
            return false;
        };
        let [x, y] = direction(pose.rotation[0]).map(|axis| axis * SHOT_SPEED);
        let point = [pose.point[0], pose.point[1], pose.point[2] + CHEST];
        let pose = Pose { point, velocity: [x, y, 0.0], leap: 0, ..pose };
        let Ok(id) = shard.entities.spawn(pose, Character::new(EntityKind::Projectile, faction)) else { return false };
        self.shots.push(Shot { id, shooter, faction, until: shard.tick() + SHOT_TICKS });
        true
    }

    /// Ends projectiles that hit an enemy, the ground or a wall, or have flown for long enough.
    pub fn fly(&mut self, shard: &mut Shard<Demo>, factions: &Factions) {
        let tick = shard.tick();
        let Shooting { shots, around } = self;
        shots.retain(|shot| {
            let Some(&pose) = shard.entities.pose(shot.id) else { return false };
            let (from, impact) = way(shard, &pose);
            let point = impact.unwrap_or(pose.point);
            around.clear();
            // What is nearest to the feet of a target that the projectile meets at chest height.
            shard.nearest([point[0], point[1], point[2] - CHEST], SHOT_RADIUS, SHOT_NEIGHBOURS, around);
            let is_hit = |id| id != shot.shooter && is_target(shard, factions, shot, id) && sees(shard, from, id);
            let target = around.iter().copied().find(|&id| is_hit(id));
            let hit = Command::Hit { damage: SHOT_DAMAGE };
            // A refused hit is tried again in the next tick: too many commands were waiting.
            let hits = target.is_some_and(|target| shard.command(target, shot.shooter, &hit).is_ok());
            let flies = !hits && impact.is_none() && tick < shot.until;
            if !flies {
                shard.entities.despawn(shot.id);
            }
            flies
        });
    }
}

/// Where a projectile was before this tick, and where it has met the ground or a wall since then.
fn way(shard: &Shard<Demo>, pose: &Pose) -> ([f32; 3], Option<[f32; 3]>) {
    let way = pose.velocity.map(|axis| axis / TICKS_PER_SECOND as f32);
    let from = [0, 1, 2].map(|axis| pose.point[axis] - way[axis]);
    let impact = shard.terrain().ray(from, way, SHOT_SPEED / TICKS_PER_SECOND as f32);
    (from, impact.map(|impact| impact.point))
}

/// Whether nothing is between a projectile and the chest of an entity.
fn sees(shard: &Shard<Demo>, from: [f32; 3], target: EntityId) -> bool {
    let chest = shard.pose(target).map(|Pose { point: [x, y, z], .. }| [x, y, z + CHEST]);
    chest.is_some_and(|chest| shard.terrain().sees(from, chest))
}

/// Whether a projectile can hit an entity: a living enemy.
fn is_target(shard: &Shard<Demo>, factions: &Factions, shot: &Shot, id: EntityId) -> bool {
    let Some(Character { faction, .. }) = shard.state(id).map(|it| it.shown).filter(can_be_hit) else { return false };
    factions.is_enemy(shot.faction, faction)
}

fn can_be_hit(shown: &Character) -> bool {
    let is_creature = matches!(shown.entity_kind(), Some(EntityKind::Player | EntityKind::Npc | EntityKind::Monster));
    is_creature && shown.is(states::ALIVE)
}

/// A projectile of this entity's has hit `target`.
pub fn score(shard: &mut Shard<Demo>, shooter: EntityId, target: EntityId) {
    let Some(shown) = shard.entities.shown_mut(shooter) else { return };
    shown.score = shown.score.saturating_add(1);
    // The shooter is on this core: the event cannot be refused.
    let _ = shard.tell(To::Entity(shooter), Channel::UNRELIABLE, &Event::Scored { on: target });
}
