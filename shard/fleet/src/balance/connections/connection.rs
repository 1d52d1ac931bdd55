//! One connection: the TLS handshake, then requests until the client leaves, idles, or the balancer drains.

use super::stream::{Carried, Stream};
use crate::balance::draining::Draining;
use crate::balance::places::{Place, Places};
use crate::balance::state::State;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// For the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Headers of a request.
const HEADERS_MAX: usize = 64;

/// What all connections share.
pub(in crate::balance) struct Shared {
    pub(in crate::balance) state: Arc<State>,
    pub(in crate::balance) router: Router,
    pub(in crate::balance) places: Arc<Places>,
    /// None: HTTP.
    pub(in crate::balance) tls: Option<TlsAcceptor>,
    pub(in crate::balance) drains: Draining,
}

/// The other end of a connection, for the handlers.
#[derive(Clone, Copy, Debug)]
pub(in crate::balance) struct Connection {
    pub(in crate::balance) address: IpAddr,
}

/// Serves a connection to its end.
pub(super) async fn serve(stream: TcpStream, from: IpAddr, place: Place, shared: Arc<Shared>) {
    let counters = &shared.state.counters;
    let carried = match &shared.tls {
        None => Carried::Plain(stream),
        Some(tls) => match timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => Carried::Tls(Box::new(stream)),
            _ => return counters.handshakes_failed.count(),
        },
    };
    let router = shared.router.clone();
    let service = service_fn(move |request| answer(request, from, router.clone()));
    let mut builder = http1::Builder::new();
    let head = shared.state.settings.head;
    builder.timer(TokioTimer::new()).header_read_timeout(head).max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let stream = Stream::new(carried, Arc::clone(&shared.state));
    let mut connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut drains = shared.drains.clone();
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = drains.begun() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let begun = connection.into_parts().read_buf;
    if ended.is_err_and(|error| has_failed(&error, &begun)) {
        counters.connections_failed.count();
    }
    drop(place);
}

/// Whether a connection ended other than by a client that left, or one that had nothing more to ask. `begun` is what has come
/// of a request.
fn has_failed(error: &hyper::Error, begun: &[u8]) -> bool {
    match error.is_timeout() {
        true => !begun.is_empty(),
        false => !error.is_incomplete_message(),
    }
}

async fn answer(request: Request<Incoming>, from: IpAddr, router: Router) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Connection { address: from });
    router.oneshot(request).await
}
