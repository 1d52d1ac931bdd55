//! The open connections to the admin port. Idle ones make room for new ones.

use axum::Router;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;

/// Highest number of connections.
const CONNECTIONS_MAX: usize = 64;
/// How long the headers of a request may take, and how long a connection may be idle.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may last: the longest capture, and time to fetch it.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(600);

/// The open connections, oldest first.
#[derive(Debug, Default)]
pub(super) struct HttpConnections(VecDeque<HttpConnection>);

#[derive(Debug)]
struct HttpConnection {
    task: AbortHandle,
    /// Number of requests that are being answered.
    requests: Arc<AtomicU32>,
}

impl HttpConnections {
    /// Closes the oldest idle connection; false if there is none.
    pub(super) fn close_idle(&mut self) -> bool {
        let idle = self.0.iter().position(|connection| connection.is_idle() && !connection.task.is_finished());
        idle.and_then(|index| self.0.remove(index)).is_some_and(|connection| {
            connection.task.abort();
            true
        })
    }

    /// Serves this connection. If there are too many, the oldest idle one is closed; if none is idle, this one is.
    pub(super) fn serve(&mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, routes: &Router) {
        self.0.retain(|connection| !connection.task.is_finished());
        if self.0.len() >= CONNECTIONS_MAX && !self.close_idle() {
            return;
        }
        let requests = Arc::new(AtomicU32::new(0));
        let (routes, counted) = (TowerToHyperService::new(routes.clone()), requests.clone());
        let service = hyper::service::service_fn(move |request| {
            let in_progress = RequestInProgress::begin(&counted);
            let answer = routes.call(request);
            async move {
                let answer = answer.await;
                drop(in_progress);
                answer
            }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADERS_TIMEOUT);
        let served = http.serve_connection(TokioIo::new(stream), service);
        // Only the client cares how its connection ended.
        let task = tokio::spawn(async move { drop(tokio::time::timeout(CONNECTION_TIMEOUT, served).await) });
        self.0.push_back(HttpConnection { task: task.abort_handle(), requests });
        assert!(self.0.len() <= CONNECTIONS_MAX, "more connections to the admin port than allowed");
    }
}

impl HttpConnection {
    fn is_idle(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0
    }
}

/// Counts a request until it is dropped.
struct RequestInProgress(Arc<AtomicU32>);

impl RequestInProgress {
    fn begin(requests: &Arc<AtomicU32>) -> Self {
        requests.fetch_add(1, Ordering::Relaxed);
        RequestInProgress(requests.clone())
    }
}

impl Drop for RequestInProgress {
    fn drop(&mut self) {
        let before = self.0.fetch_sub(1, Ordering::Relaxed);
        assert!(before > 0, "a request of the admin port ended twice");
    }
}
