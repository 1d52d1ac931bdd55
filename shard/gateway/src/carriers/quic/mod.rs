//! QUIC: Ringshard datagrams directly, for native clients, and WebTransport sessions, for browsers. Both share a UDP port;
//! the protocol that the client names in the TLS handshake (ALPN) tells them apart.
//!
//! Each thread has an endpoint of its own, on a socket of its own. A packet filter steers by connection id, so that a
//! connection stays with its thread when the client's address changes.
//!
//! | file | has |
//! |---|---|
//! | `configuration` | sockets, TLS, and the limits of a connection |
//! | `connection_ids` | ids that name the thread |
//! | `owned` | connections that end with the task that serves them |
//! | `tokens` | tokens that prove the address of a client that returns |
//! | `migrations` | changes of a client's address |
//! | `handshakes` | how many handshakes run at a time; when a client must prove its address |
//! | `datagrams` | datagrams between a connection and its port |
//! | `native` | raw QUIC, early data |
//! | `bulk`, `proxy_header` | streams of raw QUIC to a login door, with the client's address in front |
//! | `webtransport`, `http3` | sessions of browsers |
//! | `statistics` | the figures of a connection |
//! | `codes` | why a connection ends |
//! | `counted` | how many there are now |

mod bulk;
mod codes;
mod configuration;
mod connection_ids;
mod counted;
mod datagrams;
mod handshakes;
mod http3;
mod migrations;
mod native;
mod owned;
mod proxy_header;
mod statistics;
mod tokens;
mod webtransport;

pub(crate) use bulk::STREAMS_OF_THREAD_MAX as BULK_STREAMS_MAX;
pub use configuration::{Keys, steer};

use super::openings::Openings;
use crate::client::Going;
use crate::settings::{Door, Settings};
use crate::thread::Thread;
use codes::{GOING, H3_NO_ERROR};
use configuration::ALPN_RINGSHARD;
use datagrams::canonical;
use handshakes::{Admission, HANDSHAKE, Handshake, Handshakes};
use native::Early;
use owned::Owned;
use quinn::crypto::rustls::HandshakeData;
use quinn::{Connecting, Endpoint, Incoming, ServerConfig, TokioRuntime};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::UdpSocket;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_local;
use tokio::time::{Instant, timeout, timeout_at};

/// For the last packets when the thread ends.
const FAREWELL: Duration = Duration::from_millis(200);

/// The QUIC endpoint of a thread.
pub struct Quic {
    thread: Rc<Thread>,
    endpoint: Endpoint,
    keys: Arc<Keys>,
    handshakes: Handshakes,
    /// Bulk streams of all connections.
    bulk_streams: Openings,
    is_stopping: Cell<bool>,
    /// What new connections get, and the settings that it was made of.
    current: RefCell<(Arc<Settings>, Arc<ServerConfig>)>,
}

impl Quic {
    /// An endpoint on `socket`, which is that of this thread: see [`steer`]. Call it in a `LocalSet` of a single-threaded
    /// runtime.
    ///
    /// # Errors
    /// The endpoint cannot be made.
    pub fn open(thread: Rc<Thread>, socket: UdpSocket, keys: Arc<Keys>) -> io::Result<Rc<Quic>> {
        let settings = thread.settings();
        let server = keys.server(&settings);
        let config = configuration::endpoint(thread.index(), settings.threads);
        let endpoint = Endpoint::new(config, Some(server.clone()), socket, Arc::new(TokioRuntime))?;
        Ok(Rc::new(Quic {
            handshakes: Handshakes::new(Arc::clone(thread.limits())),
            bulk_streams: Openings::new(bulk::STREAMS_OF_THREAD_MAX, bulk::STREAMS_OF_NETWORK_MAX),
            is_stopping: Cell::new(false),
            thread,
            endpoint,
            keys,
            current: RefCell::new((settings, Arc::new(server))),
        }))
    }

    /// Serves, forever. The thread runs this as a task.
    pub async fn serve(self: Rc<Self>) {
        while let Some(incoming) = self.endpoint.accept().await {
            self.admit(incoming);
        }
        if self.is_stopping.get() {
            return;
        }
        self.thread.counters().carriers_ended.add(1);
        tracing::error!(
            thread = self.thread.index(),
            "QUIC has ended on this thread, because its socket failed: restart the gateway"
        );
    }

    fn admit(self: &Rc<Self>, incoming: Incoming) {
        let counters = self.thread.counters();
        let from = canonical(incoming.remote_address()).ip();
        let admission = match self.thread.is_draining() {
            true => Admission::Refuse,
            false => self.handshakes.admit(from, incoming.remote_address_validated()),
        };
        match admission {
            Admission::Begin(handshake) => {
                counters.quic_handshakes.add(1);
                spawn_local(serve(Rc::clone(self), incoming, handshake));
            }
            Admission::Prove => {
                counters.quic_retries.add(1);
                // Fails only for a client that has answered a Retry already, which is proven.
                let _ = incoming.retry();
            }
            Admission::Refuse => {
                counters.quic_refused.add(1);
                incoming.refuse();
            }
            Admission::Ignore => {
                counters.quic_denied.add(1);
                incoming.ignore();
            }
        }
    }

    /// The server that a client names by the first label of its host name: the default one, if none has that name.
    fn server<'a>(&self, label: &'a str) -> &'a str {
        let is_known = self.thread.settings().servers.iter().any(|server| server.name == label);
        if is_known { label } else { "" }
    }

    /// The login door of a server.
    fn door(&self, server: &str) -> Option<Door> {
        let settings = self.thread.settings();
        let mut servers = settings.servers.iter();
        let entry = if server.is_empty() { servers.next() } else { servers.find(|entry| entry.name == server) };
        entry?.bulk
    }

    /// What a new connection gets: as the settings are now.
    fn configuration(&self) -> Arc<ServerConfig> {
        let now = self.thread.settings();
        let current = &mut *self.current.borrow_mut();
        if !Arc::ptr_eq(&current.0, &now) {
            *current = (Arc::clone(&now), Arc::new(self.keys.server(&now)));
        }
        Arc::clone(&current.1)
    }

    /// Ends all connections, and waits until their clients have most likely been told.
    pub async fn stop(&self) {
        self.is_stopping.set(true);
        self.endpoint.close(GOING, Going::Draining.reason().as_bytes());
        // Clients that are gone do not answer.
        let _ = timeout(FAREWELL, self.endpoint.wait_idle()).await;
    }
}

async fn serve(quic: Rc<Quic>, incoming: Incoming, handshake: Handshake) {
    let until = Instant::now() + HANDSHAKE;
    let shaken = async {
        let mut connecting = incoming.accept_with(quic.configuration()).ok()?;
        let named = named(&mut connecting).await?;
        Some((connecting, named))
    };
    let Ok(Some((connecting, named))) = timeout_at(until, shaken).await else {
        quic.thread.counters().quic_handshakes_failed.add(1);
        return;
    };
    if named.is_native && handshake.is_proven() && quic.thread.settings().early_data {
        // On the server's side this never fails.
        if let Ok((connection, completed)) = connecting.into_0rtt() {
            let connection = Owned::new(connection, GOING);
            let early = Early { completed, handshake, until };
            native::serve_early(&quic, connection.get(), quic.server(&named.host), early).await;
        }
        return;
    }
    let from = canonical(connecting.remote_address()).ip();
    let Ok(Ok(connection)) = timeout_at(until, connecting).await else {
        quic.thread.counters().quic_handshakes_failed.add(1);
        return;
    };
    let owned = Owned::new(connection, if named.is_native { GOING } else { H3_NO_ERROR });
    let connection = owned.get();
    let _place = match quic.handshakes.complete(handshake, from) {
        Ok(place) => place,
        Err(refused) => return native::refuse(connection, &refused),
    };
    if named.is_native {
        native::serve(&quic, connection, quic.server(&named.host)).await;
    } else {
        webtransport::serve(&quic, connection).await;
    }
}

/// What the client names in the TLS handshake.
struct Named {
    /// Whether the protocol is Ringshard's own.
    is_native: bool,
    /// The first label of the host name.
    host: String,
}

async fn named(connecting: &mut Connecting) -> Option<Named> {
    let data = connecting.handshake_data().await.ok()?;
    let data = data.downcast::<HandshakeData>().expect("TLS is that of rustls");
    let host = data.server_name.unwrap_or_default();
    let host = host.split('.').next().unwrap_or_default().to_owned();
    Some(Named { is_native: data.protocol.as_deref() == Some(ALPN_RINGSHARD), host })
}

#[cfg(test)]
mod tests;
