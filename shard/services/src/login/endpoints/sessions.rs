//! The sessions of an account, seen and ended by its player.

use super::super::answer::Refusal;
use super::super::connections::Peer;
use super::super::state::State;
use super::requests::number;
use axum::extract::{Path, State as Of};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn list(
    Of(state): Of<Arc<State>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let profile = state.profile(&peer, &headers).await?;
    Ok(Json(json!({ "sessions": state.accounts.sessions(profile.id).await? })))
}

pub(super) async fn revoke(
    Of(state): Of<Arc<State>>,
    Extension(peer): Extension<Peer>,
    Path(session): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let profile = state.profile(&peer, &headers).await?;
    let revoked = state.accounts.revoke(profile.id, number(&session)?).await?;
    state.hub.recheck(profile.id);
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Refusal::new(404, "this account has no such session")) }
}
