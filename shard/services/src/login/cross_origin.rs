//! Web pages of other origins (CORS): browsers let a page read an answer only if the answer names the page's origin.
//!
//! Pages of the origins in `login-origins` may use every path. There are no cookies, so a page of another origin has nothing
//! but what any program has.

use super::answer::Refusal;
use super::state::State;
use axum::extract::{Request, State as Of};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, idempotency-key");
/// Seconds for which a browser does not ask again. Browsers take no more than two hours.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// Answers the question of a browser (preflight) whether a page may send a request, and names the page's origin in each answer
/// to it.
pub(super) async fn answer(Of(state): Of<Arc<State>>, request: Request, next: Next) -> Response {
    let origin = known_origin(request.headers(), &state.settings.origins);
    if is_preflight(&request) {
        let Some(origin) = origin else {
            return Refusal::new(403, "pages of this origin may not use this door: see `login-origins`")
                .into_response();
        };
        let mut response = StatusCode::NO_CONTENT.into_response();
        allow(response.headers_mut(), origin);
        response.headers_mut().extend([
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
            (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        ]);
        return response;
    }
    let mut response = next.run(request).await;
    if let Some(origin) = origin {
        allow(response.headers_mut(), origin);
    }
    response
}

fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The origin of the page that sends the request, if it is one of the known.
fn known_origin(headers: &HeaderMap, known: &[String]) -> Option<HeaderValue> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next().filter(|origin| known.iter().any(|known| *origin == known.as_str()))?;
    origins.next().is_none().then(|| origin.clone())
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_origin_that_is_known_counts() {
        let known = ["https://play.example".to_owned()];
        let found = |origins: &[&'static str]| {
            let origins = origins.iter().map(|origin| (header::ORIGIN, HeaderValue::from_static(origin)));
            let mut headers = HeaderMap::new();
            origins.for_each(|(name, origin)| {
                headers.append(name, origin);
            });
            known_origin(&headers, &known).is_some()
        };
        assert!(found(&["https://play.example"]));
        for wrong in ["https://play.example.evil", "http://play.example", "https://play.example:444", "null", ""] {
            assert!(!found(&[wrong]), "{wrong}");
        }
        assert!(!found(&[]));
        assert!(!found(&["https://play.example", "https://evil.example"]));
    }
}
