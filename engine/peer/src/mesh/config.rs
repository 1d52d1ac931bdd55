//! What a mesh is made with.

use ringshard_protocol::connection::TransportConfig;
use ringshard_protocol::gateway::RelayTicket;
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
    /// A relay, and the ticket for it that the game's server has given. Without one, players whose NATs let no direct path
    /// through are reached only if they have one.
    pub relay: Option<(SocketAddr, RelayTicket)>,
    /// How reliable messages are carried.
    pub transport: TransportConfig,
}

impl MeshConfig {
    /// A mesh without STUN servers and relay, and with the defaults of everything else.
    pub fn new(session: [u8; 16], host: Vec<SocketAddr>) -> Self {
        MeshConfig { session, host, stun: Vec::new(), relay: None, transport: TransportConfig::default() }
    }
}
