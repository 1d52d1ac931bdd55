//! What a connection is made with.

use super::heartbeat::HeartbeatConfig;
use super::keys::Role;
use super::transport::TransportConfig;
use crate::crypto::Suite;
use crate::crypto::noise::Secrets;
use crate::wire::ConnectionId;

/// What a connection is made with.
#[derive(Debug)]
pub struct ConnectionConfig {
    /// The connection's id.
    pub id: ConnectionId,
    /// Which endpoint this is.
    pub role: Role,
    /// The AEAD.
    pub suite: Suite,
    /// The secrets from the handshake.
    pub secrets: Secrets,
    /// Ping interval and timeout.
    pub heartbeat: HeartbeatConfig,
    /// How ack-eliciting data is carried.
    pub transport: TransportConfig,
}
