//! The kinds of carriers.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What carries a client's datagrams.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub enum Carrier {
    /// Binary messages of a WebSocket.
    WebSocket,
    /// Datagrams of a WebTransport session.
    WebTransport,
    /// Messages of a WebRTC data channel.
    WebRtc,
    /// Datagrams of a QUIC connection.
    Quic,
}

impl Carrier {
    /// All carriers. Their order is that of [`Carrier::index`].
    pub const ALL: [Carrier; 4] = [Carrier::WebSocket, Carrier::WebTransport, Carrier::WebRtc, Carrier::Quic];

    /// Its place in [`Carrier::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Its name in settings and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Carrier::WebSocket => "websocket",
            Carrier::WebTransport => "webtransport",
            Carrier::WebRtc => "webrtc",
            Carrier::Quic => "quic",
        }
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
