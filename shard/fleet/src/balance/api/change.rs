//! What writers may do. Every change is audited before it is answered, also one that could not be made.

use super::Client;
use super::answer::Refusal;
use crate::balance::audit::Change;
use crate::balance::fleet::{HostOrder, OrderFault};
use crate::balance::state::State;
use crate::balance::tokens::Role;
use crate::balancer::Policy;
use crate::model::Name;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State as Of};
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Bytes of a body. A policy with 256 regions has a quarter of it.
const BODY_BYTES_MAX: usize = 256 << 10;
/// For a body to arrive.
const BODY: Duration = Duration::from_secs(10);
/// Bytes of a reason.
const REASON_BYTES_MAX: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MaintenanceRequest {
    on: bool,
    #[serde(default)]
    reason: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DrainRequest {
    #[serde(default)]
    reason: String,
}

pub(super) async fn maintenance(
    Of(state): Of<Arc<State>>,
    Extension(client): Extension<Client>,
    Path(host): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let holder = state.authorize(client, &headers, Role::Write)?;
    let MaintenanceRequest { on, reason } = state.json(body).await?;
    let order = if on { HostOrder::MaintenanceOn } else { HostOrder::MaintenanceOff };
    state.order(client, &holder.name, &host, order, &reason).await
}

pub(super) async fn drain(
    Of(state): Of<Arc<State>>,
    Extension(client): Extension<Client>,
    Path(host): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let holder = state.authorize(client, &headers, Role::Write)?;
    let DrainRequest { reason } = state.json(body).await?;
    state.order(client, &holder.name, &host, HostOrder::Drain, &reason).await
}

pub(super) async fn policy(
    Of(state): Of<Arc<State>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let holder = state.authorize(client, &headers, Role::Write)?;
    let policy: Policy = state.json(body).await?;
    let faults = policy.faults();
    if !faults.is_empty() {
        state.counters.bodies_refused.count();
        return Err(Refusal::new(422, format!("the policy in use stays: {}", faults.join("; "))));
    }
    let kept = state.fleet.keep_policy(&policy);
    if kept.is_ok() {
        state.balancer().set_policy(policy.clone());
        state.counters.policies.count();
    }
    let details = serde_json::to_value(&policy).unwrap_or_default();
    state.audited(client, &holder.name, ("put", "policy"), details, kept)
}

impl State {
    async fn order(
        &self,
        client: Client,
        by: &str,
        host: &str,
        order: HostOrder,
        reason: &str,
    ) -> Result<Json<Value>, Refusal> {
        if reason.len() > REASON_BYTES_MAX {
            return Err(Refusal::new(400, format!("reason: expected at most {REASON_BYTES_MAX} bytes")));
        }
        let name: Name = host.parse().map_err(|error| Refusal::new(404, format!("there is no such host: {error}")))?;
        if !self.balancer().directory().hosts.contains_key(&name) {
            return Err(Refusal::new(404, format!("the fleet has no host {name}")));
        }
        let outcome = self.fleet.order(&name, order, by, reason, self.random()).await;
        self.audited(client, by, (order.name(), name.as_str()), json!({ "reason": reason }), outcome)
    }

    /// Writes a change to the audit, and makes its answer.
    fn audited(
        &self,
        client: Client,
        who: &str,
        (action, target): (&str, &str),
        details: Value,
        outcome: Result<(), OrderFault>,
    ) -> Result<Json<Value>, Refusal> {
        let told = outcome.as_ref().err().map_or_else(|| "done".to_owned(), ToString::to_string);
        let change = Change { who, address: client.address, action, target, details, outcome: &told };
        self.audit.write(&change, &self.counters);
        match outcome {
            Ok(()) => {
                self.counters.changes.count();
                Ok(Json(json!({ "done": action, "target": target })))
            }
            Err(fault) => {
                self.counters.changes_failed.count();
                Err(Refusal::new(fault.status(), fault.to_string()))
            }
        }
    }

    /// A body of JSON.
    async fn json<T: DeserializeOwned>(&self, body: Body) -> Result<T, Refusal> {
        let refused = |refusal| {
            self.counters.bodies_refused.count();
            refusal
        };
        let late = || Refusal::new(408, format!("the body did not arrive within {} s", BODY.as_secs()));
        let long = |_| Refusal::new(413, format!("the body ended too early, or is longer than {BODY_BYTES_MAX} bytes"));
        let bytes = timeout(BODY, to_bytes(body, BODY_BYTES_MAX)).await.map_err(|_| refused(late()))?;
        let bytes = bytes.map_err(|error| refused(long(error)))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| refused(Refusal::new(400, format!("this is not the JSON needed: {error}"))))
    }
}
