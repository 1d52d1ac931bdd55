//! The admin port (O3): HTTP, on a thread of its own that no core ever waits for.
//!
//! | request | gives |
//! |---|---|
//! | `GET /` | the dashboard |
//! | `GET /live` | 200 while every core answers |
//! | `GET /ready` | 200 while players are let in |
//! | `GET /metrics` | everything, for Prometheus |
//! | `GET /stats` | everything, as JSON |
//! | `GET /histograms` | latency by core and stage: percentiles |
//! | `GET /sessions` | connections: `sort`, `limit`, `core`, `address`, `id` |
//! | `GET /capture` | the datagrams of some seconds, as a file for Wireshark: `seconds`, `megabytes`, `address` |
//! | `GET /keys` | traffic secrets, to read captures with; where `key-log` allows it |
//! | `GET /config` | every setting, and where it comes from |
//! | `POST /reload` | reads the settings anew |
//! | `POST /drain` | lets nobody in any more, and ends when all have left, or have had their time |
//!
//! Whoever may reach it may ask: it listens on this host alone unless told otherwise, and then every request must bear the
//! secret. A page of another site cannot ask through a browser on this host: its requests name another host.

mod ask;
mod capture;
mod metrics;
mod sessions;

pub use ask::{AskError, Asker};
pub use sessions::{Order, Wanted};

use crate::operation::Operation;
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::{get, post};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use ringshard_engine::crypto::hmac_sha256;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The page that shows a server at a glance. It asks for `/stats` and `/sessions`, and for nothing from elsewhere.
const DASHBOARD: &str = include_str!("dashboard.html");

/// Connections at a time.
const CONNECTIONS_MAX: usize = 64;
/// How long a request may take to be said, and a connection may be idle.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection may take in all: the longest capture, and time to fetch it.
const CONNECTION_FOR: Duration = Duration::from_secs(600);
/// Wait after a connection that could not be taken.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// No admin port.
#[derive(Debug, thiserror::Error)]
#[error("cannot answer on admin address {0}: {1}; choose another with admin, or none with admin = off")]
pub struct BindError(SocketAddr, io::Error);

/// A port that questions can come to, and that nobody answers yet.
#[derive(Debug)]
pub struct Admin(TcpListener);

impl Admin {
    /// Takes the port.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let listener = TcpListener::bind(address).map_err(|error| BindError(address, error))?;
        listener.set_nonblocking(true).map_err(|error| BindError(address, error))?;
        Ok(Admin(listener))
    }

    /// Answers from now on, as long as the process lives. With a `token`, every request must bear it.
    ///
    /// # Errors
    /// What the system said: no thread.
    pub fn serve(self, operation: Arc<Operation>, token: Option<String>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer = move || {
            if let Err(error) = runtime.block_on(accept(self.0, routes(operation, token))) {
                tracing::error!(%error, "the admin port answers no more");
            }
        };
        std::thread::Builder::new().name("admin".into()).spawn(answer).map(drop)
    }
}

/// Takes connections, only so many at a time, and each for only so long: whoever can reach the port must not be able to
/// use up what the server needs.
async fn accept(listener: TcpListener, routes: Router) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of files, for one, does not pass at once.
                tracing::debug!(%error, "an admin connection could not be taken");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(routes.clone());
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
        let served = http.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // How a connection ended is its client's business.
            let _ = tokio::time::timeout(CONNECTION_FOR, served).await;
            drop(place);
        });
    }
}

type Shared = State<Arc<Operation>>;

fn routes(operation: Arc<Operation>, token: Option<String>) -> Router {
    let guard = Arc::new(Guard { token: token.map(|token| digest(token.as_bytes())) });
    Router::new()
        .route("/", get(|| async { Html(DASHBOARD) }))
        .route("/live", get(live))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/stats", get(stats))
        .route("/histograms", get(histograms))
        .route("/sessions", get(sessions))
        .route("/capture", get(capture::answer))
        .route("/keys", get(keys))
        .route("/config", get(config))
        .route("/reload", post(reload))
        .route("/drain", post(drain))
        .layer(from_fn_with_state(guard, Guard::check))
        .with_state(operation)
}

/// Who may ask.
struct Guard {
    token: Option<[u8; 32]>,
}

impl Guard {
    async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
        let refusal = |status, why: &str| (status, format!("{why}\n")).into_response();
        if guard.token.is_none() && !is_for_this_host(request.headers()) {
            return refusal(StatusCode::FORBIDDEN, "ask by the address or by localhost, and not from another site");
        }
        // The page itself says nothing: it asks for the secret, and bears it in what it asks.
        if request.uri().path() != "/" && !guard.knows(request.headers()) {
            return refusal(StatusCode::UNAUTHORIZED, "bear the secret of admin-token-file: Authorization: Bearer ...");
        }
        next.run(request).await
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let borne = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        borne.is_some_and(|borne| digest(borne) == *token)
    }
}

/// What is compared in a secret's place: how far two of these agree says nothing about it.
fn digest(secret: &[u8]) -> [u8; 32] {
    hmac_sha256(b"ringshard admin", &[secret])
}

const SEC_FETCH_SITE: header::HeaderName = header::HeaderName::from_static("sec-fetch-site");

/// Whether a request names this host by an address or as localhost, and comes from no page of another one: a name that
/// resolves to here, or a form on a page elsewhere, is how browsers are made to ask.
fn is_for_this_host(headers: &HeaderMap) -> bool {
    let names_us = |name: &str| {
        let host = match name.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => name.rsplit_once(':').map_or(name, |(host, _)| host),
        };
        host == "localhost" || host.parse::<IpAddr>().is_ok()
    };
    let text = |name: header::HeaderName| {
        headers.get(name).map(|value: &header::HeaderValue| value.to_str().unwrap_or_default())
    };
    let host = text(header::HOST).unwrap_or_default();
    let origin = text(header::ORIGIN).map(|origin| origin.trim_start_matches("http://"));
    // Browsers leave out the origin where a page only fetches, but say whose page it is.
    let fetched_here = text(SEC_FETCH_SITE).is_none_or(|site| site == "same-origin" || site == "none");
    names_us(host) && fetched_here && origin.is_none_or(|origin| origin == host)
}

/// Runs what waits for cores where it holds up nobody.
async fn aside<T: Send + 'static>(
    operation: Arc<Operation>,
    ask: impl FnOnce(&Operation) -> T + Send + 'static,
) -> Result<T, Response> {
    let failed = |_| (StatusCode::INTERNAL_SERVER_ERROR, "the question could not be put\n").into_response();
    tokio::task::spawn_blocking(move || ask(&operation)).await.map_err(failed)
}

fn unavailable(error: impl std::fmt::Display) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response()
}

async fn live(State(operation): Shared) -> Result<&'static str, Response> {
    aside(operation, Operation::report).await?.map(|_| "live\n").map_err(unavailable)
}

async fn ready(State(operation): Shared) -> Result<&'static str, Response> {
    let report = aside(operation, Operation::report).await?.map_err(unavailable)?;
    if report.draining { Err(unavailable("draining: nobody new is let in")) } else { Ok("ready\n") }
}

async fn metrics(State(operation): Shared) -> Result<Response, Response> {
    let report = aside(operation, Operation::report).await?.map_err(unavailable)?;
    let text = metrics::encode(report).map_err(unavailable)?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

async fn stats(State(operation): Shared) -> Result<Response, Response> {
    let report = aside(operation, Operation::report).await?.map_err(unavailable)?;
    Ok(Json(report).into_response())
}

async fn histograms(State(operation): Shared) -> Result<Response, Response> {
    let report = aside(operation, Operation::report).await?.map_err(unavailable)?;
    Ok(Json(report.percentiles()).into_response())
}

async fn sessions(State(operation): Shared, Query(wanted): Query<Wanted>) -> Result<Response, Response> {
    let sessions = aside(operation, Operation::sessions).await?.map_err(unavailable)?;
    Ok(Json(wanted.of(sessions)).into_response())
}

async fn keys(State(operation): Shared) -> Result<String, Response> {
    let why = "this server gives out no secrets: start it with --key-log true, and never where it matters\n";
    let log = aside(operation, Operation::key_log).await?;
    log.ok_or_else(|| (StatusCode::FORBIDDEN, why).into_response())?.map_err(unavailable)
}

async fn config(State(operation): Shared) -> Response {
    Json(operation.describe()).into_response()
}

async fn reload(State(operation): Shared) -> Result<Response, Response> {
    match aside(operation, Operation::reload).await? {
        Ok(reloaded) => Ok(Json(reloaded).into_response()),
        Err(error) => Err((StatusCode::UNPROCESSABLE_ENTITY, format!("{error}\n")).into_response()),
    }
}

async fn drain(State(operation): Shared) -> &'static str {
    operation.drain();
    "draining\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(entries: &[(header::HeaderName, &str)]) -> HeaderMap {
        entries.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn no_page_of_another_site_can_ask() {
        let asks = |host: &str, origin: Option<&str>| {
            let mut entries = vec![(header::HOST, host)];
            entries.extend(origin.map(|origin| (header::ORIGIN, origin)));
            is_for_this_host(&headers(&entries))
        };
        for host in ["127.0.0.1:3566", "localhost:3566", "[::1]:3566", "10.0.0.7"] {
            assert!(asks(host, None), "{host}");
            assert!(asks(host, Some(&format!("http://{host}"))), "{host}");
            assert!(!asks(host, Some("http://evil.example")), "{host}");
        }
        assert!(!asks("rebound.example:3566", None));
        assert!(!asks("127.0.0.1.example", None));
        assert!(!asks("localhost:3566", Some("null")));
        assert!(!is_for_this_host(&headers(&[])));
        let fetched = |site| is_for_this_host(&headers(&[(header::HOST, "localhost:3566"), (SEC_FETCH_SITE, site)]));
        assert!(fetched("same-origin") && fetched("none") && !fetched("cross-site") && !fetched("same-site"));
    }

    #[test]
    fn the_secret_opens_and_nothing_else() {
        let guard = Guard { token: Some(digest(b"0123456789abcdef")) };
        let bears = |text: &str| guard.knows(&headers(&[(header::AUTHORIZATION, text)]));
        assert!(bears("Bearer 0123456789abcdef"));
        for wrong in ["Bearer 0123456789abcde", "Bearer 0123456789abcdef ", "0123456789abcdef", "Bearer ", "Basic x"] {
            assert!(!bears(wrong), "{wrong}");
        }
        assert!(!guard.knows(&headers(&[])));
        assert!(Guard { token: None }.knows(&headers(&[])));
    }
}
