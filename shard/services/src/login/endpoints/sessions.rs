//! The sessions of an account, seen and ended by its player.

use super::super::answer::Refusal;
use super::super::state::State;
use super::requests::{Player, number, removed};
use axum::Json;
use axum::extract::{Path, State as Of};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn list(Of(state): Of<Arc<State>>, Player(profile): Player) -> Result<Json<Value>, Refusal> {
    Ok(Json(json!({ "sessions": state.accounts.sessions(profile.id).await? })))
}

pub(super) async fn revoke(
    Of(state): Of<Arc<State>>,
    Player(profile): Player,
    Path(session): Path<String>,
) -> Result<StatusCode, Refusal> {
    let revoked = state.accounts.revoke(profile.id, number(&session)?).await?;
    state.hub.recheck(profile.id);
    removed(revoked, "session")
}
