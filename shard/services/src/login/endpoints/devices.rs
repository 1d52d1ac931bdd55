//! Devices that log in by a key instead of a password.

use super::super::answer::Refusal;
use super::super::connections::Peer;
use super::super::state::State;
use super::requests::{Player, exact, number, removed};
use crate::accounts::{Challenge, DeviceProof};
use axum::body::Body;
use axum::extract::{Path, State as Of};
use axum::http::StatusCode;
use axum::{Extension, Json};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// A device proves that it has its key. All in base64url without padding.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proof {
    key: String,
    challenge: String,
    signature: String,
}

impl Proof {
    pub(super) fn decode(&self) -> Result<DeviceProof, Refusal> {
        let key = exact("key", &self.key)?;
        let challenge = Challenge(exact("challenge", &self.challenge)?);
        Ok(DeviceProof { key, challenge, signature: exact("signature", &self.signature)? })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChallengeRequest {
    key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddRequest {
    device: Proof,
    label: String,
}

pub(super) async fn challenge(
    Of(state): Of<Arc<State>>,
    Extension(peer): Extension<Peer>,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let request: ChallengeRequest = state.json(body).await?;
    let challenge = state.accounts.challenge(peer.address, exact("key", &request.key)?)?;
    Ok(Json(json!({ "challenge": Base64UrlUnpadded::encode_string(&challenge.0) })))
}

pub(super) async fn add(
    Of(state): Of<Arc<State>>,
    Player(profile): Player,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let request: AddRequest = state.json(body).await?;
    let device = state.accounts.add_device(profile.id, request.device.decode()?, &request.label).await?;
    Ok((StatusCode::CREATED, Json(json!(device))))
}

pub(super) async fn list(Of(state): Of<Arc<State>>, Player(profile): Player) -> Result<Json<Value>, Refusal> {
    Ok(Json(json!({ "devices": state.accounts.devices(profile.id).await? })))
}

pub(super) async fn remove(
    Of(state): Of<Arc<State>>,
    Player(profile): Player,
    Path(device): Path<String>,
) -> Result<StatusCode, Refusal> {
    let was_there = state.accounts.remove_device(profile.id, number(&device)?).await?;
    // The sessions that the device began have ended, too.
    state.hub.recheck(profile.id);
    removed(was_there, "device")
}
