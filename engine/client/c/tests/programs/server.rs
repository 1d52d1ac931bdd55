//! A server of the demonstration, on a real socket.

use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard::runtime::idle::Strategy;
use ringshard::runtime::server::{Server, ServerConfig};
use ringshard::world::exchange::Exchange;
use ringshard_demo::{Demo, Layout};
use ringshard_protocol::crypto::SecretKey;

/// Starts a server on a free port of the loopback interface, with a crowd of NPCs.
pub fn start() -> Server {
    let cpu = core_affinity::get_core_ids().and_then(|cores| cores.first().copied()).expect("there is a CPU").id;
    let config = ServerConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        idle: Strategy::Park,
        ..ServerConfig::new(SecretKey::from_bytes([7; 32]), vec![cpu])
    };
    let world = WorldConfig::default();
    let mut exchanges = Exchange::between(1, world.entities_max).into_iter();
    let core = |_| {
        Simulation::new(
            world.clone(),
            exchanges.next().expect("there is one core"),
            Demo::new(world.terrain.clone(), Layout::Crowd, 40),
        )
    };
    Server::start(&config, core).expect("the server starts on a free port")
}

/// Stops it.
pub fn stop(server: Server) {
    server.lifecycle().stop();
    let _ = server.join();
}
