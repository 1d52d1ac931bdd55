//! Tickets for worlds.

use super::super::answer::Refusal;
use super::super::state::State;
use super::requests::Player;
use crate::tickets::ServerKey;
use axum::Json;
use axum::body::Body;
use axum::extract::State as Of;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TicketRequest {
    /// Public key of the server; without it, the first.
    server: Option<String>,
}

pub(super) async fn make(
    Of(state): Of<Arc<State>>,
    Player(profile): Player,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let request: TicketRequest = state.optional_json(body).await?;
    let worlds = &state.settings.worlds;
    let world = match request.server {
        None => worlds.first(),
        Some(text) => {
            let key: ServerKey = text.parse().map_err(|error| Refusal::new(400, format!("server: {error}")))?;
            worlds.iter().find(|world| world.key == key)
        }
    };
    let world = world.ok_or_else(|| Refusal::new(404, "this login makes no tickets for such a server"))?;
    let ticket = state.accounts.ticket(&profile, world.key).await?;
    Ok(Json(json!({
        "address": world.address,
        "server_key": world.key.to_string(),
        "ticket": ticket.to_text(),
        "expires": ticket.expires,
    })))
}
