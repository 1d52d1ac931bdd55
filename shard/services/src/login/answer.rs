//! What answers look like.
//!
//! Each error has the same three fields: `{"status": 429, "error": "too many attempts: ...", "wait_ms": 1500}`. `wait_ms` is 0
//! unless a later try can help; then the header `Retry-After` has it in seconds, too.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use std::time::Duration;

/// A request that is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: String,
    pub(super) wait: Option<Duration>,
}

/// The JSON of a refusal.
#[derive(Serialize)]
struct Refused<'a> {
    status: u16,
    error: &'a str,
    wait_ms: u64,
}

impl Refusal {
    pub(super) fn new(status: u16, error: impl Into<String>) -> Refusal {
        Refusal { status, error: error.into(), wait: None }
    }

    pub(super) fn unauthorized() -> Refusal {
        Refusal::new(401, "this needs a login: send the header `Authorization: Bearer TOKEN`")
    }

    /// In milliseconds, rounded up; 0: waiting does not help.
    pub(super) fn wait_ms(&self) -> u64 {
        self.wait.map_or(0, |wait| wait.as_nanos().div_ceil(1_000_000).min(u128::from(u64::MAX)) as u64)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let wait_ms = self.wait_ms();
        let body = Json(Refused { status: status.as_u16(), error: &self.error, wait_ms });
        let mut response = (status, body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if wait_ms > 0 {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_ms.div_ceil(1000)));
        }
        response
    }
}

/// Adds the headers that each answer has: no answer is for a cache, a frame, a script or a guesser of types.
///
/// There is no Strict-Transport-Security: it holds for all ports of a host, and this door is only one of them.
pub(super) fn harden(headers: &mut HeaderMap) {
    headers.extend([
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refusal_says_its_wait_in_both_forms_rounded_up() {
        let wait = Some(Duration::from_micros(1_000_001));
        let response = Refusal { status: 429, error: "too many \"attempts\"".to_owned(), wait }.into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "2");
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        let expected = serde_json::json!({"status": 429, "error": "too many \"attempts\"", "wait_ms": 1001});
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), expected);
    }

    #[tokio::test]
    async fn a_refusal_without_a_wait_has_the_same_fields() {
        let response = Refusal::new(404, "none").into_response();
        assert!(!response.headers().contains_key("retry-after"));
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        let expected = serde_json::json!({"status": 404, "error": "none", "wait_ms": 0});
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), expected);
    }
}
