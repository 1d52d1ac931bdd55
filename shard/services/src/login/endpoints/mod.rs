//! What the login door answers at each path.

mod accounts;
mod actions;
mod devices;
mod openapi;
mod requests;
mod sessions;
mod tickets;

use super::answer::{Refusal, harden};
use super::connections::Peer;
use super::cross_origin;
use super::state::State;
use crate::counters::count;
use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// For a client to wait when the server took too long.
const LATE_WAIT: Duration = Duration::from_secs(1);

/// All paths. `socket` serves `/v1/ws`.
pub(super) fn router(state: Arc<State>, socket: axum::routing::MethodRouter<Arc<State>>) -> Router {
    Router::new()
        .route("/v1/accounts", post(accounts::register))
        .route("/v1/login", post(accounts::log_in))
        .route("/v1/logout", post(accounts::log_out))
        .route("/v1/challenge", post(devices::challenge))
        .route("/v1/devices", get(devices::list).post(devices::add))
        .route("/v1/devices/{device}", delete(devices::remove))
        .route("/v1/sessions", get(sessions::list))
        .route("/v1/sessions/{session}", delete(sessions::revoke))
        .route("/v1/ticket", post(tickets::make))
        .route("/v1/actions", get(actions::list).post(actions::call))
        .route("/v1/openapi.json", get(openapi::document))
        .route("/v1/health", get(health))
        .route("/v1/ws", socket)
        .fallback(actions::call)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&state), cross_origin::answer))
        .layer(from_fn_with_state(Arc::clone(&state), finish))
        .with_state(state)
}

async fn health() -> Response {
    axum::Json(serde_json::json!({ "status": "ok" })).into_response()
}

async fn wrong_method(uri: Uri) -> Refusal {
    Refusal::new(405, format!("{} has other methods: see /v1/openapi.json", uri.path()))
}

/// Bounds the time of each answer, adds the headers that all have, and counts.
async fn finish(
    axum::extract::State(state): axum::extract::State<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    debug_assert!(request.extensions().get::<Peer>().is_some(), "each request knows its connection");
    let counters = &state.counters;
    let answered = timeout(state.settings.answer, next.run(request)).await;
    let mut response = answered.unwrap_or_else(|_| {
        count(&counters.answers_late);
        let error = "the server took too long: it is not known whether the request was executed";
        Refusal { wait: Some(LATE_WAIT), ..Refusal::new(504, error) }.into_response()
    });
    harden(response.headers_mut());
    count(&counters.requests);
    match response.status() {
        StatusCode::UNAUTHORIZED => {
            count(&counters.unauthorized);
            count(&counters.requests_refused);
        }
        status if status.is_client_error() => count(&counters.requests_refused),
        status if status.is_server_error() => count(&counters.requests_failed),
        _ => {}
    }
    response
}
