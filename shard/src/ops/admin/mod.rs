//! The admin port and the admin socket (O3): HTTP, on threads of their own that no core ever waits for.
//!
//! | request | gives |
//! |---|---|
//! | `GET /` | the dashboard |
//! | `GET /live` | 200 while every core turns; answers at once, without asking the cores |
//! | `GET /ready` | 200 while every core turns and players are let in |
//! | `GET /metrics` | everything, for Prometheus: OpenMetrics where `Accept` asks for it, else the classic text format |
//! | `GET /stats` | everything, as JSON; of a core that is stuck what it said last, and since when it is (`stuck_s`) |
//! | `GET /histograms` | latency by core and stage: percentiles |
//! | `GET /sessions` | connections: `sort`, `limit`, `core`, `address`, `id`; the header `Ringshard-Missing-Cores` names cores that are stuck |
//! | `GET /capture` | the datagrams of some seconds, as a file for Wireshark: `seconds`, `megabytes`, `address` |
//! | `GET /keys` | traffic secrets, to read captures with; where `key-log` allows it |
//! | `GET /config` | every setting, and where it comes from |
//! | `POST /reload` | reads the settings anew |
//! | `POST /kick` | ends connections: `target`, an id, an address or an address with a port |
//! | `POST /drain` | lets nobody in any more, and ends when all have left, or have had their time |
//!
//! The port listens on this host alone unless told otherwise. With `admin-token-file`, requests must bear its secret, all
//! but `/`, `/live` and `/ready`. Without, any process of this host may ask and none may give orders: those need the
//! secret, or the Unix socket `admin-socket`, which the file system guards, or a signal. A page of another site cannot ask
//! through a browser on this host: its requests name another host.

mod ask;
mod capture;
mod connections;
mod guard;
mod metrics;
pub mod order;
mod sessions;

pub use ask::{AskError, Asker};
pub use sessions::{Order, Wanted};

use self::connections::Connections;
use self::guard::Guard;
use crate::ops::handle::ServerHandle;
use crate::runtime::control::Gathered;
use crate::runtime::control::kick::Target;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::{get, post};
use std::fs::Permissions;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Names the cores, as `0,3`, whose connections are missing in an answer because they are stuck.
pub const MISSING_CORES: &str = "ringshard-missing-cores";

/// The page that shows a server at a glance. It asks for `/stats` and `/sessions`, and for nothing from elsewhere.
const DASHBOARD: &str = include_str!("dashboard.html");

/// Wait after a connection that could not be taken.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// No admin port.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Not on this address.
    #[error("cannot answer on admin address {0}: {1}; choose another with admin, or none with admin = off")]
    Port(SocketAddr, io::Error),
    /// Not on this socket.
    #[error("cannot answer on admin socket {path}: {error}; choose another with admin-socket")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another server has it.
    #[error("another server answers on admin socket {0}: stop it, or choose another with admin-socket")]
    SocketInUse(PathBuf),
}

/// A port or a socket that questions can come to, and that nobody answers yet.
#[derive(Debug)]
pub struct Admin {
    listener: Listener,
    guard: Guard,
}

#[derive(Debug)]
enum Listener {
    Port(TcpListener),
    Socket(UnixListener),
}

impl Admin {
    /// Takes a TCP port. With a `token`, requests must bear it; without one, the port takes no orders.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind(address: SocketAddr, token: Option<String>) -> Result<Self, BindError> {
        let failed = |error| BindError::Port(address, error);
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Admin { listener: Listener::Port(listener), guard: Guard::of_port(token.as_deref()) })
    }

    /// Where a port can be asked; None for a socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.listener {
            Listener::Port(listener) => listener.local_addr().ok(),
            Listener::Socket(_) => None,
        }
    }

    /// Makes a Unix socket, for this process' user alone. One that a server has left behind is replaced.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind_socket(path: &Path) -> Result<Self, BindError> {
        let failed = |error| BindError::Socket { path: path.to_owned(), error };
        let is_socket = std::fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
        if is_socket {
            if UnixStream::connect(path).is_ok() {
                return Err(BindError::SocketInUse(path.to_owned()));
            }
            std::fs::remove_file(path).map_err(failed)?;
        }
        // Nobody is to connect before the permissions are set: connecting fails until there is a name.
        let hidden = path.with_extension(format!("{}.new", std::process::id()));
        let listener = UnixListener::bind(&hidden).map_err(failed)?;
        let named = std::fs::set_permissions(&hidden, Permissions::from_mode(0o600))
            .and_then(|()| listener.set_nonblocking(true))
            .and_then(|()| std::fs::rename(&hidden, path));
        named.map_err(failed)?;
        Ok(Admin { listener: Listener::Socket(listener), guard: Guard::Socket })
    }

    /// Answers from now on, as long as the process lives.
    ///
    /// # Errors
    /// What the system said: no thread.
    pub fn serve(self, operation: Arc<ServerHandle>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer = move || {
            let routes = routes(operation, self.guard);
            if let Err(error) = runtime.block_on(accept(self.listener, routes)) {
                tracing::error!(%error, "the admin port answers no more");
            }
        };
        std::thread::Builder::new().name("admin".into()).spawn(answer).map(drop)
    }
}

/// Takes connections for ever.
async fn accept(listener: Listener, routes: Router) -> io::Result<()> {
    let mut connections = Connections::default();
    match listener {
        Listener::Port(listener) => {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => connections.serve(stream, &routes),
                    Err(error) => refused(&error, &mut connections).await,
                }
            }
        }
        Listener::Socket(listener) => {
            let listener = tokio::net::UnixListener::from_std(listener)?;
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => connections.serve(stream, &routes),
                    Err(error) => refused(&error, &mut connections).await,
                }
            }
        }
    }
}

/// Waits after a connection that could not be taken: out of files, for one, does not pass at once. An idle connection makes
/// room.
async fn refused(error: &io::Error, connections: &mut Connections) {
    tracing::debug!(%error, "an admin connection could not be taken");
    connections.close_idle();
    tokio::time::sleep(ACCEPT_AGAIN).await;
}

type Shared = State<Arc<ServerHandle>>;

fn routes(operation: Arc<ServerHandle>, guard: Guard) -> Router {
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
        .route("/kick", post(kick))
        .route("/drain", post(drain))
        .layer(from_fn_with_state(Arc::new(guard), Guard::check))
        .with_state(operation)
}

/// Runs what waits for cores where it holds up nobody.
async fn aside<T: Send + 'static>(
    operation: Arc<ServerHandle>,
    ask: impl FnOnce(&ServerHandle) -> T + Send + 'static,
) -> Result<T, Response> {
    let failed = |_| (StatusCode::INTERNAL_SERVER_ERROR, "the question could not be put\n").into_response();
    tokio::task::spawn_blocking(move || ask(&operation)).await.map_err(failed)
}

fn unavailable(error: impl std::fmt::Display) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response()
}

/// The cores that are stuck, in words; None while all turn. Nobody is asked: a supervisor wants its answer at once, most of
/// all where a core is stuck.
fn stuck(operation: &ServerHandle) -> Option<String> {
    let words =
        operation.stuck().into_iter().map(|(core, since)| format!("core {core} is stuck for {} s", since.as_secs()));
    words.reduce(|words, more| words + "\n" + &more)
}

async fn live(State(operation): Shared) -> Response {
    stuck(&operation).map_or("live\n".into_response(), unavailable)
}

async fn ready(State(operation): Shared) -> Response {
    let draining = || operation.is_draining().then(|| "draining: nobody new is let in".to_owned());
    stuck(&operation).or_else(draining).map_or("ready\n".into_response(), unavailable)
}

async fn metrics(State(operation): Shared, headers: HeaderMap) -> Result<Response, Response> {
    let figures = aside(operation, ServerHandle::figures).await?;
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = metrics::Format::wanted(accept);
    let text = metrics::encode(figures, format).map_err(unavailable)?;
    Ok(([(header::CONTENT_TYPE, format.content_type())], text).into_response())
}

async fn stats(State(operation): Shared) -> Result<Response, Response> {
    Ok(Json(aside(operation, ServerHandle::report).await?).into_response())
}

async fn histograms(State(operation): Shared) -> Result<Response, Response> {
    Ok(Json(aside(operation, ServerHandle::report).await?.percentiles()).into_response())
}

async fn sessions(State(operation): Shared, Query(wanted): Query<Wanted>) -> Result<Response, Response> {
    let Gathered { given, missing } = aside(operation, ServerHandle::sessions).await?;
    let mut response = Json(wanted.of(given)).into_response();
    if !missing.is_empty() {
        let cores: Vec<_> = missing.iter().map(usize::to_string).collect();
        if let Ok(cores) = cores.join(",").parse() {
            response.headers_mut().insert(MISSING_CORES, cores);
        }
    }
    Ok(response)
}

async fn keys(State(operation): Shared) -> Result<String, Response> {
    let why = "this server gives out no secrets: start it with --key-log true, and never where it matters\n";
    let log = aside(operation, ServerHandle::key_log).await?;
    log.ok_or_else(|| (StatusCode::FORBIDDEN, why).into_response())
}

async fn config(State(operation): Shared) -> Response {
    Json(operation.describe()).into_response()
}

async fn reload(State(operation): Shared) -> Result<Response, Response> {
    match aside(operation, ServerHandle::reload).await? {
        Ok(reloaded) => Ok(Json(reloaded).into_response()),
        Err(error) => Err((StatusCode::UNPROCESSABLE_ENTITY, format!("{error}\n")).into_response()),
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedKick {
    target: Target,
}

async fn kick(State(operation): Shared, Query(wanted): Query<WantedKick>) -> Result<Response, Response> {
    let kicked = aside(operation, move |operation| operation.kick(wanted.target)).await?;
    Ok(Json(kicked).into_response())
}

async fn drain(State(operation): Shared) -> &'static str {
    operation.drain();
    "draining\n"
}
