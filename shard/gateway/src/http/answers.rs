//! Answers, as HTTP has them.

use crate::limits::Refused;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode, header};

pub(super) type Answer = Response<Full<Bytes>>;

pub(super) fn refused(error: &Refused) -> Answer {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::FORBIDDEN);
    let mut answer = plain(status, &error.to_string());
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    answer
}

pub(super) fn plain(status: StatusCode, what: &str) -> Answer {
    let mut answer = text("text/plain; charset=utf-8", &format!("{what}\n"));
    *answer.status_mut() = status;
    answer
}

pub(super) fn text(kind: &'static str, text: &str) -> Answer {
    with_type(kind, text.to_owned())
}

pub(super) fn with_type(kind: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-cache"));
    answer
}
