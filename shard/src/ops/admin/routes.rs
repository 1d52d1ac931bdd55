//! The requests that the admin port answers.

use super::capture_stream;
use super::connection_query::ConnectionQuery;
use super::metrics;
use super::respond::{MISSING_CORES, SharedHandle, run_blocking, unavailable};
use crate::ops::handle::ServerHandle;
use crate::ops::overload;
use crate::ops::path::{self, PathError, PathQuery};
use crate::runtime::control::Gathered;
use crate::runtime::control::kick::Target;
use crate::runtime::control::liveness::Overload;
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::{get, post};
use ringshard_operation::Guard;
use std::sync::Arc;

/// The dashboard. It requests `/stats` and `/sessions`, and loads nothing from other hosts.
const DASHBOARD: &str = include_str!("dashboard.html");

pub(super) fn routes(handle: Arc<ServerHandle>, guard: Guard) -> Router {
    Router::new()
        .route("/", get(|| async { Html(DASHBOARD) }))
        .route("/live", get(live))
        .route("/ready", get(ready))
        .route("/host", get(host))
        .route("/metrics", get(scrape))
        .route("/stats", get(stats))
        .route("/histograms", get(histograms))
        .route("/sessions", get(connections))
        .route("/path", get(path))
        .route("/capture", get(capture_stream::answer))
        .route("/keys", get(keys))
        .route("/services", get(services))
        .route("/fleet", get(fleet))
        .route("/config", get(config))
        .route("/reload", post(reload))
        .route("/kick", post(kick))
        .route("/drain", post(drain))
        .layer(from_fn_with_state(Arc::new(guard), check))
        .with_state(handle)
}

async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.refusal(&request) {
        Some((status, why)) => (status, format!("{why}\n")).into_response(),
        None => next.run(request).await,
    }
}

/// A line for each stuck core; None while all turn. It asks no core, so it answers at once even if a core is stuck.
fn stuck(handle: &ServerHandle) -> Option<String> {
    let line = |(core, duration): (usize, std::time::Duration)| {
        format!("core {core} has been stuck for {} s", duration.as_secs())
    };
    handle.stuck().into_iter().map(line).reduce(|lines, line| lines + "\n" + &line)
}

/// A line for each core that refuses new clients because it is overloaded; None while all admit them.
fn overloaded(handle: &ServerHandle) -> Option<String> {
    let overloads = handle.overloads().into_iter().enumerate();
    let line = |(core, overload): (usize, Overload)| {
        format!("core {core} is overloaded and admits no new clients; it sheds {}", overload::shed(overload))
    };
    overloads.filter(|(_, overload)| overload.refuses).map(line).reduce(|lines, line| lines + "\n" + &line)
}

async fn live(State(handle): SharedHandle) -> Response {
    stuck(&handle).map_or("live\n".into_response(), unavailable)
}

async fn ready(State(handle): SharedHandle) -> Response {
    let draining = || handle.is_draining().then(|| "draining: the server admits no new clients".to_owned());
    stuck(&handle)
        .or_else(draining)
        .or_else(|| overloaded(&handle))
        .map_or_else(|| ready_with_details(&handle), unavailable)
}

/// The server is ready. It reports faults of its place in a fleet, but they do not take it out of service.
fn ready_with_details(handle: &ServerHandle) -> Response {
    let trouble = handle.fleet_trouble().map(|trouble| trouble + "\n");
    ("ready\n".to_owned() + &trouble.unwrap_or_default()).into_response()
}

async fn host(State(handle): SharedHandle) -> Response {
    Json(handle.host()).into_response()
}

async fn scrape(State(handle): SharedHandle, headers: HeaderMap) -> Result<Response, Response> {
    let snapshot = run_blocking(handle, ServerHandle::metrics).await?;
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = metrics::Format::accepted(accept);
    let text = metrics::encode(snapshot, format).map_err(unavailable)?;
    Ok(([(header::CONTENT_TYPE, format.content_type())], text).into_response())
}

/// The services beside the cores; `null` without services.
async fn services(State(handle): SharedHandle) -> Result<Response, Response> {
    Ok(Json(run_blocking(handle, ServerHandle::services).await?).into_response())
}

/// The server's place in a fleet; `null` without a fleet.
async fn fleet(State(handle): SharedHandle) -> Result<Response, Response> {
    Ok(Json(run_blocking(handle, ServerHandle::fleet).await?).into_response())
}

async fn stats(State(handle): SharedHandle) -> Result<Response, Response> {
    Ok(Json(run_blocking(handle, ServerHandle::report).await?).into_response())
}

async fn histograms(State(handle): SharedHandle) -> Result<Response, Response> {
    Ok(Json(run_blocking(handle, ServerHandle::report).await?.percentiles()).into_response())
}

async fn connections(State(handle): SharedHandle, Query(query): Query<ConnectionQuery>) -> Result<Response, Response> {
    let Gathered { given, missing } = run_blocking(handle, ServerHandle::connections).await?;
    let mut response = Json(query.select(given)).into_response();
    if !missing.is_empty() {
        let cores: Vec<_> = missing.iter().map(usize::to_string).collect();
        if let Ok(cores) = cores.join(",").parse() {
            response.headers_mut().insert(MISSING_CORES, cores);
        }
    }
    Ok(response)
}

async fn path(State(handle): SharedHandle, Query(query): Query<PathQuery>) -> Result<Response, Response> {
    let refused = |error: PathError| {
        let status = match error {
            PathError::OutOfRange(_) => StatusCode::BAD_REQUEST,
            PathError::Unknown(_) => StatusCode::NOT_FOUND,
            PathError::Busy | PathError::Several(_) => StatusCode::CONFLICT,
        };
        (status, format!("{error}\n")).into_response()
    };
    let path = run_blocking(handle, move |handle| path::record(handle, &query)).await?.map_err(refused)?;
    Ok(Json(path).into_response())
}

async fn keys(State(handle): SharedHandle) -> Result<String, Response> {
    let why = "this server does not give out traffic secrets: start a test server with --key-log true\n";
    let log = run_blocking(handle, ServerHandle::key_log).await?;
    log.ok_or_else(|| (StatusCode::FORBIDDEN, why).into_response())
}

async fn config(State(handle): SharedHandle) -> Response {
    Json(handle.describe()).into_response()
}

async fn reload(State(handle): SharedHandle) -> Result<Response, Response> {
    match run_blocking(handle, ServerHandle::reload).await? {
        Ok(reloaded) => Ok(Json(reloaded).into_response()),
        Err(error) => Err((StatusCode::UNPROCESSABLE_ENTITY, format!("{error}\n")).into_response()),
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct KickQuery {
    target: Target,
}

async fn kick(State(handle): SharedHandle, Query(query): Query<KickQuery>) -> Result<Response, Response> {
    let kicked = run_blocking(handle, move |handle| handle.kick(query.target)).await?;
    Ok(Json(kicked).into_response())
}

async fn drain(State(handle): SharedHandle) -> &'static str {
    handle.drain();
    "draining\n"
}
