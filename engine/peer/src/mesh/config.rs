//! What a mesh is made with.

use ringshard_protocol::connection::TransportConfig;
use std::net::SocketAddr;

/// What a mesh is made with.
#[derive(Clone, Debug)]
pub struct MeshConfig {
    /// The name of the mesh: the same for all its players, and another one for the next match. The game's server chooses it.
    pub session: [u8; 16],
    /// Addresses of this host with the port of its socket. The first of each family is the one that the socket sends from.
    pub host: Vec<SocketAddr>,
    /// STUN servers, which are asked for the address that others see. The gateways of the game's server are such.
    pub stun: Vec<SocketAddr>,
    /// How reliable messages are carried.
    pub transport: TransportConfig,
}

impl MeshConfig {
    /// A mesh without STUN servers, and with the defaults of everything else.
    pub fn new(session: [u8; 16], host: Vec<SocketAddr>) -> Self {
        MeshConfig { session, host, stun: Vec::new(), transport: TransportConfig::default() }
    }
}
