//! How entities move.

use ringshard::game::shard::Shard;
use ringshard::runtime::tick::TICKS_PER_SECOND;
use ringshard_world::EntityId;
use ringshard_world::entity::states;
use std::f32::consts::TAU;

/// Makes an entity walk in a direction, or stand if `speed` is 0.
pub fn walk(shard: &mut Shard, id: EntityId, angle: f32, speed: f32) {
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

/// Moves all entities by their velocities, and keeps them on the map.
pub fn move_all(shard: &mut Shard) {
    let size = shard.map().size();
    let columns = shard.entities.columns_mut();
    let tick = 1.0 / TICKS_PER_SECOND as f32;
    for row in columns.living.iter() {
        let velocity = columns.velocities[row];
        if velocity == [0.0; 3] {
            continue;
        }
        let point = &mut columns.points[row];
        for axis in 0..3 {
            point[axis] = (point[axis] + velocity[axis] * tick).clamp(0.0, size[axis]);
        }
    }
}
