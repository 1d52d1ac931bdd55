//! What all answers share: the server's handle, and a way to ask it without holding up the HTTP thread.

use crate::ops::handle::ServerHandle;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

pub(super) type SharedHandle = State<Arc<ServerHandle>>;

/// Names the cores, such as `0,3`, whose connections are missing in an answer because they are stuck.
pub(super) const MISSING_CORES: &str = "ringshard-missing-cores";

/// Runs `ask`, which may wait for cores, on a thread for blocking work.
pub(super) async fn run_blocking<T: Send + 'static>(
    handle: Arc<ServerHandle>,
    ask: impl FnOnce(&ServerHandle) -> T + Send + 'static,
) -> Result<T, Response> {
    let failed = |_| (StatusCode::INTERNAL_SERVER_ERROR, "the request failed inside the server\n").into_response();
    tokio::task::spawn_blocking(move || ask(&handle)).await.map_err(failed)
}

/// 503, with the reason.
pub(super) fn unavailable(error: impl std::fmt::Display) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response()
}
