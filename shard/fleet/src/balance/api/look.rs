//! What readers get. The regions and whether the balancer is ready are for everybody.

use super::Client;
use super::answer::Refusal;
use crate::balance::clock::now_ms;
use crate::balance::flows::FlowReport;
use crate::balance::metrics;
use crate::balance::query::OF_EXPLAIN;
use crate::balance::state::State;
use crate::balance::tokens::Role;
use crate::balancer::{Balancer, Explanation, Policy};
use crate::location::Position;
use crate::model::{Host, HostState, Name};
use axum::extract::{RawQuery, State as Of};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Hosts of a region that clients measure, where the policy names no addresses.
const PROBES: usize = 2;

/// A region, as clients see it.
#[derive(Serialize)]
pub(super) struct PublicRegion {
    name: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    /// Whether it takes newcomers.
    open: bool,
    /// Addresses (`HOST:PORT`, UDP) to measure.
    probes: Vec<String>,
}

/// A region, as operators see it.
#[derive(Default, Serialize)]
struct RegionReport {
    title: Option<String>,
    position: Option<Position>,
    closed: bool,
    hosts: u32,
    ready: u32,
    players: u64,
    capacity: u64,
}

/// The fleet, as operators see it.
#[derive(Serialize)]
pub(super) struct FleetReport {
    revision: u64,
    /// Seconds since the directory was known to be the latest. None: the registry has not answered yet.
    age: Option<u64>,
    /// Why the registry does not answer.
    trouble: Option<String>,
    uptime: u64,
    /// Clients that wait, as far as this balancer knows.
    waiting: u32,
    /// Hosts that are avoided because clients cannot reach them.
    avoided: usize,
    location: Option<String>,
    may_write: bool,
    regions: BTreeMap<Name, RegionReport>,
    hosts: Vec<Host>,
}

pub(super) async fn regions(Of(state): Of<Arc<State>>) -> Json<BTreeMap<&'static str, Vec<PublicRegion>>> {
    Json(BTreeMap::from([("regions", public_regions(&state.balancer()))]))
}

fn public_regions(balancer: &Balancer) -> Vec<PublicRegion> {
    let mut regions: BTreeMap<Name, PublicRegion> = BTreeMap::new();
    for (name, region) in &balancer.policy().regions {
        let public = PublicRegion {
            name: name.clone(),
            title: region.title.clone(),
            position: region.position,
            open: !region.closed,
            probes: region.probes.clone(),
        };
        regions.insert(name.clone(), public);
    }
    let ready = balancer.directory().hosts.values().filter(|host| host.state == HostState::Ready);
    for host in ready {
        let name = &host.region;
        let unknown =
            || PublicRegion { name: name.clone(), title: None, position: None, open: true, probes: Vec::new() };
        let region = regions.entry(name.clone()).or_insert_with(unknown);
        let has_own = balancer.policy().regions.get(name).is_some_and(|region| !region.probes.is_empty());
        if !has_own && region.probes.len() < PROBES {
            region.probes.push(host.address.clone());
        }
    }
    regions.into_values().collect()
}

pub(super) async fn explain(
    Of(state): Of<Arc<State>>,
    Extension(client): Extension<Client>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Explanation>, Refusal> {
    state.authorize(client, &headers, Role::Read)?;
    let fields = state.fields(query.as_deref(), OF_EXPLAIN)?;
    let address = fields.address.unwrap_or(client.address);
    let ask = state.supposed(fields, address, now_ms())?;
    Ok(Json(state.explain(&ask)))
}

pub(super) async fn fleet(
    Of(state): Of<Arc<State>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Result<Json<FleetReport>, Refusal> {
    state.authorize(client, &headers, Role::Read)?;
    let may_write = state.authorize(client, &headers, Role::Write).is_ok();
    let location = state.locator.as_ref().and_then(|locator| locator.borrow().clone());
    let freshness = state.freshness.borrow().clone();
    let balancer = state.balancer();
    let mut regions: BTreeMap<Name, RegionReport> = BTreeMap::new();
    for (name, region) in &balancer.policy().regions {
        let report = RegionReport {
            title: region.title.clone(),
            position: region.position,
            closed: region.closed,
            ..RegionReport::default()
        };
        regions.insert(name.clone(), report);
    }
    let hosts: Vec<Host> = balancer.directory().hosts.values().cloned().collect();
    for host in &hosts {
        let region = regions.entry(host.region.clone()).or_default();
        region.hosts += 1;
        region.ready += u32::from(host.state == HostState::Ready);
        region.players += u64::from(host.players);
        region.capacity += u64::from(host.capacity);
    }
    Ok(Json(FleetReport {
        revision: balancer.directory().revision,
        age: freshness.age().map(|age| age.as_secs()),
        trouble: freshness.trouble,
        uptime: state.started.elapsed().as_secs(),
        waiting: balancer.waiting(),
        avoided: balancer.suspects(state.now_ms()),
        location: location.map(|database| database.kind().to_owned()),
        may_write,
        regions,
        hosts,
    }))
}

pub(super) async fn flows(
    Of(state): Of<Arc<State>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Result<Json<FlowReport>, Refusal> {
    state.authorize(client, &headers, Role::Read)?;
    Ok(Json(state.flows().report(state.now_ms())))
}

pub(super) async fn policy(
    Of(state): Of<Arc<State>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Result<Json<Policy>, Refusal> {
    state.authorize(client, &headers, Role::Read)?;
    Ok(Json(state.balancer().policy().clone()))
}

pub(super) async fn metrics(
    Of(state): Of<Arc<State>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    state.authorize(client, &headers, Role::Read)?;
    let text = metrics::encode(&state).map_err(|error| Refusal::new(500, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}

/// For load balancers before the balancers.
pub(super) async fn ready(Of(state): Of<Arc<State>>) -> (StatusCode, &'static str) {
    if state.drains() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    if state.freshness.borrow().current_at.is_none() && state.balancer().directory().revision == 0 {
        return (StatusCode::SERVICE_UNAVAILABLE, "the fleet is not known yet\n");
    }
    (StatusCode::OK, "ready\n")
}
