//! One connection: the TLS handshake, then HTTP/1.1 or HTTP/2 until the client leaves, idles, or the door closes.

use super::super::closing::Closing;
use super::super::counters::Counters;
use super::super::settings::{HEAD_BYTES_MAX, HEADERS_MAX, LoginSettings, STREAMS_MAX};
use super::activity::Activity;
use super::paced::Paced;
use super::slots::Slot;
use crate::counters::count;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

/// Streams that a client may reset before they are accepted.
const RESET_STREAMS_MAX: usize = 20;
/// Streams that the server may reset because of errors of the client.
const ERROR_STREAMS_MAX: usize = 64;
/// Bytes that a client may send ahead, per stream and per connection.
const WINDOW_BYTES: (u32, u32) = (65_536, 262_144);
/// Bytes of answers that wait in memory, per HTTP/2 connection.
const SEND_BYTES_MAX: usize = 65_536;
/// For a client to let go of an idle connection, once it is asked to.
const GOODBYE: Duration = Duration::from_secs(5);

/// What all connections share.
pub(in crate::login) struct Shared {
    pub(in crate::login) settings: LoginSettings,
    pub(in crate::login) counters: Arc<Counters>,
    pub(in crate::login) router: Router,
    /// Requests that are not answered yet.
    pub(in crate::login) open_requests: Arc<AtomicUsize>,
    pub(in crate::login) tls: TlsAcceptor,
    pub(in crate::login) closing: Closing,
}

/// The other end of a connection, for the handlers. As long as a copy is kept, the connection has its place.
#[derive(Clone, Debug)]
pub(in crate::login) struct Peer {
    pub(in crate::login) address: IpAddr,
    _slot: Arc<Slot>,
}

/// Serves a connection to its end.
pub(super) async fn serve(stream: TcpStream, from: IpAddr, slot: Slot, shared: Arc<Shared>) {
    let settings = &shared.settings;
    let counters = Arc::clone(&shared.counters);
    let paced = Paced::new(stream, settings.stalled, settings.read_bytes_per_second_min, Arc::clone(&counters));
    let mut closing = shared.closing.clone();
    let handshake = timeout(settings.handshake, shared.tls.accept(paced));
    let tls = tokio::select! {
        tls = handshake => tls,
        () = closing.begun() => return,
    };
    match tls {
        Err(_) => count(&counters.handshakes_late),
        Ok(Err(_)) => count(&counters.handshakes_failed),
        Ok(Ok(tls)) => speak(tls, Peer { address: from, _slot: Arc::new(slot) }, shared, closing).await,
    }
}

async fn speak(tls: TlsStream<Paced<TcpStream>>, peer: Peer, shared: Arc<Shared>, closing: Closing) {
    let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let activity = Activity::new(Arc::clone(&shared.open_requests));
    let limits = Limits { activity: activity.clone(), idle: shared.settings.idle, closing };
    let counters = Arc::clone(&shared.counters);
    let headers = shared.settings.headers;
    let requests = Requests { router: shared.router.clone(), peer, activity };
    let ended = if is_http2 {
        let connection = http2_builder().serve_connection(TokioIo::new(tls), requests);
        drive(connection, |connection| connection.graceful_shutdown(), limits, &counters).await
    } else {
        let connection = http1_builder(headers).serve_connection(TokioIo::new(tls), requests).with_upgrades();
        drive(connection, |connection| connection.graceful_shutdown(), limits, &counters).await
    };
    match ended {
        Ok(()) => {}
        Err(error) if error.is_timeout() => count(&counters.headers_late),
        Err(_) => count(&counters.connections_failed),
    }
}

fn http1_builder(headers: Duration) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(headers).max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    builder
}

fn http2_builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(ERROR_STREAMS_MAX)
        .initial_stream_window_size(WINDOW_BYTES.0)
        .initial_connection_window_size(WINDOW_BYTES.1)
        .max_send_buf_size(SEND_BYTES_MAX);
    builder
}

struct Limits {
    activity: Activity,
    idle: Duration,
    closing: Closing,
}

/// Runs a connection. Asks it to finish once it idles or the door closes; drops it if it idles on.
async fn drive<C>(
    connection: C,
    finish: impl Fn(Pin<&mut C>),
    mut limits: Limits,
    counters: &Counters,
) -> Result<(), hyper::Error>
where
    C: Future<Output = Result<(), hyper::Error>>,
{
    let mut connection = pin!(connection);
    let mut look = Instant::now() + limits.idle;
    let (mut closes, mut idles) = (false, false);
    loop {
        tokio::select! {
            ended = &mut connection => return ended,
            () = limits.closing.begun(), if !closes => {
                closes = true;
                finish(connection.as_mut());
            }
            () = sleep_until(look) => {
                let now = Instant::now();
                // A request is open: it has its own time, so there is nothing to look for until it is over.
                let quiet_since = limits.activity.quiet_since().unwrap_or(now);
                let ends = quiet_since + limits.idle;
                if ends > now {
                    look = ends;
                    continue;
                }
                if idles {
                    return Ok(());
                }
                idles = true;
                count(&counters.connections_idle);
                finish(connection.as_mut());
                look = now + GOODBYE;
            }
        }
    }
}

/// Answers the requests of one connection.
struct Requests {
    router: Router,
    peer: Peer,
    activity: Activity,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let open = self.activity.begin();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.peer.clone());
        let answered = self.router.clone().oneshot(request);
        Box::pin(async move {
            let answer = answered.await;
            drop(open);
            answer
        })
    }
}
