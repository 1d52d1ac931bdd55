//! What an endpoint is made with. What can change while it runs is in [`super::Policy`].

use crate::connection::{HeartbeatConfig, TransportConfig};
use crate::crypto::{PreSharedKey, SecretKey, Suites};
use crate::time::Duration;
use std::sync::Arc;

/// What an endpoint is made with.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Number of this core: byte 0 of every connection id that the endpoint gives.
    pub core: u8,
    /// Number of cores of the server. No connection id has a higher core number.
    pub cores: usize,
    /// Most connections, 1 to [`CONNECTIONS_PER_CORE_MAX`](crate::limits::CONNECTIONS_PER_CORE_MAX).
    pub connections_max: usize,
    /// AEADs that it accepts.
    pub suites: Suites,
    /// Ping interval and timeout of every connection.
    pub heartbeat: HeartbeatConfig,
    /// The server's static key.
    pub secret: SecretKey,
    /// A key that every client must have too, if set.
    pub pre_shared: Option<PreSharedKey>,
    /// How reliable messages are carried.
    pub transport: TransportConfig,
    /// Memory for messages that are kept, in bytes, at least [`MESSAGE_MEMORY_BYTES_MIN`](crate::limits::MESSAGE_MEMORY_BYTES_MIN).
    pub message_bytes_max: usize,
    /// How clients' integrity is checked; None for no checks.
    pub integrity: Option<IntegrityConfig>,
}

/// A periodic check that clients are unmodified (PROTOCOL.md#integrity-check). It is a hint, never a proof.
#[derive(Clone)]
pub struct IntegrityConfig {
    /// The table of keys that clients of this version also have: 1 to 256 entries. Each check names one.
    pub keys: Arc<[[u8; 32]]>,
    /// Time between two checks of a client.
    pub period: Duration,
}

impl core::fmt::Debug for IntegrityConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IntegrityConfig({} keys, each {:?})", self.keys.len(), self.period)
    }
}
