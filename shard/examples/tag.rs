//! A game of tag in sixty lines: whoever is it, and touches somebody, passes it on.
//!
//! `cargo run --release -p ringshard --example tag` serves it; `ringshard-bench bots` would walk in it, too.

use ringshard::game::Game;
use ringshard::game::shard::Shard;
use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard::runtime::server::{Server, ServerConfig};
use ringshard::runtime::tick::TICKS_PER_SECOND;
use ringshard::world::exchange::{Command, Exchange};
use ringshard_protocol::crypto::SecretKey;
use ringshard_world::messages::Input;
use ringshard_world::{EntityId, EntityKind};
use std::f32::consts::TAU;

/// The variable that says who is it; clients see it beside each player.
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
        // The client says where to and how fast, of all it may; never where it is.
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
        for place in columns.living.iter() {
            for axis in 0..2 {
                columns.points[place][axis] += columns.velocities[place][axis] / TICKS_PER_SECOND as f32;
            }
        }
        let it = shard.entities.ids().find(|&id| shard.entities.variable(id, IT) == Some(1));
        let Some((it, point)) = it.and_then(|it| Some((it, shard.entities.point(it)?))) else { return };
        // The nearest of all, whichever core they live on: a command reaches their owner.
        let mut around = Vec::new();
        shard.nearest(point, REACH, 2, &mut around);
        // A command that is refused, because too many are under way, is tried again in the next tick.
        if let Some(&other) = around.iter().find(|&&other| other != it)
            && shard.command(other, it, TAGGED, &[]).is_ok()
        {
            shard.entities.set_variable(it, IT, 0);
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = ServerConfig::new(SecretKey::from_bytes(ringshard::runtime::entropy::random_bytes()), vec![0, 1]);
    let world = WorldConfig::default();
    let mut ends = Exchange::between(config.cpus.len(), world.entities_max).into_iter();
    let server = Server::start(&config, |_| Simulation::new(world, ends.next().expect("one for each core"), Tag))?;
    println!("tag on {}, public key {}", server.listen(), server.public_key());
    server.join();
    Ok(())
}
