//! How a connection carries ack-eliciting data.

use super::congestion::CongestionControl;
use crate::limits::RETRANSMISSION_TIMEOUT_FIRST;
use crate::time::Duration;

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
