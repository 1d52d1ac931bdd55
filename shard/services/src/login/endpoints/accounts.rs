//! Register, log in, log out.

use super::super::answer::Refusal;
use super::super::bearer;
use super::super::connections::Peer;
use super::super::state::State;
use super::devices::Proof;
use super::requests::Player;
use crate::accounts::{Credentials, Login, Registration, Secret};
use axum::body::Body;
use axum::extract::State as Of;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The ways to log in; exactly one must be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginRequest {
    email: Option<String>,
    password: Option<Secret>,
    token: Option<Secret>,
    device: Option<Proof>,
}

pub(super) async fn register(
    Of(state): Of<Arc<State>>,
    Extension(peer): Extension<Peer>,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let registration: Registration = state.json(body).await?;
    let login = state.accounts.register(peer.address, registration).await?;
    Ok((StatusCode::CREATED, Json(logged_in(&login))))
}

pub(super) async fn log_in(
    Of(state): Of<Arc<State>>,
    Extension(peer): Extension<Peer>,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let credentials = match state.json(body).await? {
        LoginRequest { email: Some(email), password: Some(password), token: None, device: None } => {
            Credentials::Password { email, password }
        }
        LoginRequest { device: Some(proof), email: None, password: None, token: None } => {
            Credentials::Device(proof.decode()?)
        }
        LoginRequest { token: Some(token), email: None, password: None, device: None } => {
            return go_on(&state, &peer, &token).await;
        }
        _ => return Err(Refusal::new(400, "send either email and password, or token, or device")),
    };
    Ok(Json(logged_in(&state.accounts.login(peer.address, credentials).await?)))
}

/// Goes on with a session. The client has the token already, so the answer does not repeat it.
async fn go_on(state: &State, peer: &Peer, token: &Secret) -> Result<Json<Value>, Refusal> {
    if !bearer::is_token(&token.0) {
        return Err(Refusal::new(400, "token: this is no token"));
    }
    let profile = state.accounts.identify(peer.address, &token.0).await?;
    Ok(Json(json!({ "account": profile.id.0, "name": profile.name })))
}

pub(super) async fn log_out(
    Of(state): Of<Arc<State>>,
    Player(profile): Player,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let token = bearer::token(&headers).ok_or_else(Refusal::unauthorized)?;
    state.accounts.logout(token).await?;
    state.hub.recheck(profile.id);
    Ok(StatusCode::NO_CONTENT)
}

fn logged_in(login: &Login) -> Value {
    json!({
        "account": login.profile.id.0,
        "name": login.profile.name,
        "session": login.session,
        "token": login.token.reveal(),
        "expires": login.expires,
    })
}
