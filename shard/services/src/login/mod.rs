//! The login door: HTTPS and WebSocket, on a port of its own.
//!
//! TLS 1.3 alone, HTTP/1.1 and HTTP/2. It takes and gives JSON; every error has the same fields (see `answer`).
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /v1/accounts` | `{email, name, password}` | 201 `{account, name, session, token, expires}` |
//! | `POST /v1/login` | `{email, password}` or `{device: {key, challenge, signature}}` | the same, with 200 |
//! | `POST /v1/login` | `{token}` | `{account, name}` |
//! | `POST /v1/logout` | | 204; ends the token's session |
//! | `POST /v1/challenge` | `{key}` | `{challenge}`: what the device with this key signs |
//! | `GET /v1/devices` | | `{devices: [{id, label, created}]}` |
//! | `POST /v1/devices` | `{device: {key, challenge, signature}, label}` | 201 `{id, label, created}` |
//! | `DELETE /v1/devices/ID` | | 204; ends the sessions of the device, too |
//! | `GET /v1/sessions` | | `{sessions: [{id, way, network, created, seen, expires}]}` |
//! | `DELETE /v1/sessions/ID` | | 204 |
//! | `POST /v1/ticket` | nothing or `{server}` | `{address, server_key, ticket, expires}` |
//! | `GET /v1/ws` | | a WebSocket: see `websocket` |
//! | `GET /v1/actions`, `GET /v1/openapi.json` | | what can be called |
//! | `POST` at the path of an action | its request | its answer |
//! | `GET /v1/health` | | `{status: "ok"}` |
//!
//! A web page may ask from the origins in `login-origins` (see `cross_origin`).
//!
//! Requests that need a login send `Authorization: Bearer TOKEN`. There are no cookies and no redirects. The log never has
//! contents or headers of requests. Times are in milliseconds since 1970; keys, challenges and signatures are base64url
//! without padding, server keys 64 hexadecimal digits.
//!
//! The address of a client is that of its connection. From the networks in [`LoginSettings::proxies`], a connection begins with
//! a header of the PROXY protocol, version 2, and the address is the one in it. Headers of HTTP such as `X-Forwarded-For` are
//! ignored.
//!
//! | folder or file | has |
//! |---|---|
//! | `connections` | how many there are, how long each may take, how they end |
//! | `endpoints` | what is answered at each path |
//! | `websocket` | chat, presence, notifications |
//! | `answer`, `body`, `bearer` | errors, bodies, tokens |
//! | `cross_origin` | which web pages may ask |

mod answer;
mod bearer;
mod body;
mod closing;
mod connections;
mod counters;
mod cross_origin;
mod endpoints;
mod settings;
mod state;
mod websocket;

pub use connections::Drained;
pub use counters::Counters;
pub use settings::{LoginSettings, World};

use crate::accounts::Accounts;
use crate::actions::Actions;
use crate::counters::count;
use crate::hub::Hub;
use connections::Shared;
use ringshard_certificates::{CertificateError, CertificateSource, Certificates};
use state::State;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_rustls::TlsAcceptor;

/// Bytes that the kernel holds for a client that does not read. Few, so that slow readers are seen.
const SEND_BUFFER_BYTES: u32 = 65_536;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// Why the door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Its address.
    #[error("the login door cannot listen at {0}: {1}; set another address in `login`")]
    Listen(SocketAddr, io::Error),
}

/// An open door.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    certificates: Arc<Certificates>,
    counters: Arc<Counters>,
    open_requests: Arc<AtomicUsize>,
    closing: closing::Close,
    accepting: JoinHandle<Drained>,
    watching: JoinHandle<()>,
}

impl Door {
    /// Opens the door. Its tasks run on the runtime of the caller.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(
        settings: LoginSettings,
        accounts: Accounts,
        actions: Actions,
        hub: Hub,
    ) -> Result<Door, OpenError> {
        let source = settings.certificate.clone();
        let opened = spawn_blocking(move || Certificates::open(&source)).await;
        let certificates = Arc::new(opened.expect("reading certificates does not panic")?);
        report(&certificates, &settings.certificate);
        let failed = |error| OpenError::Listen(settings.address, error);
        let listener = listen(settings.address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let counters = Arc::new(Counters::default());
        let (closing, closes) = closing::channel();
        let watching =
            tokio::spawn(watch_files(Arc::clone(&certificates), settings.certificate_check, Arc::clone(&counters)));
        let open_requests = Arc::default();
        let shared = Shared {
            open_requests: Arc::clone(&open_requests),
            settings: settings.clone(),
            counters: Arc::clone(&counters),
            tls: TlsAcceptor::from(Arc::new(certificates.tls(&[b"h2".as_slice(), b"http/1.1"]))),
            closing: closes.clone(),
            router: endpoints::router(
                Arc::new(State { settings, counters: Arc::clone(&counters), accounts, actions, hub, closing: closes }),
                websocket::route(),
            ),
        };
        let accepting = tokio::spawn(connections::accept(listener, Arc::new(shared)));
        tracing::info!(%address, "the login door is open");
        Ok(Door { address, certificates, counters, open_requests, closing, accepting, watching })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its certificate.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    /// What it has counted.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Requests that are not answered yet.
    pub fn open_requests(&self) -> usize {
        self.open_requests.load(Ordering::Relaxed)
    }

    /// Reads the certificate files again. Blocks for as long as that takes. Open connections are not touched.
    ///
    /// # Errors
    /// The files are unfit; the certificate in use stays.
    pub fn reload(&self) -> Result<(), CertificateError> {
        reload(&self.certificates, &self.counters)
    }

    /// Accepts no more connections, lets running requests finish, says goodbye to WebSockets, and cuts what is left when
    /// the time to drain is over.
    pub async fn close(self) -> Drained {
        self.watching.abort();
        self.closing.begin();
        self.accepting.await.unwrap_or(Drained { cut: 0 })
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit it.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn report(certificates: &Certificates, source: &CertificateSource) {
    let fingerprint = certificates.fingerprint();
    if matches!(source, CertificateSource::Files { .. }) {
        tracing::info!(%fingerprint, "the login door has its certificate");
    } else {
        tracing::warn!(%fingerprint, "the login door uses a development certificate: clients must pin it");
    }
}

/// Reads the certificate files again whenever they change.
async fn watch_files(certificates: Arc<Certificates>, period: Duration, counters: Arc<Counters>) {
    let mut complaint = String::new();
    loop {
        tokio::time::sleep(period).await;
        let (certificates, counters) = (Arc::clone(&certificates), Arc::clone(&counters));
        let looked =
            spawn_blocking(move || if certificates.changed() { reload(&certificates, &counters) } else { Ok(()) });
        let Ok(Err(error)) = looked.await else {
            complaint.clear();
            continue;
        };
        let text = error.to_string();
        if text != complaint {
            tracing::error!(%error, "the login door keeps its certificate, because the new one is unfit");
            complaint = text;
        }
    }
}

fn reload(certificates: &Certificates, counters: &Counters) -> Result<(), CertificateError> {
    let reloaded = certificates.reload();
    count(if reloaded.is_ok() { &counters.certificates_loaded } else { &counters.certificates_failed });
    if reloaded.is_ok() {
        tracing::info!(fingerprint = %certificates.fingerprint(), "the login door has a new certificate");
    }
    reloaded
}

#[cfg(test)]
mod tests;
