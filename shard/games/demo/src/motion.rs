//! How entities without a player move. Players' bodies follow their steps.

use crate::Demo;
use ringshard::game::Shard;
use ringshard_world::EntityId;
use ringshard_world::character::{EntityKind, states};
use ringshard_world::limits::TICKS_PER_SECOND;
use ringshard_world::turn::direction;

/// Makes an entity walk in a direction, in 65,536ths of a turn, or stand if `speed` is 0.
pub fn walk(shard: &mut Shard<Demo>, id: EntityId, turn: u16, speed: f32) {
    let moves = speed > 0.0;
    if let Some(pose) = shard.entities.pose_mut(id) {
        let [x, y] = direction(turn).map(|axis| axis * speed);
        pose.velocity = [x, y, 0.0];
        if moves {
            pose.rotation = [turn, 0, 0];
        }
    }
    if let Some(shown) = shard.entities.shown_mut(id) {
        shown.set(states::MOVING, moves);
    }
}

/// Moves all entities but the bodies of players by their velocities, and keeps them on the map. NPCs stay on the ground.
pub fn move_all(shard: &mut Shard<Demo>) {
    let size = shard.map().size();
    let terrain = shard.terrain().clone();
    let columns = shard.entities.columns_mut();
    let tick = 1.0 / TICKS_PER_SECOND as f32;
    for row in columns.living.iter() {
        let pose = &mut columns.poses[row];
        if pose.velocity == [0.0; 3] || columns.shown[row].kind == EntityKind::Player as u8 {
            continue;
        }
        for (axis, place) in pose.point.iter_mut().enumerate() {
            *place = (*place + pose.velocity[axis] * tick).clamp(0.0, size[axis]);
        }
        if columns.shown[row].kind == EntityKind::Npc as u8 {
            pose.point[2] = terrain.height(pose.point[0], pose.point[1]);
        }
    }
}
