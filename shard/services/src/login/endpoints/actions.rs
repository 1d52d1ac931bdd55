//! The registry's actions, with JSON in place of the bytes of values.

use super::super::answer::Refusal;
use super::super::connections::Peer;
use super::super::state::State;
use axum::extract::{Request, State as Of};
use axum::response::Response;
use axum::{Extension, Json};
use serde_json::Value;
use std::sync::Arc;

pub(super) async fn list(Of(_state): Of<Arc<State>>) -> Result<Json<Value>, Refusal> {
    Err(Refusal::new(404, "none yet"))
}

pub(super) async fn openapi(Of(_state): Of<Arc<State>>) -> Result<Json<Value>, Refusal> {
    Err(Refusal::new(404, "none yet"))
}

pub(super) async fn call(
    Of(_state): Of<Arc<State>>,
    Extension(_peer): Extension<Peer>,
    _request: Request,
) -> Result<Response, Refusal> {
    Err(Refusal::new(404, "there is nothing at this path: GET /v1/actions lists the actions"))
}
