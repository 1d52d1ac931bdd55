//! TCP connections: the page, what the gateway offers, WebSocket upgrades and signalling for WebRTC. HTTP/1.1, one request
//! per connection, so that a connection that is not a WebSocket lives for seconds.
//!
//! | file | has |
//! |---|---|
//! | `accept` | the loop that accepts |
//! | `connection` | one connection: TLS, then one request |
//! | `peer` | a connection as its request sees it |
//! | `stream` | a connection with or without TLS |
//! | `routes` | what is answered to which request |
//! | `answers` | how it is answered |
//! | `offer` | `GET /v1/gateway` |
//! | `upgrade` | the handshake of a WebSocket |
//! | `origin` | which pages may connect |

mod accept;
mod answers;
mod connection;
mod offer;
mod origin;
mod peer;
mod routes;
mod stream;
mod upgrade;

pub(crate) use accept::run;
pub use offer::WebTransportOffer;

use crate::carriers::webrtc::WebRtc;
use crate::carriers::websocket::Buffers;
use crate::thread::Thread;
use std::rc::Rc;
use std::sync::Arc;
use tokio_rustls::rustls::ServerConfig;

/// What a thread's connections share.
pub(crate) struct Site {
    pub(crate) thread: Rc<Thread>,
    pub(crate) webrtc: Option<Rc<WebRtc>>,
    /// What WebSockets share.
    pub(crate) buffers: Buffers,
    /// None: HTTP without TLS.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// What `GET /v1/gateway` tells of WebTransport. It changes with the certificate.
    pub(crate) webtransport: Box<dyn Fn() -> Option<WebTransportOffer>>,
}
