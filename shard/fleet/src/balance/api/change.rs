//! What writers may do. Every attempt of a holder of a token is audited before it is answered, also one that is refused.

use super::Client;
use super::answer::Refusal;
use crate::balance::audit::Change;
use crate::balance::fleet::{HostOrder, OrderFault};
use crate::balance::state::State;
use crate::balance::tokens::{Holder, Role};
use crate::balancer::Policy;
use crate::model::Name;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as Of};
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Bytes of a body. A policy with 256 regions has a quarter of it.
const BODY_BYTES_MAX: usize = 256 << 10;
/// For a body to arrive.
const BODY: Duration = Duration::from_secs(10);
/// Bytes of a reason.
const REASON_BYTES_MAX: usize = 500;
/// Bytes of an outcome that the audit gets: a fault in a body can repeat parts of it.
const OUTCOME_BYTES_MAX: usize = 1_000;
/// Characters of a target that are repeated: as many as the longest name has.
const TARGET_CHARACTERS_MAX: usize = 63;

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

/// An attempt to change something, of somebody who may. The audit gets it when it is dropped: whatever way a request ends, also
/// if its client is gone before the answer.
struct Attempt<'a> {
    state: &'a State,
    who: String,
    address: IpAddr,
    action: &'static str,
    target: String,
    details: Value,
    outcome: Result<(), String>,
}

pub(super) async fn maintenance(
    Of(state): Of<Arc<State>>,
    Extension(client): Extension<Client>,
    host: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let host = named(host);
    let mut attempt = state.attempt(client, &headers, "maintenance", &host)?;
    let made = attempt.maintenance(&host, body).await;
    attempt.answer(made)
}

pub(super) async fn drain(
    Of(state): Of<Arc<State>>,
    Extension(client): Extension<Client>,
    host: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let host = named(host);
    let mut attempt = state.attempt(client, &headers, HostOrder::Drain.name(), &host)?;
    let made = attempt.drain(&host, body).await;
    attempt.answer(made)
}

pub(super) async fn policy(
    Of(state): Of<Arc<State>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let mut attempt = state.attempt(client, &headers, "put", "policy")?;
    let made = attempt.policy(body).await;
    attempt.answer(made)
}

/// The host that a path names. One that is not UTF-8 is no host's name: such a request is an attempt like others.
fn named(host: Result<Path<String>, PathRejection>) -> String {
    host.map_or_else(|_| String::new(), |Path(host)| host)
}

impl Attempt<'_> {
    async fn maintenance(&mut self, host: &str, body: Body) -> Result<(), Refusal> {
        let MaintenanceRequest { on, reason } = self.state.json(body).await?;
        self.order(host, if on { HostOrder::MaintenanceOn } else { HostOrder::MaintenanceOff }, &reason).await
    }

    async fn drain(&mut self, host: &str, body: Body) -> Result<(), Refusal> {
        let DrainRequest { reason } = self.state.json(body).await?;
        self.order(host, HostOrder::Drain, &reason).await
    }

    async fn order(&mut self, host: &str, order: HostOrder, reason: &str) -> Result<(), Refusal> {
        self.action = order.name();
        self.details = json!({ "reason": &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)] });
        if reason.len() > REASON_BYTES_MAX {
            return Err(Refusal::new(400, format!("reason: expected at most {REASON_BYTES_MAX} bytes")));
        }
        let name: Name = host.parse().map_err(|error| Refusal::new(404, format!("there is no such host: {error}")))?;
        let state = self.state;
        if !state.balancer().directory().hosts.contains_key(&name) {
            return Err(Refusal::new(404, format!("the fleet has no host {name}")));
        }
        // If the client goes while the registry is asked, nobody here hears its answer.
        let unknown =
            "the client was gone before the registry answered: `ringshard fleet audit` says whether it is done";
        self.outcome = Err(unknown.to_owned());
        Ok(state.fleet.order(&name, order, &self.who, reason, state.random()).await?)
    }

    async fn policy(&mut self, body: Body) -> Result<(), Refusal> {
        let state = self.state;
        let policy: Policy = state.json(body).await?;
        self.details = serde_json::to_value(&policy).unwrap_or_default();
        let faults = policy.faults();
        if !faults.is_empty() {
            state.counters.bodies_refused.count();
            return Err(Refusal::new(422, format!("the policy in use stays: {}", faults.join("; "))));
        }
        state.fleet.keep_policy(&policy)?;
        state.balancer().set_policy(policy);
        state.counters.policies.count();
        Ok(())
    }

    /// Ends the attempt, and makes its answer.
    fn answer(mut self, made: Result<(), Refusal>) -> Result<Json<Value>, Refusal> {
        self.outcome = made.as_ref().map_err(|refusal| refusal.error.clone()).copied();
        let done = json!({ "done": self.action, "target": self.target });
        drop(self);
        made.map(|()| Json(done))
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let counters = &self.state.counters;
        match &self.outcome {
            Ok(()) => counters.changes.count(),
            Err(_) => counters.changes_failed.count(),
        }
        let outcome = self.outcome.as_ref().err().map_or("done", String::as_str);
        let outcome = &outcome[..outcome.floor_char_boundary(OUTCOME_BYTES_MAX)];
        let details = std::mem::take(&mut self.details);
        let Attempt { who, address, action, target, .. } = &*self;
        let change = Change { who, address: *address, action, target, details, outcome, left_out: 0 };
        self.state.audit.write(&change, counters);
    }
}

impl From<OrderFault> for Refusal {
    fn from(fault: OrderFault) -> Refusal {
        Refusal::new(fault.status(), fault.to_string())
    }
}

impl State {
    /// Begins a change, if the client may make one. The audit also gets what a reader tries.
    fn attempt(
        &self,
        client: Client,
        headers: &HeaderMap,
        action: &'static str,
        target: &str,
    ) -> Result<Attempt<'_>, Refusal> {
        let target = shown(target);
        match self.authorize(client, headers, Role::Write) {
            Ok(holder) => Ok(Attempt {
                state: self,
                who: holder.name,
                address: client.address,
                action,
                target,
                details: Value::Null,
                outcome: Err("the client was gone before this was done or refused".to_owned()),
            }),
            Err(refusal) => {
                if let Some(Holder { name: who, .. }) = self.holder(headers) {
                    let (who, target, outcome) = (who.as_str(), target.as_str(), refusal.error.as_str());
                    let (address, details) = (client.address, Value::Null);
                    let change = Change { who, address, action, target, details, outcome, left_out: 0 };
                    self.counters.changes_failed.count();
                    self.audit.write_of_reader(&change, Instant::now(), &self.counters);
                }
                Err(refusal)
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

/// The target of a request as the audit and an answer may repeat it: a client can send any text in place of a name.
fn shown(target: &str) -> String {
    target.chars().filter(char::is_ascii_graphic).take(TARGET_CHARACTERS_MAX).collect()
}
