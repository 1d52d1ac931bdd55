//! What is answered to which request.
//!
//! | request | who | answer |
//! |---|---|---|
//! | `GET /v1/route` | everybody | the host to play on, or a place in the queue |
//! | `GET /v1/regions` | everybody | regions, with addresses to measure |
//! | `GET /v1/explain` | readers | a decision in full |
//! | `GET /v1/fleet` | readers | hosts, players, load, by region |
//! | `GET /v1/flows` | readers | the decisions of the last five minutes |
//! | `GET /v1/policy`, `PUT /v1/policy` | readers, writers | the policy |
//! | `POST /v1/hosts/NAME/maintenance` | writers | `{"on": true, "reason": "..."}` |
//! | `POST /v1/hosts/NAME/drain` | writers | `{"reason": "..."}` |
//! | `GET /metrics` | readers | metrics for Prometheus |
//! | `GET /ready` | everybody | whether the balancer knows the fleet |
//! | `GET /` | everybody | the dashboard, which holds no figures |
//!
//! | file | has |
//! |---|---|
//! | `guard` | who may do what |
//! | `answer` | what refusals look like, and the headers that all answers have |
//! | `ask` | a request to the balancer, made of fields, headers and the address |
//! | `route` | `/v1/route` |
//! | `look` | what readers get |
//! | `change` | what writers may do |

mod answer;
mod ask;
mod change;
mod guard;
mod look;
mod route;

use super::client_address::client_address;
use super::connections::Connection;
use super::query::ADDRESS_BYTES_MAX;
use super::state::State;
use answer::{Refusal, cross_origin, harden};
use axum::Router;
use axum::extract::{Request, State as Of};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

const DASHBOARD: &str = include_str!("../dashboard.html");

/// The client of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    /// Its address, through proxies that are trusted.
    pub(super) address: IpAddr,
    /// Whether it is on this host, and no proxy is between.
    pub(super) is_local: bool,
}

/// All paths.
pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/", get(async || Html(DASHBOARD)))
        .route("/ready", get(look::ready))
        .route("/metrics", get(look::metrics))
        .route("/v1/route", get(route::route).options(preflight))
        .route("/v1/regions", get(look::regions).options(preflight))
        .route("/v1/explain", get(look::explain))
        .route("/v1/fleet", get(look::fleet))
        .route("/v1/flows", get(look::flows))
        .route("/v1/policy", get(look::policy).put(change::policy))
        .route("/v1/hosts/{host}/maintenance", post(change::maintenance))
        .route("/v1/hosts/{host}/drain", post(change::drain))
        .fallback(async || Refusal::new(404, "there is nothing here"))
        .method_not_allowed_fallback(async |uri: Uri| Refusal::new(405, format!("{} takes other methods", uri.path())))
        .layer(from_fn_with_state(Arc::clone(&state), finish))
        .with_state(state)
}

async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Refuses clients that ask too fast, adds the headers that all answers have, and counts.
async fn finish(Of(state): Of<Arc<State>>, mut request: Request, next: Next) -> Response {
    let Connection { address: from } = *request.extensions().get().expect("each request knows its connection");
    let address = client_address(from, request.headers(), &state.settings.trusted_proxies);
    let is_forwarded =
        ["x-forwarded-for", "forwarded", "via"].into_iter().any(|name| request.headers().contains_key(name));
    let is_proxy = state.settings.trusted_proxies.iter().any(|network| network.contains(&from));
    let is_local = from.is_loopback() && !is_forwarded && !is_proxy;
    request.extensions_mut().insert(Client { address, is_local });
    let is_public = matches!(request.uri().path(), "/v1/route" | "/v1/regions");
    let origin = is_public.then(|| cross_origin(request.headers(), &state.settings.origins)).flatten();
    let counters = &state.counters;
    let mut response = if !state.rates.ask(address, Instant::now()) {
        counters.requests_limited.count();
        Refusal { wait_s: Some(1), ..Refusal::new(429, "this address asks too fast: try again in a second") }
            .into_response()
    } else if address_bytes(request.uri()) > ADDRESS_BYTES_MAX {
        counters.requests_malformed.count();
        Refusal::new(414, format!("the address of the request is longer than {ADDRESS_BYTES_MAX} bytes"))
            .into_response()
    } else if request.method() == Method::OPTIONS && origin.is_none() {
        Refusal::new(403, "pages of this origin may not ask: see the setting `origins`").into_response()
    } else {
        next.run(request).await
    };
    harden(response.headers_mut());
    response.headers_mut().extend(origin.into_iter().flatten());
    counters.requests.count();
    match response.status() {
        StatusCode::UNAUTHORIZED => counters.unauthorized.count(),
        StatusCode::FORBIDDEN => counters.forbidden.count(),
        _ => {}
    }
    response
}

fn address_bytes(uri: &Uri) -> usize {
    uri.path_and_query().map_or(0, |path| path.as_str().len())
}
