//! The registry's actions, with JSON in place of the bytes of values.

use super::super::answer::Refusal;
use super::super::connections::Peer;
use super::super::state::State;
use crate::actions::{Caller, Description};
use axum::extract::{Request, State as Of};
use axum::http::{HeaderMap, Method, header};
use axum::{Extension, Json};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn list(Of(state): Of<Arc<State>>) -> Json<Value> {
    let actions: Vec<Value> = state.actions.describe().iter().map(entry).collect();
    Json(json!({ "actions": actions }))
}

fn entry(action: &Description) -> Value {
    json!({
        "path": action.path,
        "about": action.about,
        "access": action.access.name(),
        "request": action.request.to_string(),
        "answer": action.answer.to_string(),
        "per_second": action.per_second,
        "burst": action.burst,
        "timeout_ms": action.timeout.as_millis() as u64,
    })
}

/// Calls the action at the request's path. A token is needed only where the action says so, but one that is sent must be valid.
pub(super) async fn call(
    Of(state): Of<Arc<State>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    let (parts, body) = request.into_parts();
    if parts.method != Method::POST {
        return Err(Refusal::new(
            404,
            "there is nothing at this path: GET /v1/actions lists what can be called by POST",
        ));
    }
    let caller = caller(&state, &peer, &parts.headers).await?;
    let key = match parts.headers.get("idempotency-key").map(|key| key.to_str()) {
        Some(Err(_)) => return Err(Refusal::new(400, "Idempotency-Key: expected 16 to 64 visible ASCII characters")),
        key => key.and_then(Result::ok),
    };
    let request: Value = state.optional_json(body).await?;
    let outcome = state.actions.call_json(caller, parts.uri.path(), &request, key).await;
    if outcome.status == 200 {
        return Ok(Json(outcome.body));
    }
    let error = outcome.body["message"].as_str().unwrap_or("the action failed");
    Err(Refusal { status: outcome.status, error: error.to_owned(), wait: outcome.wait })
}

async fn caller(state: &State, peer: &Peer, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let caller = Caller::new(peer.address);
    if !headers.contains_key(header::AUTHORIZATION) {
        return Ok(caller);
    }
    let account = state.profile(peer, headers).await?.id;
    let caller = caller.account(account);
    Ok(if state.settings.operators.contains(&account) { caller.operator() } else { caller })
}
