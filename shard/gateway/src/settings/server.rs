//! A server behind the gateway.

use ringshard_protocol::crypto::PublicKey;
use std::net::SocketAddr;

/// A server that clients of the gateway reach.
#[derive(Clone, PartialEq, Debug)]
pub struct ServerEntry {
    /// Its name in paths: 1 to 63 of a-z, 0-9 and `-`.
    pub name: String,
    /// Where its datagrams go.
    pub address: SocketAddr,
    /// Its public key, which the gateway tells clients.
    pub key: PublicKey,
    /// TCP address of its login door, which bulk streams of QUIC go to. None: bulk streams are refused.
    pub bulk: Option<SocketAddr>,
}
