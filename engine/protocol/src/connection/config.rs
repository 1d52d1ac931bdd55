//! What a connection is made with.

use super::congestion::CongestionControl;
use super::heartbeat::HeartbeatConfig;
use super::keys::Role;
use crate::crypto::Suite;
use crate::crypto::noise::Secrets;
use crate::limits::RETRANSMISSION_TIMEOUT_FIRST;
use crate::time::Duration;
use crate::wire::ConnectionId;

/// How a connection carries ack-eliciting data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransportConfig {
    /// The congestion controller.
    pub congestion: CongestionControl,
    /// Whether to compress messages of more than [`COMPRESSION_BYTES_MIN`](crate::limits::COMPRESSION_BYTES_MIN) bytes
    /// that look compressible.
    pub compression: bool,
    /// Probe timeout before the first RTT sample: 10 ms to
    /// [`PROBE_TIMEOUT_MAX`](crate::limits::PROBE_TIMEOUT_MAX) (PROTOCOL.md#loss-detection).
    pub retransmission_first: Duration,
}

impl Default for TransportConfig {
    fn default() -> Self {
        TransportConfig {
            congestion: CongestionControl::default(),
            compression: true,
            retransmission_first: RETRANSMISSION_TIMEOUT_FIRST,
        }
    }
}

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
