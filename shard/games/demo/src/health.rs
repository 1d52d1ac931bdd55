//! Health: hits and restarts.

use crate::{Command, Demo};
use ringshard::game::{Channel, Shard, To};
use ringshard_demo_rules::{Event, Own};
use ringshard_world::EntityId;
use ringshard_world::character::buffs;
use ringshard_world::limits::TICKS_PER_SECOND;

/// Ticks that a target burns after a hit, and that nobody can hurt it after a restart.
const BURN_TICKS: u64 = 3 * TICKS_PER_SECOND as u64;

impl Demo {
    /// A projectile of `shooter` has hit an entity of this core.
    pub(crate) fn hit(&mut self, shard: &mut Shard<Self>, target: EntityId, shooter: EntityId, damage: u8) {
        let Some(shown) = shard.entities.shown_mut(target).filter(|shown| !shown.has(buffs::INVULNERABLE)) else {
            return;
        };
        let survives = shown.health > damage;
        shown.health = shown.health.saturating_sub(damage);
        let tick = shard.tick();
        // If the command is refused, this hit is not counted.
        let _ = shard.command(shooter, target, &Command::Scored);
        let _ = shard.tell(To::Entity(target), Channel::UNRELIABLE, &Event::Hit { by: shooter, damage });
        if survives {
            self.buffs.apply(&mut shard.entities, target, buffs::BURNING, damage, tick + BURN_TICKS);
            return;
        }
        // If other cores cannot be reached, nobody gets the event: what counts is in the entity's state.
        let beaten = Event::Beaten { by: shooter, who: target };
        let _ = shard.tell(To::ViewersOf(target), Channel::UNRELIABLE, &beaten);
        self.restart(shard, target);
    }

    /// Moves an entity of this core to another spawn point. It is whole again, and cannot be hurt for a while.
    pub(crate) fn restart(&mut self, shard: &mut Shard<Self>, id: EntityId) {
        let point = self.spawn_point(shard);
        match shard.player_of(id) {
            // Its body follows in the player's next step.
            Some(player) => {
                if let Some(own) = shard.own_mut(player) {
                    let leap = own.leap.wrapping_add(1);
                    *own = Own { leap, yaw: own.yaw, shot: own.shot, ..Own::at(point) };
                }
            }
            None => {
                if let Some(pose) = shard.entities.pose_mut(id) {
                    (pose.point, pose.leap) = (point, pose.leap.wrapping_add(1));
                }
            }
        }
        if let Some(shown) = shard.entities.shown_mut(id) {
            (shown.health, shown.mana) = (u8::MAX, u8::MAX);
        }
        self.buffs.remove(&mut shard.entities, id, buffs::BURNING);
        let until = shard.tick() + BURN_TICKS;
        self.buffs.apply(&mut shard.entities, id, buffs::INVULNERABLE, 1, until);
    }
}
