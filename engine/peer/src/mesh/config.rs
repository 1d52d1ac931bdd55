//! What a mesh is made with.

use crate::relay::RelayConfig;
use ringshard_protocol::connection::TransportConfig;
use std::net::SocketAddr;

/// What a mesh is made with.
#[derive(Clone, Debug)]
pub struct MeshConfig {
    /// The name of the mesh: the same for all its players, and another one for the next match. The game's server chooses it.
    pub session: [u8; 16],
    /// Addresses of this host with the ports of its sockets. The first of each family is the one that its socket sends from.
    /// Peers prefer the earlier ones. A host without IPv6, or without IPv4, has none of that family.
    pub host: Vec<SocketAddr>,
    /// STUN servers, which are asked for the address that others see: one of each family. The gateways of the game's server
    /// are such. Those of a family that this host lacks are not asked.
    pub stun: Vec<SocketAddr>,
    /// A relay. Without one, players whose NATs let no direct path through, or who have no family in common with this host,
    /// are reached only if they have one.
    pub relay: Option<RelayConfig>,
    /// How reliable messages are carried.
    pub transport: TransportConfig,
}

impl MeshConfig {
    /// A mesh without STUN servers and relay, and with the defaults of everything else.
    pub fn new(session: [u8; 16], host: Vec<SocketAddr>) -> Self {
        MeshConfig { session, host, stun: Vec::new(), relay: None, transport: TransportConfig::default() }
    }
}
