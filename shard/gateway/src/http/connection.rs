//! One connection: TLS, then one request. A WebSocket goes on; everything else is over within seconds.

use super::Site;
use super::peer::Peer;
use super::routes;
use super::stream::Stream;
use crate::limits::Place;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// For the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For the head of the request.
const HEAD: Duration = Duration::from_secs(10);
/// For the request, its answer included.
const REQUEST: Duration = Duration::from_secs(20);
/// Bytes of a request's head. Cookies of the site may come along.
const HEAD_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;

/// Serves a connection to its end.
pub(super) async fn serve(stream: TcpStream, from: SocketAddr, place: Place, site: Rc<Site>) {
    let counters = Arc::clone(site.thread.counters());
    let stream = match &site.tls {
        None => Stream::Plain(stream),
        Some(tls) => match timeout(HANDSHAKE, TlsAcceptor::from(Arc::clone(tls)).accept(stream)).await {
            Ok(Ok(stream)) => Stream::Tls(Box::new(stream)),
            _ => return counters.tls_failed.add(1),
        },
    };
    let peer = Peer { address: from, place: Rc::new(place) };
    let service = service_fn(|request| {
        let (site, peer) = (Rc::clone(&site), peer.clone());
        async move { Ok::<_, Infallible>(routes::answer(request, peer, site).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    if !matches!(timeout(REQUEST, connection).await, Ok(Ok(()))) {
        counters.http_failed.add(1);
    }
}
