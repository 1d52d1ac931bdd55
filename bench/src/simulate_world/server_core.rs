//! One core of the server.

use ringshard::game::simulation::Simulation;
use ringshard::runtime::control::ControlEnd;
use ringshard::runtime::core::Core;
use ringshard_demo::Demo;
use ringshard_link::sim::SimLink;
use std::net::SocketAddr;

pub struct ServerCore {
    pub core: Core<SimLink, Simulation<Demo>>,
    pub address: SocketAddr,
    pub _inlet: ControlEnd,
}
