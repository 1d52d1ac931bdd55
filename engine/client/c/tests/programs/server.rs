//! A server of the demonstration, on a real socket.

use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard::runtime::fleet::FleetPort;
use ringshard::runtime::idle::Strategy;
use ringshard::runtime::server::{Server, ServerConfig};
use ringshard::world::exchange::Exchange;
use ringshard_demo::{Demo, Layout};
use ringshard_protocol::crypto::SecretKey;

/// Starts a server on a free port of the loopback interface, with a crowd of NPCs.
pub fn start() -> Server {
    start_with([7; 32], FleetPort::closed())
}

/// The same, with this secret key, and in a fleet.
pub fn start_with(secret: [u8; 32], fleet: FleetPort) -> Server {
    let cpu = core_affinity::get_core_ids().and_then(|cores| cores.first().copied()).expect("there is a CPU").id;
    let config = ServerConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        idle: Strategy::Park,
        ..ServerConfig::new(SecretKey::from_bytes(secret), vec![cpu])
    };
    let world = WorldConfig::default();
    let mut parts = Exchange::between(1, world.entities_max).into_iter().zip([fleet]);
    let core = |_| {
        let (exchange, fleet) = parts.next().expect("there is one core");
        let game = Demo::new(world.terrain.clone(), Layout::Crowd, 40);
        Simulation::new(world.clone(), exchange, game).with_fleet(fleet)
    };
    Server::start(&config, core).expect("the server starts on a free port")
}

/// Stops it.
pub fn stop(server: Server) {
    server.lifecycle().stop();
    let _ = server.join();
}
