//! What refusals look like, and the headers that all answers have.
//!
//! Each refusal has the same fields as at the login door: `{"status": 429, "error": "...", "wait_ms": 1000}`. `wait_ms` is 0 unless
//! a later try can help; then the header `Retry-After` has it in seconds, too.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;

/// A request that is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: String,
    /// Seconds after which another try makes sense.
    pub(super) wait_s: Option<u64>,
}

#[derive(Serialize)]
struct Refused<'a> {
    status: u16,
    error: &'a str,
    wait_ms: u64,
}

impl Refusal {
    pub(super) fn new(status: u16, error: impl Into<String>) -> Refusal {
        Refusal { status, error: error.into(), wait_s: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = Refused { status: status.as_u16(), error: &self.error, wait_ms: self.wait_s.unwrap_or(0) * 1_000 };
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        with_wait(&mut response, self.wait_s);
        response
    }
}

/// Adds the header that says when to ask again.
pub(super) fn with_wait(response: &mut Response<Body>, wait_s: Option<u64>) {
    if let Some(wait_s) = wait_s {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
    }
}

/// No answer is for a cache, a frame or a guesser of types. The dashboard has its script and its style in it, and asks this
/// host alone.
pub(super) fn harden(headers: &mut HeaderMap) {
    let policy = "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                  base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
}

/// The headers that let a page read the answer. None: its origin may not, or there is none.
pub(super) fn cross_origin(headers: &HeaderMap, origins: &[String]) -> Option<[(HeaderName, HeaderValue); 4]> {
    let origin = headers.get(header::ORIGIN)?;
    let is_allowed = |allowed: &String| allowed == "*" || allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes());
    if !origins.iter().any(is_allowed) {
        return None;
    }
    Some([
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()),
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization")),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
    ])
}
