//! Connections to the admin port: idle ones make room, so that whoever asks is answered.

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

/// Connections at a time.
const CONNECTIONS_MAX: usize = 64;
/// How long a request may take to be said, and a connection may be idle.
const HEADERS_WITHIN: Duration = Duration::from_secs(5);
/// How long a connection may take in all: the longest capture, and time to fetch it.
const CONNECTION_FOR: Duration = Duration::from_secs(600);

/// The open connections, oldest first.
#[derive(Debug, Default)]
pub(super) struct Connections(VecDeque<Connection>);

#[derive(Debug)]
struct Connection {
    task: AbortHandle,
    /// Requests that are being answered.
    asking: Arc<AtomicU32>,
}

impl Connections {
    /// Closes the oldest connection that asks nothing; false when there is none.
    pub(super) fn close_idle(&mut self) -> bool {
        let idle = self.0.iter().position(|connection| connection.is_idle() && !connection.task.is_finished());
        idle.and_then(|index| self.0.remove(index)).is_some_and(|connection| {
            connection.task.abort();
            true
        })
    }

    /// Answers on this connection. When there are too many, the oldest one that asks nothing is closed; when all of them
    /// ask, the new one is.
    pub(super) fn serve(&mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, routes: &Router) {
        self.0.retain(|connection| !connection.task.is_finished());
        if self.0.len() >= CONNECTIONS_MAX && !self.close_idle() {
            return;
        }
        let asking = Arc::new(AtomicU32::new(0));
        let (answer, counted) = (TowerToHyperService::new(routes.clone()), asking.clone());
        let service = hyper::service::service_fn(move |request| {
            let question = Question::begin(&counted);
            let answer = answer.call(request);
            async move {
                let answer = answer.await;
                drop(question);
                answer
            }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
        let served = http.serve_connection(TokioIo::new(stream), service);
        // How a connection ended is its client's business.
        let task = tokio::spawn(async move { drop(tokio::time::timeout(CONNECTION_FOR, served).await) });
        self.0.push_back(Connection { task: task.abort_handle(), asking });
    }
}

impl Connection {
    fn is_idle(&self) -> bool {
        self.asking.load(Ordering::Relaxed) == 0
    }
}

/// A request that is being answered, until this is dropped.
struct Question(Arc<AtomicU32>);

impl Question {
    fn begin(asking: &Arc<AtomicU32>) -> Self {
        asking.fetch_add(1, Ordering::Relaxed);
        Question(asking.clone())
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
