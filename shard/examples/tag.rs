//! A game of tag in sixty lines: the player who is "it" passes it on by touching another player.
//!
//! `cargo run --release -p ringshard --example tag` serves it.

use ringshard::game::Game;
use ringshard::game::shard::Shard;
use ringshard::runtime::tick::TICKS_PER_SECOND;
use ringshard::world::exchange::Command;
use ringshard_world::messages::Input;
use ringshard_world::{EntityId, EntityKind};
use std::f32::consts::TAU;

/// The variable that is 1 for the player who is it. Clients see it.
const IT: usize = 0;
const TAGGED: u8 = 1;
const REACH: f32 = 150.0;
const SPEED: f32 = 500.0;

struct Tag;

impl Game for Tag {
    fn join(&mut self, shard: &mut Shard) -> Option<EntityId> {
        let player = shard.entities.spawn(EntityKind::Player, 1, [400_000.0, 400_000.0, 0.0]).ok()?;
        let first = shard.core() == 0 && shard.entities.len() == 1;
        shard.entities.set_variable(player, IT, i32::from(first));
        Some(player)
    }

    fn input(&mut self, shard: &mut Shard, player: EntityId, input: &Input) {
        let angle = f32::from(input.direction) / 65_536.0 * TAU;
        // The client chooses direction and pace, never its position.
        let speed = SPEED * f32::from(input.pace) / 255.0;
        shard.entities.set_velocity(player, [speed * angle.cos(), speed * angle.sin(), 0.0]);
    }

    fn command(&mut self, shard: &mut Shard, command: &Command) {
        if command.kind == TAGGED {
            shard.entities.set_variable(command.to, IT, 1);
        }
    }

    fn tick(&mut self, shard: &mut Shard) {
        let columns = shard.entities.columns_mut();
        for row in columns.living.iter() {
            for axis in 0..2 {
                columns.points[row][axis] += columns.velocities[row][axis] / TICKS_PER_SECOND as f32;
            }
        }
        let it = shard.entities.ids().find(|&id| shard.entities.variable(id, IT) == Some(1));
        let Some((it, point)) = it.and_then(|it| Some((it, shard.entities.point(it)?))) else { return };
        // The nearest entities of all cores: a command reaches the owner of each.
        let mut around = Vec::new();
        shard.nearest(point, REACH, 2, &mut around);
        // A refused command is tried again in the next tick: too many were waiting.
        if let Some(&other) = around.iter().find(|&&other| other != it)
            && shard.command(other, it, TAGGED, &[]).is_ok()
        {
            shard.entities.set_variable(it, IT, 0);
        }
    }
}

fn main() -> std::process::ExitCode {
    ringshard::serve(|_core, _jobs| Tag, ringshard::no_jobs)
}
