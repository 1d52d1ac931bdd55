//! What a client is made with.

use crate::connection::TransportConfig;
use crate::crypto::{PreSharedKey, PublicKey, Suites};
use std::sync::Arc;

/// What a client is made with.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The server's public key, from a trusted source.
    pub server: PublicKey,
    /// AEADs that the client offers.
    pub suites: Suites,
    /// A key that the server must have too, if set.
    pub pre_shared: Option<PreSharedKey>,
    /// How reliable messages are carried.
    pub transport: TransportConfig,
    /// Whether the client reconnects by itself when it no longer hears the server, and resumes its session if the server still
    /// knows it (PROTOCOL.md#reconnection). The first attempt begins before the old connection times out; the client keeps
    /// the connection that the server answers.
    pub reconnect: bool,
    /// The table of integrity keys of this version, if it has one (PROTOCOL.md#integrity-check).
    pub integrity_keys: Option<Arc<[[u8; 32]]>>,
}

impl ClientConfig {
    /// A client of the server with this key, with defaults: all suites, no pre-shared key, no reconnection.
    pub fn new(server: PublicKey) -> Self {
        ClientConfig {
            server,
            suites: Suites::native(),
            pre_shared: None,
            transport: TransportConfig::default(),
            reconnect: false,
            integrity_keys: None,
        }
    }
}
