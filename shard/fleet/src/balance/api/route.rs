//! `GET /v1/route`: the host to play on, or a place in the queue.

use super::Client;
use super::answer::{Refusal, with_wait};
use crate::balance::clock::now_ms;
use crate::balance::login::JoinTicket;
use crate::balance::query::OF_ROUTE;
use crate::balance::state::State;
use crate::balancer::{Decision, Outcome, Receipt, Refused, Step, Taken, Waits};
use crate::model::{Host, Name};
use axum::extract::{RawQuery, State as Of};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use std::sync::Arc;

/// Where to play.
#[derive(Serialize)]
struct Route<'a> {
    host: &'a Name,
    region: &'a Name,
    /// `HOST:PORT`, UDP.
    address: &'a str,
    /// The server's public key.
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<&'a str>,
    /// The client sends it as `failed` if it cannot reach the host.
    receipt: String,
    /// The other members of the party send it as `pass`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<String>,
    #[serde(flatten)]
    ticket: Option<JoinTicketFields>,
    why: &'a [Step],
}

#[derive(Serialize)]
struct JoinTicketFields {
    ticket: String,
    ticket_expires: u64,
}

/// A place in the queue.
#[derive(Serialize)]
struct Waiting<'a> {
    queue: Place,
    /// Seconds until the client asks again.
    retry_after: u64,
    why: &'a [Step],
}

#[derive(Serialize)]
struct Place {
    /// An estimate. The next to be admitted has 1.
    position: u64,
    /// An estimate, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<u64>,
    /// The client sends it as `queue` when it asks again.
    ticket: String,
}

/// Nowhere to play.
#[derive(Serialize)]
struct Nowhere<'a> {
    status: u16,
    error: String,
    reason: &'static str,
    wait_ms: u64,
    why: &'a [Step],
}

pub(super) async fn route(
    Of(state): Of<Arc<State>>,
    Extension(client): Extension<Client>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let fields = state.fields(query.as_deref(), OF_ROUTE)?;
    let now_ms = now_ms();
    let ask = state.ask(fields, &headers, client.address, now_ms)?;
    let Decision { outcome, why, taken } = state.route(&ask);
    match outcome {
        Outcome::Host(host) => {
            let mut unanswered = Unanswered { state: &state, taken };
            let ticket = join_ticket(&state, &headers, &host.key).await?;
            let pass = std::mem::take(&mut unanswered.taken).founded;
            let receipt = Receipt { network: ask.network, at_ms: now_ms, host: host.name.clone() };
            let (pass, receipt) = (pass.map(|pass| state.seal.pass(&pass)), state.seal.receipt(&receipt));
            Ok(Json(to_host(&host, receipt, pass, ticket, &why)).into_response())
        }
        Outcome::Waits(waits) => Ok(in_queue(&state, &waits, &why)),
        Outcome::Refused(refused) => Ok(nowhere(refused, &why)),
    }
}

/// What a decision took for a client that has no answer yet. If it gets none, because the login door refuses a ticket or the client
/// is gone, it keeps its turn.
struct Unanswered<'a> {
    state: &'a State,
    taken: Taken,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let taken = std::mem::take(&mut self.taken);
        self.state.balancer().give_back(taken, self.state.now_ms());
    }
}

fn to_host<'a>(
    host: &'a Host,
    receipt: String,
    pass: Option<String>,
    ticket: Option<JoinTicket>,
    why: &'a [Step],
) -> Route<'a> {
    Route {
        host: &host.name,
        region: &host.region,
        address: &host.address,
        key: &host.key,
        gateway: host.gateway.as_deref(),
        receipt,
        pass,
        ticket: ticket.map(|JoinTicket { ticket, expires }| JoinTicketFields { ticket, ticket_expires: expires }),
        why,
    }
}

fn in_queue(state: &State, waits: &Waits, why: &[Step]) -> Response {
    let place = Place { position: waits.position, wait: waits.wait_s, ticket: state.seal.ticket(&waits.ticket) };
    let body = Waiting { queue: place, retry_after: waits.ask_again_s, why };
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    with_wait(&mut response, Some(waits.ask_again_s));
    response
}

fn nowhere(refused: Refused, why: &[Step]) -> Response {
    let wait_s = refused.retry_after_s();
    let status = if wait_s.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::CONFLICT };
    let wait_ms = wait_s.unwrap_or(0) * 1_000;
    let body = Nowhere { status: status.as_u16(), error: refused.to_string(), reason: refused.name(), wait_ms, why };
    let mut response = (status, Json(body)).into_response();
    with_wait(&mut response, wait_s);
    response
}

/// A ticket of the login door for a client that sends its token. None: there is no door, or no token.
async fn join_ticket(state: &State, headers: &HeaderMap, server_key: &str) -> Result<Option<JoinTicket>, Refusal> {
    let authorization: Option<&HeaderValue> = headers.get(header::AUTHORIZATION);
    let Some((login, authorization)) = state.login.as_ref().zip(authorization) else { return Ok(None) };
    match login.ticket(authorization.clone(), server_key).await {
        Ok(ticket) => {
            state.counters.tickets.count();
            Ok(Some(ticket))
        }
        Err(fault) => {
            state.counters.tickets_failed.count();
            Err(Refusal { status: fault.status, error: fault.error, wait_s: fault.wait_s })
        }
    }
}
